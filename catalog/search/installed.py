"""The engines that can be used here: our own as they are, those of other packages held to what their door promises."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from catalog import plugins
from catalog.errors import ModeldexError, PluginUnavailable, described

if TYPE_CHECKING:
    from catalog.search.engine import IndexWriter, SearchEngine
    from catalog.settings import Settings


def open_engine(settings: Settings) -> SearchEngine:
    """The reading side of the chosen engine. Raises EngineUnavailable, and PluginUnavailable for one that is not installed."""
    if settings.engine in plugins.ENGINES:
        engine: SearchEngine = plugins.load("engine", settings.engine)(settings)
        return engine
    from catalog.search.engines_of_others import checked_engine  # noqa: PLC0415 - our own engines need no checks

    return checked_engine(settings.engine, _opened("engine", settings))


def open_writer(settings: Settings) -> IndexWriter:
    """The writing side of the chosen engine. Raises EngineUnavailable when another process writes."""
    if settings.engine in plugins.WRITERS:
        writer: IndexWriter = plugins.load("writer", settings.engine)(settings)
        return writer
    from catalog.search.engines_of_others import checked_writer  # noqa: PLC0415 - as above

    return checked_writer(settings.engine, _opened("writer", settings))


def _opened(kind: str, settings: Settings) -> Any:
    """What the plug-in of another package makes of the settings."""
    from catalog.contracts import only_errors  # noqa: PLC0415 - as above

    maker = plugins.load(kind, settings.engine)
    try:
        with only_errors():
            return maker(settings)
    except ModeldexError:
        raise
    except Exception as error:
        raise PluginUnavailable(kind, settings.engine, described(error)) from error
