"""Generated files are what their generators make."""

from mappings import fields
from mappings.generate import TARGET, mapping, rendered


def test_models_json_is_generated_from_the_field_table():
    assert TARGET.read_text("utf-8") == rendered(), "run `python -m mappings.generate`"


def test_every_searchable_field_is_mapped():
    body = mapping()["mappings"]["properties"]
    for row in fields().values():
        if row.searchable and row.type != "text":
            at = {"properties": body}
            for part in row.name.split("."):
                at = at["properties"][part]
            assert at["type"], row.name
        if row.type in {"text", "name"}:
            assert row.name in body["pieces"]["properties"]
