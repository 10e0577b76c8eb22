"""The commit that a working tree is at, read from the files of its repository: git need not be installed.

Source: git, Documentation/gitrepository-layout.adoc (HEAD, refs, packed-refs, commondir) and gitfiles.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

MAX_BYTES = 16 * 1024 * 1024
"""packed-refs of a repository with 100,000 branches has 8 MB."""
MAX_LINKS = 5

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def code_version(start: str | os.PathLike[str] | None = None) -> str | None:
    """The commit checked out around `start`, by default around the current directory; None outside of a repository.

    What was changed since that commit is not seen.
    """
    try:
        here = Path.cwd() if start is None else Path(start).resolve()
        for directory in (here, *here.parents):
            if (repository := _repository(directory / ".git")) is not None:
                return _commit(repository)
    except (OSError, ValueError):  # no right to look is no reason for a job to fail
        return None
    return None


def _repository(git: Path) -> Path | None:
    """The directory of the repository: `.git` itself, or where a worktree's or submodule's file of that name points."""
    if git.is_dir():
        return git if (git / "HEAD").is_file() else None
    if git.is_file() and (text := _text(git)).startswith("gitdir:"):
        return git.parent / text.removeprefix("gitdir:").strip()
    return None


def _commit(repository: Path) -> str | None:
    common = (
        repository / _text(repository / "commondir") if (repository / "commondir").is_file() else repository
    )
    reference = _text(repository / "HEAD")
    for _ in range(MAX_LINKS):
        if not reference.startswith("ref:"):
            return reference if _COMMIT.fullmatch(reference) else None
        name = reference.removeprefix("ref:").strip()
        if ".." in name.split("/") or name.startswith("/"):
            return None
        loose = next((place / name for place in (repository, common) if (place / name).is_file()), None)
        if loose is None:
            return _packed(common / "packed-refs", name)
        reference = _text(loose)
    return None


def _packed(packed: Path, name: str) -> str | None:
    if not packed.is_file():
        return None
    for line in _text(packed).splitlines():
        commit, _, reference = line.partition(" ")
        if reference == name and _COMMIT.fullmatch(commit):
            return commit
    return None


def _text(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(MAX_BYTES).decode("utf-8", "replace").strip()
