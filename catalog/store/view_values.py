"""What the views for SQL show of a document (`catalog.store.sql_views`), as a row of `records` has it: JSON, without names and without
what stands in the row anyway.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from catalog.records import Document
from catalog.store.codec import read_object
from catalog.store.digests import DIGEST_BYTES, raw_digest
from catalog.store.sql_views import LETTERS, LISTS, MODELS, NUMBERS, REPEATED, ListView


def view_values(document: Document, row: Mapping[str, Any]) -> str:
    """What the views show of this document, whose row has this `source` and `fingerprint`. A value that is not of the form they
    expect is left as it is.
    """
    path, fingerprint = document.get("path"), _fingerprint(row)
    values = {LETTERS[name]: value for name, value in _of_model(document).items()}
    _repeat(values, LETTERS["uri"], f"{row['source']}/{path}" if isinstance(path, str) else None)
    _repeat(values, LETTERS["content_hash"], fingerprint)
    for view in LISTS:
        if (entries := document.get(view.field)) is None:
            continue
        if isinstance(entries, list) and len(view.columns) > 1:
            entries = [_packed_entry(entry, view) for entry in entries]
            if view.field == "files":
                entries = [_file(entry, path, fingerprint) for entry in entries]
        values[NUMBERS[view.field]] = entries
    return _text(values)


def shown_document(text: str, row: Mapping[str, Any]) -> Document:
    """What is left of a document in this text; empty where that cannot be read."""
    values = read_object(text)
    path = values.get(LETTERS["path"])
    document: Document = {}
    for column in MODELS:
        if (letter := LETTERS[column.path]) not in values:
            continue
        value = values[letter]
        if value == REPEATED and column.path == "uri":
            value = f"{row['source']}/{path}"
        elif value == REPEATED and column.path == "content_hash":
            value = row["fingerprint"]
        *above, last = column.path.split(".")
        branch = document
        for name in above:
            branch = branch.setdefault(name, {})
        branch[last] = value
    for view in LISTS:
        if (entries := values.get(NUMBERS[view.field])) is not None:
            document[view.field] = _entries(entries, view, path, row["fingerprint"])
    return document


def _fingerprint(row: Mapping[str, Any]) -> str | None:
    """That of the row, if views can show it as the hash that it is."""
    digest: str | None = row["fingerprint"]
    return digest if len(raw_digest(digest) or b"") == DIGEST_BYTES else None


def _repeat(values: dict[str, Any], letter: str, repeated: str | None) -> None:
    """A text that is the same as what the row has is not written again; nothing else may look like one that was not."""
    value = values.get(letter)
    if isinstance(value, str):
        values[letter] = REPEATED if value == repeated else value
    elif value == REPEATED:
        values[letter] = str(value)


def _of_model(document: Document) -> dict[str, Any]:
    values = {}
    for column, (*above, last) in _steps():
        branch: Any = document
        for name in above:
            branch = branch.get(name) if isinstance(branch, Mapping) else None
        if isinstance(branch, Mapping) and last in branch:
            values[column] = branch[last]
    return values


@cache
def _steps() -> tuple[tuple[str, list[str]], ...]:
    return tuple((column.path, column.path.split(".")) for column in MODELS)


def _packed_entry(entry: Any, view: ListView) -> list[Any] | None:
    if not isinstance(entry, Mapping):
        return None
    values = [entry.get(column.path) for column in view.columns]
    while values and values[-1] is None:
        values.pop()
    return values


def _file(entry: list[Any] | None, path: Any, fingerprint: str | None) -> list[Any] | None:
    """Of its key what comes after the path of the model, and its hash unless that is the model's."""
    if not entry:
        return entry
    key, *others = entry
    if isinstance(key, str) and isinstance(path, str):
        if key == path:
            key = REPEATED
        elif key.startswith(f"{path}/"):
            key = [key[len(path) + 1 :]]
    elif not isinstance(key, str) and key is not None:
        key = _text(key)
    if len(others) == 3:
        digest = others[2]
        others[2] = REPEATED if isinstance(digest, str) and digest == fingerprint else digest
    return [key, *others]


def _entries(entries: Any, view: ListView, path: Any, fingerprint: str | None) -> Any:
    if not isinstance(entries, list) or len(view.columns) == 1:
        return entries
    return [_entry(entry, view, path, fingerprint) if isinstance(entry, list) else entry for entry in entries]


def _entry(values: list[Any], view: ListView, path: Any, fingerprint: str | None) -> dict[str, Any]:
    names = (column.path for column in view.columns)
    entry = {name: value for name, value in zip(names, values, strict=False) if value is not None}
    if view.field == "files":
        if isinstance(key := entry.get("key"), list):
            entry["key"] = "/".join((str(path), *key))
        elif key == REPEATED:
            entry["key"] = path
        if entry.get("sha256") == REPEATED:
            entry["sha256"] = fingerprint
    return entry


def _text(value: Any) -> str:
    import orjson  # noqa: PLC0415 - 20 ms that only the writing side needs

    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:  # deeper than it goes
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
