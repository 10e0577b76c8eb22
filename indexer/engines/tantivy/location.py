"""Where indexes live on disk: folders of one schema each, and a pointer file that says which one is current.

index/CURRENT                     one line: index-<schema hash>-<number>
index/PREVIOUS                    the one before, kept for roll-back
index/index-3f2a…-7/              a Tantivy index
index/index-3f2a…-7/FOLLOWED      up to where in which log of revisions it was brought
index/ID                          what tells this home's indexes from those of other homes
index/writer.lock                 held by the process that writes
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from pathlib import Path
from typing import IO

from catalog.errors import EngineBusy, EngineUnavailable
from catalog.lazy_dataclasses import dataclass
from indexer.engines.tantivy.schema import schema_hash

NAME = "tantivy"
FOLLOWED = "FOLLOWED"
REINDEX = "Run `modeldex reindex` to build it anew from the record store."


class IndexUnreadable(EngineUnavailable):
    """Nothing is wrong with the index, but this user may not read it; or not yet, just after a commit."""

    def __init__(self, path: Path, root: Path) -> None:
        advice = f"Its owner can allow it with: chmod -R a+rX {root}"
        super().__init__(NAME, f"{path} may not be read by this user.", advice=advice)


@dataclass(frozen=True, slots=True)
class IndexHome:
    """The folder of all indexes."""

    root: Path

    def current(self) -> Path | None:
        """The folder of the current index; None before the first one is made."""
        return self._pointed("CURRENT")

    def previous(self) -> Path | None:
        return self._pointed("PREVIOUS")

    def _pointed(self, pointer: str) -> Path | None:
        try:
            name = (self.root / pointer).read_bytes().decode("ascii").strip()
        except FileNotFoundError:
            return None
        except PermissionError as error:
            raise IndexUnreadable(self.root / pointer, self.root) from error
        except (OSError, UnicodeDecodeError) as error:
            raise EngineUnavailable(
                NAME, f"{self.root / pointer} cannot be read: {error}.", advice=REINDEX
            ) from error
        if not name.startswith("index-") or "/" in name:
            raise EngineUnavailable(NAME, f"{self.root / pointer} is damaged.", advice=REINDEX)
        return self.root / name

    def fresh(self) -> Path:
        """A new empty folder for an index of the present schema."""
        numbers = [
            int(path.name.rpartition("-")[2])
            for path in self._folders()
            if path.name.rpartition("-")[2].isdigit()
        ]
        path = self.root / f"index-{schema_hash()}-{max(numbers, default=0) + 1}"
        path.mkdir(parents=True)
        return path

    def swap(self, to: Path) -> None:
        """Make this index the current one, at once and durably; the one before becomes the previous."""
        try:
            before = self.current()
        except EngineUnavailable:
            before = None  # a damaged pointer leads nowhere back
        if before is not None and before != to:
            self._point("PREVIOUS", before.name.encode() + b"\n")
        self._point("CURRENT", to.name.encode() + b"\n")

    def _point(self, pointer: str, content: bytes) -> None:
        replace_file(self.root / pointer, content)
        folder = os.open(self.root, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def identity(self) -> str:
        """What tells the indexes here from those of other homes; it is made up once."""
        path = self.root / "ID"
        try:
            return path.read_text("ascii").strip() or self._identify(path)
        except (FileNotFoundError, UnicodeDecodeError):
            return self._identify(path)

    @staticmethod
    def _identify(path: Path) -> str:
        identity = os.urandom(16).hex()
        replace_file(path, identity.encode("ascii") + b"\n")
        return identity

    def forget_previous(self) -> None:
        """There is no index to go back to any more."""
        (self.root / "PREVIOUS").unlink(missing_ok=True)

    def sweep(self) -> None:
        """Remove what is neither current nor a previous one to go back to. Readers that still hold an old one keep their
        open files.
        """
        import shutil  # noqa: PLC0415 - a search removes nothing

        try:
            before = self.previous()
        except EngineUnavailable:
            before = None
        kept = {self.current(), before if before is not None and written_by_this_schema(before) else None}
        for path in self._folders():
            if path not in kept:
                shutil.rmtree(path, ignore_errors=True)

    def _folders(self) -> list[Path]:
        return [path for path in self.root.glob("index-*") if path.is_dir()]

    def lock(self) -> IO[str]:
        """The right to write, until the file is closed or the process ends. Raises EngineUnavailable with its holder."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            file = (self.root / "writer.lock").open("a+")
        except OSError as error:
            raise EngineUnavailable(
                NAME,
                f"{self.root} cannot be written: {error.strerror}.",
                advice="Check its owner and free space, or use another --home.",
            ) from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            file.close()
            raise EngineBusy(
                NAME,
                f"another process writes this index (process {holder}).",
                advice="Wait for it to end, or stop it.",
            ) from error
        file.seek(0)
        file.truncate()
        file.write(str(os.getpid()))
        file.flush()
        return file


def followed(path: Path) -> str | None:
    """What was noted of the index in this folder; None where nothing that can be read was."""
    try:
        return (path / FOLLOWED).read_text("ascii").strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def follow(path: Path, position: str) -> None:
    replace_file(path / FOLLOWED, position.encode("ascii") + b"\n")


def replace_file(path: Path, content: bytes) -> None:
    """Readers, and whoever comes after a crash, see all of the old content or all of the new one."""
    temporary = path.with_name(f"{path.name}.new")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def written_by_this_schema(path: Path) -> bool:
    return path.name.startswith(f"index-{schema_hash()}-")


def share(path: Path) -> None:
    """Whoever may read the segments of an index may read which of them belong to it, too.

    Tantivy writes `meta.json` through a temporary file, which only its owner may read, whatever the umask says.
    """
    meta = path / "meta.json"
    with contextlib.suppress(OSError):
        wanted = stat.S_IMODE((path / ".tantivy-meta.lock").stat().st_mode)
        if stat.S_IMODE(meta.stat().st_mode) != wanted:
            meta.chmod(wanted)
