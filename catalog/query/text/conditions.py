"""From a condition token to what it means: which field, which kind of comparison, which problem."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from catalog.lazy_dataclasses import dataclass, replace
from catalog.query.nodes import Exists, Nested, Query, Term
from catalog.query.problems import Suggestion
from catalog.query.text.comparisons import (
    evaluation,
    may_count_billions,
    numeric_leaves,
)
from catalog.query.text.date_conditions import WORD_OPERATORS, date_leaves
from catalog.query.text.keywords import canonical_value, keyword_leaf, text_leaf
from catalog.query.text.numbers import UNITS, looks_numeric, parse_number
from catalog.query.text.parse_context import Leaf, Reading, any_of, negated
from catalog.query.text.printing import has_any_metric, has_metric, name_of, print_query, quoted
from catalog.query.text.targets import (
    Target,
    as_number,
    dataset_id,
    field_target,
    more_metrics,
    only_shown,
    reported,
    resolve,
    suggestions,
    unknown_metric,
    unquoted,
    why_only_shown,
)
from catalog.query.text.tokens import Piece, Token
from catalog.query.text.unknown_names import tell_unknown_dataset
from catalog.query.text.version_conditions import order_of
from catalog.text.patterns import pattern
from catalog.text.slugs import slug
from catalog.text.spelling import nearest
from mappings import fields
from mappings.flags import askable, flags, statuses

HAS = frozenset({"has", "with_field", "exists"})
MISSING = frozenset({"missing", "no", "without"})
SPECIAL = HAS | MISSING | frozenset(WORD_OPERATORS) | {"is", "sort", "limit"}
_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def is_name(name: str, reading: Reading) -> bool:
    """True for every name that a condition may start with."""
    if slug(name) in SPECIAL or resolve(name) or only_shown(name):
        return True
    return bool(reported(name, reading.vocabulary))


@dataclass(frozen=True, slots=True)
class KnownNames:
    """The names of one parse, for the scanner."""

    reading: Reading

    def known(self, name: str) -> bool:
        return is_name(name, self.reading) or bool(self.reading.parameter(name))

    def units(self, name: str) -> Collection[str] | None:
        numeric = [target for target in resolve(name) if target.numeric]
        if not numeric:
            meant = reported(name, self.reading.vocabulary) or (
                not resolve(name) and self.reading.parameter(name)
            )
            return frozenset() if meant else None
        unit = numeric[0].unit
        return {*UNITS.get(unit, {}), *_PERCENTS} if unit == "fraction" else UNITS.get(unit, {})

    def whole(self, name: str, unit: str) -> bool:
        numeric = [target for target in resolve(name) if target.numeric]
        factors = UNITS.get(numeric[0].unit, {}) if numeric else {}
        return bool(numeric) and numeric[0].integer and factors.get(unit.casefold(), 1) == 1

    def compared(self, name: str) -> bool:
        ordered = any(target.kind == "date" or order_of(target) is not None for target in resolve(name))
        return ordered or self.units(name) is not None

    def running(self, name: str) -> bool:
        meant = resolve(name)
        return bool(meant) and meant[0].kind in {"text", "name"}

    def holds(self, name: str, value: str) -> bool:
        if value.casefold() in _NONE | _UNTOLD:
            piece = Piece(text=value, quoted=False, start=0, end=0)
            return any(
                target.kind == "keyword" and _tells_none(piece, target, self.reading)
                for target in resolve(name)
            )
        known = self.reading.vocabulary.values if self.reading.vocabulary is not None else {}
        return any(
            canonical_value(target, value, self.reading).casefold()
            in {there.casefold() for there in known.get(target.path, {})}
            for target in resolve(name)
            if target.kind == "keyword"
        )


_PERCENTS = frozenset({"%", "percent", "pct"})


def read_condition(token: Token, reading: Reading) -> Leaf | None:
    """What the condition means; None when it had to be left out, which a problem then says.

    A condition whose name nobody knows gives its text back as words: see `read_unknown`.
    """
    word = slug(token.name)
    if not token.values:
        reading.problem(
            "no-value",
            f"{token.text.strip()} has no value yet; it is left out.",
            token.start,
            token.end,
        )
        return None
    if word in HAS or word in MISSING:
        return _has(token, reading, absent=word in MISSING)
    if word == "is":
        return _is(token, reading)
    if word in WORD_OPERATORS and not resolve(token.name):
        operator = WORD_OPERATORS[word] if token.operator in {":", "="} else token.operator
        return any_of(date_leaves(token, field_target(fields()["best_date"]), operator, reading))
    if _is_state(token):
        return _state(token, reading)
    target = choose(token, reading)
    return _none_of(token, target, reading) or _READERS[target.kind](token, target, reading)


_NONE = frozenset({"none", "null", "nil", "n/a", "(none)"})
_UNTOLD = frozenset({"", "unknown", "undefined", "unspecified", "unset", "empty"})
"""Words that a model may well have as a value: they say that it has none only where every value is known."""


def _none_of(token: Token, target: Target, reading: Reading) -> Leaf | None:
    """`license:none` where no model has a value of this name: those that say nothing; `license:mit,none`: these, too."""
    if token.operator not in {":", "=", "!="} or target.kind in {"text", "name", "boolean"}:
        return None
    none = [piece for piece in token.values if _tells_none(piece, target, reading)]
    if not none:
        return None
    others = tuple(piece for piece in token.values if piece not in none)
    valued = (
        _READERS[target.kind](replace(token, operator=":", values=others), target, reading)
        if others
        else None
    )
    leaf = any_of([*([valued] if valued is not None else []), negated(_exists(target))])
    return negated(leaf) if leaf is not None and token.operator == "!=" else leaf


def _tells_none(piece: Piece, target: Target, reading: Reading) -> bool:
    text = piece.text.strip().casefold()
    if text not in _NONE | _UNTOLD or piece.quoted != (not text):
        return False  # license = '', as in SQL
    known = reading.vocabulary.values.get(target.path, {}) if reading.vocabulary is not None else {}
    if text in {value.casefold() for value in known}:
        return False
    return text not in _UNTOLD or not _may_be(text, target, reading)


def _may_be(value: str, target: Target, reading: Reading) -> bool:
    """Whether a model may have this value for all that is known. Scopes are read by no catalog: there it always may."""
    if reading.vocabulary is None or (target.path == "status" and value in statuses()):
        return True
    return target.kind in {"keyword", "flattened"} and target.path not in reading.vocabulary.complete


def _is_state(token: Token) -> bool:
    """`archived:false`, `quantized=true`: a flag or status as a name of its own."""
    name = token.name.casefold()
    return (
        name in askable()
        and name not in SPECIAL
        and not resolve(token.name)
        and len(token.values) == 1
        and token.values[0].text.casefold() in _BOOLEANS
        and token.operator in {":", "=", "!="}
    )


def _state(token: Token, reading: Reading) -> Leaf | None:
    asked = replace(
        token, name="is", operator=":", values=(replace(token.values[0], text=token.name.casefold()),)
    )
    leaf = _is(asked, reading)
    wanted = _BOOLEANS[token.values[0].text.casefold()] != (token.operator == "!=")
    return leaf if leaf is None or wanted else negated(leaf)


def known_target(token: Token, reading: Reading) -> bool:
    """False when the name is unknown and the value does not make it a comparison of a metric."""
    if _is_state(token):
        return True
    if is_name(token.name, reading):
        return only_shown(token.name) is None or bool(resolve(token.name))
    if reading.parameter(token.name):
        return True
    if token.operator in {":", "="}:
        return any(
            ".." in piece.text and looks_numeric(piece.text) for piece in token.values if not piece.quoted
        )
    return any(looks_numeric(piece.text) for piece in token.values)


def read_unknown(token: Token, reading: Reading) -> None:
    """Say that nothing is called so, and what may have been meant. The words are searched as text."""
    shown = only_shown(token.name)
    if shown is not None:
        message = f"{why_only_shown(shown)}; the words are searched as text."
        reading.problem("not-searchable", message, token.start, token.name_end)
        return
    numeric = any(looks_numeric(piece.text) for piece in token.values)
    close = suggestions(token.name, reading.vocabulary, numeric=numeric) if reading.may_look_up() else []
    offered = [
        Suggestion(label=name, text=reading.replaced(token.start, token.name_end, name).text)
        for name in close
    ]
    ask = f" Did you mean {close[0]}?" if close else ""
    message = f"There is no field {token.name!r}; the words are searched as text.{ask}"
    reading.problem("unknown-field", message, token.start, token.name_end, *offered)


def choose(token: Token, reading: Reading) -> Target:
    """The meaning that fits the value: `precision > 0.9` is the metric, `precision:FP16` the dtype."""
    targets = resolve(token.name) or reported(token.name, reading.vocabulary) or reading.parameter(token.name)
    if not targets:
        return unknown_metric(token.name)
    compares = token.operator in {">", ">=", "<", "<="} or any(
        ".." in piece.text for piece in token.values if not piece.quoted
    )
    if (counted := _counted_in_billions(token, targets[0], reading)) is not None:
        return counted
    numbers = compares or all(looks_numeric(piece.text) for piece in token.values)
    for target in targets:
        if target.numeric == numbers:
            return target
    return targets[0]


_IN_BILLIONS = pattern(r"[<>=]*\d{1,3}(?:[.,]\d+)?[bB]?(?:(?:\.\.|-)[<>=]*\d{1,3}(?:[.,]\d+)?)?[bB]")
"""`7B`, `7B..13B`, `1-7B`: of bytes no model has so few."""


def _counted_in_billions(token: Token, target: Target, reading: Reading) -> Target | None:
    """`size > 7B`: the size of a language model is told in billions of parameters, and no model has seven bytes."""
    if target != resolve("size")[0] or not may_count_billions(token, target):
        return None
    if not all(_IN_BILLIONS.fullmatch(piece.text) for piece in token.values):
        return None
    values = ", ".join(piece.text for piece in token.values)
    message = f"{values} is read as a number of parameters; bytes are written as in 7GB."
    reading.problem("read-as-parameters", message, token.start, token.end)
    return resolve("params")[0]


def _boolean(token: Token, target: Target, reading: Reading) -> Leaf | None:
    piece = token.values[0]
    value = _BOOLEANS.get(piece.text.casefold())
    if value is None:
        name = name_of(target.path)
        message = f"{target.label} is true or false, not {piece.text!r}; this condition is left out."
        offered = [
            reading.replaced(token.start, token.end, f"{name}:{spelling}") for spelling in ("true", "false")
        ]
        reading.problem("not-a-boolean", message, piece.start, piece.end, *offered)
        return None
    value = value != (token.operator == "!=")
    node = Term(target.path, value)
    return Leaf(node=node, label=print_query(node) or token.text)


def _number(token: Token, target: Target, reading: Reading) -> Leaf | None:
    if all(piece.text == "*" and not piece.quoted for piece in token.values):
        return _exists(target)
    return any_of(numeric_leaves(token, target, reading))


def _date(token: Token, target: Target, reading: Reading) -> Leaf | None:
    if all(piece.text == "*" and not piece.quoted for piece in token.values):
        return _exists(target)
    return any_of(date_leaves(token, target, token.operator, reading))


def _flattened(token: Token, target: Target, reading: Reading) -> Leaf | None:
    """Below a flattened field stands what files wrote: compared as a number where one is asked for, else as text."""
    compares = token.operator in {">", ">=", "<", "<="} or any(
        ".." in piece.text and looks_numeric(piece.text) for piece in token.values if not piece.quoted
    )
    equals = target.path.startswith("hyperparameters.") and all(map(_is_number, token.values))
    if not compares and not equals:
        return keyword_leaf(token, target, reading)
    return any_of(numeric_leaves(token, as_number(target), reading))


def _is_number(piece: Piece) -> bool:
    number = parse_number(piece.text)
    if number is None or number.unit not in {"", "%"}:
        return False
    return not piece.quoted or str(number.value) == piece.text


_READERS: Mapping[str, Callable[[Token, Target, Reading], Leaf | None]] = {
    "keyword": keyword_leaf,
    "name": text_leaf,
    "text": text_leaf,
    "number": _number,
    "metric": _number,
    "date": _date,
    "boolean": _boolean,
    "flattened": _flattened,
}

# has:, missing:, is: ----------------------------------------------------------------------------------------------


def _has(token: Token, reading: Reading, *, absent: bool) -> Leaf | None:
    leaves = [leaf for piece in token.values if (leaf := _has_one(piece, token, reading)) is not None]
    leaf = any_of(leaves)
    if leaf is None:
        return None
    return negated(leaf) if absent != (token.operator == "!=") else leaf


def _has_one(piece: Piece, token: Token, reading: Reading) -> Leaf | None:
    name = piece.text
    shown = fields().get(slug(name))
    if shown is not None and shown.exists_by is not None:
        return _exists(field_target(fields()[shown.exists_by]))
    if (on := _evaluated_on(name, token, reading)) is not None:
        return on
    targets = resolve(name)
    if not targets and only_shown(name) is None:
        targets = reported(name, reading.vocabulary) or reading.parameter(name)
    if not targets and only_shown(name) is None and (is_name(name, reading) or name.startswith("metrics.")):
        targets = (unknown_metric(name),)
    if targets:
        # `loss < 0.3` compares the metric, so `has:loss` asks for it, too, and not for the loss function.
        metrics = (target for target in targets if target.kind == "metric" and not target.nested)
        return _exists(next(metrics, targets[0]))
    if (hidden := only_shown(name)) is not None:
        message = f"{why_only_shown(hidden)}; this condition is left out."
        reading.problem("not-searchable", message, piece.start, piece.end)
        return None
    close = suggestions(name, reading.vocabulary, numeric=False) if reading.may_look_up() else []
    if more_metrics(reading.vocabulary) and not any(resolve(known) for known in close):
        return _exists(unknown_metric(name))
    close = close or (suggestions(name, reading.vocabulary, numeric=True) if reading.may_look_up() else [])
    offered = [reading.replaced(piece.start, piece.end, spelling) for spelling in close]
    ask = f" Did you mean {close[0]}?" if close else ""
    message = f"There is no field or metric {name!r}; this condition is left out.{ask}"
    reading.problem("unknown-field", message, piece.start, piece.end, *offered)
    return None


def _evaluated_on(name: str, token: Token, reading: Reading) -> Leaf | None:
    """`has:metrics@conll2003`: any evaluation on that data set."""
    base, _, dataset = name.partition("@")
    shown, dataset = fields().get(slug(base)), dataset_id(unquoted(dataset))
    if not dataset or shown is None or shown.type not in {"metrics", "nested"} or shown.exists_by is None:
        return None

    def mended(other: str) -> str:
        spelled = f"{token.name}:{quoted(f'metrics@{other}')}"
        return reading.replaced(token.start, token.end, spelled).text

    tell_unknown_dataset(dataset, (token.start, token.end), mended, reading)
    node = Nested("evaluations", Term("evaluations.dataset", dataset))
    return Leaf(node=node, label=has_any_metric(dataset), explanation=f"evaluated on {dataset}")


def _exists(target: Target) -> Leaf:
    if target.nested:
        label = has_metric(target.path.removeprefix("metrics."), target.dataset, target.split)
        return Leaf(node=evaluation(target), label=label, explanation=target.label)
    node: Query = Exists(target.path)
    if target.kind == "metric" and target.metric is None:
        # A model with hundreds of metrics has the usual ones as fields; the names of all are in the list of names.
        node = Term("metric_names", target.path.removeprefix("metrics."))
    return Leaf(node=node, label=print_query(node) or f"has:{target.path}", explanation=target.note)


def _is(token: Token, reading: Reading) -> Leaf | None:
    leaves = []
    for piece in token.values:
        value = piece.text.strip().casefold()
        if value in statuses() and value not in flags():
            leaves.append(Leaf(node=Term("status", value), label=f"status:{value}"))
            continue
        if value not in flags() and not _is_carried(value, reading):
            close = nearest(value, askable()) if reading.may_look_up() else []
            offered = [reading.replaced(piece.start, piece.end, name) for name in close]
            ask = f" Did you mean {close[0]}?" if close else ""
            reading.problem(
                "unknown-value",
                f"is: knows {', '.join(askable())}; {value!r} is none of them.{ask}",
                piece.start,
                piece.end,
                *offered,
            )
        leaves.append(Leaf(node=Term("flags", value), label=f"is:{quoted(value)}"))
    leaf = any_of(leaves)
    return negated(leaf) if leaf is not None and token.operator == "!=" else leaf


def _is_carried(flag: str, reading: Reading) -> bool:
    """Whether models carry a flag that no table knows: a stranger's extractor may set its own."""
    return reading.vocabulary is not None and flag in reading.vocabulary.values.get("flags", {})
