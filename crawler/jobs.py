"""What the processes of a crawl do: they read objects, and make records of groups."""

from __future__ import annotations

from collections.abc import Callable

from catalog import plugins
from catalog.recording.making import Task, make, make_of_outlines
from catalog.store.record_changes import RecordChange
from crawler.pool import MOST_PROCESSES, Pool, processors
from crawler.processes import SpareHost
from crawler.reader import Budget
from crawler.readers import Listed, ReadObject, lost, prepare_reading
from crawler.registry import Registry
from crawler.source import Source

Job = Listed | Task
NORMALISER = "catalog.normalise.record"


def pool_for(source: Source, registry: Registry, budget: Budget, spare: SpareHost | None) -> Pool | None:
    """Processes for a source whose reading is work for this machine's processors, if it has several."""
    suits = getattr(source, "is_read_in_processes", False) and registry.is_installed
    if not suits or int(getattr(source, "concurrency", 1)) > 1 or processors() < 2:
        return None
    return Pool(
        prepare_jobs,
        (source, budget),
        lost=_lost,
        size=min(processors(), MOST_PROCESSES),
        preload=[*extractor_modules(), NORMALISER],
        spare=spare,
    )


def extractor_modules() -> list[str]:
    """The modules of all extractors of our own."""
    return sorted({target.partition(":")[0] for target in plugins.EXTRACTORS.values()})


def prepare_jobs(source: Source, budget: Budget) -> Callable[[Job], ReadObject | RecordChange]:
    """What a process does with each job."""
    read = prepare_reading(source, budget)

    def work(job: Job) -> ReadObject | RecordChange:
        return make(job) if isinstance(job, Task) else read(job)

    return work


def _lost(job: Job, reason: str) -> ReadObject | RecordChange:
    """What took a process down would take this one down, too."""
    return make_of_outlines(job, reason) if isinstance(job, Task) else lost(job, reason)
