"""All values of one facet under a search, for those that the results page has no room for."""

from __future__ import annotations

from dataclasses import dataclass, replace

from catalog.errors import UserError
from catalog.search.engine import SearchEngine
from catalog.search.request import Bucket, SearchRequest, TermsAgg
from catalog.search.selections import chosen_values, toggled
from catalog.search.state import SearchState
from mappings import Field, fields
from webui.addresses import Addresses
from webui.figures import figure
from webui.text import shown

VALUES_SHOWN = 200
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
    if field is None or not field.searchable or field.type in {"text", "flattened"}:
        return None
    return field


def values_page(
    field: Field,
    prefix: str,
    state: SearchState,
    search: SearchRequest,
    engine: SearchEngine,
    addresses: Addresses,
    hidden: tuple[tuple[str, str], ...],
) -> ValuesPage:
    """The most frequent values that begin with `prefix`, under all conditions but those on the field itself."""
    prefix = prefix[:PREFIX_CHARACTERS]
    if prefix and field.numeric:
        raise UserError(f"{field.label} is a number: its values have no beginning to look for.")
    asked = replace(
        search,
        aggregations={field.name: TermsAgg(field=field.name, size=VALUES_SHOWN, prefix=prefix or None)},
        size=0,
        offset=0,
        sort=(),
        after=None,
    )
    found = engine.search(asked).aggregations[field.name]
    return ValuesPage(
        field=field.name,
        label=field.label,
        description=field.description,
        prefix=shown(prefix, PREFIX_CHARACTERS),
        values=tuple(_option(bucket, field, state, addresses) for bucket in found.buckets),
        other_count=found.other_count,
        back_url=addresses.search(state),
        hidden=hidden,
    )


def _option(bucket: Bucket, field: Field, state: SearchState, addresses: Addresses) -> ValueOption:
    value = str(bucket.key)
    return ValueOption(
        value=value,
        label=shown(figure(bucket.key, field.unit, field.type).text, 200),
        count=bucket.count,
        count_text=f"{bucket.count:,}",
        selected=value.casefold() in chosen_values(state.selections, field.name),
        url=addresses.search(toggled(state, field.name, value)),
    )
