"""What tells models of one name apart in a list: their versions, precisions or owners, else where they are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from catalog.text.absence import ABSENT
from mappings import fields_where

TELLING_FIELDS = [
    row.name for row in sorted(fields_where("telling_order").values(), key=lambda row: row.telling_order or 0)
]


def apart(documents: Sequence[Mapping[str, Any]]) -> list[str]:
    """For each document a few words that no other of its name has; empty where the name is enough, and for models that are
    no longer there, which are marked and lend their place to whatever moved.
    """
    named: dict[str, list[int]] = defaultdict(list)
    for place, document in enumerate(documents):
        if document.get("status") in ABSENT:
            continue
        named[str(document.get("name") or "").casefold()].append(place)
    words = [""] * len(documents)
    for places in named.values():
        if len(places) > 1:
            for place, word in zip(places, _words([documents[place] for place in places]), strict=True):
                words[place] = word
    return words


def _words(alike: Sequence[Mapping[str, Any]]) -> list[str]:
    for field in TELLING_FIELDS:
        values = [str(document.get(field) or "") for document in alike]
        if all(values) and _are_distinct(values):
            return values
    for places in ([_place(document) for document in alike], [_first_file(document) for document in alike]):
        if _are_distinct(places):
            return _ends(places)
    return [str(document.get("id") or "")[:10] for document in alike]


def _are_distinct(values: Sequence[str]) -> bool:
    return len(set(values)) == len(values)


def _place(document: Mapping[str, Any]) -> str:
    return str(document.get("path") or "")


def _first_file(document: Mapping[str, Any]) -> str:
    """The first file of weights, where several models lie in one directory."""
    files = [file for file in document.get("files") or () if isinstance(file, Mapping)]
    weights = [file for file in files if file.get("role") == "weights"] or files
    return str(weights[0].get("key") or "") if weights else ""


def _ends(paths: Sequence[str]) -> list[str]:
    """As many of the last parts of the paths as are needed for no two to be equal."""
    parts = [path.strip("/").split("/") for path in paths]
    for number in range(1, max(map(len, parts)) + 1):
        ends = ["/".join(part[-number:]) for part in parts]
        if _are_distinct(ends):
            return ends
    return list(paths)
