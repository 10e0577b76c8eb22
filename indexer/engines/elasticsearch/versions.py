"""Which indices are ours: `<alias>-<schema hash>-<number>`, with the schema hash in the mapping as well.

Whoever else uses the cluster may have indices that are named alike. Those are never written, renamed or deleted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from catalog.errors import EngineUnavailable
from indexer.engines.elasticsearch.connection import NAME

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

LOADING = "-1"
"""The refresh interval of an index that is being loaded, or whose load was killed."""
FREE_NAME = "Set MODELDEX_ELASTICSEARCH_INDEX to a name that is free."


class Versions:
    """Our indices under one alias."""

    def __init__(self, client: Elasticsearch, alias: str) -> None:
        self._client = client
        self._alias = alias
        self._pattern = re.compile(rf"{re.escape(alias)}-[0-9a-f]+-([0-9]+)")

    def behind(self, alias: str) -> dict[str, str]:
        """The indices that an alias of ours points at, with their schema hashes; none when there is no such alias.

        Raises EngineUnavailable when an index that is not ours has this name, or is behind it.
        """
        indices = self._client.indices.get(index=alias, ignore_unavailable=True, features="mappings")
        schemas = {name: self._schema(name, index) for name, index in indices.items()}
        foreign = [name for name, schema in schemas.items() if schema is None]
        if foreign:
            reason = f"{alias!r} leads to {foreign[0]!r}, an index that Modeldex did not make."
            raise EngineUnavailable(NAME, reason, advice=FREE_NAME)
        return {name: schema for name, schema in schemas.items() if schema is not None}

    def notes(self, alias: str) -> dict[str, dict[str, Any]]:
        """What is noted in the mapping of each index behind an alias of ours."""
        indices = self._client.indices.get(index=alias, ignore_unavailable=True, features="mappings")
        return {
            name: index["mappings"].get("_meta", {})
            for name, index in indices.items()
            if self._schema(name, index)
        }

    def ours(self) -> list[str]:
        """All of them, oldest first."""
        indices = self._like_ours("mappings")
        return self._in_order(name for name, index in indices.items() if self._schema(name, index))

    def loaded(self) -> list[str]:
        """Those whose load came to its end, oldest first."""
        indices = self._like_ours("settings")
        begun = {name for name, index in indices.items() if _refresh_interval(index) == LOADING}
        return [name for name in self.ours() if name not in begun]

    def next_number(self) -> int:
        return max((self._number(name) for name in self._like_ours("settings")), default=0) + 1

    def _like_ours(self, feature: str) -> dict[str, Any]:
        indices = self._client.indices.get(index=f"{self._alias}-*", allow_no_indices=True, features=feature)
        return {name: index for name, index in indices.items() if self._pattern.fullmatch(name)}

    def _schema(self, name: str, index: Mapping[str, Any]) -> str | None:
        schema = index["mappings"].get("_meta", {}).get("schema_hash")
        return schema if self._pattern.fullmatch(name) and isinstance(schema, str) else None

    def _in_order(self, names: Any) -> list[str]:
        return sorted(names, key=self._number)

    def _number(self, name: str) -> int:
        return int(name.rpartition("-")[2])


def _refresh_interval(index: Mapping[str, Any]) -> Any:
    return index["settings"]["index"].get("refresh_interval")
