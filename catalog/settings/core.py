"""The sections that every room needs: where records are kept, and what answers searches."""

from __future__ import annotations

from typing import ClassVar

from catalog import plugins
from catalog.errors import UserError
from catalog.lazy_dataclasses import dataclass
from catalog.settings.sections import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseSettings:
    """The record store."""

    SECTION: ClassVar[str] = "database"

    url: str = setting(
        "", "SQLAlchemy URL of the record store; empty means SQLite in the home folder.", secret=True
    )
    connect_seconds: int = setting(
        10, "Longest wait until PostgreSQL has taken a connection.", unit="seconds", least=2
    )
    pool_size: int = setting(
        5, "Connections to PostgreSQL that a process keeps open.", unit="connections", most=1_000
    )
    pool_overflow: int = setting(
        10, "Connections beyond those while there is much to do.", unit="connections", least=0, most=1_000
    )
    pool_wait_seconds: float = setting(
        30.0, "Longest wait for a connection when all are taken.", unit="seconds", least=0.001
    )
    pool_recycle_seconds: int = setting(
        1_800, "Age at which a connection is made anew, so that no firewall ends it first.", unit="seconds"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinSettings:
    """Models of different sources that have to do with each other."""

    SECTION: ClassVar[str] = "joins"

    enabled: bool = setting(
        default=True,
        help_text=(
            "Whether files of one source tell of models in another, as a registry of those in a bucket: whoever may see the"
            " model sees what is told of it."
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchSettings:
    """What answers searches."""

    SECTION: ClassVar[str] = "search"

    engine: str = setting("tantivy", "Search engine: tantivy (embedded) or elasticsearch.", formerly="engine")

    def __post_init__(self) -> None:
        """An engine that nobody knows is said before a crawl, not when its work is to be indexed."""
        if self.engine in plugins.ENGINES:
            return
        known = plugins.names("engine")
        if self.engine not in known:
            raise UserError(
                f"There is no search engine {self.engine!r}.", advice=f"Known are: {', '.join(known)}."
            )
