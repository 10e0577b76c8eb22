"""Conditions on fields that hold words: exact values, beginnings, places, licences, ids with owners, text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from fnmatch import fnmatchcase

from catalog.query.nodes import And, Exists, Match, Nothing, Or, Phrase, Prefix, Query, Term, Terms, Wildcard
from catalog.query.problems import Suggestion
from catalog.query.text.parse_context import Leaf, Reading, any_of, negated
from catalog.query.text.printing import (
    BEGUN_HASH,
    VERSION,
    name_of,
    pattern_as_text,
    print_query,
    quote,
    quoted,
)
from catalog.query.text.targets import Target, Vocabulary, field_target
from catalog.query.text.tokens import Piece, Token
from catalog.query.text.version_conditions import order_of, version_leaves
from catalog.text.patterns import pattern
from catalog.text.slugs import slug
from catalog.text.spelling import nearest
from catalog.text.value_names import value_name
from catalog.text.wildcards import PATTERN_BOUNDS, is_bounded
from mappings import fields, fields_where
from mappings.languages import languages

_IDS = frozenset({"base_model.id", "datasets"})
"""Fields whose values may carry an owner that people leave out: `squad` means `rajpurkar/squad` too."""


def keyword_leaf(token: Token, target: Target, reading: Reading) -> Leaf | None:
    compared, others = version_leaves(token, target)
    if token.operator not in {":", "=", "!="}:
        if others:
            _refuse_order(others, token, target, reading)
        return any_of(compared)
    words = _words_leaf(replace(token, values=others), target, reading) if others else None
    leaf = any_of([*compared, *([words] if words is not None else [])])
    return negated(leaf) if leaf is not None and token.operator == "!=" else leaf


def _refuse_order(others: tuple[Piece, ...], token: Token, target: Target, reading: Reading) -> None:
    message = f"{target.label} holds words, so {token.operator} says nothing; this condition is left out."
    if order_of(target) is not None:
        values = " and ".join(repr(piece.text) for piece in others)
        message = f"{target.label} is compared with a version such as 1.9, not {values}; that is left out."
    offered = reading.replaced(token.start, token.end, f"{token.name}:{others[0].text}")
    reading.problem("not-ordered", message, token.start, token.end, offered)


def _words_leaf(token: Token, target: Target, reading: Reading) -> Leaf | None:
    """The values as words of the field; any of them."""
    pieces = []
    for piece in _whole_paths(token, target):
        if not piece.quoted and (is_regular(piece.text) or _matches(piece.text)):
            _refuse_regular(piece, reading)
        else:
            pieces.append(_without_similar(piece, reading))
    if not pieces:
        return None
    leaves = [_keyword_value(piece, token, target, reading) for piece in pieces]
    plain = [leaf.node for leaf in leaves]
    special = target.path == "license" or target.path in _IDS
    if len(plain) > 1 and not special and all(isinstance(node, Term) for node in plain):
        values = tuple(dict.fromkeys(node.value for node in plain if isinstance(node, Term)))
        node: Query = Terms(target.path, values) if len(values) > 1 else plain[0]
        return Leaf(node=node, label=print_query(node) or token.text, explanation=target.note)
    joined = any_of(leaves)
    assert joined is not None  # there is at least one value
    return _listed(joined, leaves, target)


_REGULAR = pattern(r"/.*[.*+?\[\]()|\\^$].*/")


def is_regular(text: str) -> bool:
    """Whether an unquoted text is a regular expression, as Lucene writes it."""
    return _REGULAR.fullmatch(text) is not None


def _matches(text: str) -> bool:
    """The value behind `=~`, as Prometheus and Loki write a regular expression."""
    return text.startswith(("~'", '~"'))


def regular_left_out(text: str) -> str:
    """The sentence for one that is left out."""
    return f"Regular expressions such as {text} are not understood; it is left out."


def _refuse_regular(piece: Piece, reading: Reading) -> None:
    reading.problem("unsupported-operator", regular_left_out(piece.text), piece.start, piece.end)


SIMILAR = pattern(r".*\w[~^]\d*(?:\.\d+)?")


def similar_left_out(text: str) -> str:
    """The sentence for an operator of similar words or of weights that is left out."""
    return f"{'~' if '~' in text else '^'} (similar words, weights) is not understood; it is left out."


def _without_similar(piece: Piece, reading: Reading) -> Piece:
    if piece.quoted or not SIMILAR.fullmatch(piece.text):
        return piece
    reading.problem("unsupported-operator", similar_left_out(piece.text), piece.start, piece.end)
    return replace(piece, text=piece.text.rstrip("~^0123456789."))


def _listed(joined: Leaf, leaves: list[Leaf], target: Target) -> Leaf:
    """Several values of one field as one list: `license:mit,apache-2.0`."""
    head = f"{name_of(target.path)}:"
    values = [leaf.label.removeprefix(head) for leaf in leaves]
    if len(leaves) < 2 or joined.loose != "or" or any(not leaf.label.startswith(head) for leaf in leaves):
        return joined
    if target.path in _WITH_COMMAS:
        return joined
    if any((len(value) > 1 and value[0] == value[-1] == '"') or not _bare(value) for value in values):
        return joined
    return Leaf(node=joined.node, label=head + ",".join(values), explanation=joined.explanation)


_WITH_COMMAS = frozenset({"path", "uri"})
"""Of these `a,b` is one value."""


def _whole_paths(token: Token, target: Target) -> tuple[Piece, ...]:
    """A comma belongs to a path unless brackets make it a list."""
    if target.path not in _WITH_COMMAS or token.bracketed or any(piece.quoted for piece in token.values):
        return token.values
    first, last = token.values[0], token.values[-1]
    text = ",".join(piece.text for piece in token.values)
    return (Piece(text=text, quoted=False, start=first.start, end=last.end),)


def _keyword_value(piece: Piece, token: Token, target: Target, reading: Reading) -> Leaf:
    text = piece.text.strip()
    if not piece.quoted and text and not text.strip("*"):
        return Leaf(node=Exists(target.path), label=f"has:{name_of(target.path)}")
    if target.path in fields_where("place"):
        inner = text.strip("*")
        if not piece.quoted and text.startswith("*") and _PLACE_WORD.fullmatch(inner):
            return Leaf(
                node=Phrase(inner),
                label=f"{name_of(target.path)}:{text}",
                explanation="a folder or file of this name",
            )
        if not piece.quoted and ("?" in text or "*" in text.rstrip("*")):
            return _places_like(piece, target, reading)
        return _location(piece, target)
    if target.path in _IDS and not piece.quoted and (of := _RELATED.fullmatch(text)) is not None:
        return _related(of, piece, token, target, reading)
    if not piece.quoted and _INNER_PATTERN.fullmatch(text):
        return _matching(piece, target, reading)
    if not piece.quoted and text.endswith("*"):
        if target.path == _SOURCE and reading.vocabulary is not None and reading.vocabulary.source_names:
            return _matching(piece, target, reading)
        stem = text.rstrip("*")
        node: Query = Prefix(target.path, stem)
        return Leaf(node=node, label=_text_of(node, token))
    if (
        target.path == "id"
        and _ID.fullmatch(text)
        and (moved := moved_id(text.casefold(), reading)) is not None
    ):
        return moved
    if target.path in fields_where("hashed") and BEGUN_HASH.fullmatch(text) and not piece.quoted:
        begun = Prefix(target.path, text.casefold())
        return Leaf(node=begun, label=_text_of(begun, token), explanation="begins with this")
    if target.path == "version" and not piece.quoted and VERSION.fullmatch(text):
        bare = text.removeprefix("v")
        return Leaf(node=Terms(target.path, (bare, f"v{bare}")), label=f"version:{bare}")
    value = canonical_value(target, text, reading)
    exact = piece.quoted or token.operator == "=" or not _bare(value)
    if exact and (target.path == "license" or target.path in _IDS):
        return Leaf(
            node=Term(target.path, value),
            label=f"{name_of(target.path)}:{quote(value)}",
            explanation="exactly this",
        )
    if target.path == "license":
        return _license(value)
    owners = _with_owner(target, value, reading)
    if owners:
        node = Terms(target.path, (value, *owners))
        return Leaf(
            node=node,
            label=f"{name_of(target.path)}:{quoted(value)}",
            explanation=f"also {', '.join(owners)}",
        )
    _check_value(piece, token, target, value, reading)
    node = Term(target.path, value)
    called = value_name(value, target.path)
    explanation = (
        f"{text} is {value} here" if value != text else target.note or (called if called != value else "")
    )
    return Leaf(node=node, label=_text_of(node, token), explanation=explanation)


_PLACE_WORD = pattern(r"[\w.\-]*\w[\w.\-]*")
_RELATED = pattern(
    r"(?P<relation>finetune|quantized|adapter|merge):(?P<id>(?!(?:finetune|quantized|adapter|merge):).+)"
)
"""Source: Hugging Face hub, `base_model:quantized:meta-llama/Llama-2-7b`; bases of Ollama have a colon, as in llama3:8b."""


def _related(of: re.Match[str], piece: Piece, token: Token, target: Target, reading: Reading) -> Leaf:
    base = _keyword_value(replace(piece, text=of["id"]), token, target, reading)
    relation = Term(f"{target.path.rpartition('.')[0] or target.path}.relation", of["relation"])
    label = f"{name_of(target.path)}:{of[0]}"
    return Leaf(node=And((base.node, relation)), label=label, explanation=f"{of['relation']} of {of['id']}")


_INNER_PATTERN = pattern(r"(?:\*.*[^*].*|.*[^*].*\*.*[^*].*|.*\w\?\w.*)")
"""A star anywhere but at the end, or a question mark between letters."""


def _matching(piece: Piece, target: Target, reading: Reading) -> Leaf:
    """`license:*gpl*`: the values of the catalog that match. Where not all are known, the engine looks for them."""
    text = piece.text.strip()
    name = name_of(target.path)
    known = _known(target, reading.vocabulary) if reading.vocabulary is not None else {}
    if known and reading.vocabulary is not None and target.path in reading.vocabulary.complete:
        matching = sorted(
            {value for typed, (value, _) in known.items() if fnmatchcase(typed.casefold(), text.casefold())}
        )
        shown = ", ".join(matching[:5]) + (" and more" if len(matching) > 5 else "")
        label = pattern_as_text(target.path, text) or f"{name}:{text}"
        return Leaf(node=Terms(target.path, tuple(matching)), label=label, explanation=shown)
    written = pattern_as_text(target.path, text)
    if written is not None and target.path != _SOURCE and not target.nested and is_bounded(text):
        return Leaf(node=Wildcard(target.path, _STARS.sub("*", text)), label=written)
    stem = text.partition("*")[0].partition("?")[0]
    message = f"Not all values of {target.label} are known here, so {text} is read as {stem or 'any value'}*."
    reading.problem("unsupported-operator", message, piece.start, piece.end)
    node: Query = Prefix(target.path, stem) if stem else Exists(target.path)
    return Leaf(node=node, label=print_query(node) or f"has:{name}")


_ID = pattern(r"[0-9a-fA-F]{6,64}")


def _text_of(node: Query, token: Token) -> str:
    return print_query(node) or token.text


def _bare(text: str) -> bool:
    return quoted(text) == text


def canonical_value(target: Target, text: str, reading: Reading) -> str:
    """The spelling that documents use, where several mean the same: FP16 is F16, `ner` may be token-classification.

    Names of tasks and frameworks give way only to one that the catalog has, and only where it lacks the typed one.
    """
    if target.path == _SOURCE and reading.vocabulary is not None:
        return _source(text, reading.vocabulary)
    row = fields().get(target.path)
    if row is None or row.canonical is None:
        return text
    from catalog.text import canonical  # noqa: PLC0415 - other queries need none of its tables

    if row.canonical == "licence":
        from catalog.text import licences  # noqa: PLC0415 - only questions about licences need its table

        return licences.typed(text)
    if row.canonical in {"precision", "dtype"}:
        return canonical.dtype(text) or text
    rule = canonical.rule(row.canonical)
    if rule is None or reading.vocabulary is None:
        return text
    known = {value.casefold() for value in reading.vocabulary.values.get(target.path, {})}
    if text.casefold() in known:
        return text
    if row.canonical == "language" and "-" in text:  # de-DE
        base = text.partition("-")[0]
        if rule(text).casefold() not in known and (
            {rule(base).casefold(), base.casefold()} & {*known, *languages().values()}
        ):
            text = base
    other = rule(text)
    if other.casefold() in known:
        return other
    alike = [value for value in known if _letters(value) == _letters(text)]
    return alike[0] if len(alike) == 1 else text


_SOURCE = "source"


def _source(text: str, vocabulary: Vocabulary) -> str:
    """A source as documents name it, by that or by the name that a person gave it."""
    if text.casefold() in map(str.casefold, vocabulary.values.get(_SOURCE, {})):
        return text
    names = vocabulary.source_names
    alike = [source for name, source in names.items() if name.casefold() == text.casefold()]
    return names.get(text) or (alike[0] if len(alike) == 1 else _directory(text, vocabulary))


def _directory(text: str, vocabulary: Vocabulary) -> str:
    """A directory as the address that the source of it has."""
    place = f"file://{text.rstrip('/')}"
    return place if text.startswith("/") and place in vocabulary.values.get(_SOURCE, {}) else text


def _known(target: Target, vocabulary: Vocabulary) -> dict[str, tuple[str, int]]:
    """What may be typed for a value of the field: the value, and with how many models it is told. A source goes by its name, too."""
    counts = vocabulary.values.get(target.path, {})
    known = {value: (value, count) for value, count in counts.items()}
    if target.path == _SOURCE:
        known |= {name: (source, counts.get(source, 0)) for name, source in vocabulary.source_names.items()}
    return known


def _letters(value: str) -> str:
    """A value however its words are parted: `textclassification` is text-classification."""
    return "".join(filter(str.isalnum, value)).casefold()


def _license(value: str) -> Leaf:
    """`license:gpl` is every version and variant of it, alone or in an expression: SPDX ids go from the general to the
    special.
    """
    node = Or((Term("license_parts", value), Prefix("license_parts", f"{value}-")))
    return Leaf(node=node, label=f"license:{quoted(value)}", explanation=f"{value} and its versions")


def _with_owner(target: Target, value: str, reading: Reading) -> list[str]:
    if target.path not in _IDS or "/" in value or reading.vocabulary is None:
        return []
    tail = f"/{value.casefold()}"
    return sorted(
        model_id
        for model_id in reading.vocabulary.values.get(target.path, {})
        if model_id.casefold().endswith(tail)
    )


def _check_value(piece: Piece, token: Token, target: Target, value: str, reading: Reading) -> None:
    """An unknown value is said where all values are known, with the nearest ones."""
    vocabulary = reading.vocabulary
    if vocabulary is None or target.path not in vocabulary.complete:
        return
    counts = {typed: count for typed, (_, count) in _known(target, vocabulary).items()}
    if value.casefold() in {known.casefold() for known in counts} or not reading.may_look_up():
        return
    close = nearest(value, counts, counts=counts) or _containing(value, counts)
    elsewhere = "" if close or len(token.values) > 1 else _under_another_name(value, target, vocabulary)
    if elsewhere:
        message = f"No model has {target.label.casefold()} {value}. Did you mean {elsewhere}?"
        mended = reading.replaced(token.start, token.end, elsewhere)
        reading.problem("unknown-value", message, piece.start, piece.end, mended)
        return
    offered = [
        Suggestion(
            label=f"{near} ({counts[near]:,})",
            text=reading.replaced(piece.start, piece.end, quoted(near)).text,
        )
        for near in close
    ]
    ask = f" Did you mean {close[0]}?" if close else ""
    reading.problem(
        "unknown-value",
        f"No model has {target.label.casefold()} {value}.{ask}",
        piece.start,
        piece.end,
        *offered,
    )


def _under_another_name(value: str, target: Target, vocabulary: Vocabulary) -> str:
    """`format:gguf` for `library:gguf`: the condition on the other field in which most models have the value; empty where none has."""
    known = [
        (count, name_of(name) == "format", f"{name_of(name)}:{quoted(spelled)}")
        for name, counts in vocabulary.values.items()
        if name != target.path and (row := fields().get(name)) is not None and row.facet == "terms"
        for spelled, count in counts.items()
        if spelled.casefold() == value.casefold()
    ]
    return max(known)[-1] if known else ""


def _containing(value: str, counts: Mapping[str, int]) -> list[str]:
    """Values in which a word begins like this one."""
    wanted = value.casefold()
    if len(wanted) < 3:
        return []
    matches = [
        candidate
        for candidate in counts
        if any(word.startswith(wanted) for word in slug(candidate).split("_"))
    ]
    return sorted(matches, key=lambda candidate: (-counts[candidate], candidate))[:3]


def _location(piece: Piece, target: Target) -> Leaf:
    """A directory means everything below it; `*` at the end means every name that begins so."""
    text = piece.text.strip()
    open_end = not piece.quoted and text.endswith("*")
    folder = text.rstrip("*") if open_end else text
    label = pattern_as_text(target.path, text) if open_end else None
    if label is None:
        label = f"{name_of(target.path)}:{quote(folder) if '?' in folder else quoted(folder)}"
    stems = [folder] if not open_end or folder.endswith("/") else []
    clauses: list[Query] = []
    for spelled in dict.fromkeys(path for stem in stems or [folder] for path in _spellings(stem, target)):
        if open_end and not folder.endswith("/"):
            clauses.append(Prefix(spelled[0], spelled[1]))
            continue
        whole = spelled[1].rstrip("/")
        clauses += [Term(spelled[0], whole), Prefix(spelled[0], f"{whole}/")]
    node = clauses[0] if len(clauses) == 1 else Or(tuple(clauses))
    return Leaf(node=node, label=label, explanation="" if open_end else "this place and all below it")


_FROM_ANY_FOLDER = pattern(r"(?:\*{2,}/)+")
_STARS = pattern(r"\*{2,}")


_UNBROKEN = pattern(r"[\w.*?/-]+(?:,[\w.*?/-]+)*")


def _places_like(piece: Piece, target: Target, reading: Reading) -> Leaf:
    """`team/*/final`: every place that looks so, and all below it. `**/` at the beginning also stands for no folder."""
    typed = piece.text.strip()
    label = pattern_as_text(target.path, typed)
    anywhere = _FROM_ANY_FOLDER.match(typed)
    texts = [typed[anywhere.end() :], f"*/{typed[anywhere.end() :]}"] if anywhere else [typed]
    patterns = [
        (field, form)
        for text in texts
        for field, spelled in _spellings(_STARS.sub("*", text), target)
        for form in (
            [spelled] if spelled.endswith("*") else [spelled.rstrip("/"), f"{spelled.rstrip('/')}/*"]
        )
    ]
    unasked = "" if all(is_bounded(form) for _, form in patterns) else PATTERN_BOUNDS
    if label is None:
        unasked = "has commas, brackets or quotes beside ?; write * in place of ?."
    if unasked or label is None:
        reading.problem("unsupported-operator", f"{typed} {unasked}", piece.start, piece.end)
        as_typed = typed if _UNBROKEN.fullmatch(typed) else quoted(typed)  # in quotes a star is a letter
        return Leaf(node=Nothing(), label=label or f"{name_of(target.path)}:{as_typed}")
    clauses: list[Query] = [_like(field, form) for field, form in patterns]
    node = clauses[0] if len(clauses) == 1 else Or(tuple(clauses))
    return Leaf(
        node=node,
        label=label,
        explanation="" if typed.endswith("*") else "places that look so, and all below",
    )


def _like(field: str, form: str) -> Query:
    """What has a star at its end alone is a beginning."""
    stem = form.rstrip("*")
    if "*" in stem or "?" in stem:
        return Wildcard(field, form)
    return Term(field, form) if stem == form else Prefix(field, stem)


def moved_id(begun: str, reading: Reading) -> Leaf | None:
    """The model whose id began so before it moved, by the id that it has now."""
    there = reading.vocabulary.present_id(begun) if reading.vocabulary is not None else None
    if there is None:
        return None
    return Leaf(
        node=Term("id", there), label=f"{name_of('id')}:{there}", explanation=f"{begun[:12]} before it moved"
    )


def read_place(text: str) -> Leaf:
    """An absolute path: what is there and below it."""
    return _location(Piece(text=text, quoted=False, start=0, end=0), field_target(fields()["path"]))


def _spellings(path: str, target: Target) -> list[tuple[str, str]]:
    """A path inside its source, and, when it is absolute, the place it has on the machine or in the bucket."""
    if target.path != "path":
        return [(target.path, path)]
    if "://" in path:
        return [("uri", path)]
    if path.startswith("/"):
        return [("path", path.lstrip("/")), ("path", path), ("uri", f"file://{path}")]
    return [("path", path.removeprefix("./"))]


def text_leaf(token: Token, target: Target, reading: Reading) -> Leaf | None:
    leaves = []
    for piece in token.values:
        if not any(letter.isalnum() for letter in piece.text):
            if piece.text.strip("*") or not piece.text:
                reading.problem(
                    "no-word", f"{piece.text!r} has no word to search for.", piece.start, piece.end
                )
                continue
            leaves.append(Leaf(node=Exists(target.path), label=f"has:{name_of(target.path)}"))
            continue
        if not piece.quoted and (is_regular(piece.text) or _matches(piece.text)):
            _refuse_regular(piece, reading)
            continue
        leaves.append(_text_value(_without_similar(piece, reading), token, target))
    leaf = any_of(leaves)
    return negated(leaf) if leaf is not None and token.operator == "!=" else leaf


def _is_pattern(text: str) -> bool:
    """`*bert*`, `llama-*-chat`: a part of a name, wherever it stands in it."""
    return (
        _INNER_PATTERN.fullmatch(text) is not None
        and _bare(text.replace("*", "x").replace("?", "x"))
        and is_bounded(text)
    )


def _text_value(piece: Piece, token: Token, target: Target) -> Leaf:
    text = " ".join(piece.text.split())
    name = name_of(target.path)
    if target.kind == "name" and not piece.quoted and _is_pattern(text):
        return Leaf(node=Wildcard(target.path, _STARS.sub("*", text)), label=f"{name}:{text}")
    if target.kind == "name" and not piece.quoted and text.endswith("*") and _bare(text.rstrip("*")):
        return Leaf(node=Prefix(target.path, text.rstrip("*")), label=f"{name}:{text.rstrip('*')}*")
    if target.kind == "name" and not piece.quoted and text.startswith("*") and _bare(text.strip("*")):
        begun = Match(text.strip("*"), (target.path,), "prefix")
        return Leaf(
            node=begun, label=f"{name}:*{text.strip('*')}*", explanation="a word of it begins with this"
        )
    if target.kind == "name" and token.operator in {"=", "!="}:
        return Leaf(
            node=Term(target.path, text), label=f"{name}={quoted(text)}", explanation="exactly this name"
        )
    node: Query = Phrase(text, (target.path,)) if piece.quoted else Match(text.strip("*"), (target.path,))
    label = print_query(node) or token.text
    if isinstance(node, Match) and not _bare(node.text):
        node = Phrase(node.text, (target.path,))
    return Leaf(node=node, label=label)
