"""What a crawl counts and says of itself: while it runs to whoever watches, now and then to its run, at the end as a report."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping

from catalog.lazy_dataclasses import dataclass, field
from catalog.normalise.values.secrets import masked_text
from catalog.records import ObjectKey, Run, RunState, display_key
from catalog.records.record import WOULD_LOSE
from catalog.store.documents import LIVE, MISSING
from catalog.store.leases import Lease
from catalog.store.manifest import Manifest
from catalog.store.store import Store
from catalog.text.folding import well_formed
from crawler.selection import is_selected_away
from crawler.sniffing import promised_format

COUNTS_SECONDS = 3.0
MAX_SKIPPED = 1000
LOST_NOTED = 20
"""So many names of models that a held run would lose stand in the run: who accepts it has not seen what the crawl said."""
NAMES_NOTED = 3
MAX_UNREAD = 200

WRITTEN = ("new", "changed", "unchanged")
"""What writing records counts; together the models that are done."""

COUNTED = (
    *("models", *WRITTEN, "moved", "missing", "gone", "failed", "risks", "incomplete"),
    *("objects", "opened", "bytes_read", "hashed", "missing_total", "scopes_failed", WOULD_LOSE, "skipped"),
    *("bytes", "requests", "bytes_received"),
)
"""What every report counts; models and files unless the name says otherwise. `bytes` are those of all files there are."""


NOT_LISTED = "not_listed"
"""Counts objects that the listing did not show and that are there all the same, as a look at each of them said."""

AS_BEFORE = "as_before"
"""Counts objects that were not looked at, because nothing below their directory changed. A run without it looked at all."""


@dataclass(slots=True)
class Progress:
    """What a terminal may show while a crawl runs."""

    phase: str = "listing"
    counts: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True, kw_only=True)
class CrawlReport:
    """How a crawl ended. `unread` names files that could not be read and why, `skipped` what was left out on purpose;
    `notes` are sentences on it, one for each reason, with the first names.
    """

    run: Run
    counts: dict[str, int]
    unread: tuple[tuple[str, str], ...]
    problems: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]
    notes: tuple[str, ...] = ()
    would_lose: tuple[str, ...] = ()


class Account:
    """The counts and problems of one run."""

    def __init__(
        self,
        store: Store,
        run: Run,
        lease: Lease,
        watch: Callable[[Progress], None],
        *,
        spent: Callable[[], Mapping[str, int]] = dict,
    ) -> None:
        self.listed_to: ObjectKey | None = None
        """The last key of the listing that was taken and written; None once it came to its end."""
        self.counts: Counter[str] = Counter()
        self.problems: list[str] = []
        self.skipped: list[tuple[str, str]] = []
        self._left_out: dict[str, list[str]] = {}
        self._left_out_by_reason: Counter[str] = Counter()
        self._beside_strays: tuple[int, list[ObjectKey]] = (0, [])
        self.would_lose: tuple[str, ...] = ()
        self.scopes_failed = 0
        self._progress = Progress(counts=self.counts)
        self._store = store
        self._run = run
        self._lease = lease
        self._watch = watch
        self._spent = spent
        self._next = time.monotonic() + COUNTS_SECONDS

    def note(self, phase: str | None = None) -> None:
        """Shows how far the crawl is, in this phase from now on; every few seconds to all, in its run."""
        if phase is not None:
            self._progress.phase = phase
        self._watch(self._progress)
        if time.monotonic() >= self._next:
            self.keep()

    def keep(self) -> None:
        """Writes into the run how far it is."""
        self._store.runs.note_counts(self._run, self._so_far(), lease=self._lease, listed_to=self.listed_to)
        self._next = time.monotonic() + COUNTS_SECONDS

    def problem(self, reason: str) -> None:
        self.problems.append(well_formed(reason))

    def skip(self, skipped: tuple[tuple[str, str], ...]) -> None:
        for key, reason in skipped:
            if is_selected_away(reason):
                continue
            self.counts["skipped"] += 1
            first = self._left_out.setdefault(reason, [])
            self._left_out_by_reason[reason] += 1
            if len(first) < NAMES_NOTED or _telling(key) < _telling(first[-1]):
                first[:] = sorted([*first, key], key=_telling)[:NAMES_NOTED]
        self.skipped.extend(skipped[: max(0, MAX_SKIPPED - len(self.skipped))])

    def notes(self) -> list[str]:
        """What was left out, one sentence for each reason: how many, and the first names; and what is said of no model."""
        return [*self._strays(), *self._omissions()]

    def _omissions(self) -> Iterator[str]:
        return (
            masked_text(
                f"{number:,} left out ({reason}): {_named(map(display_key, self._left_out[reason]), number)}"
            )
            for reason, number in self._left_out_by_reason.most_common()
        )

    def _strays(self) -> Iterator[str]:
        number, keys = self._beside_strays
        if number:
            models = f"{number:,} {'model' if number == 1 else 'models'}"
            yield masked_text(
                f"values of a step that no checkpoint has are beside {models}: {_named(map(display_key, keys), number)}"
            )

    def start_writing(self, groups: int = 0) -> None:
        """Counts of what is written begin anew: interim records were counted, too. `groups` is 0 where nobody knows yet."""
        self.counts["groups"] = groups
        for name in WRITTEN:
            self.counts[name] = 0
        self.note("normalising")

    def count_as_new(self, models: int) -> None:
        """Whatever a first crawl did in several steps, to its reader all is new."""
        for name in WRITTEN:
            self.counts[name] = 0
        self.counts["new"] = models

    def finish(self, state: RunState, manifest: Manifest) -> Run:
        """The run as it ended, with the standing of its source."""
        self.problems = list(map(masked_text, self.problems))
        standing = self._store.records.standing(self._run.source)
        self._settle_unread(manifest)
        self._beside_strays = self._store.records.beside_strays(self._run.source, NAMES_NOTED)
        self.counts["models"] = standing[LIVE]
        self.counts["missing_total"] = standing[MISSING]
        self.counts["risks"] = standing["risky"]
        self.counts["incomplete"] = standing["incomplete"]
        self.counts["scopes_failed"] = self.scopes_failed
        self.counts["bytes"] = manifest.size_bytes()
        return self._store.runs.finish(
            self._run,
            state,
            self._so_far(),
            [*self.problems, *self._lost(), *self.notes()],
            listed_to=self.listed_to,
        )

    def _lost(self) -> Iterator[str]:
        """The first models that are no longer there, of a run that is held because of them."""
        for path in self.would_lose[:LOST_NOTED]:
            yield masked_text(well_formed(f"no longer there: {display_key(path)}"))
        if len(self.would_lose) > LOST_NOTED:
            yield f"no longer there: {len(self.would_lose) - LOST_NOTED:,} more"

    def _settle_unread(self, manifest: Manifest) -> None:
        """Counts what could not be read and needs a person; the rest was left out."""
        self.counts["failed"] = 0
        strays: list[tuple[str, str]] = []
        for file in manifest.unread():
            if file.is_of_no_model:
                strays.append((file.key, STRAY))
            else:
                self.counts["failed"] += 1
        self.counts["failed"] += len(self._store.records.not_made(self._run.source, MAX_UNREAD))
        self.skip(tuple(strays))

    def report(self, run: Run) -> CrawlReport:
        return CrawlReport(
            run=run,
            counts=dict(run.counts),
            unread=tuple(
                (file.key, file.reason) for file in self._store.health.unread_files(run.source, MAX_UNREAD)
            ),
            problems=tuple(self.problems),
            notes=tuple(self.notes()),
            skipped=tuple((display_key(key), reason) for key, reason in self.skipped),
            would_lose=self.would_lose,
        )

    def _so_far(self) -> dict[str, int]:
        names = [*COUNTED, *(name for name in (AS_BEFORE, NOT_LISTED) if self.counts[name])]
        return {name: self.counts[name] for name in names} | dict(self._spent())


def _telling(key: str) -> tuple[bool, str]:
    """Names of models first."""
    return promised_format(key) is None, key


def _named(names: Iterable[str], number: int) -> str:
    first = ", ".join(names)
    return f"{first} and {number - NAMES_NOTED:,} more" if number > NAMES_NOTED else first


STRAY = "a text that cannot be read and belongs to no model"
