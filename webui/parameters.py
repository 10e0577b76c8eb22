"""From the address of a request to the state of a search. Total: whatever is in the address, there is a state."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from flask import request

from catalog.lazy_dataclasses import dataclass
from catalog.query.state import SearchState
from catalog.search.parameters import AS_OF, PAGE, PER_PAGE, TEXT, from_parameters, to_parameters
from webui.urls import Addresses

LOW, HIGH = ".low", ".high"
PAIRS_READ = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The state that an address means, what was left out of it, and whether it is not the canonical one of a form."""

    state: SearchState
    notices: tuple[str, ...]
    redirect: bool


def addresses(*, as_of: str = "") -> Addresses:
    """Addresses below the path at which this request's application is mounted."""
    return Addresses(root=request.script_root.rstrip("/"), as_of=as_of)


def asked(*, of_any_day: bool = False, paged: bool = True, beside: Collection[str] = ()) -> Asked:
    """The state of this request's search; where that may be `of_any_day`, the day is no part of it, and nor is what stands
    `beside` it in the address. An export has all models and no pages: where it is not `paged`, what is said of pages is not
    read.

    A form without JavaScript sends the two bounds of a range as two inputs and every empty input too; that address
    is to be replaced by the canonical one.
    """
    given = list(request.args.items(multi=True))[:PAIRS_READ]
    if of_any_day:
        given = [pair for pair in given if pair[0] != AS_OF]
    given = [pair for pair in given if pair[0] not in beside]
    if not paged:
        given = [pair for pair in given if pair[0] not in {PAGE, PER_PAGE}]
    merged, from_form = _merged_bounds(given)
    state, notices = from_parameters(merged)
    return Asked(state=state, notices=notices, redirect=from_form)


def canonical(state: SearchState) -> str:
    """The canonical text of a state, for ETags."""
    return repr(to_parameters(state))


def _merged_bounds(given: Iterable[tuple[str, str]]) -> tuple[list[tuple[str, str]], bool]:
    plain: list[tuple[str, str]] = []
    bounds: dict[str, dict[str, str]] = {}
    from_form = False
    for name, value in given:
        for suffix in (LOW, HIGH):
            if name.endswith(suffix):
                from_form = True
                bounds.setdefault(name.removesuffix(suffix), {})[suffix] = value.strip()
                break
        else:
            from_form = from_form or (not value and name != TEXT)
            if value:
                plain.append((name, value))
    for name, bound in bounds.items():
        low, high = bound.get(LOW, ""), bound.get(HIGH, "")
        if low or high:
            plain.append((name, low if low == high else f"{low or '*'}..{high or '*'}"))
    return plain, from_form
