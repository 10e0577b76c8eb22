"""Parameters of an address: read by name, and whatever is not read is refused by name, as Elasticsearch does it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from catalog.dsl.body import parse_body
from catalog.errors import visible
from webui.es.faults import ECHOED, Fault, illegal

MAX_VALUE = 4_096
_EVERYWHERE = frozenset({"pretty", "human", "error_trace", "filter_path", "format"})
_ABOUT_SHARDS = frozenset(
    {
        "preference",
        "routing",
        "request_cache",
        "batched_reduce_size",
        "ccs_minimize_roundtrips",
        "max_concurrent_shard_requests",
        "max_concurrent_searches",
        "pre_filter_shard_size",
        "search_type",
        "allow_partial_search_results",
        "ignore_throttled",
        "expand_wildcards",
        "lenient",
        "local",
        "master_timeout",
        "realtime",
        "refresh",
        "include_named_queries_score",
    }
)
"""Ask for nothing that one index without shards could do differently."""
_NOT_HERE: Mapping[str, str] = {
    "explain": "is not allowed here.",
    "stored_fields": "is not allowed here; use _source.",
    "suggest_text": "is not allowed here.",
    "terminate_after": "is not allowed here; use size.",
}


class Arguments:
    """The parameters of one request."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self._given = dict(given)
        for name, value in self._given.items():
            if len(value) > MAX_VALUE:
                raise illegal(name, f"is longer than {MAX_VALUE:,} characters.")
        self._read: set[str] = set(_EVERYWHERE | _ABOUT_SHARDS)

    def text(self, name: str) -> str | None:
        self._read.add(name)
        return self._given.get(name)

    def flag(self, name: str, default: bool = False) -> bool:
        value = self.text(name)
        if value is None:
            return default
        if value not in {"true", "false", ""}:
            raise illegal(name, "is true or false.")
        return value != "false"

    def whole(self, name: str) -> int | None:
        value = self.text(name)
        if value is None:
            return None
        digits = value.removeprefix("-")
        if not (digits.isascii() and digits.isdigit()) or len(digits) > 18:
            raise illegal(name, "needs a whole number.")
        return int(value)

    def listed(self, name: str) -> list[str] | None:
        value = self.text(name)
        return None if value is None else [part for part in value.split(",") if part]

    def done(self) -> None:
        """Raises Fault 400 for the first parameter that nobody asked for."""
        for name in self._given:
            if name in self._read:
                continue
            refusal = _NOT_HERE.get(name)
            if refusal is not None:
                raise illegal(name, refusal)
            reason = f"request contains unrecognized parameter: [{visible(name[:ECHOED])}]"
            raise Fault(400, "illegal_argument_exception", reason)


def over_body(arguments: Arguments, body: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a search with the parameters that say the same things laid over it, as Elasticsearch does."""
    merged = with_text(arguments, sent_body(arguments, body))
    shown = arguments.listed("docvalue_fields")
    if shown is not None:
        merged["docvalue_fields"] = shown
    for name in ("from", "size"):
        number = arguments.whole(name)
        if number is not None:
            merged[name] = number
    sort = arguments.listed("sort")
    if sort is not None:
        merged["sort"] = [_sort_key(key) for key in sort]
    timeout = arguments.text("timeout")
    if timeout is not None:
        merged["timeout"] = timeout
    tracked = arguments.text("track_total_hits")
    if tracked is not None:
        flagged = tracked in {"true", "false", ""}
        merged["track_total_hits"] = tracked != "false" if flagged else arguments.whole("track_total_hits")
    for name in ("track_scores", "version"):
        if arguments.text(name) is not None:
            merged[name] = arguments.flag(name)
    cut = source_of_address(arguments)
    if cut is not None:
        merged["_source"] = cut
    return merged


def with_text(arguments: Arguments, body: dict[str, Any]) -> dict[str, Any]:
    """The body with the text of `q` as its query, as Elasticsearch lays it over."""
    text = arguments.text("q")
    options = {
        "default_field": arguments.text("df"),
        "default_operator": arguments.text("default_operator"),
        "analyze_wildcard": arguments.text("analyze_wildcard"),
    }
    if text is None:
        return body
    given = {name: value for name, value in options.items() if value is not None}
    return {**body, "query": {"query_string": {"query": text, **given}}}


def sent_body(arguments: Arguments, body: Mapping[str, Any]) -> dict[str, Any]:
    """The body, or the one that a client sends as the parameter `source`, whose GET carries none."""
    source, kind = arguments.text("source"), arguments.text("source_content_type")
    if source is None:
        return dict(body)
    if body:
        raise illegal("source", "stands beside a body; send one of them.")
    if kind not in {None, "application/json"}:
        raise illegal("source_content_type", "is application/json here.")
    parsed = parse_body(source)
    if not isinstance(parsed, dict):
        raise illegal("source", "needs an object.")
    return parsed


def source_of_address(arguments: Arguments) -> Any:
    """What `_source`, `_source_includes` and `_source_excludes` ask for together; None when they ask nothing."""
    plain = arguments.text("_source")
    includes, excludes = arguments.listed("_source_includes"), arguments.listed("_source_excludes")
    if includes is not None or excludes is not None:
        return {"includes": includes or [], "excludes": excludes or []}
    if plain is None:
        return None
    return plain != "false" if plain in {"true", "false", ""} else arguments.listed("_source")


def _sort_key(text: str) -> Any:
    name, colon, order = text.rpartition(":")
    return {name: {"order": order}} if colon else text
