"""`run`: a block of a job, timed, with the code and the machine that it ran on."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from modeldex.git_head import code_version as commit_here
from modeldex.sidecar import log


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A block that is under way. `log` writes at once, so that what was measured survives whatever comes after it."""

    path: str | os.PathLike[str]
    started_at: datetime

    def log(self, metrics: Mapping[str, Any] | None = None, **what: Any) -> Path:
        """As `modeldex.log`, of the model of this run."""
        return log(self.path, metrics, **what)


@contextlib.contextmanager
def run(
    path: str | os.PathLike[str],
    *,
    params: Mapping[str, Any] | None = None,
    fields: Mapping[str, Any] | None = None,
    code_version: str | None = None,
) -> Iterator[Run]:
    """Times the block; at its end start, end, host and code version are beside the model at `path`.

    A block that fails leaves its host, time and the kind of its error under `extra`; when the model was trained stays what
    it was. `code_version` is found in the repository around the current directory unless it is given.

    Raises: as `modeldex.log`, before the block begins if parameters or fields cannot be kept.
    """
    started_at, clock = datetime.now(UTC), time.monotonic()
    if params or fields:
        log(path, params=params, fields=fields)
    try:
        yield Run(path=path, started_at=started_at)
    except BaseException as error:
        failure = {
            "failed_at": _text(datetime.now(UTC)),
            "error": type(error).__name__,
            "host": socket.gethostname(),
        }
        with contextlib.suppress(OSError, ValueError):  # the error of the block is the one to be told
            log(path, fields={"extra": {"failed_run": failure}})
        raise
    log(path, fields=run_fields(started_at, time.monotonic() - clock, code_version))


def run_fields(started_at: datetime, seconds: float, code_version: str | None = None) -> dict[str, Any]:
    """The fields of a run that ends now."""
    commit = code_version or commit_here()
    return {
        "training_started_at": _text(started_at),
        "trained_at": _text(datetime.now(UTC)),
        **({"code_version": commit} if commit else {}),
        "extra": {"host": socket.gethostname(), "run_seconds": round(seconds, 3)},
    }


def _text(instant: datetime) -> str:
    return instant.isoformat(timespec="seconds").replace("+00:00", "Z")
