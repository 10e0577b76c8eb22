"""A directory on this machine: listed directory by directory, read without ever leaving it."""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self
from urllib.parse import quote_from_bytes, unquote_to_bytes

from catalog.errors import (
    AccessDenied,
    ListingIncomplete,
    ObjectChanged,
    ObjectUnreadable,
    SourceError,
    UserError,
)
from catalog.lazy_dataclasses import dataclass, field, replace
from catalog.records import ObjectKey, ObjectMeta, SourceId
from catalog.settings import Settings
from catalog.settings.sections import setting
from crawler.annexed import pointer_of
from crawler.grouping.draft import upwards
from crawler.selection import Selection
from crawler.source import Listed, no_objects
from crawler.unfinished import (
    GIT,
    OF_ANOTHER_PROGRAM,
    TRASH,
    UNFINISHED,
    are_of_another_program,
    is_inside_git,
    is_of_another_program,
    is_unfinished,
)

MAX_DEPTH = 64
BATCH_OBJECTS = 500
RACY_SECONDS = 2.0
LINK_TO_DIRECTORY = "a link to a directory"
NOT_MOUNTED = "it is empty, and its files lay in another file system: mount that, or remove the directory if they are gone"
RACY_MARK = "~"
CHANGED_BELOW = "ceph.dir.rctime"
"""When something in or below a directory of CephFS changed last, as SECONDS.NANOSECONDS. It is not among the names that are
listed, and comes to the directories above some seconds late. Source: docs.ceph.com, "Extended Attributes"; seen on 16.2.
"""
LATE = timedelta(seconds=60)
"""So late it may come, or a clock may be wrong, before a change is overlooked until all is listed again."""


class _Directory(NamedTuple):
    key: str
    depth: int


@dataclass(slots=True)
class _Found:
    """What one directory holds so far."""

    directory: _Directory
    objects: list[ObjectMeta] = field(default_factory=list)
    below: list[_Directory] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)


class LocalSource:
    """The files below `root`. Links are followed only to files inside the root, and no directory is entered twice.

    `exclude` are directories and files that are left out (the catalog's own, where they lie below the root). With
    `everything_every` directories in which nothing changed since the last crawl are not listed, where the file system tells
    (CephFS), but for one crawl in so much time; `attribute` reads an extended attribute of an open directory.
    """

    is_read_in_processes = True

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        exclude: Sequence[Path] = (),
        everything_every: timedelta | None = None,
        attribute: Callable[[int, str], bytes] | None = None,
    ) -> None:
        self.root = Path(os.path.realpath(_checked(Path(root))))
        self.uri = uri_of_directory(self.root)
        self.id = SourceId(self.uri)
        self._exclude = frozenset(os.path.realpath(path) for path in exclude)
        self._selection = Selection()
        self._everything_every = everything_every
        self._attribute = attribute or getattr(os, "getxattr", None)
        self._unchanged_since: datetime | None = None
        self._known: Callable[[str], Iterable[ObjectMeta]] = no_objects

    def __getstate__(self) -> dict[str, Any]:
        """Processes that read files list none: what earlier crawls saw stays with the store of the first one."""
        return {**self.__dict__, "_known": no_objects}

    def remember(
        self,
        *,
        since: datetime | None,
        whole: datetime | None,
        known: Callable[[str], Iterable[ObjectMeta]] = no_objects,
    ) -> None:
        """When the last complete crawl began, and the last that left nothing out; `known` gives some files below a directory."""
        self._unchanged_since, self._known = None, known
        if self._everything_every is None or since is None or whole is None:
            return
        if datetime.now(UTC) - whole < self._everything_every:
            self._unchanged_since = since - LATE

    def selecting(self, selection: Selection) -> Self:
        """The same directory without what is not selected: a directory that is left out is not even entered."""
        self._selection = selection
        return self

    def list(self) -> Iterator[Listed]:
        """Every directory is a scope; one that cannot be read fails alone. Raises SourceError if the root cannot be read."""
        visited: dict[int, set[int]] = {}
        stack = [_Directory("", 0)]
        while stack:
            directory = stack.pop()
            listing = _Found(directory)
            yield from self._list_directory(listing, visited)
            stack.extend(sorted(listing.below, reverse=True))

    def head(self, key: ObjectKey) -> ObjectMeta | None:
        """The file as it is now; None if there is none, or none that a listing shows."""
        if self._is_left_out(key):
            return None
        try:
            with self._open(key) as descriptor:
                return self._meta(key, os.fstat(descriptor))
        except ObjectChanged:
            annexed = self._annexed(key)
            return annexed[0] if annexed else None

    def read(self, meta: ObjectMeta, start: int, end: int) -> bytes:
        """The bytes of the file, or of what stands for it."""
        try:
            return self._read(meta, start, end)
        except ObjectChanged:
            if (annexed := self._annexed(meta.key)) and annexed[0].change_token == meta.change_token:
                return annexed[1][start:end]
            raise

    def _read(self, meta: ObjectMeta, start: int, end: int) -> bytes:
        """The bytes, if the file is before and after the reading the one that was listed."""
        token = meta.change_token.removesuffix(RACY_MARK)
        with self._open(meta.key) as descriptor:
            if token_of(os.fstat(descriptor)) != token:
                raise ObjectChanged(meta.key)
            try:
                data = _read_range(descriptor, start, end)
            except OSError as error:
                raise ObjectUnreadable(meta.key, error.strerror or str(error)) from error
            if token_of(os.fstat(descriptor)) != token:
                raise ObjectChanged(meta.key)
        return data

    def uri_of(self, key: ObjectKey) -> str:
        return f"{self.uri.rstrip('/')}/{quote_from_bytes(os.fsencode(key))}" if key else self.uri

    def _list_directory(self, listing: _Found, visited: dict[int, set[int]]) -> Iterator[Listed]:
        """`visited` are the inodes of the directories that were entered, by device."""
        scope, depth = listing.directory
        if depth > MAX_DEPTH:
            yield Listed(
                scope=scope, error=ListingIncomplete(scope, f"it is more than {MAX_DEPTH} directories deep")
            )
            return
        try:
            descriptor = self._open_directory(scope)
        except OSError as error:
            if not scope:
                raise ObjectUnreadable(str(self.root), error.strerror or str(error)) from error
            yield Listed(scope=scope, error=_broke(scope, error))
            return
        try:
            status = os.fstat(descriptor)
            inodes = visited.setdefault(status.st_dev, set())
            if status.st_ino in inodes:
                reason = "the same directory was entered under another name"
                yield Listed(scope=scope, complete=True, skipped=((scope, reason),))
                return
            inodes.add(status.st_ino)
            if self._is_as_before(descriptor) and self._is_the_same(scope):
                yield Listed(scope=scope, complete=True, as_before=True)
                return
            yield from self._list_open(descriptor, listing)
        finally:
            os.close(descriptor)

    def _is_as_before(self, descriptor: int) -> bool:
        """Whether the file system says so of the directory and all below it."""
        if self._unchanged_since is None or self._attribute is None:
            return False
        try:
            changed_at = int(self._attribute(descriptor, CHANGED_BELOW).partition(b".")[0])
        except (OSError, ValueError):  # another file system, or one that is mounted below it
            return False
        return 0 < changed_at < self._unchanged_since.timestamp()

    def _is_the_same(self, directory: str) -> bool:
        """Whether what lies under this name is the directory that was listed under it.

        One that is moved, with all below it, keeps its times; those above it alone get new ones. But a file that is as it was,
        of no other name and under the same names below, lies in the same directories: nobody put another in their place.
        """
        return any(map(self._is_witness, self._known(directory)))

    def _is_witness(self, meta: ObjectMeta) -> bool:
        folder, _, name = meta.key.rpartition("/")
        try:
            descriptor = self._open_directory(folder)
            try:
                status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            finally:
                os.close(descriptor)
        except OSError:
            return False
        return stat.S_ISREG(status.st_mode) and status.st_nlink == 1 and token_of(status) == meta.change_token

    def _list_open(self, descriptor: int, listing: _Found) -> Iterator[Listed]:
        scope = listing.directory.key
        prefix = f"{scope}/" if scope else ""
        failure: SourceError | None = None
        is_empty = True
        try:
            with os.scandir(descriptor) as entries:
                for entry in entries:
                    is_empty = False
                    try:
                        self._sort(entry, prefix + entry.name, listing)
                    except FileNotFoundError:
                        continue  # deleted since it was named: absent, as if never listed
                    except OSError as error:
                        failure = _broke(scope, error, entry.name)
                    if len(listing.objects) >= BATCH_OBJECTS:
                        yield Listed(scope=scope, objects=tuple(listing.objects))
                        listing.objects.clear()
        except OSError as error:
            failure = _broke(scope, error)
        if failure is None and is_empty and scope and self._is_unmounted(descriptor, scope):
            failure = ListingIncomplete(scope, NOT_MOUNTED)
        yield Listed(
            scope=scope,
            objects=tuple(listing.objects),
            complete=failure is None,
            error=failure,
            skipped=tuple(listing.skipped),
        )

    def _is_unmounted(self, descriptor: int, directory: str) -> bool:
        """Whether an empty directory may be a place at which nothing is mounted now: its files lay in other file systems."""
        device = f"{os.fstat(descriptor).st_dev}:"
        before = [meta.file_identity for meta in self._known(directory) if meta.file_identity]
        if not before or any(identity.startswith(device) for identity in before):
            return False
        once = self._once_numbered(directory, device)
        return once is None or not any(identity.startswith(once) for identity in before)

    def _once_numbered(self, directory: str, device: str) -> str | None:
        """What the file system of this number was numbered when files around the directory were read, as one of them shows
        that is still there: systems number anew at each start. None if no file does.
        """
        for above in upwards(directory.rpartition("/")[0]):
            for meta in self._known(above):
                number, _, inode = (meta.file_identity or "").partition(":")
                try:
                    status = os.lstat(self._path(meta.key))
                except OSError:
                    continue
                if f"{status.st_dev}:" == device and str(status.st_ino) == inode:
                    return f"{number}:"
        return None

    def _is_left_out(self, key: ObjectKey) -> bool:
        """Whether a listing would not show a file of this name."""
        *directories, name = key.split("/")
        return (
            is_unfinished(name)
            or are_of_another_program(directories)
            or len(directories) > MAX_DEPTH
            or is_inside_git(key)
            or any(self._path(above) in self._exclude for above in upwards(key))
            or self._selection.left_out(key) is not None
        )

    def _sort(self, entry: os.DirEntry[str], key: str, listing: _Found) -> None:
        """Puts one directory entry where it belongs."""
        if is_inside_git(key) or self._path(key) in self._exclude:
            return
        is_directory = entry.is_dir(follow_symlinks=False)
        left_out = self._selection.pruned(key) if is_directory else self._selection.left_out(key)
        if left_out:
            listing.skipped.append((key, left_out))
        elif is_directory:
            is_others = is_of_another_program(entry.name)
            if entry.name == GIT or (is_others and entry.name != TRASH):
                listing.skipped.append((key, OF_ANOTHER_PROGRAM))
            if not is_others:
                listing.below.append(_Directory(key, listing.directory.depth + 1))
        elif is_unfinished(entry.name):
            listing.skipped.append((key, UNFINISHED))
        elif entry.is_symlink():
            self._sort_link(key, listing)
        elif entry.is_file(follow_symlinks=False):
            listing.objects.append(self._meta(ObjectKey(key), entry.stat(follow_symlinks=False)))
        else:
            listing.skipped.append((key, "not a regular file"))

    def _sort_link(self, key: str, listing: _Found) -> None:
        target = self._target(key)
        if target is None:
            if (annexed := self._annexed(ObjectKey(key))) is not None:
                listing.objects.append(annexed[0])
            else:
                listing.skipped.append((key, self._why_not_followed(key)))
            return
        if any(self._path(above) in self._exclude for above in upwards(target)):
            return
        status = os.stat(self._path(target), follow_symlinks=False)  # noqa: PTH116 - Path would normalise the name
        if stat.S_ISREG(status.st_mode):
            listing.objects.append(self._meta(ObjectKey(key), status))
        else:
            is_directory = stat.S_ISDIR(status.st_mode)
            reason = LINK_TO_DIRECTORY if is_directory else "a link to something that is not a file"
            listing.skipped.append((key, reason))

    def _annexed(self, key: ObjectKey) -> tuple[ObjectMeta, bytes] | None:
        """The file of git-annex whose content is not here, and what its pointer says of it."""
        folder, _, name = key.rpartition("/")
        try:
            directory = self._open_directory(folder)
            try:
                pointer = pointer_of(name, os.readlink(name, dir_fd=directory))
                status = os.stat(name, dir_fd=directory, follow_symlinks=False)
            finally:
                os.close(directory)
        except OSError:
            return None
        if pointer is None or os.path.exists(self._path(key)):  # noqa: PTH110 - Path would normalise the name
            return None
        return replace(self._meta(key, status), size_bytes=len(pointer)), pointer

    def _why_not_followed(self, key: str) -> str:
        try:
            if os.path.realpath(self._path(key), strict=True) == str(self.root):
                return LINK_TO_DIRECTORY
        except FileNotFoundError:
            return "a link that leads nowhere"
        except OSError as error:
            return "a link in a circle" if error.errno == errno.ELOOP else "a link that cannot be followed"
        return "a link that leaves the root"

    def _path(self, key: str) -> str:
        return os.path.join(self.root, key)  # noqa: PTH118 - Path would normalise the name

    def _target(self, key: str) -> str | None:
        """Where the key really is, relative to the root; None if that is outside or nowhere."""
        root = str(self.root)
        try:
            path = os.path.realpath(self._path(key), strict=True)
        except OSError:
            return None
        inside = root if root.endswith("/") else f"{root}/"
        return path[len(inside) :] if path.startswith(inside) else None

    def _meta(self, key: ObjectKey, status: os.stat_result) -> ObjectMeta:
        # A file system that counts whole seconds cannot show a second write within one: such a token is good for
        # this run only, so that the next one looks again. ext4, xfs, zfs and APFS count nanoseconds.
        age = time.time() - max(status.st_mtime, status.st_ctime)
        racy = age < RACY_SECONDS and status.st_ctime_ns % 1_000_000_000 == 0
        return ObjectMeta(
            source=self.id,
            key=key,
            size_bytes=status.st_size,
            change_token=token_of(status) + (RACY_MARK if racy else ""),
            last_modified=_instant(status.st_mtime_ns),
            file_identity=f"{status.st_dev}:{status.st_ino}",
        )

    def _open_directory(self, key: str) -> int:
        """A descriptor reached from the root one component at a time, so that a swapped-in link is refused."""
        descriptor = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        for part in key.split("/") if key else ():
            try:
                deeper = os.open(
                    part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=descriptor
                )
            finally:
                os.close(descriptor)
            descriptor = deeper
        return descriptor

    @contextmanager
    def _open(self, key: ObjectKey) -> Iterator[int]:
        """A descriptor of a regular file. Raises ObjectChanged if it is not there any more, AccessDenied, ObjectUnreadable."""
        if any(part in {"", ".", ".."} for part in key.split("/")):
            raise ObjectChanged(key)
        try:
            descriptor = self._open_file(key)
        except (FileNotFoundError, NotADirectoryError):
            raise ObjectChanged(key) from None
        except PermissionError as error:
            raise AccessDenied(key, error.strerror or "permission denied") from error
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise ObjectChanged(key) from None
            raise ObjectUnreadable(key, error.strerror or str(error)) from error
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise ObjectChanged(key)
            yield descriptor
        finally:
            os.close(descriptor)

    def _open_file(self, key: str) -> int:
        try:
            return self._open_exactly(key)
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
        target = self._target(key)
        if target is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), key)
        return self._open_exactly(target)

    def _open_exactly(self, key: str) -> int:
        folder, _, name = key.rpartition("/")
        directory = self._open_directory(folder)
        try:
            # O_NONBLOCK: a FIFO that took the file's place must not hang the crawl.
            return os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=directory)
        finally:
            os.close(directory)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalOptions:
    """What may be set for one directory."""

    writable: bool = setting(
        default=False,
        help_text="Whether `modeldex edit --write-sidecar` may write a modeldex.yaml into it, and retention move models "
        "into its trash.",
    )
    deletable: bool = setting(
        default=False, help_text="Whether retention may delete models here for good, where a plan says so."
    )
    ceph: bool = setting(
        default=False,
        help_text="Whether directories of CephFS in which nothing changed since the last crawl are not listed.",
    )
    ceph_everything_hours: float = setting(
        24.0, "With `ceph`: how often everything is listed all the same.", unit="hours", least=0
    )


class _LocalOpener:
    Options: ClassVar[type[LocalOptions]] = LocalOptions

    def __call__(self, address: str, settings: Settings, options: LocalOptions | None = None) -> LocalSource:
        options = options or LocalOptions()
        every = timedelta(hours=options.ceph_everything_hours) if options.ceph else None
        return LocalSource(path_of(address), exclude=settings.own_paths, everything_every=every)


open_local = _LocalOpener()
"""The directory of a path or of a `file:` address, without the catalog's own files. Raises UserError."""


def path_of(address: str) -> str:
    """The path that a path or a `file:` address means. Source: RFC 8089, section 2."""
    if not address.lower().startswith("file://"):
        return _without_zero(address)
    host, slash, path = address[len("file://") :].partition("/")
    if host.lower() not in {"", "localhost"} or not slash:
        raise UserError(
            "A file:// address names a directory of this machine.", advice="Write it as file:///FOLDER"
        )
    return _without_zero(os.fsdecode(unquote_to_bytes(f"/{path}")))


def _without_zero(path: str) -> str:
    """The path, which no system can open with a zero byte in it. Raises UserError."""
    if "\0" in path:
        raise UserError("The address has a zero byte, which no path can have.")
    return path


def uri_of_directory(path: str | os.PathLike[str]) -> str:
    """The one address of a directory, however its path is spelled; it need not exist."""
    return "file://" + quote_from_bytes(os.fsencode(os.path.realpath(path)))


def _checked(root: Path) -> Path:
    try:
        status = root.stat()
    except FileNotFoundError:
        raise UserError(
            f"{root} does not exist.", advice="Name a directory that holds model files."
        ) from None
    except OSError as error:
        raise UserError(f"{root} cannot be opened: {error.strerror}.") from error
    if not stat.S_ISDIR(status.st_mode):
        raise UserError(
            f"{root} is not a directory.",
            advice=f"Crawl the directory it is in: modeldex crawl {root.parent}",
        )
    if not os.access(root, os.R_OK | os.X_OK):
        raise UserError(f"{root} cannot be read: permission denied.", advice=f"Check it with: ls -ld {root}")
    return root


def token_of(status: os.stat_result) -> str:
    """The change token of a file of this status."""
    return f"{status.st_size}:{status.st_mtime_ns}:{status.st_ctime_ns}:{status.st_ino}:{status.st_dev}"


def _instant(nanoseconds: int) -> datetime | None:
    try:
        whole = datetime.fromtimestamp(nanoseconds // 1_000_000_000, UTC)
    except (OverflowError, ValueError, OSError):
        return None
    return whole.replace(microsecond=nanoseconds % 1_000_000_000 // 1000)


def _broke(scope: str, error: OSError, name: str | None = None) -> ListingIncomplete:
    reason = error.strerror or str(error)
    return ListingIncomplete(scope or ".", reason if name is None else f"{name}: {reason}")


def _read_range(descriptor: int, start: int, end: int) -> bytes:
    """Bytes [start, end), fewer only at the end of the file; `pread` may return less than asked."""
    parts = []
    while start < end:
        part = os.pread(descriptor, end - start, start)
        if not part:
            break
        parts.append(part)
        start += len(part)
    return b"".join(parts)
