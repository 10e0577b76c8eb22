"""All values of one facet under a search, for those that the results page has no room for."""

from __future__ import annotations

from dataclasses import dataclass

from catalog.errors import UserError
from catalog.query.state import SearchState
from catalog.search.page_state import FacetBucket
from mappings import Field, fields
from webui.contracts import SearchPages
from webui.text import shown
from webui.urls import Addresses

PREFIX_CHARACTERS = 100


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
    """The values of one field; its JSON is the answer of /api/facets/<field>."""

    field: str
    label: str
    description: str
    prefix: str
    values: tuple[ValueOption, ...]
    other_count: int
    back_url: str
    hidden: tuple[tuple[str, str], ...]


def facet_field(name: str) -> Field | None:
    """The field if its values can be listed."""
    field = fields().get(name)
    if field is None or not field.searchable or field.type in {"text", "flattened", "date"}:
        return None
    return field


def values_page(
    field: Field,
    prefix: str,
    state: SearchState,
    search: SearchPages,
    addresses: Addresses,
    hidden: tuple[tuple[str, str], ...],
) -> ValuesPage:
    """The most frequent values that begin with `prefix`, under all conditions but those on the field itself."""
    prefix = prefix[:PREFIX_CHARACTERS]
    if prefix and field.type != "keyword":
        raise UserError(f"{field.label} holds no words: its values have no beginning to look for.")
    found = search.facet(state, field.name, prefix)
    return ValuesPage(
        field=field.name,
        label=field.label,
        description=field.description,
        prefix=shown(prefix, PREFIX_CHARACTERS),
        values=tuple(_option(bucket, addresses) for bucket in found.buckets),
        other_count=found.other_count,
        back_url=addresses.search(state),
        hidden=hidden,
    )


def _option(bucket: FacetBucket, addresses: Addresses) -> ValueOption:
    return ValueOption(
        value=bucket.value,
        label=shown(bucket.label, 200),
        count=bucket.count,
        count_text=f"{bucket.count:,}",
        selected=bucket.selected,
        url=addresses.search(bucket.toggled),
    )
