"""fields.toml is the only list of fields, and a consistent one."""

from __future__ import annotations

import pytest

from mappings import fields

RULES = {"authored", "embedded", "counted", "nearest", "union", "latest", "derived", "identity"}
TYPES = {
    "keyword",
    "text",
    "name",
    "long",
    "double",
    "boolean",
    "date",
    "object",
    "flattened",
    "metrics",
    "nested",
}
FACETS = {None, "none", "terms", "range", "date"}


@pytest.mark.parametrize("field", fields().values(), ids=lambda field: field.name)
def test_every_row_uses_the_known_words(field):
    assert field.type in TYPES
    assert field.rule in RULES
    assert field.facet in FACETS
    assert field.label


def test_no_alias_is_claimed_by_two_fields():
    claims: dict[str, str] = {}
    for field in fields().values():
        for alias in field.aliases:
            assert claims.setdefault(alias, field.name) == field.name, (
                f"{alias} means {claims[alias]} and {field.name}"
            )


def test_no_alias_hides_another_field():
    names = set(fields())
    hidden = {alias: field.name for field in fields().values() for alias in field.aliases if alias in names}
    assert {alias for alias, name in hidden.items() if not name.startswith(f"{alias}.")} == set()
