"""`log`: what was measured goes beside the weights, in a file that the next crawl reads before all others.

The file is `modeldex.json` in a directory and `NAME.modeldex.json` beside a file. It is replaced as a whole: whoever reads
it, or is killed while writing it, leaves what was or what is to be, never half. Writers take turns.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from modeldex.plain_values import MAX_NAME_CHARS, NotPlain, measured, plain, unicode, whole

if sys.platform != "win32":
    import fcntl

NAME = "modeldex.json"
MAX_BYTES = 1024 * 1024
"""A crawl reads no more than 16 MB of it; what jobs measure takes a few kB."""
MAX_ENTRIES = 2_000
WAIT_SECONDS, REST_SECONDS = 10.0, 0.005
ABANDONED_SECONDS = 30.0
"""A turn takes milliseconds: a lock file this old is that of a writer that was killed."""

_FILE_TO_COME = re.compile(r".\.[A-Za-z][A-Za-z0-9_]{0,15}$")
_REMOTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_LOCK_UNSUPPORTED = frozenset(
    {errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.ENOLCK, errno.EBADF, errno.EINVAL, errno.EISDIR}
)
_OWN_PLACES = {
    "metrics": "metrics=",
    "evaluations": "metrics= with dataset= or split=",
    "hyperparameters": "params=",
}
_METRIC_KEYS = ("metric", "name", "type")

Sidecar = dict[str, Any]


class LogRefused(ValueError):
    """What was to be logged cannot be; `reasons` names everything that is wrong with it. Nothing was written."""

    def __init__(self, reasons: tuple[str, ...]) -> None:
        super().__init__("; ".join(reasons) + ".")
        self.reasons = reasons


def log(
    path: str | os.PathLike[str],
    metrics: Mapping[str, Any] | None = None,
    *,
    params: Mapping[str, Any] | None = None,
    latency_ms: float | None = None,
    throughput: float | None = None,
    dataset: str | None = None,
    split: str | None = None,
    step: int | None = None,
    fields: Mapping[str, Any] | None = None,
) -> Path:
    """Writes beside the model at `path` what was measured of it; the path of the file that holds it now.

    `path` is the model's directory or its file; one that is not there yet is a file if its name ends like one, else a
    directory that is made. What was logged before stays, of one name the last value counts. `dataset` and `split` say what
    the metrics were measured on, `fields` sets fields such as name, license or tags. Nothing is sent anywhere.

    Units: latency in milliseconds for one call, throughput in calls a second; metrics as they are, 0.93 or "93 %".
    Raises: LogRefused for values that cannot be kept, OSError, TimeoutError if other writers never finish.
    """
    entry = checked(
        metrics,
        params=params,
        latency_ms=latency_ms,
        throughput=throughput,
        dataset=dataset,
        split=split,
        step=step,
        fields=fields,
    )
    return change(path, lambda sidecar: merge(sidecar, entry))


def checked(
    metrics: Mapping[str, Any] | None = None,
    *,
    params: Mapping[str, Any] | None = None,
    latency_ms: float | None = None,
    throughput: float | None = None,
    dataset: str | None = None,
    split: str | None = None,
    step: int | None = None,
    fields: Mapping[str, Any] | None = None,
) -> Sidecar:
    """What is to be logged as a sidecar of its own. Raises LogRefused, which names everything that is wrong."""
    reasons: list[str] = []
    numbers = {
        name: value
        for name, value in (
            *(metrics or {}).items(),
            ("latency_ms", latency_ms),
            ("throughput_per_second", throughput),
        )
        if value is not None
    }
    own = {name: value for name, value in (fields or {}).items() if name not in _OWN_PLACES}
    reasons += [f"{name} is given as {_OWN_PLACES[name]}" for name in (fields or {}) if name in _OWN_PLACES]
    kept = {
        "metrics": _each(numbers, measured, "metric", reasons),
        "hyperparameters": _each(params or {}, plain, "parameter", reasons),
        "fields": _each(own, plain, "field", reasons),
    }
    context = _context(dataset, split, step, reasons)
    if not any(kept.values()) and not reasons:
        reasons.append("nothing was given to be logged")
    if reasons:
        raise LogRefused(tuple(reasons))
    sidecar: Sidecar = dict(kept["fields"])
    if kept["metrics"] and (dataset is not None or split is not None):
        sidecar["evaluations"] = [
            {"metric": name, "value": value, **context} for name, value in kept["metrics"].items()
        ]
    elif kept["metrics"]:
        sidecar["metrics"] = {
            name: {"value": value, **context} if context else value for name, value in kept["metrics"].items()
        }
    if kept["hyperparameters"]:
        sidecar["hyperparameters"] = kept["hyperparameters"]
    return sidecar


def _context(dataset: Any, split: Any, step: Any, reasons: list[str]) -> dict[str, Any]:
    """On what and after which step it was measured, as far as that is said."""
    context: dict[str, Any] = {}
    for name, value in (("dataset", dataset), ("split", split)):
        if isinstance(value, str) and len(value) <= MAX_NAME_CHARS:
            context[name] = unicode(value)
        elif value is not None:
            reasons.append(f"{name} is no short text")
    if step is not None:
        try:
            context["step"] = whole(step)
        except NotPlain as error:
            reasons.append(f"step {error}")
    return context


def _each(
    values: Mapping[Any, Any], convert: Callable[[Any], Any], kind: str, reasons: list[str]
) -> dict[str, Any]:
    if len(values) > MAX_ENTRIES:
        reasons.append(f"{len(values):,} {kind}s are more than {MAX_ENTRIES:,}")
        return {}
    converted: dict[str, Any] = {}
    for name, value in values.items():
        if not isinstance(name, str) or not name.strip() or len(name) > MAX_NAME_CHARS:
            reasons.append(f"{str(name)[:60]!r} is no name of a {kind}")
            continue
        try:
            converted[unicode(name)] = convert(value)
        except NotPlain as error:
            reasons.append(f"the {kind} {name!r} {error}")
    return converted


def merge(sidecar: Sidecar, entry: Sidecar) -> None:
    """Puts the entry into the sidecar; of what both say the entry's counts."""
    for name, value in entry.items():
        if name == "evaluations":
            _merge_list(sidecar.setdefault(name, []), value)
        elif name == "metrics" and isinstance(sidecar.get(name), list):
            _merge_list(sidecar[name], [_as_entry(*item) for item in value.items()])
        elif isinstance(value, dict) and isinstance(sidecar.get(name), dict):
            _merge_map(sidecar[name], value, whole=name == "metrics")
        else:
            sidecar[name] = value


def _merge_map(there: dict[str, Any], new: dict[str, Any], *, whole: bool) -> None:
    for name, value in new.items():
        if not whole and isinstance(value, dict) and isinstance(there.get(name), dict):
            _merge_map(there[name], value, whole=False)
        else:
            there[name] = value


def _merge_list(there: Any, new: list[dict[str, Any]]) -> None:
    places = {_fact(entry): number for number, entry in enumerate(there) if isinstance(entry, dict)}
    for entry in new:
        if (number := places.get(_fact(entry))) is not None:
            there[number] = {**there[number], **entry}
        else:
            there.append(entry)


def _fact(entry: dict[str, Any]) -> tuple[Any, ...]:
    name = next((entry[key] for key in _METRIC_KEYS if isinstance(entry.get(key), str)), None)
    return name, repr(entry.get("dataset")), repr(entry.get("split"))


def _as_entry(name: str, value: Any) -> dict[str, Any]:
    return {"metric": name, **(value if isinstance(value, dict) else {"value": value})}


def place_of(path: str | os.PathLike[str]) -> Path:
    """The sidecar of the model at this path, which need not be there. Raises LogRefused for what is no path."""
    text = os.fsdecode(path)
    if not text or "\0" in text:
        raise LogRefused(("the path is empty or has a zero byte in it",))
    if _REMOTE.match(text):
        raise LogRefused((f"the address {text} is no path; tell the server, with modeldex.Client(...).log",))
    model = Path(text)
    is_file = model.is_file() or (
        not model.is_dir() and not text.endswith("/") and _FILE_TO_COME.search(model.name) is not None
    )
    return model.with_name(f"{model.name}.{NAME}") if is_file else model / NAME


def change(path: str | os.PathLike[str], edit: Callable[[Sidecar], None]) -> Path:
    """Lets `edit` change the sidecar of the model at `path`, in turn with all other writers. The file's path.

    A file that stays the same is not written again, so that the next crawl need not read it.
    """
    target = place_of(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    with _turn(target):
        before = _read(target)
        sidecar: Sidecar = {} if before is None else _parsed(target, before)
        edit(sidecar)
        after = (
            json.dumps(sidecar, indent=2, ensure_ascii=False, allow_nan=False, sort_keys=False) + "\n"
        ).encode()
        if len(after) > MAX_BYTES:
            raise LogRefused((f"the file {target} would grow beyond {MAX_BYTES:,} bytes",))
        if after != before:
            _replace(target, after)
    return target


def _read(target: Path) -> bytes | None:
    try:
        if target.stat().st_size > MAX_BYTES:
            raise LogRefused((f"the file {target} has more than {MAX_BYTES:,} bytes",))
        return target.read_bytes()
    except FileNotFoundError:
        return None


def _parsed(target: Path, content: bytes) -> Sidecar:
    try:
        sidecar = json.loads(content) if content.strip() else {}
    except (ValueError, RecursionError) as error:
        raise LogRefused(
            (f"the file {target} is there and is no JSON, so nothing can be added to it: {error}",)
        ) from error
    if not isinstance(sidecar, dict):
        raise LogRefused(
            (f"the file {target} is there and is no JSON object, so nothing can be added to it",)
        )
    if not isinstance(sidecar.get("evaluations", []), list):
        raise LogRefused((f"the evaluations in {target} are no list, so none can be added",))
    return sidecar


def _replace(target: Path, content: bytes) -> None:
    """Temporary file, flushed to the disk, renamed: a crawl skips the first by its ending."""
    unfinished = target.with_name(f".{target.name}.{os.getpid()}.part")
    with contextlib.suppress(FileNotFoundError):
        unfinished.unlink()
    try:
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            with contextlib.suppress(
                OSError
            ):  # somebody else's file: the mode that the process gives is all there is
                os.chmod(unfinished, target.stat().st_mode & 0o777)  # noqa: PTH101 - beside os.open
        os.replace(unfinished, target)  # noqa: PTH105 - beside os.open
    except BaseException:
        with contextlib.suppress(OSError):
            unfinished.unlink()
        raise
    _flush_directory(target.parent)
    for left in target.parent.glob(f".{_escaped(target.name)}.*.part"):  # of writers that were killed
        with contextlib.suppress(OSError):
            left.unlink()


def _escaped(name: str) -> str:
    return re.sub(r"([*?[])", r"[\1]", name)


def _flush_directory(directory: Path) -> None:
    """The rename, too, is on the disk, where the file system can be asked for that."""
    with contextlib.suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def _turn(target: Path) -> Iterator[None]:
    """No other writer of this directory, thread or process, is inside meanwhile. Raises TimeoutError.

    The lock is on the directory itself, so that nothing is left behind; where that is not to be had (some network file
    systems, no POSIX), it is a file that a crawl skips.
    """
    if sys.platform == "win32":
        with _lock_file(target):
            yield
        return
    descriptor = os.open(target.parent, os.O_RDONLY)
    try:
        if _lock(descriptor, target):
            yield
        else:
            with _lock_file(target):
                yield
    finally:
        os.close(descriptor)  # gives the lock back


def _lock(descriptor: int, target: Path) -> bool:
    """True with the lock, False where the file system has none."""
    if sys.platform == "win32":
        return False
    patience = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _LOCK_UNSUPPORTED:
                return False
            if error.errno not in {errno.EWOULDBLOCK, errno.EACCES, errno.EINTR}:
                raise
            _wait(patience, target)
        else:
            return True


@contextlib.contextmanager
def _lock_file(target: Path) -> Iterator[None]:
    lock = target.with_name(f".{target.name}.lock.tmp")
    patience = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            os.close(os.open(lock, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
            break
        except FileExistsError:
            with contextlib.suppress(OSError):
                if time.time() - lock.stat().st_mtime > ABANDONED_SECONDS:
                    lock.unlink()
                    continue
            _wait(patience, target)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            lock.unlink()


def _wait(patience: float, target: Path) -> None:
    if time.monotonic() > patience:
        raise TimeoutError(f"other writers of {target} did not finish within {WAIT_SECONDS:.0f} seconds")
    time.sleep(REST_SECONDS)
