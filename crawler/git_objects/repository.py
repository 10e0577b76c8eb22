"""Commits of a repository and the files of theirs that say something of models, read from its objects: nothing is checked out.

Only dulwich is used, never the command `git`, which would do what a repository's own configuration says.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catalog.errors import LimitExceeded, Malformed, ObjectUnreadable, PluginUnavailable
from crawler.formats.git import gto_tag
from crawler.git_objects.sizes import Declared, loose_size, packed_size

MAX_COMMITS = 500
MAX_REFERENCES = 20_000
MAX_FILES = 20_000
"""Of one commit that are of interest; and ten times as many entries of trees are looked at."""
MAX_LEVELS = 40
MAX_BLOB_BYTES = 1024 * 1024
MAX_OBJECT_BYTES = 16 * 1024 * 1024
"""Of a tree, commit or tag, and of what a blob is a delta of."""
WANTED = re.compile(r"(?:.*\.dvc|dvc\.(?:yaml|lock)|.*\.(?:json|ya?ml|toml)|README\.md)", re.IGNORECASE)
HEADS, REMOTES, TAGS = b"refs/heads/", b"refs/remotes/", b"refs/tags/"


@dataclass(frozen=True, slots=True)
class Blob:
    """A file of a commit: its path, the hash of its content, its length."""

    path: str
    id: bytes
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Tag:
    """An annotated tag and the commit that it names."""

    name: str
    id: bytes
    commit: bytes


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit that a branch or tag leads to. `seconds` is when it was made."""

    id: bytes
    tree: bytes
    seconds: int


class Repository:
    """A repository in a directory, bare or beside its files."""

    def __init__(self, root: Path) -> None:
        try:
            from dulwich.errors import NotGitRepository  # noqa: PLC0415 - an extra, and a second to import
            from dulwich.repo import Repo  # noqa: PLC0415
        except ImportError as error:
            reason = "dulwich is not installed; pip install 'modeldex[git]'"
            raise PluginUnavailable("source", "git+file", reason) from error
        try:
            self._repo: Any = Repo(str(root))  # which types its hashes apart from other bytes
        except (NotGitRepository, OSError, ValueError) as error:
            raise ObjectUnreadable(str(root), "it is no Git repository") from error

    def close(self) -> None:
        self._repo.close()

    def commits(self, history: int) -> list[Commit]:
        """Those that branches and tags name, and up to `history` of those before each, newest first.

        Raises LimitExceeded, Malformed: what is left out would seem to be named by nobody.
        """
        heads, _ = self._references()
        commits: dict[bytes, Commit] = {}
        for head in heads:
            waiting, taken = [head], 0
            while waiting and taken < history:
                commit_id = waiting.pop(0)
                taken += 1
                if commit_id not in commits:
                    commit = self._object(commit_id)
                    commits[commit_id] = Commit(commit_id, commit.tree, commit.commit_time)
                    if len(commits) > MAX_COMMITS:
                        raise LimitExceeded("commits of one repository", limit=MAX_COMMITS)
                if taken < history:
                    waiting += self._object(commit_id).parents
        return sorted(commits.values(), key=lambda commit: (-commit.seconds, commit.id))

    def tags(self) -> list[Tag]:
        """The annotated tags by which GTO registers versions, and of each stage the last assignment."""
        _, tags = self._references()
        stages: dict[tuple[str, str], Tag] = {}
        others: list[Tag] = []
        for tag in tags:
            parsed = gto_tag(tag.name)
            if parsed is None or parsed.stage is None:
                others.append(tag)
                continue
            place = parsed.artifact, parsed.stage
            before = gto_tag(stages[place].name) if place in stages else None
            if before is None or before.count <= parsed.count:
                stages[place] = tag
        return [*others, *stages.values()]

    def files(self, commit: Commit) -> list[Blob]:
        """The files of interest, in order. Raises LimitExceeded, Malformed."""
        return list(self._below(commit.tree, "", 0, [10 * MAX_FILES]))

    def content(self, blob_id: bytes) -> bytes:
        """The bytes of a file. Raises LimitExceeded, Malformed."""
        return bytes(self._object(blob_id, most=MAX_BLOB_BYTES).as_raw_string())

    def _references(self) -> tuple[list[bytes], list[Tag]]:
        heads: dict[bytes, None] = {}
        tags: list[Tag] = []
        try:
            references = self._repo.get_refs()
        except (OSError, ValueError, KeyError) as error:
            raise Malformed(f"references that cannot be read: {error}") from None
        if len(references) > MAX_REFERENCES:
            raise LimitExceeded("references of one repository", limit=MAX_REFERENCES, found=len(references))
        for name, target in sorted(references.items()):
            if not name.startswith((HEADS, REMOTES, TAGS)) and name != b"HEAD":
                continue
            pointed, annotated = target, None
            while (thing := self._object(pointed)).type_name == b"tag":
                annotated, pointed = annotated or pointed, thing.object[1]
            if thing.type_name != b"commit":
                continue
            heads[pointed] = None
            if annotated is not None:
                tags.append(Tag(name.removeprefix(TAGS).decode("utf-8", "replace"), annotated, pointed))
        return list(heads), tags

    def _below(self, tree: bytes, path: str, level: int, rest: list[int]) -> Iterator[Blob]:
        if level > MAX_LEVELS:
            raise LimitExceeded("levels of directories", limit=MAX_LEVELS)
        for name, mode, entry in self._object(tree).iteritems():
            rest[0] -= 1
            if rest[0] < 0:
                raise LimitExceeded("files of one commit", limit=10 * MAX_FILES)
            text = name.decode("utf-8", "surrogateescape")
            place = f"{path}/{text}" if path else text
            if stat.S_ISDIR(mode):
                yield from self._below(entry, place, level + 1, rest)
            elif stat.S_ISREG(mode) and WANTED.fullmatch(text):
                declared = self._declared(entry)
                if declared.size <= MAX_BLOB_BYTES and declared.greatest <= MAX_OBJECT_BYTES:
                    yield Blob(place, entry, declared.size)

    def _object(self, object_id: bytes, *, most: int = MAX_OBJECT_BYTES) -> Any:
        declared = self._declared(object_id)
        if declared.size > most or declared.greatest > MAX_OBJECT_BYTES:
            raise LimitExceeded("bytes of an object of the repository", limit=most, found=max(declared))
        try:
            return self._repo.object_store[object_id]
        except Exception as error:  # noqa: BLE001 - whatever a broken pack makes the library raise
            raise Malformed(f"an object that cannot be read: {type(error).__name__}") from None

    def _declared(self, object_id: bytes) -> Declared:
        store = self._repo.object_store
        for pack in store.packs:
            try:
                offset = pack.index.object_offset(object_id)
            except KeyError:
                continue
            return packed_size(Path(pack.data.path), offset)
        name = object_id.decode("ascii")
        loose = Path(store.path) / name[:2] / name[2:]
        try:
            return loose_size(loose)
        except FileNotFoundError:
            raise Malformed(f"the repository lacks its object {name[:12]}") from None
