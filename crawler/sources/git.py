"""A Git repository of this machine, bare or not: what its branches and tags say of models, each commit as a directory.

`git+file:///srv/churn.git` lists below `COMMIT/` the DVC files, parameters, metrics and cards of that commit, with a
`.git/HEAD` that names it and the tags of GTO that do. Nothing is checked out. Commits whose files of interest are equal are one:
the oldest, whose code made what they name.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar, Self
from urllib.parse import quote_from_bytes, unquote_to_bytes

from catalog.errors import (
    ExtractError,
    ListingIncomplete,
    ObjectChanged,
    ObjectUnreadable,
    UserError,
    visible,
)
from catalog.lazy_dataclasses import dataclass
from catalog.records import ObjectKey, ObjectMeta, SourceId
from catalog.settings import Settings
from catalog.settings.sections import setting
from crawler.git_objects.repository import MAX_BLOB_BYTES, Blob, Commit, Repository, Tag
from crawler.selection import Selection
from crawler.source import Listed

SCHEME = "git+file://"
MAX_FILES_IN_ALL = 200_000
"""Of all commits that are listed."""
HEAD, PACKED = ".git/HEAD", ".git/packed-refs"


@dataclass(frozen=True, slots=True, kw_only=True)
class GitOptions:
    """How far back a repository is read."""

    history: int = setting(
        1,
        "Commits of each branch and tag that are read, the newest first; 1 means those that they name.",
        most=500,
    )
    commits: int = setting(
        500,
        "Commits that are read in all, the newest first; with more, the crawl is partial and nothing is an orphan.",
        most=5000,
    )
    remotes: bool = setting(
        True,  # noqa: FBT003 - a default
        "Whether branches of remotes (refs/remotes), as the last fetch left them, are read like others.",
    )
    outside: tuple[str, ...] = setting(
        (),
        "Directories elsewhere that a .git file, a worktree or a clone that shares objects may lead to.",
    )


@dataclass(frozen=True, slots=True)
class _Entry:
    """An object of the source: a file of a commit, or what stands for its references."""

    meta: ObjectMeta
    blob: bytes | None
    text: bytes = b""


class GitSource:
    """One repository."""

    Options: ClassVar[type[GitOptions]] = GitOptions

    def __init__(self, address: str, settings: Settings, options: GitOptions | None = None) -> None:  # noqa: ARG002 - every source is opened so
        self._root = _path_of(address).resolve()
        self._options = options or GitOptions()
        self.uri = f"{SCHEME}{quote_from_bytes(bytes(self._root))}"
        self.id = SourceId(self.uri)
        self._selection = Selection()
        self._entries: dict[str, _Entry] | None = None
        self._lacking: list[str] = []

    @staticmethod
    def check_address(address: str) -> None:
        """Raises UserError for an address that names no directory of this machine."""
        if not _path_of(address).is_dir():
            raise UserError(
                "There is no such repository.", advice=f"Write it as {SCHEME}/srv/repository.git."
            )

    def selecting(self, selection: Selection) -> Self:
        """The same repository without what is not selected."""
        self._selection = selection
        return self

    def list(self) -> Iterator[Listed]:
        """Every commit is a directory. Branches that cannot all be read, and DVC files that are too large, leave the whole incomplete."""
        try:
            self._entries = dict(self._all())
        except ExtractError as error:
            self._entries = {}
            yield Listed(scope="", error=ListingIncomplete(self.uri, str(error)))
            return
        reasons = {key: self._selection.left_out(key) for key in self._entries}
        yield Listed(
            scope="",
            objects=tuple(entry.meta for key, entry in self._entries.items() if reasons[key] is None),
            skipped=tuple((key, reason) for key, reason in reasons.items() if reason is not None),
        )
        if self._lacking:
            yield Listed(scope="", error=ListingIncomplete(self.uri, "; ".join(self._lacking)))
        else:
            yield Listed(scope="", complete=True)

    def head(self, key: ObjectKey) -> ObjectMeta | None:
        """The file as branches and tags have it now."""
        if self._selection.left_out(key):
            return None
        entry = self._known().get(key)
        return None if entry is None else entry.meta

    def read(self, meta: ObjectMeta, start: int, end: int) -> bytes:
        """Bytes of exactly the listed file: what a hash names does not change."""
        entry = self._known().get(meta.key)
        if entry is None or entry.meta.change_token != meta.change_token:
            raise ObjectChanged(meta.key)
        if entry.blob is None:
            return entry.text[start:end]
        try:
            with closing(self._opened()) as repository:
                return repository.content(entry.blob)[start:end]
        except ExtractError as error:
            raise ObjectUnreadable(meta.key, str(error)) from error

    def uri_of(self, key: ObjectKey) -> str:
        return f"{self.uri}/{quote_from_bytes(key.encode('utf-8', 'surrogateescape'))}" if key else self.uri

    def _known(self) -> Mapping[str, _Entry]:
        if self._entries is None:
            try:
                self._entries = dict(self._all())
            except ExtractError as error:
                raise ObjectUnreadable(self.uri, str(error)) from error
        return self._entries

    def _opened(self) -> Repository:
        return Repository(self._root, outside=self._options.outside, remotes=self._options.remotes)

    def _all(self) -> Iterator[tuple[str, _Entry]]:
        self._lacking = []
        repository = self._opened()
        try:
            shown: dict[tuple[tuple[str, bytes], ...], tuple[Commit, list[Blob]]] = {}
            represented: dict[bytes, tuple[tuple[str, bytes], ...]] = {}
            commits, is_whole = repository.commits(self._options.history, self._options.commits)
            if not is_whole:
                self._lacking.append(
                    f"it has more than {self._options.commits:,} commits to read (option `commits`)"
                )
            files_left = MAX_FILES_IN_ALL
            for commit in commits:  # the newest first: the oldest stays
                files = repository.files(commit)
                content = tuple((blob.path, blob.id) for blob in files)
                if content not in shown:
                    files_left -= len(files)
                if files_left < 0:
                    self._lacking.append(f"its commits have more than {MAX_FILES_IN_ALL:,} files of interest")
                    break
                represented[commit.id] = content
                shown[content] = commit, files
            self._lacking += _too_large(shown.values())
            tags = repository.tags()
            for content, (commit, files) in shown.items():
                own = [tag for tag in tags if represented.get(tag.commit) == content]
                yield from self._commit(commit, files, own)
        finally:
            repository.close()

    def _commit(
        self, commit: Commit, files: Sequence[Blob], tags: Sequence[Tag]
    ) -> Iterator[tuple[str, _Entry]]:
        name = commit.id.decode("ascii")
        made_at = datetime.fromtimestamp(commit.seconds, UTC) if 0 < commit.seconds < 2**33 else None
        texts = {HEAD: f"{name}\n".encode()}
        if tags:
            lines = [f"{tag.id.decode()} refs/tags/{tag.name}\n^{name}\n" for tag in tags]
            texts[PACKED] = ("# pack-refs with: peeled fully-peeled sorted\n" + "".join(lines)).encode()
        for path, text in texts.items():
            key = f"{name}/{path}"
            token = hashlib.sha256(text).hexdigest()[:40]
            yield key, _Entry(self._meta(key, len(text), token, made_at), None, text)
        for blob in files:
            if blob.is_too_large:
                continue
            key = f"{name}/{blob.path}"
            yield key, _Entry(self._meta(key, blob.size_bytes, blob.id.decode(), made_at), blob.id)

    def _meta(self, key: str, size_bytes: int, token: str, made_at: datetime | None) -> ObjectMeta:
        return ObjectMeta(
            source=self.id,
            key=ObjectKey(key),
            size_bytes=size_bytes,
            change_token=token,
            last_modified=made_at,
        )


def _too_large(shown: Iterable[tuple[Commit, Sequence[Blob]]]) -> list[str]:
    """A sentence of the DVC files that cannot be read and the objects that they would name, if there are any."""
    blobs = {blob.id: (commit, blob) for commit, files in shown for blob in files if blob.is_too_large}
    if not blobs:
        return []
    commit, blob = next(iter(blobs.values()))
    more = f", and {len(blobs) - 1:,} others like it" if len(blobs) > 1 else ""
    limit = f"larger than {MAX_BLOB_BYTES:,} bytes and not read"
    return [f"{commit.id.decode('ascii')[:12]}/{visible(blob.path)} is {limit}{more}"]


def _path_of(address: str) -> Path:
    path = os.fsdecode(unquote_to_bytes(os.fsencode(address[len(SCHEME) :])))
    if not path.startswith("/") or "\0" in path:
        raise UserError(
            "The address names no repository of this machine.",
            advice=f"Write it as {SCHEME}/srv/repository.git.",
        )
    return Path(path)
