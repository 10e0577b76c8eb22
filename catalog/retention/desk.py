"""Plans and proposals as pages and `/api` read them."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from catalog.access.opening import is_store_made, reading_store
from catalog.errors import NotAllowed
from catalog.lazy_dataclasses import dataclass, field

if TYPE_CHECKING:
    from catalog.access.catalog import Catalog
    from catalog.records.retention import PlannedModel, StoredPlan
    from catalog.retention.proposals import ProposalsOfKind
    from catalog.settings import Settings
    from catalog.store.retention import Retention

PLANS_SHOWN = 200
T = TypeVar("T")


def check_sees_all(catalog: Catalog) -> None:
    """Raises NotAllowed for who does not see every model."""
    if not catalog.principal.sees_all:
        raise NotAllowed("make or see plans of retention, which are about the whole catalog")


@dataclass(slots=True)
class RememberedProposals:
    """Proposals read every model: they are made once for each state of the catalog. Safe to share between threads."""

    _key: tuple[str, ...] = ()
    _known: tuple[ProposalsOfKind, ...] = ()
    _lock: Lock = field(default_factory=Lock)

    def of(
        self, key: tuple[str, ...], make: Callable[[], tuple[ProposalsOfKind, ...]]
    ) -> tuple[ProposalsOfKind, ...]:
        with self._lock:
            if self._key != key:
                self._known = make()
                self._key = key
            return self._known


@dataclass(frozen=True, slots=True)
class Desk:
    """What is to be known of retention by who sees everything. Raises NotAllowed for anybody else."""

    settings: Settings
    catalog: Catalog
    remembered: RememberedProposals

    def plans(self) -> list[StoredPlan]:
        """The newest plans, newest first."""
        return self._reading(lambda retention: retention.plans(PLANS_SHOWN), [])

    def plan(self, plan: str) -> StoredPlan | None:
        """The plan of this id."""
        return self._reading(lambda retention: retention.plan(plan), None)

    def models(self, plan: str, *, goes: bool | None, after: int, limit: int) -> list[PlannedModel]:
        """Models of a plan in their order, those after this number."""
        return self._reading(
            lambda retention: list(retention.models(plan, goes=goes, after=after, limit=limit)), []
        )

    def proposals(self) -> tuple[ProposalsOfKind, ...]:
        """What may go without any policy."""
        from catalog.retention.proposals import proposals  # noqa: PLC0415 - SQL, which a server starts without

        def remembered(retention: Retention) -> tuple[ProposalsOfKind, ...]:
            noted = max((file.noted_at for file in retention.unfinished()), default="")
            key = (str(self.settings.home), str(self.catalog.info().generation), noted)
            return self.remembered.of(key, lambda: proposals(retention))

        return self._reading(remembered, ())

    def _reading(self, work: Callable[[Retention], T], nothing: T) -> T:
        check_sees_all(self.catalog)
        if not is_store_made(self.settings):
            return nothing
        with reading_store(self.settings) as store:
            return work(store.retention)
