"""One model in a list of results."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from catalog.lazy_dataclasses import dataclass
from catalog.search.page_state import COPIED, SearchPage
from catalog.search.selections import value_label
from catalog.text.absence import ABSENT
from catalog.text.apart import apart
from catalog.text.risks import WARNED_OF, risk_words
from mappings import fields, fields_where
from mappings.flags import Flag, flags, statuses
from webui.documents import number_at, rows_at, text_at, value_at, values_at
from webui.html.headline import Score, first_score
from webui.numbers import Figure, count, moment, size
from webui.text import NAME_CHARACTERS, SNIPPET_CHARACTERS, Segment, segments, shown
from webui.urls import Addresses

TAGS_PER_FIELD = 2
TAG_CHARACTERS = 40
PATH_CHARACTERS = 300
END_CHARACTERS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """A value that is also a search."""

    field: str
    text: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Badge:
    """Something to know before trusting the model. `tone` is danger, warn or info."""

    tone: str
    text: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One short fact with its exact value; `field` is whose value it is."""

    field: str
    label: str
    figure: Figure
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultRow:
    """What a list shows of one model."""

    id: str
    url: str
    name: tuple[Segment, ...]
    plain_name: str
    version: str
    snippet: tuple[Segment, ...]
    tags: tuple[Tag, ...]  # of a model that has no snippet
    score: Score | None  # of the metric that the search is about, or leads
    facts: tuple[Fact, ...]
    license: str
    path: str
    path_start: str  # where the path is cut, if it does not fit: its end tells models apart
    path_end: str
    badges: tuple[Badge, ...]
    copies: tuple[Copy, ...]  # the same weights further down the results
    folded: bool  # it is one of those copies
    absent: bool  # its files were not there when they were last looked for


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """Another place of the same weights."""

    name: str
    path: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Folding:
    """How a model stands to those with the same weights: with `copies` behind it, or folded into `first`."""

    copies: tuple[Mapping[str, Any], ...] = ()
    first: Mapping[str, Any] | None = None


NOT_FOLDED = Folding()


def foldings(page: SearchPage) -> list[Folding]:
    """One for each model of the page. The first of the results stands for its copies, on whichever page it is."""
    groups = {group: list(members) for group, members in page.copies.items()}
    for document in page.hits:
        group = text_at(document, COPIED)
        if group and group not in page.copies:
            groups.setdefault(group, []).append(document)
    return [_folding(document, groups.get(text_at(document, COPIED), [])) for document in page.hits]


def _folding(document: Mapping[str, Any], members: Sequence[Mapping[str, Any]]) -> Folding:
    if not members:
        return Folding()
    if text_at(members[0], "id") == text_at(document, "id"):
        return Folding(copies=tuple(members[1:]))
    return Folding(first=members[0])


def result_rows(page: SearchPage, addresses: Addresses) -> tuple[ResultRow, ...]:
    """A row per document, those with the same weights as one before folded into it."""
    rows = []
    words, metrics = page.words, page.metrics
    for document, apart_by, folding in zip(page.hits, apart(page.hits), foldings(page), strict=True):
        rows.append(result_row(document, words, metrics, addresses, apart_by=apart_by, folding=folding))
    return tuple(rows)


def folded_elsewhere(page: SearchPage, addresses: Addresses) -> tuple[Copy, ...]:
    """The models of other pages that models of this one are folded into."""
    here = {text_at(document, "id") for document in page.hits}
    firsts = [folding.first for folding in foldings(page) if folding.first is not None]
    away = {text_at(first, "id"): first for first in firsts if text_at(first, "id") not in here}
    return tuple(_copy(first, addresses) for first in away.values())


def _copy(document: Mapping[str, Any], addresses: Addresses) -> Copy:
    path = shown(location(document), PATH_CHARACTERS)
    name = shown(text_at(document, "name") or path, NAME_CHARACTERS)
    return Copy(name=name, path=path, url=addresses.model(text_at(document, "id")))


def result_row(
    document: Mapping[str, Any],
    words: tuple[str, ...],
    wanted: tuple[str, ...],
    addresses: Addresses,
    *,
    apart_by: str = "",
    folding: Folding = NOT_FOLDED,
) -> ResultRow:
    """The row of one document: `words` are marked, the metrics in `wanted` come first.

    `apart_by` tells it from others of its name.
    """
    model_id = text_at(document, "id")
    path = shown(location(document), PATH_CHARACTERS)
    start, end = cut_in_the_middle(path)
    described = snippet(document, words)
    return ResultRow(
        id=model_id,
        url=addresses.model(model_id),
        name=segments(
            text_at(document, "name") or text_at(document, "path") or model_id, words, NAME_CHARACTERS
        ),
        plain_name=row_name(document),
        version=shown(apart_by, PATH_CHARACTERS) or shown(text_at(document, "version"), TAG_CHARACTERS),
        snippet=described,
        tags=() if described else tuple(tags(document, addresses)),
        score=first_score(document, wanted),
        facts=facts(document),
        license=shown(text_at(document, "license"), TAG_CHARACTERS),
        path=path,
        path_start=start,
        path_end=end,
        badges=badges(document),
        copies=tuple(_copy(copy, addresses) for copy in folding.copies),
        folded=folding.first is not None,
        absent=text_at(document, "status") in ABSENT,
    )


def row_name(document: Mapping[str, Any]) -> str:
    """The name of a model as plain text, else where it is."""
    return shown(text_at(document, "name") or shown(location(document), PATH_CHARACTERS), NAME_CHARACTERS)


def cut_in_the_middle(path: str) -> tuple[str, str]:
    """The path in two parts: the first may be cut short, the last two names of it always stay."""
    if len(path) <= END_CHARACTERS:
        return "", path
    names = path.rsplit("/", 2)
    end = "/".join(names[1:]) if len(names) > 1 else path[-END_CHARACTERS:]
    end = end if len(end) <= END_CHARACTERS else end[-END_CHARACTERS:]
    return path[: -len(end)], end


def snippet(document: Mapping[str, Any], words: tuple[str, ...]) -> tuple[Segment, ...]:
    """The description, else a title that is not the name over again; or the part of the card's text that was found when
    neither shows why.
    """
    name, title = text_at(document, "name").casefold(), text_at(document, "title")
    description = text_at(document, "description") or ("" if title.casefold() == name else title)
    chosen = segments(description, words, SNIPPET_CHARACTERS)
    if any(part.marked for part in chosen) or not words or any(word.casefold() in name for word in words):
        return chosen
    elsewhere = segments(text_at(document, "all_text"), words, SNIPPET_CHARACTERS)
    return elsewhere if any(part.marked for part in elsewhere) else chosen


def tags(document: Mapping[str, Any], addresses: Addresses) -> list[Tag]:
    """Task, framework, formats, languages by name and precision, each once."""
    by_text: dict[str, Tag] = {}
    for field in fields_where("tag"):
        for value in values_at(document, field)[:TAGS_PER_FIELD]:
            text = shown(value_label(str(value), field), TAG_CHARACTERS)
            if text and text.casefold() not in by_text:
                by_text[text.casefold()] = Tag(
                    field=field, text=text, url=addresses.selection(field, str(value))
                )
    return list(by_text.values())


def facts(document: Mapping[str, Any]) -> tuple[Fact, ...]:
    """Parameters, size and date, with how each is known."""
    facts = []
    if (parameters := number_at(document, "parameters")) is not None:
        how = text_at(document, "parameters_source")
        facts.append(
            Fact(
                field="parameters",
                label="parameters",
                figure=count(parameters),
                note="" if how == "counted" else shown(how, 20),
            )
        )
    if (size_bytes := number_at(document, "size_bytes")) is not None:
        facts.append(Fact(field="size_bytes", label="size", figure=size(size_bytes), note=""))
    if (date := date_fact(document)) is not None:
        facts.append(date)
    return tuple(facts)


def date_fact(document: Mapping[str, Any]) -> Fact | None:
    """The model's own date and which one it is."""
    figure = moment(value_at(document, "best_date"), text_at(document, "best_date_precision") or None)
    if figure is None:
        return None
    source = text_at(document, "date_source")
    return Fact(field="best_date", label="date", figure=figure, note=_date_word(source))


def location(document: Mapping[str, Any]) -> str:
    """Where it is, as its source calls it."""
    return text_at(document, "path") or text_at(document, "uri")


def badges(document: Mapping[str, Any]) -> tuple[Badge, ...]:
    """Risks first, then what is missing, then what is worth knowing."""
    badges = list(_risk_badges(document))
    status = text_at(document, "status")
    badges.extend(_badges(statuses, (status,)))
    expected, present = number_at(document, "shards.expected"), number_at(document, "shards.found")
    if expected and present is not None and present < expected:
        text = f"{int(present)} of {int(expected)} shards"
        badges.append(Badge(tone="warn", text=text, detail="Incomplete: shards are missing"))
    elif value_at(document, "complete") is False:
        badges.append(
            Badge(
                tone="warn",
                text="incomplete",
                detail="A file that the model refers to is missing, or its weights are cut short",
            )
        )
    badges.extend(_badges(flags, values_at(document, "flags")))
    return tuple(badges)


def _badges(table: Callable[[], Mapping[str, Flag]], carried: Sequence[str]) -> list[Badge]:
    """The badges of what a model carries, in the order of the table."""
    known = _badges_of(table)
    return [badge for name, badge in known.items() if name in carried] if carried else []


@cache
def _badges_of(table: Callable[[], Mapping[str, Flag]]) -> Mapping[str, Badge]:
    return {
        row.name: Badge(
            tone=row.badge, text=row.text, detail=row.description[:1].upper() + row.description[1:]
        )
        for row in table().values()
        if row.badge is not None
    }


def _risk_badges(document: Mapping[str, Any]) -> list[Badge]:
    details: dict[str, tuple[str, str]] = {}
    for risk in rows_at(document, "risks"):
        kind, severity = str(risk.get("kind", "risk")), str(risk.get("severity", "")).lower()
        tone = "danger" if severity in WARNED_OF or severity in {"3", "4", "5"} else "info"
        if kind == "unchecked":
            tone = "warn"
        details.setdefault(kind, (tone, shown(risk.get("detail", ""), 160)))
    for kind in values_at(document, "risk_kinds"):
        details.setdefault(str(kind), ("warn" if kind == "unchecked" else "danger", ""))
    if not details:
        return []
    order = sorted(details.items(), key=lambda item: ("danger", "warn", "info").index(item[1][0]))
    return [Badge(tone=tone, text=risk_word(kind), detail=detail) for kind, (tone, detail) in order]


def risk_word(kind: str) -> str:
    """What a kind of risk is called for people."""
    return shown(risk_words(kind), TAG_CHARACTERS)


def _date_word(source: str) -> str:
    row = fields().get(source)
    return row.date_word if row is not None and row.date_word else shown(source, 20)
