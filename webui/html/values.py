"""All values of one facet under a search, for those that the results page has no room for."""

from __future__ import annotations

from catalog.lazy_dataclasses import dataclass
from catalog.query.state import SearchState
from catalog.search.page_state import FacetBucket, FacetView
from mappings import Field
from webui.text import shown
from webui.urls import Addresses, FacetAddresses


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueOption:
    """One value of the facet, the number of models that have it, and the search with it switched on or off."""

    value: str
    label: str
    count: int
    count_text: str
    selected: bool
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ValuesPage:
    """The values of one field."""

    field: str
    label: str
    description: str
    prefix: str
    values: tuple[ValueOption, ...]
    other_count: int
    back_url: str
    hidden: tuple[tuple[str, str], ...]
    as_of: str = ""  # the sentence of values of the past
    now_url: str = ""


def values_page(
    field: Field,
    view: FacetView,
    prefix: str,
    state: SearchState,
    addresses: Addresses,
    hidden: tuple[tuple[str, str], ...],
) -> ValuesPage:
    """The values that were found."""
    places = addresses.of_facet(view)
    return ValuesPage(
        field=field.name,
        label=field.label,
        description=field.description,
        prefix=shown(prefix),
        values=tuple(_option(bucket, places) for bucket in view.buckets),
        other_count=view.other_count,
        back_url=addresses.search(state),
        hidden=hidden,
    )


def _option(bucket: FacetBucket, places: FacetAddresses) -> ValueOption:
    return ValueOption(
        value=bucket.value,
        label=shown(bucket.label, 200),
        count=bucket.count,
        count_text=f"{bucket.count:,}",
        selected=bucket.selected,
        url=places.search(bucket.after),
    )
