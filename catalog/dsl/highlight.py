"""Highlights: which words were found, per field, between tags. The text of files is escaped for HTML."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from catalog.dsl.values import field_name, flag, only, whole
from catalog.errors import RequestRefused
from catalog.lazy_dataclasses import dataclass, replace
from catalog.query.nodes import And, Match, Or, Phrase, Query
from mappings import fields

MAX_FIELDS = 100
MAX_TAG = 100
FRAGMENT_SIZE = 200
MAX_SIZE = 2**31 - 1
"""What Grafana sends to have values whole."""
FRAGMENTS = 5
_WORD = re.compile(r"\w+")
_TYPES = frozenset({"text", "name", "keyword"})
_OPTIONS = frozenset(
    {
        "pre_tags",
        "post_tags",
        "encoder",
        "number_of_fragments",
        "fragment_size",
        "no_match_size",
        "require_field_match",
        "type",
        "order",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Highlight:
    """How one field is to be shown.

    `fragments` pieces of about `size` characters, the whole value for 0; `anywhere` marks words that were looked for in
    other fields, too.
    """

    field: str
    tags: tuple[str, str] = ("<em>", "</em>")
    fragments: int = FRAGMENTS
    size: int = FRAGMENT_SIZE
    anywhere: bool = False


def read_highlight(given: Any) -> tuple[Highlight, ...]:
    """The wishes of a body, one per field. Raises RequestRefused for options that would be ignored."""
    if given is None:
        return ()
    parts = only(given, "highlight", _OPTIONS | {"fields"})
    general = _options(
        {name: value for name, value in parts.items() if name != "fields"}, Highlight(field="")
    )
    highlights: dict[str, Highlight] = {}
    for name, own in _named(parts.get("fields", {})):
        for field in _expanded(name):
            highlights[field] = replace(
                _options(only(own, f"highlight of {field}", _OPTIONS), general), field=field
            )
    if len(highlights) > MAX_FIELDS:
        raise RequestRefused("highlight", f"takes up to {MAX_FIELDS} fields.")
    return tuple(highlights.values())


def _named(given: Any) -> Iterator[tuple[Any, Any]]:
    for entry in given if isinstance(given, list) else [given]:
        if not isinstance(entry, dict) or (isinstance(given, list) and len(entry) != 1):
            raise RequestRefused("highlight", "needs fields, in a list one for each entry.")
        yield from entry.items()


def _expanded(name: Any) -> list[str]:
    """The fields that a name or a pattern means."""
    if isinstance(name, str) and name.endswith("*") and name.count("*") == 1:
        stem = name[:-1]
        return [row.name for row in fields().values() if row.type in _TYPES and row.name.startswith(stem)]
    resolved = field_name(name)
    if resolved.type not in _TYPES:
        raise RequestRefused(resolved.name, "cannot be highlighted; it holds no text.")
    return [resolved.name]


def _options(given: Mapping[str, Any], general: Highlight) -> Highlight:
    if given.get("encoder", "html") != "html":
        raise RequestRefused("encoder", "is html here: what files say is escaped.")
    if given.get("type", "unified") not in ("unified", "plain", "fvh"):
        raise RequestRefused("type", "of a highlight is unified, plain or fvh.")
    if given.get("order", "none") not in ("none", "score"):
        raise RequestRefused("order", "of a highlight is none or score.")
    if whole(given.get("no_match_size", 0), "no_match_size", 0, 10**6):
        raise RequestRefused("no_match_size", "is 0 here; read the field in _source.")
    if "pre_tags" in given and "post_tags" not in given:
        raise RequestRefused("post_tags", "are needed beside pre_tags: both mark one word.")
    matching = flag(given.get("require_field_match", not general.anywhere), "require_field_match")
    return replace(
        general,
        tags=(_tag(given.get("pre_tags"), general.tags[0]), _tag(given.get("post_tags"), general.tags[1])),
        fragments=whole(given.get("number_of_fragments", general.fragments), "number_of_fragments", 0, 100),
        size=whole(given.get("fragment_size", general.size), "fragment_size", 1, MAX_SIZE),
        anywhere=not matching,
    )


def _tag(given: Any, default: str) -> str:
    listed = [default] if given is None else given if isinstance(given, list) else [given]
    if not listed or not isinstance(listed[0], str) or len(listed[0]) > MAX_TAG:
        raise RequestRefused("highlight", "tags are short texts.")
    return listed[0]


def highlighter(
    query: Query, wanted: tuple[Highlight, ...]
) -> Callable[[Mapping[str, Any]], dict[str, list[str]]]:
    """What shows the found words of a document between tags, per field. Only our tags are tags: the rest is escaped.

    What was looked for is the same in every hit, so that it is gathered once.
    """
    searched = [
        (highlight, {word for text in _searched(query, highlight) for word in _words(text)})
        for highlight in wanted
    ]
    searched = [(highlight, words) for highlight, words in searched if words]

    def highlights(document: Mapping[str, Any]) -> dict[str, list[str]]:
        values = flat(document) if searched else {}
        fragments = {}
        for highlight, words in searched:
            marked = [
                text
                for value in values.get(highlight.field, ())
                for text in _fragments(str(value), words, highlight)
            ]
            if marked:
                fragments[highlight.field] = marked[: highlight.fragments or None]
        return fragments

    return highlights


def _searched(query: Query, wanted: Highlight) -> list[str]:
    """The texts that were looked for in this field. No fields means the default text, which every field is part of."""
    match query:
        case Match(text=text, fields=names) | Phrase(text=text, fields=names):
            return [text] if wanted.anywhere or not names or wanted.field in names else []
        case And(clauses=clauses) | Or(clauses=clauses):
            return [text for clause in clauses for text in _searched(clause, wanted)]
    return []


def _words(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(text)]


def _fragments(text: str, wanted: set[str], form: Highlight) -> Iterator[str]:
    """Pieces of the text around its found words; none where there are none."""
    spots = [match.span() for match in _WORD.finditer(text) if _is_match(match[0], wanted)]
    if spots and not form.fragments:
        yield _marked(text, spots, 0, len(text), form.tags)
        return
    begun = at = 0
    for _ in range(form.fragments):
        if at == len(spots):
            return
        start = _at_a_word(text, max(begun, spots[at][0] - form.size // 2), spots[at][0])
        end = min(len(text), max(start + form.size, spots[at][1]))
        first = at
        while at < len(spots) and spots[at][1] <= end:
            at += 1
        if at < len(spots):
            end = min(end, spots[at][0])  # the next found word stays whole
        begun = end
        yield _marked(text, spots[first:at], start, end, form.tags)


def _at_a_word(text: str, start: int, latest: int) -> int:
    """The next place where no word is cut in two."""
    while 0 < start < latest and (text[start - 1].isalnum() or not text[start].isalnum()):
        start += 1
    return start


def _marked(text: str, spots: list[tuple[int, int]], start: int, end: int, tags: tuple[str, str]) -> str:
    parts, at = [], start
    for low, high in spots:
        parts += [_escaped(text[at:low]), tags[0], _escaped(text[low:high]), tags[1]]
        at = high
    return "".join((*parts, _escaped(text[at:end])))


def _is_match(word: str, wanted: set[str]) -> bool:
    folded = word.casefold()
    return folded in wanted or any(part in wanted for part in folded.split("_"))


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def flat(document: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Every value of a document in the list of its dotted name."""
    values: dict[str, list[Any]] = {}
    _flatten(document, "", values)
    return values


def _flatten(value: Any, path: str, values: dict[str, list[Any]]) -> None:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            _flatten(inner, f"{path}.{key}" if path else str(key), values)
    elif isinstance(value, list):
        for inner in value:
            _flatten(inner, path, values)
    else:
        values.setdefault(path, []).append(value)
