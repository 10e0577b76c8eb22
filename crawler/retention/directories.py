"""Retention in a directory of this machine: renames within one file system, reached without following any link."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path
from typing import Any

from catalog.errors import AccessDenied, ObjectChanged, ObjectUnreadable, SourceError
from catalog.records import ObjectKey
from catalog.records.retention import DiskEntry
from crawler.retention.door import Evidence
from crawler.sources.local import RACY_MARK, token_of

DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
PRIVATE = 0o700
"""The mode of the trash itself: what lies in it is seen by nobody who could not see it before."""
NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})
"""What file systems say that know no second names of files."""


class DirectoryDoor:
    """Objects are directory entries: a link is moved as the link that it is, and of several names one."""

    bins_first = True

    def __init__(self, root: Path) -> None:
        self._root = root

    def check(self, key: ObjectKey, evidence: Evidence) -> None:
        with _faults(key), self._directory(key) as (folder, name):
            if not _untouched(folder, name, evidence):
                raise ObjectChanged(key)

    def glance(self, key: str) -> tuple[int, datetime] | None:
        try:
            with _faults(ObjectKey(key)), self._directory(key) as (folder, name):
                status = os.lstat(name, dir_fd=folder)
        except ObjectChanged:
            return None
        return status.st_size, datetime.fromtimestamp(status.st_mtime, UTC)

    def entry(self, key: ObjectKey) -> DiskEntry | None:
        try:
            with _faults(key), self._directory(key) as (folder, name):
                status = os.lstat(name, dir_fd=folder)
        except SourceError:
            return None
        return DiskEntry(is_link=stat.S_ISLNK(status.st_mode), names=status.st_nlink)

    def look(self, key: ObjectKey, change_token: str) -> Evidence:
        with _faults(key), self._directory(key) as (folder, name):
            status = os.lstat(name, dir_fd=folder)
            target = os.stat(name, dir_fd=folder) if stat.S_ISLNK(status.st_mode) else status
            if not stat.S_ISREG(target.st_mode) or token_of(target) != change_token.removesuffix(RACY_MARK):
                raise ObjectChanged(key)
            return _evidence(status)

    def trash(self, key: ObjectKey, place: ObjectKey, evidence: Evidence) -> Evidence:
        with (
            _faults(key),
            self._directory(key) as (folder, name),
            self._made_directory(place, like=key) as (bin_, binned),
        ):
            if _present(bin_, binned, evidence):  # an interrupted step had done it
                if _is_there(folder, name):
                    raise ObjectChanged(key)  # what is here was put here since, and stays
                return evidence
            if _is_there(bin_, binned):
                raise ObjectChanged(place)
            if not _untouched(folder, name, evidence):
                raise ObjectChanged(key)
            os.rename(name, binned, src_dir_fd=folder, dst_dir_fd=bin_)
            if not _present(bin_, binned, evidence):
                _back(bin_, binned, folder, name)  # another took its place in the last moment: it is not ours
                raise ObjectChanged(key)
            os.fsync(bin_)
            os.fsync(folder)
        return evidence

    def delete(self, key: ObjectKey, place: ObjectKey, evidence: Evidence) -> Evidence:
        with _faults(key), self._directory(key) as (folder, name):
            there = _is_there(folder, name)
        if there:
            self.trash(key, place, evidence)
        with _faults(key), self._made_directory(place, like=key) as (bin_, binned):
            if _present(bin_, binned, evidence):
                os.unlink(binned, dir_fd=bin_)
                os.fsync(bin_)
            elif _is_there(bin_, binned):
                raise ObjectChanged(place)
        return {}

    def bring_back(self, key: ObjectKey, place: ObjectKey, evidence: Evidence) -> None:
        with (
            _faults(key),
            self._made_directory(key, like=place) as (folder, name),
            self._made_directory(place, like=key) as (bin_, binned),
        ):
            if _present(bin_, binned, evidence):
                _back(bin_, binned, folder, name)
                os.fsync(folder)
                os.fsync(bin_)
            elif not _present(folder, name, evidence):
                raise ObjectChanged(place)

    @contextmanager
    def _directory(self, key: str, *, modes: Mapping[int, int] | None = None) -> Iterator[tuple[int, str]]:
        """The open directory of a key, and its name there. With `modes`, by how many parts of the key lie below them,
        directories that are not there are made; without a mode of its own for nobody else.
        """
        *folders, name = key.split("/")
        if {"", ".", ".."} & {*folders, name}:
            raise ObjectChanged(ObjectKey(key))
        descriptor = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for below, folder in zip(range(len(folders), 0, -1), folders, strict=True):
                is_made = modes is not None and _make(descriptor, folder)
                deeper = os.open(folder, DIRECTORY, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = deeper
                if modes is not None and is_made:
                    os.fchmod(descriptor, modes.get(below, PRIVATE))
            yield descriptor, name
        finally:
            os.close(descriptor)

    def _made_directory(self, key: str, *, like: str) -> Any:
        """The same, made where it is not there: of what ends alike in the other key it has the modes."""
        return self._directory(key, modes=self._modes(key, like))

    def _modes(self, key: str, like: str) -> dict[int, int]:
        """The modes of the directories above `like`, by how many parts of its key lie below them, as far as both keys are
        alike and they are there.
        """
        modes: dict[int, int] = {}
        pairs = zip(reversed(key.split("/")), reversed(like.split("/")), strict=False)
        alike = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        parts = like.split("/")
        for below in range(1, min(alike, len(parts))):
            with suppress(OSError), self._directory("/".join(parts[: len(parts) - below + 1])) as (folder, _):
                modes[below] = stat.S_IMODE(os.fstat(folder).st_mode)
        return modes


def _make(above: int, name: str) -> bool:
    """Whether this directory was made now."""
    try:
        os.mkdir(name, PRIVATE, dir_fd=above)
    except FileExistsError:
        return False
    return True


def _evidence(status: os.stat_result) -> dict[str, Any]:
    return {
        "size_bytes": status.st_size,
        "modified_ns": str(status.st_mtime_ns),
        "inode": f"{status.st_dev}:{status.st_ino}",
        # The time of change is another as soon as one of several names is moved.
        **({"changed_ns": str(status.st_ctime_ns)} if status.st_nlink == 1 else {}),
    }


def _is_there(folder: int, name: str) -> bool:
    try:
        os.lstat(name, dir_fd=folder)
    except FileNotFoundError:
        return False
    return True


def _present(folder: int, name: str, evidence: Evidence) -> bool:
    """Whether this entry is the object: by its inode, size and time of writing. What is written anew in place has
    another time; a moved file has another time of change.
    """
    try:
        present = _evidence(os.lstat(name, dir_fd=folder))
    except FileNotFoundError:
        return False
    return all(present[part] == evidence.get(part) for part in ("size_bytes", "modified_ns", "inode"))


def _untouched(folder: int, name: str, evidence: Evidence) -> bool:
    """Whether it is the object, and nobody wrote into it under the old time either, as far as that can be told."""
    if not _present(folder, name, evidence):
        return False
    status = os.lstat(name, dir_fd=folder)
    known = evidence.get("changed_ns")
    return known is None or status.st_nlink > 1 or str(status.st_ctime_ns) == known


def _back(bin_: int, binned: str, folder: int, name: str) -> None:
    """To a place where nothing stands: a second name is given, which fails over something, and the first one taken."""
    try:
        os.link(binned, name, src_dir_fd=bin_, dst_dir_fd=folder, follow_symlinks=False)
    except FileExistsError:
        if not os.path.samestat(os.lstat(binned, dir_fd=bin_), os.lstat(name, dir_fd=folder)):
            raise
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        if _is_there(folder, name):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), name) from error
        os.rename(binned, name, src_dir_fd=bin_, dst_dir_fd=folder)
        return
    os.unlink(binned, dir_fd=bin_)


@contextmanager
def _faults(key: ObjectKey) -> Iterator[None]:
    """What the file system says, as errors of this one object."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError):
        raise ObjectChanged(key) from None
    except FileExistsError as error:
        raise ObjectUnreadable(key, "something else is in its place") from error
    except PermissionError as error:
        raise AccessDenied(key, error.strerror or "permission denied") from error
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise ObjectChanged(key) from None
        reason = (
            "it is on another file system than the trash" if error.errno == errno.EXDEV else error.strerror
        )
        raise ObjectUnreadable(key, reason or str(error)) from error
