"""Commits of a repository and the files of theirs that say something of models, read from its objects: nothing is checked out.

Only dulwich is used, never the command `git`, which would do what a repository's own configuration says.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from catalog.errors import LimitExceeded, Malformed, ObjectUnreadable, PluginUnavailable
from catalog.lazy_dataclasses import dataclass, replace
from crawler.formats.git import gto_tag
from crawler.git_objects.objects import Bounds, Objects

MAX_REFERENCES = 20_000
MAX_FILES = 20_000
"""Of one commit that are of interest."""
MAX_ENTRIES = 2_000_000
"""Of all directories of all commits that are read, and files of interest below them; directories that are equal count once."""
MAX_PARENTS = 500
"""Of one commit; and no more commits than that are read before one."""
MAX_LEVELS = 40
MAX_BLOB_BYTES = 1024 * 1024
MAX_OBJECT_BYTES = 16 * 1024 * 1024
"""Of a tree, commit or tag, and of what a blob is a delta of."""
MAX_POINTER_BYTES = 4096
"""Of a file that says where the repository is."""
WANTED = re.compile(
    r"(?:.*\.dvc|dvc\.(?:yaml|lock)|.*\.(?:json|ya?ml|toml)|README\.md)", re.IGNORECASE | re.DOTALL
)
NAMING = re.compile(r"(?:.*\.dvc|dvc\.(?:yaml|lock))", re.IGNORECASE | re.DOTALL)
"""Files that name objects of a remote: without one of them, an object would seem to be named by nobody."""
HEADS, REMOTES, TAGS = b"refs/heads/", b"refs/remotes/", b"refs/tags/"


@dataclass(frozen=True, slots=True)
class Blob:
    """A file of a commit: its path, the hash of its content, its length. One that `is_too_large` is not read."""

    path: str
    id: bytes
    size_bytes: int
    is_too_large: bool = False


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
    """A repository in a directory, bare or beside its files.

    `outside` are other directories that it may lie in, or borrow objects from; what leads elsewhere is refused. `remotes`
    says whether the branches of remotes, as the last fetch left them, are branches.
    """

    def __init__(self, root: Path, *, outside: Sequence[str] = (), remotes: bool = False) -> None:
        try:
            from dulwich.errors import NotGitRepository  # noqa: PLC0415 - an extra, and a second to import
            from dulwich.repo import Repo  # noqa: PLC0415
        except ImportError as error:
            reason = "dulwich is not installed; pip install 'modeldex[git]'"
            raise PluginUnavailable("source", "git+file", reason) from error
        bounds = Bounds(root, outside)
        try:
            _check_place(root, bounds)
            self._repo: Any = Repo(str(root))  # which types its hashes apart from other bytes
        except (NotGitRepository, OSError, ValueError) as error:
            raise ObjectUnreadable(str(root), "it is no Git repository") from error
        try:
            for place in (self._repo.controldir(), self._repo.commondir()):
                bounds.inside(Path(place))
            self._objects = Objects(self._repo.object_store, bounds)
        except BaseException:
            self._repo.close()
            raise
        self._prefixes = (HEADS, REMOTES, TAGS) if remotes else (HEADS, TAGS)
        self._commits: dict[bytes, tuple[Commit, Sequence[bytes]]] = {}
        self._trees: dict[bytes, tuple[Blob, ...]] = {}
        self._rest = MAX_ENTRIES

    def close(self) -> None:
        self._objects.close()
        self._repo.close()

    def commits(self, history: int, most: int) -> tuple[list[Commit], bool]:
        """Those that branches and tags name, and up to `history` of those before each, newest first; and whether that is all:
        of more than `most` those that the newest branches and tags name are kept. Where a clone is shallow, it ends.

        Raises LimitExceeded, Malformed: what is left out would seem to be named by nobody.
        """
        heads, _ = self._references()
        heads.sort(key=lambda head: (-self._commit(head)[0].seconds, head))
        shallow = self._shallow()
        commits: dict[bytes, Commit] = {}
        is_whole = True
        for reach in dict.fromkeys((1, history)):  # what is named goes before what came before it
            for head in heads:
                for commit in self._walk(head, reach, shallow):
                    if commit.id not in commits and len(commits) >= most:
                        is_whole = False
                        break
                    commits[commit.id] = commit
        return sorted(commits.values(), key=lambda commit: (-commit.seconds, commit.id)), is_whole

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
        return list(self._below(commit.tree, 0))

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
            if not name.startswith(self._prefixes) and name != b"HEAD":
                continue
            pointed, annotated = target, None
            while (git_object := self._object(pointed)).type_name == b"tag":
                annotated, pointed = annotated or pointed, git_object.object[1]
            if git_object.type_name != b"commit":
                continue
            heads[pointed] = None
            if annotated is not None:
                tags.append(Tag(name.removeprefix(TAGS).decode("utf-8", "replace"), annotated, pointed))
        return list(heads), tags

    def _walk(self, head: bytes, reach: int, shallow: frozenset[bytes]) -> list[Commit]:
        waiting, taken = [head], dict[bytes, Commit]()
        while waiting and len(taken) < reach:
            commit_id = waiting.pop(0)
            if commit_id in taken:
                continue
            taken[commit_id], parents = self._commit(commit_id)
            if commit_id not in shallow and len(taken) < reach:
                waiting += parents
        return list(taken.values())

    def _commit(self, commit_id: bytes) -> tuple[Commit, Sequence[bytes]]:
        if commit_id not in self._commits:
            commit = self._object(commit_id)
            self._commits[commit_id] = (
                Commit(commit_id, commit.tree, commit.commit_time),
                commit.parents[:MAX_PARENTS],
            )
        return self._commits[commit_id]

    def _shallow(self) -> frozenset[bytes]:
        try:
            return frozenset(self._repo.get_shallow())
        except (OSError, ValueError) as error:
            raise Malformed(f"a list of where a shallow clone ends that cannot be read: {error}") from None

    def _below(self, tree: bytes, level: int) -> tuple[Blob, ...]:
        """The files of interest below a directory, their paths from there; those of one that was looked at are known."""
        if level > MAX_LEVELS:
            raise LimitExceeded("levels of directories", limit=MAX_LEVELS)
        if tree in self._trees:
            return self._trees[tree]
        blobs: list[Blob] = []
        for name, mode, entry in self._object(tree).iteritems():
            self._rest -= 1
            if self._rest < 0:
                raise LimitExceeded("entries of directories of one repository", limit=MAX_ENTRIES)
            text = name.decode("utf-8", "surrogateescape")
            if stat.S_ISDIR(mode):
                below = self._below(entry, level + 1)
                self._rest -= len(below)
                blobs += [replace(blob, path=f"{text}/{blob.path}") for blob in below]
            elif stat.S_ISREG(mode) and WANTED.fullmatch(text):
                declared = self._objects.declared(entry)
                is_too_large = declared.size > MAX_BLOB_BYTES or declared.greatest > MAX_OBJECT_BYTES
                if not is_too_large or NAMING.fullmatch(text):
                    blobs.append(Blob(text, entry, declared.size, is_too_large))
            if len(blobs) > MAX_FILES:
                raise LimitExceeded("files of interest of one commit", limit=MAX_FILES)
        self._trees[tree] = tuple(blobs)
        return self._trees[tree]

    def _object(self, object_id: bytes, *, most: int = MAX_OBJECT_BYTES) -> Any:
        from dulwich.objects import ShaFile  # noqa: PLC0415 - an extra, and a second to import

        kind, data = self._objects.read(object_id, most, MAX_OBJECT_BYTES)
        try:
            git_object = ShaFile.from_raw_string(kind, data)
            git_object.id  # noqa: B018 - which reads it
        except Exception as error:  # noqa: BLE001 - whatever a broken object makes the library raise
            raise Malformed(f"an object that cannot be read: {type(error).__name__}") from None
        return git_object


def _check_place(root: Path, bounds: Bounds) -> None:
    """Raises ObjectUnreadable where a `.git` file, a link or a worktree leads out of the bounds."""
    place = bounds.inside(root / ".git")
    if place.is_file():
        line = _content(place)
        if not line.startswith(b"gitdir: "):
            raise ObjectUnreadable(str(root), "it is no Git repository")
        place = bounds.inside(root / line.removeprefix(b"gitdir: ").decode("utf-8", "surrogateescape"))
    elif not place.is_dir():
        place = root
    if (place / "commondir").is_file():
        common = _content(bounds.inside(place / "commondir"))
        bounds.inside(place / common.decode("utf-8", "surrogateescape"))


def _content(path: Path) -> bytes:
    with path.open("rb") as file:
        data = file.read(MAX_POINTER_BYTES + 1)
    if len(data) > MAX_POINTER_BYTES:
        raise LimitExceeded("bytes of a file that says where a repository is", limit=MAX_POINTER_BYTES)
    return data.rstrip(b"\r\n")
