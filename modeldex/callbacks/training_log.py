"""What all callbacks share: values kept until they are written, seldom while training and surely at its end."""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from modeldex.plain_values import MAX_NAME_CHARS, NotPlain, measured, plain
from modeldex.runs import run_fields
from modeldex.sidecar import MAX_ENTRIES, change, checked, merge

EVERY_SECONDS = 10.0
SPLITS = frozenset(
    {"train", "training", "eval", "evaluation", "val", "valid", "validation", "dev", "test", "testing"}
)
"""Names of evaluation sets that say which part of the data they are; all others are called data sets."""

log = logging.getLogger(__name__)


class TrainingLog:
    """The values of one training and the sidecar that they go to. Nothing that happens here is raised into the training."""

    def __init__(self, path: str | os.PathLike[str], *, every_seconds: float = EVERY_SECONDS) -> None:
        self.path = path
        self._every_seconds = every_seconds
        self._lock = threading.RLock()
        self._waiting: dict[tuple[str | None, str | None], tuple[dict[str, Any], int | None]] = {}
        self._params: dict[str, Any] = {}
        self._fields: dict[str, Any] = {}
        self._written_at = float("-inf")
        self._timer: threading.Timer | None = None
        self._warned = False
        self._started_at, self._clock = datetime.now(UTC), time.monotonic()

    def began(self, params: Mapping[str, Any] | None = None) -> None:
        """The training begins, with these parameters as far as they can be kept."""
        with self._lock:
            self._started_at, self._clock = datetime.now(UTC), time.monotonic()
            self._params |= kept(params or {}, plain)
        if self._params:
            self._soon()

    def measured(
        self,
        metrics: Mapping[str, Any],
        *,
        step: int | None = None,
        dataset: str | None = None,
        split: str | None = None,
    ) -> None:
        """These are the values now, as far as they are numbers."""
        numbers = kept(metrics, measured)
        if not numbers:
            return
        with self._lock:
            known, _ = self._waiting.get((dataset, split), ({}, None))
            self._waiting[dataset, split] = ({**known, **numbers}, step)
        self._soon()

    def ended(self, **extra: Any) -> None:
        """The training is over and went well."""
        with self._lock:
            self._fields = run_fields(self._started_at, time.monotonic() - self._clock)
            self._fields["extra"] |= kept(extra, plain)
        self.flush()

    def failed(self, error: BaseException) -> None:
        """The training broke off."""
        with self._lock:
            moment = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
            self._fields = {"extra": {"failed_run": {"failed_at": moment, "error": type(error).__name__}}}
        self.flush()

    def flush(self) -> None:
        """Writes what waits. Called at the end of the process, too."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            atexit.unregister(self.flush)
            waiting, self._waiting = self._waiting, {}
            params, self._params = self._params, {}
            fields, self._fields = self._fields, {}
            self._written_at = time.monotonic()
            if not (waiting or params or fields):
                return
            try:
                entries = [
                    checked(metrics, dataset=dataset, split=split, step=step)
                    for (dataset, split), (metrics, step) in waiting.items()
                ]
                if params or fields:
                    entries.append(checked(params=params, fields=fields))

                def edit(sidecar: dict[str, Any]) -> None:
                    for entry in entries:
                        merge(sidecar, entry)

                change(self.path, edit)
            except (OSError, ValueError) as error:
                if not self._warned:
                    log.warning("nothing is written beside the model path=%s reason=%s", self.path, error)
                self._warned = True

    def _soon(self) -> None:
        """At once if nothing was written lately, else when it may be."""
        with self._lock:
            rest = self._written_at + self._every_seconds - time.monotonic()
            if rest > 0 and self._timer is None:
                self._timer = threading.Timer(rest, self.flush)
                self._timer.daemon = True
                self._timer.start()
                atexit.register(self.flush)
        if rest <= 0:
            self.flush()


def kept(values: Mapping[str, Any], convert: Any) -> dict[str, Any]:
    """The values that can be kept, as they are kept."""
    result: dict[str, Any] = {}
    for name, value in values.items():
        try:
            converted = convert(value)
        except NotPlain:
            continue
        if str(name).strip() and converted is not None and len(result) < MAX_ENTRIES:
            result[str(name)[:MAX_NAME_CHARS]] = converted
    return result


def about(evaluation_set: str) -> dict[str, str]:
    """What a booster's evaluation set is called as split or data set."""
    return {"split" if evaluation_set.lower() in SPLITS else "dataset": evaluation_set[:MAX_NAME_CHARS]}
