"""Engines by name: one folder each, chosen by the setting `engine`."""

from catalog.search.installed import open_engine, open_writer

__all__ = ["open_engine", "open_writer"]
