"""Query clauses of Elasticsearch JSON to nodes, by an allow-list."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from catalog.dsl.dates import period_of
from catalog.dsl.ranges import read_range
from catalog.dsl.simple_query_string import read_words
from catalog.dsl.values import (
    field_name,
    flag,
    one_of,
    only,
    refuse,
    text_of,
    unboosted,
    value_of,
)
from catalog.errors import RequestRefused
from catalog.query.nodes import (
    All,
    And,
    Exists,
    Match,
    Nested,
    Not,
    Nothing,
    Or,
    Phrase,
    Prefix,
    Query,
    Range,
    Term,
    Terms,
    Wildcard,
)
from catalog.query.validate import NESTED_PATH, Resolved
from catalog.text.patterns import pattern
from catalog.text.wildcards import PATTERN_BOUNDS, is_bounded
from mappings import fields

MAX_DEPTH = 12
MAX_LEAVES = 256
MAX_TERMS = 1_024
SHORTEST_PREFIX = 2
SHORTEST_WILDCARD = 3
LONGEST_PREFIX = 256
MAX_FIELDS = 20
_MINIMUM = pattern(r"(-?\d{1,6})(%?)")
_WORDS = pattern(r"[\u3040-\ud7af\uf900-\ufaff]|[^\W_\u3040-\ud7af\uf900-\ufaff]+")
"""The words that an engine asks for, or a few more: scripts without spaces count by the character."""


class QueryReader:
    """Reads the clauses of one request and counts them."""

    def __init__(self) -> None:
        self.leaves = 0

    def read(self, body: Any, *, depth: int = 1, nested: bool = False) -> Query:
        """The nodes of one clause. Raises RequestRefused with the part's name."""
        if depth > MAX_DEPTH:
            raise RequestRefused("query", f"is nested more than {MAX_DEPTH} levels deep.")
        kind, inner = one_of(body, "query")
        if kind in _COMPOUNDS:
            return _COMPOUNDS[kind](self, inner, depth, nested)
        reader = _LEAVES.get(kind)
        if reader is None:
            raise refuse(str(kind)[:100])
        node = reader(inner, nested)
        self.leaves += _leaves(node)
        if self.leaves > MAX_LEAVES:
            raise RequestRefused(
                "query", f"has more than {MAX_LEAVES} clauses; each word of a text is one in each field."
            )
        return node

    def bool_(self, body: Any, depth: int, nested: bool) -> Query:
        allowed = frozenset({"must", "filter", "should", "must_not", "minimum_should_match", "boost"})
        parts = only(body, "bool", allowed)
        unboosted(parts)
        needed = [
            *self._clauses(parts, "must", depth, nested),
            *self._clauses(parts, "filter", depth, nested),
        ]
        options = self._clauses(parts, "should", depth, nested)
        if options:
            needed += self._should(options, parts.get("minimum_should_match"), alone=not needed)
        elif parts.get("minimum_should_match") is not None and _minimum(parts["minimum_should_match"], 0):
            raise RequestRefused("minimum_should_match", "asks for clauses of should, and there are none.")
        needed += [Not(clause) for clause in self._clauses(parts, "must_not", depth, nested)]
        if not needed:
            return All()
        return needed[0] if len(needed) == 1 else And(tuple(needed))

    def _clauses(self, parts: Mapping[str, Any], name: str, depth: int, nested: bool) -> list[Query]:
        given = parts.get(name, [])
        listed = given if isinstance(given, list) else [given]
        if len(listed) > MAX_LEAVES:
            raise RequestRefused(name, f"has more than {MAX_LEAVES} clauses.")
        return [self.read(clause, depth=depth + 1, nested=nested) for clause in listed]

    def _should(self, options: list[Query], minimum: Any, *, alone: bool) -> list[Query]:
        """As many alternatives as are asked for: one, or all of them."""
        wanted = (1 if alone else 0) if minimum is None else _minimum(minimum, len(options))
        if wanted == 1 or (wanted == 0 and alone):
            return [options[0] if len(options) == 1 else Or(tuple(options))]
        if wanted == len(options):
            return options
        if wanted == 0:
            raise RequestRefused(
                "should", "would only change the order here; set minimum_should_match to 1, or use sort."
            )
        raise RequestRefused("minimum_should_match", "is 1 or the number of should clauses here.")

    def constant_score(self, body: Any, depth: int, nested: bool) -> Query:
        parts = only(body, "constant_score", frozenset({"filter", "boost"}))
        unboosted(parts)
        return self.read(parts.get("filter"), depth=depth + 1, nested=nested)

    def nested_(self, body: Any, depth: int, nested: bool) -> Query:
        parts = only(body, "nested", frozenset({"path", "query", "score_mode", "ignore_unmapped"}))
        _flags(parts, "ignore_unmapped")
        if parts.get("score_mode", "none") not in ("avg", "max", "min", "none", "sum"):
            raise RequestRefused("score_mode", "is avg, max, min, none or sum.")
        if nested or parts.get("path") != NESTED_PATH:
            raise RequestRefused("nested", f"is possible on {NESTED_PATH} only, one level deep.")
        return Nested(NESTED_PATH, self.read(parts.get("query"), depth=depth + 1, nested=True))


def _minimum(given: Any, count: int) -> int:
    """How many of `count` clauses `minimum_should_match` asks for: a number, `-1` for all but one, or a percentage."""
    match = _MINIMUM.fullmatch(str(given)) if not isinstance(given, bool | float) else None
    if match is None:
        raise RequestRefused("minimum_should_match", "is a number or a percentage here.")
    asked = int(match[1])
    if match[2]:
        asked = int(count * asked / 100)
    return max(0, asked + count if match[1].startswith("-") else asked)


def _leaves(query: Query) -> int:
    """How many clauses an engine makes of one: a text is one per word and field."""
    match query:
        case And(clauses=clauses) | Or(clauses=clauses):
            return sum(map(_leaves, clauses))
        case Not(clause=clause):
            return _leaves(clause)
        case Match(text=text, fields=fields):
            return max(1, len(_WORDS.findall(text))) * max(1, len(fields))
        case Phrase(fields=fields):
            return max(1, len(fields))
    return 1


_COMPOUNDS: Mapping[str, Callable[[QueryReader, Any, int, bool], Query]] = {
    "bool": QueryReader.bool_,
    "constant_score": QueryReader.constant_score,
    "nested": QueryReader.nested_,
}


def _flags(parts: Mapping[str, Any], *names: str) -> None:
    """Options that change nothing here; as long as they are what Elasticsearch takes."""
    for name in names:
        value = parts.get(name, False)
        if value not in ("true", "false"):
            flag(value, name)


def _field_of(body: Any, kind: str, nested: bool) -> tuple[Resolved, Any]:
    name, inner = one_of(body, kind)
    return field_name(name, nested=nested), inner


def _match_all(body: Any, nested: bool) -> Query:  # noqa: ARG001 - the table's signature
    unboosted(only(body, "match_all", frozenset({"boost"})))
    return All()


def _match_none(body: Any, nested: bool) -> Query:  # noqa: ARG001 - the table's signature
    only(body, "match_none", frozenset({"boost"}))
    return Nothing("match_none")


def _term(body: Any, nested: bool) -> Query:
    field, inner = _field_of(body, "term", nested)
    if isinstance(inner, dict):
        inner = only(inner, "term", frozenset({"value", "case_insensitive", "boost"}))
        unboosted(inner)
        _flags(inner, "case_insensitive")
        inner = inner.get("value")
    return equal(field, inner)


def equal(field: Resolved, value: Any) -> Query:
    """Exactly the value; on text fields its words, on dates the whole period that is named."""
    if field.type == "text":
        return Match(text_of(value, field.name), (field.name,))
    if field.type == "date":
        period = period_of(value, field.name)
        return Range(field=field.name, gte=period.start, lt=period.end)
    return Term(field.name, value_of(field, value))


def _terms(body: Any, nested: bool) -> Query:
    parts = dict(body) if isinstance(body, dict) else body
    if isinstance(parts, dict) and "boost" in parts:
        unboosted(parts)
        parts.pop("boost")
    field, values = _field_of(parts, "terms", nested)
    if isinstance(values, dict):
        raise RequestRefused(
            "terms", "takes its values in the request; looking them up elsewhere is not allowed."
        )
    if not isinstance(values, list):
        raise RequestRefused("terms", "needs a list of values.")
    if len(values) > MAX_TERMS:
        raise RequestRefused("terms", f"has more than {MAX_TERMS:,} values.")
    if field.type == "text":
        raise RequestRefused(field.name, "holds text; use match.")
    if not values:
        return Nothing("no terms")
    if field.type == "date":
        return Or(tuple(equal(field, value) for value in values))
    return Terms(field.name, tuple(value_of(field, value) for value in values))


def _range(body: Any, nested: bool) -> Query:
    field, inner = _field_of(body, "range", nested)
    return read_range(field, inner)


def _exists(body: Any, nested: bool) -> Query:
    parts = only(body, "exists", frozenset({"field", "boost"}))
    unboosted(parts)
    name = parts.get("field")
    below = [] if nested else [known for known in fields() if known.startswith(f"{name}.")]
    if below and name not in fields():
        return Or(tuple(Exists(known) for known in below))
    return Exists(field_name(name, nested=nested).name)


def _prefix(body: Any, nested: bool) -> Query:
    field, inner = _field_of(body, "prefix", nested)
    if isinstance(inner, dict):
        inner = only(inner, "prefix", frozenset({"value", "case_insensitive", "boost"}))
        unboosted(inner)
        _flags(inner, "case_insensitive")
        inner = inner.get("value")
    text = text_of(inner, field.name)
    if len(text) < SHORTEST_PREFIX:
        raise RequestRefused("prefix", f"needs at least {SHORTEST_PREFIX} characters.")
    return _begins(field, text, "prefix")


def _begins(field: Resolved, text: str, kind: str) -> Query:
    if field.type not in {"keyword", "name", "leaf"}:
        raise RequestRefused(field.name, f"takes no {kind}; it needs a keyword field.")
    if len(text) > LONGEST_PREFIX:
        raise RequestRefused(kind, f"has at most {LONGEST_PREFIX} characters.")
    return Prefix(field.name, text)


def _wildcard(body: Any, nested: bool) -> Query:
    field, inner = _field_of(body, "wildcard", nested)
    if isinstance(inner, dict):
        inner = only(inner, "wildcard", frozenset({"value", "wildcard", "case_insensitive", "boost"}))
        unboosted(inner)
        _flags(inner, "case_insensitive")
        inner = inner.get("value", inner.get("wildcard"))
    text = _unescaped(text_of(inner, field.name))
    row = fields().get(field.name)
    if row is not None and row.place:
        if not is_bounded(text):
            raise RequestRefused("wildcard", PATTERN_BOUNDS)
        return Wildcard(field.name, text)
    stem = text.removesuffix("*")
    if stem == text or "*" in stem or "?" in stem or len(stem) < SHORTEST_WILDCARD:
        raise RequestRefused(
            "wildcard", f"is a text of at least {SHORTEST_WILDCARD} characters with * at its end."
        )
    return _begins(field, stem, "wildcard")


def _unescaped(form: str) -> str:
    """The pattern without the backslashes that Elasticsearch wants before letters; of `*` and `?` none can be asked for here."""
    if _ESCAPED_SIGN.search(form):
        raise RequestRefused("wildcard", "cannot ask for a * or ? as such; use prefix or term.")
    return _ESCAPED.sub(lambda escaped: escaped[1], form)


_ESCAPED = pattern(r"\\(.)")
_ESCAPED_SIGN = pattern(r"(?<!\\)(?:\\\\)*\\[*?]")


def _ids(body: Any, nested: bool) -> Query:
    parts = only(body, "ids", frozenset({"values", "boost"}))
    values = parts.get("values")
    if nested or not isinstance(values, list) or len(values) > MAX_TERMS:
        raise RequestRefused("ids", f"needs a list of at most {MAX_TERMS:,} ids.")
    return Terms("id", tuple(text_of(value, "ids") for value in values)) if values else Nothing("no ids")


def _match(body: Any, nested: bool) -> Query:
    field, inner = _field_of(body, "match", nested)
    parts = inner if isinstance(inner, dict) else {"query": inner}
    parts = only(parts, "match", frozenset({"query", "operator", "minimum_should_match", "boost", "lenient"}))
    unboosted(parts)
    _flags(parts, "lenient")
    operator = _operator(parts)
    if field.type not in {"text", "name"}:
        return equal(field, parts.get("query"))
    return Match(text_of(parts.get("query"), field.name), (field.name,), operator)


def _operator(parts: Mapping[str, Any]) -> str:
    operator = str(parts.get("operator", "or")).lower()
    if operator not in {"and", "or"}:
        raise RequestRefused("operator", "is and or or.")
    minimum = parts.get("minimum_should_match")
    if minimum == "100%":
        return "and"
    if minimum is not None and str(minimum) != "1":
        raise RequestRefused("minimum_should_match", "is 1 or 100% here.")
    return operator


def _match_phrase(body: Any, nested: bool) -> Query:
    field, inner = _field_of(body, "match_phrase", nested)
    parts = inner if isinstance(inner, dict) else {"query": inner}
    parts = only(parts, "match_phrase", frozenset({"query", "slop", "boost"}))
    unboosted(parts)
    if parts.get("slop", 0) != 0:
        raise RequestRefused("slop", "is 0 here.")
    if field.type not in {"text", "name"}:
        return equal(field, parts.get("query"))
    return Phrase(text_of(parts.get("query"), field.name), (field.name,))


def _text_fields(parts: Mapping[str, Any], kind: str, nested: bool) -> tuple[str, ...]:
    """Named fields; none, or `*`, is the default text."""
    given = parts.get("fields", [])
    if not isinstance(given, list) or len(given) > MAX_FIELDS:
        raise RequestRefused("fields", f"of {kind} is a list of at most {MAX_FIELDS} fields.")
    if given == ["*"]:
        given = []
    if nested:
        raise RequestRefused(kind, f"is not allowed inside nested {NESTED_PATH}; use match.")
    given = [_unweighted(name) for name in given]
    named = [field_name(name) for name in given]
    for field in named:
        if field.type not in {"text", "name", "keyword"}:
            raise RequestRefused(field.name, "does not hold text.")
    return tuple(dict.fromkeys(field.name for field in named))


def _unweighted(name: Any) -> Any:
    """The name of a field, perhaps with the weight that every field has."""
    if not isinstance(name, str) or "^" not in name:
        return name
    alone, _, weight = name.partition("^")
    if weight not in ("1", "1.0"):
        raise RequestRefused("fields", "weights are fixed here; leave the ^ out.")
    return alone


def _multi_match(body: Any, nested: bool) -> Query:
    allowed = frozenset({"query", "fields", "type", "operator", "minimum_should_match", "boost", "lenient"})
    parts = only(body, "multi_match", allowed)
    unboosted(parts)
    names = _text_fields(parts, "multi_match", nested)
    _flags(parts, "lenient")
    text = text_of(parts.get("query"), "multi_match")
    operator = _operator(parts)
    kind = parts.get("type", "best_fields")
    if kind == "phrase":
        return Phrase(text, names)
    if str(kind) not in {"best_fields", "most_fields", "cross_fields"}:
        raise RequestRefused("type", "of multi_match is best_fields, cross_fields or phrase here.")
    if operator == "and" and kind != "cross_fields" and len(names) > 1:
        return Or(tuple(Match(text, (name,), operator) for name in names))  # one field has all the words
    return Match(text, names, operator)


def _simple_query_string(body: Any, nested: bool) -> Query:
    allowed = frozenset(
        {"query", "fields", "default_operator", "flags", "analyze_wildcard", "lenient", "boost"}
    )
    parts = only(body, "simple_query_string", allowed)
    unboosted(parts)
    _flags(parts, "analyze_wildcard", "lenient")
    if parts.get("flags", "ALL") not in ("ALL", -1):
        raise RequestRefused(
            "flags", "is ALL here; write a backslash before a letter that shall mean itself."
        )
    names = _text_fields(parts, "simple_query_string", nested)
    text = text_of(parts.get("query"), "simple_query_string")
    default = _operator({"operator": parts.get("default_operator", "or")})
    return read_words(text, names, default=default)


_QUERY_STRING_OPTIONS = frozenset({"analyze_wildcard", "lenient", "allow_leading_wildcard"})


def _query_string(body: Any, nested: bool) -> Query:
    """Our own reading of such a text, the one of the search box: all words, conditions, AND, OR, NOT, brackets."""
    options = {"query", "fields", "default_field", "default_operator", "boost", "time_zone"}
    allowed = options | _QUERY_STRING_OPTIONS
    parts = only(body, "query_string", frozenset(allowed))
    unboosted(parts)
    _flags(parts, *_QUERY_STRING_OPTIONS)
    if nested:
        raise RequestRefused("query_string", f"is not allowed inside nested {NESTED_PATH}; use bool.")
    if parts.get("fields", ["*"]) not in (["*"], []) or parts.get("default_field", "*") != "*":
        raise RequestRefused("fields", "of query_string stand in its text here, as in task:ner.")
    from catalog.dsl.query_string import read_query_string  # noqa: PLC0415 - few bodies hold text of our language

    return read_query_string(parts)


_LEAVES: Mapping[str, Callable[[Any, bool], Query]] = {
    "match_all": _match_all,
    "match_none": _match_none,
    "term": _term,
    "terms": _terms,
    "range": _range,
    "exists": _exists,
    "prefix": _prefix,
    "wildcard": _wildcard,
    "ids": _ids,
    "match": _match,
    "match_phrase": _match_phrase,
    "multi_match": _multi_match,
    "simple_query_string": _simple_query_string,
    "query_string": _query_string,
}
