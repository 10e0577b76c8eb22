"""After a crawl: the index follows the store, or one sentence says why it cannot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from catalog import plugins
from catalog.errors import EngineBusy, EngineError, PluginUnavailable
from catalog.lazy_dataclasses import dataclass, field
from catalog.store import INDEX
from catalog.terminal import printable

if TYPE_CHECKING:
    from catalog.settings import Settings
    from catalog.store import Store

SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexState:
    """What the index lacks of the catalog: `waiting` models for the reason `problem`, `rejected` (id -> reason) for good.

    `busy` says that the reason is another process that writes the index at this moment.
    """

    waiting: int
    problem: str | None = None
    rejected: Mapping[str, str] = field(default_factory=dict)
    busy: bool = False

    @property
    def is_current(self) -> bool:
        return self.problem is None and not self.rejected

    def summary(self) -> dict[str, Any]:
        """Its part of a JSON summary."""
        return {
            "waiting_for_index": self.waiting,
            "index_problem": None if self.problem is None else printable(self.problem),
            "not_indexed": [{"id": model, "reason": printable(why)} for model, why in self.rejected.items()],
        }

    def tell(self) -> None:
        """What a person should know, on stderr; nothing when the index is current."""
        if self.problem is not None:
            click.echo(f"modeldex: {printable(self.problem)}", err=True)
            wait = "1 model waits" if self.waiting == 1 else f"{self.waiting:,} models wait"
            click.echo(
                f"The catalog is safe; {wait if self.waiting else 'no model waits'} for the index. The next crawl or the worker goes on, or at once: modeldex reindex",
                err=True,
            )
        for model, reason in list(self.rejected.items())[:SHOWN]:
            click.echo(f"Not indexed: {model[:12]}: {printable(reason)}", err=True)
        if len(self.rejected) > SHOWN:
            click.echo(f"  and {len(self.rejected) - SHOWN:,} more not indexed: see --json", err=True)


def bring_up_to_date(settings: Settings, store: Store) -> IndexState:
    """Write what waits for the index. An engine that cannot take it is a state, not an error."""
    try:
        report = plugins.load("hook", "after-crawl")(settings, store)
    except (EngineError, PluginUnavailable) as error:
        busy = isinstance(error, EngineBusy)
        return IndexState(waiting=store.consumer(INDEX).size(), problem=str(error), busy=busy)
    return IndexState(
        waiting=report.waiting, problem=report.unavailable, rejected=report.rejected, busy=report.busy
    )
