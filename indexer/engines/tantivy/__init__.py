"""The embedded engine: Tantivy on disk, one writer process, any number of readers that never lock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from indexer.engines.tantivy.engine import TantivyEngine
    from indexer.engines.tantivy.writer import TantivyWriter

__all__ = ["TantivyEngine", "TantivyWriter"]


def __getattr__(name: str) -> Any:
    """Each side is imported when it is asked for: a search needs no writer."""
    if name not in __all__:
        raise AttributeError(name)
    from importlib import import_module  # noqa: PLC0415 - see above

    module = "engine" if name == "TantivyEngine" else "writer"
    return getattr(import_module(f"{__name__}.{module}"), name)
