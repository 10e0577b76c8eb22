"""Generated files are what their generators make."""

import pytest

from mappings import fields
from mappings.generate import FOLDER, TARGET, TWINS, mapping, rendered
from mappings.tables import parsed, table, twin_text


def test_models_json_is_generated_from_the_field_table():
    assert TARGET.read_text("utf-8") == rendered(), "run `python -m mappings.generate`"


@pytest.mark.parametrize("name", TWINS)
def test_json_tables_say_what_the_toml_tables_say(name):
    assert (FOLDER / f"{name}.json").read_text("utf-8") == twin_text(name), (
        "run `python -m mappings.generate`"
    )
    assert table(name) == parsed((FOLDER / f"{name}.toml").read_bytes())


@pytest.mark.parametrize("twin", [None, "{", '{"source_crc32": 1, "table": {"fields": {}}}'])
def test_changed_table_is_read_before_anything_is_generated(twin, tmp_path, monkeypatch):
    monkeypatch.setattr("mappings.tables.FOLDER", tmp_path)
    (tmp_path / "fields.toml").write_text("[fields.size]\ntype = 'long'\n")
    if twin is not None:
        (tmp_path / "fields.json").write_text(twin)
    assert table("fields") == {"fields": {"size": {"type": "long"}}}


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
