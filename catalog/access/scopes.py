"""Scopes: which models a grant is about, as a query text that is read the same way every time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from catalog.errors import UserError
from catalog.query.nodes import (
    All,
    And,
    Exists,
    Nested,
    Not,
    Nothing,
    Or,
    Prefix,
    Query,
    Range,
    Term,
    Terms,
    Wildcard,
)
from catalog.query.subjects import comparisons, with_values
from catalog.query.text.printing import quoted
from catalog.query.text.search_text import parse
from catalog.search.scoped_documents import FLAGS, GROUP, PLACES

EXACT = (All, Exists, Nothing, Prefix, Range, Term, Terms, Wildcard)
"""Conditions that a model meets or does not. Words are none: what they find depends on how well others match."""

RELATIVE = frozenset({FLAGS, GROUP, PLACES})
"""What a model says of others: it is told anew for every scope, so none can be made of it."""

SOURCE = "source"
NO_NAMES: Mapping[str, str] = {}
_LATER = timedelta(days=400)
"""Another day, week, month and year, so that whatever date is told from today is another one then."""


def scope_of_source(source: str) -> str:
    """The text of the scope that holds the models of the source of this id."""
    return f"{SOURCE}:{quoted(source)}"


def check_scope(text: str) -> str:
    """The text, if it can say which models a grant is about. Raises UserError with what in it cannot."""
    now = datetime.now(UTC)
    parsed = parse(text, now=now)
    doubts = [
        problem.reason
        for problem in parsed.problems
        if not problem.understood
        or problem.code == "read-as-parameters"  # it was of bytes, and may be meant so
    ]
    if parsed.sort or parsed.limit is not None:
        doubts.append("An order and a limit do not say which models are meant.")
    if not doubts and not _is_exact(parsed.query):
        doubts.append("Words are looked for anywhere, and flags and copies are told for each scope anew.")
    if not doubts and parse(text, now=now + _LATER).query != parsed.query:
        doubts.append("A date that moves cannot be a scope.")
    if doubts:
        raise UserError(
            f"{text!r} cannot be a scope: {' '.join(doubts)}",
            advice='Write conditions such as tag:prod or source:"s3://models".',
        )
    return text.strip()


def check_sources(text: str, sources: Mapping[str, str]) -> None:
    """That the scope calls no source by what a person calls it, and none that there is not. Models have the id of their
    source, so `source:lab` is none of them: a deny would take nothing away, and `-source:lab` would grant everything.
    `sources` are ids by name and address. Raises UserError.
    """
    folded = {name.casefold(): identifier for name, identifier in sources.items()}
    for value, is_beginning in comparisons(parse(text).query, SOURCE):
        identifier = folded.get(value.casefold(), value)
        if identifier.casefold() != value.casefold():
            raise UserError(
                f"{text!r} cannot be a scope: {value!r} is what the source {identifier} is called, and models are found by its id.",
                advice=f"Write {scope_of_source(identifier)}, or name it with --source {value}",
            )
        begun = is_beginning and any(
            known.casefold().startswith(value.casefold()) for known in folded.values()
        )
        if not begun and value.casefold() not in folded:
            raise UserError(
                f"{text!r} cannot be a scope: there is no source {value!r}.",
                advice="List them with: modeldex sources list",
            )


def sources_called(text: str, sources: Mapping[str, str]) -> dict[str, str | None]:
    """What an earlier version let a scope call sources by, with the id of the one source of that name; None where no or
    more than one source has it. `sources` are ids by name.
    """
    called = _not_addresses(text)
    if not called:
        return {}
    ids: dict[str, set[str]] = {}
    for name, identifier in sources.items():
        ids.setdefault(name.casefold(), set()).add(identifier)
    meant = {value: ids.get(value.casefold(), set()) for value in called}
    return {value: next(iter(of_name)) if len(of_name) == 1 else None for value, of_name in meant.items()}


def calls_by_name(text: str) -> bool:
    """Whether the scope may call a source by its name."""
    return bool(_not_addresses(text))


@lru_cache(maxsize=1_000)
def _not_addresses(text: str) -> tuple[str, ...]:
    if not text.strip():
        return ()
    compared = comparisons(parse(text).query, SOURCE)
    return tuple(value for value, is_beginning in compared if not is_beginning and "://" not in value)


def scope_of_text(text: str, sources: Mapping[str, str] = NO_NAMES) -> Query | None:
    """The scope that a text means; empty is every model. None for a text that cannot be a scope. `sources` are ids by name."""
    if not text.strip():
        return All()
    try:
        query = parse(check_scope(text)).query
    except UserError:
        return None
    called = sources_called(text, sources)
    known = {name: source for name, source in called.items() if source is not None}
    if len(known) < len(called):
        return None  # no or more than one source is called so: nobody knows what it gives or takes
    return with_values(query, SOURCE, known) if known else query


def scope_doubt(text: str) -> str:
    """Why a text that was granted once is no scope in this version; empty for one that is."""
    if not text.strip():
        return ""
    try:
        check_scope(text)
    except UserError as error:
        return str(error)
    return ""


def any_of(scopes: Iterable[Query]) -> Query:
    """The models of any of these."""
    listed = list(dict.fromkeys(scope for scope in scopes if not isinstance(scope, Nothing)))
    if any(isinstance(scope, All) for scope in listed):
        return All()
    if not listed:
        return Nothing()
    return listed[0] if len(listed) == 1 else Or(tuple(listed))


def all_of(*scopes: Query) -> Query:
    """The models that are in each of these."""
    listed = list(dict.fromkeys(scope for scope in scopes if not isinstance(scope, All)))
    if any(isinstance(scope, Nothing) for scope in listed):
        return Nothing()
    if not listed:
        return All()
    return listed[0] if len(listed) == 1 else And(tuple(listed))


def but(scope: Query, taken: Query) -> Query:
    """The models of a scope without these."""
    if isinstance(taken, Nothing):
        return scope
    return Nothing() if isinstance(taken, All) else all_of(scope, Not(taken))


def _is_exact(query: Query) -> bool:
    match query:
        case And(clauses) | Or(clauses):
            return all(map(_is_exact, clauses))
        case Not(clause):
            return _is_exact(clause)
        case Nested():
            return _is_exact(query.query)
        case _:
            return isinstance(query, EXACT) and getattr(query, "field", "") not in RELATIVE
