"""What may stand behind `?` of each address of /api/v1: the description tells it, and everything else is refused."""

from __future__ import annotations

import re
from collections.abc import Mapping

from flask import request
from werkzeug.routing import Rule

from catalog.errors import UserError
from catalog.search.parameters import AS_OF, LENIENT, PAGE, PER_PAGE, SORT, TEXT
from webui.text import shown

PREFIX = "/api/v1"
PATH_PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")
_SEARCH = {
    TEXT: "the query, as typed in the search box",
    SORT: "an order such as -accuracy",
    PAGE: "the page, from 1",
    PER_PAGE: "models on a page",
    LENIENT: "true: what is not understood is left out instead of refused",
}
_EXPORT = {name: meaning for name, meaning in _SEARCH.items() if name not in {PAGE, PER_PAGE}}
_QUERY: Mapping[str, Mapping[str, str]] = {
    "search": {**_SEARCH, AS_OF: "a day such as 2026-10-01: the catalog as it was then"},
    "export.ndjson": _EXPORT,
    "export.csv": _EXPORT,
    "export.parquet": _EXPORT,
    "facets/{field}": {**_SEARCH, "prefix": "only values that begin so"},
    "suggest": {TEXT: "what is typed so far"},
    "compare": {"ids": "two to six ids, with commas"},
    "models": {"ids": "ids, with commas"},
    "retention/{plan_id}": {
        "show": "goes, stays or all: which models",
        "after": "the number of the model behind which they begin",
    },
    "runs": {"source": "the id or name of a source", "limit": "how many, the newest first"},
    "models/{model_id}/diff": {"from": "a revision", "to": "a later revision"},
}
"""By address below /api/v1 and for GET alone."""
_OF_SENDERS = frozenset({"events", "events/mlflow/{source}"})
"""Addresses that storages call, some of which write parameters of their own behind them."""
_READING = frozenset({"GET", "HEAD"})
_FLAGS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False, "": False}
_NAMED = 5
_NAME_CHARACTERS = 60


def below(rule: Rule) -> str:
    """The address below /api/v1, with the names of what stands in it in braces."""
    return PATH_PARAMETER.sub(r"{\1}", rule.rule).removeprefix(f"{PREFIX}/")


def query_of(rule: Rule) -> Mapping[str, str]:
    """What may stand behind `?` of this address when it is read, with what it means; facets beside it where it searches."""
    return _QUERY.get(below(rule), {})


def searches(rule: Rule) -> bool:
    """Whether this address takes a search, and so every facet as a parameter."""
    return query_of(rule).get(TEXT) == _SEARCH[TEXT]


def refuse_unknown_parameters() -> None:
    """Raises UserError for what the address that is asked does not take. Names of fields are judged by who reads the search."""
    rule = request.url_rule
    if rule is None or not rule.rule.startswith(f"{PREFIX}/") or below(rule) in _OF_SENDERS:
        return
    is_read = request.method in _READING
    taken: Mapping[str, str] = query_of(rule) if is_read else {}
    unknown = [name for name in request.args if name not in taken]
    if is_read and searches(rule):
        # Those of pages are dropped where there are no pages, and only if that is asked for.
        unknown = [] if is_lenient() else [name for name in unknown if name in _SEARCH]
    if unknown:
        names = ", ".join(shown(name, _NAME_CHARACTERS) for name in unknown[:_NAMED])
        verb = "is no parameter" if len(unknown) == 1 else "are no parameters"
        known = ", ".join(taken) if taken else "none"
        raise UserError(
            f"{names} {verb} of {request.method} {PREFIX}/{below(rule)}.", advice=f"It takes {known}."
        )


def is_versioned() -> bool:
    """Whether this is an address below /api/v1; those without the version answer as they always did."""
    return request.path.startswith(f"{PREFIX}/")


def is_lenient() -> bool:
    """Whether what is not understood is to be left out instead of refused. Raises UserError for what says neither."""
    typed = request.args.get(LENIENT, "").strip()
    lenient = _FLAGS.get(typed.casefold())
    if lenient is None:
        raise UserError(f"{LENIENT} must be true or false, not {shown(typed, _NAME_CHARACTERS)!r}.")
    return lenient
