"""Engines by name: one folder each, chosen by the setting `engine`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalog import plugins

if TYPE_CHECKING:
    from catalog.search.engine import IndexWriter, SearchEngine
    from catalog.settings import Settings


def open_engine(settings: Settings) -> SearchEngine:
    """The reading side of the chosen engine. Raises PluginUnavailable for one that is not installed."""
    engine: SearchEngine = plugins.load("engine", settings.engine)(settings)
    return engine


def open_writer(settings: Settings) -> IndexWriter:
    """The writing side of the chosen engine. Raises EngineUnavailable when another process writes."""
    writer: IndexWriter = plugins.load("writer", settings.engine)(settings)
    return writer
