"""Writes models.json, the Elasticsearch settings and mappings, from the field table: `python -m mappings.generate`.

And fields.json and metrics.json, which say what the TOML files say (`mappings.tables`).

Only what Elasticsearch's core has is used: no analysis plug-in, no extra mapper. Canonical metrics have a field each; numbers
whose names nobody can list (other metrics, hyper-parameters, metrics on one data set) are pairs in `numbers`, so that a
catalog may have any number of them. Text arrives analysed (joined by spaces,
its `pieces` in order and the `words` it is found by besides), keywords arrive folded, and the document itself is kept whole in `document`, which is
all that `_source` holds. Everything else is there to be searched.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from mappings import FOLDER, Field, evaluation_parts, indexed_fields
from mappings.metrics import metrics
from mappings.tables import twin_text

TARGET = FOLDER / "models.json"
TWINS = ("fields", "metrics", "flags", "dtypes", "formats", "frameworks", "tasks", "licences")
"""The tables that have a JSON file with the same content, which is read sooner."""
DERIVED_TEXT = ("_heading",)
"""The text column that is made of several fields: name, titles and labels, which weigh more."""
_TYPES = {"keyword": "keyword", "name": "keyword", "long": "long", "double": "double", "boolean": "boolean"}


CONTENTS = 3
"""Raised when the same fields are filled with something else (3: what is built of a version), so that an index is built anew."""


def mapping() -> dict[str, Any]:
    """The body that creates an index."""
    properties: dict[str, Any] = {
        "document": {"type": "object", "enabled": False},
        "present": {"type": "keyword", "doc_values": False},
        "words": {"properties": {name: _text("docs") for name in text_columns()}},
        "pieces": {"properties": {name: _text("positions") for name in text_columns()}},
    }
    properties["numbers"] = {
        "type": "nested",
        "dynamic": "strict",
        "properties": {"name": {"type": "keyword"}, "value": {"type": "double"}},
    }
    for row in indexed_fields():
        _place(properties, row)
    body: dict[str, Any] = {
        "settings": {
            "number_of_shards": 1,
            "auto_expand_replicas": "0-1",
            "max_result_window": 10_000,
            "mapping.total_fields.limit": 2_000,
            "mapping.nested_objects.limit": 10_000,
        },
        "mappings": {
            "dynamic": "strict",
            "_source": {"includes": ["document"]},
            "properties": properties,
        },
    }
    body["mappings"]["_meta"] = {"contents": CONTENTS}
    body["mappings"]["_meta"] = {"schema_hash": _hash(body)}
    return body


def text_columns() -> tuple[str, ...]:
    """Names of the text columns, field names first."""
    return (*(row.name for row in indexed_fields() if row.type in {"text", "name"}), *DERIVED_TEXT)


def rendered() -> str:
    """models.json as it should be."""
    return json.dumps(mapping(), indent=2, sort_keys=True) + "\n"


def _place(properties: dict[str, Any], row: Field) -> None:
    mapping = _property(row)
    if mapping is None:
        return
    *parents, last = row.name.split(".")
    for parent in parents:
        properties = properties.setdefault(parent, {"properties": {}})["properties"]
    properties[last] = mapping


def _property(row: Field) -> dict[str, Any] | None:
    """The mapping of one field; None for what is only shown, and for text, which lives in `pieces` and `words`."""
    match row.type:
        case "text" | "object":
            return None
        case "date":
            return {"type": "date", "format": "strict_date_optional_time||epoch_millis"}
        case "metrics":
            columns = {name: {"type": "double"} for name in metrics()}
            return {"type": "object", "dynamic": "strict", "subobjects": False, "properties": columns}
        case "flattened":
            return {"type": "flattened", "depth_limit": 20}
        case "nested":
            return {
                "type": "nested",
                "dynamic": "strict",
                "properties": {part.name: {"type": part.type} for part in evaluation_parts().values()},
            }
        case kind:
            return {"type": _TYPES[kind]}


def _text(options: str) -> dict[str, Any]:
    return {"type": "text", "analyzer": "whitespace", "norms": False, "index_options": options}


def _hash(body: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:12]


def main() -> None:
    TARGET.write_text(rendered(), "utf-8")
    for name in TWINS:
        (FOLDER / f"{name}.json").write_text(twin_text(name), "utf-8")


if __name__ == "__main__":
    main()
