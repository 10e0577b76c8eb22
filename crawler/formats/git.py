"""References of a Git repository as files: HEAD, packed-refs, refs/; and the tags by which GTO registers models.

Source: https://git-scm.com/docs/gitrepository-layout and git-pack-refs; iterative/gto, gto/tag.py (names of tags).
"""

from __future__ import annotations

from collections.abc import Iterator

from catalog.lazy_dataclasses import dataclass
from catalog.text.patterns import pattern

MAX_LEVELS = 16

REFERENCE = pattern(
    r"^(?P<repository>(?:[^/]+/)*)\.git/(?P<name>HEAD|packed-refs|refs/(?:heads|tags)/(?P<short>.+))$"
)
"""The files of a repository that say what its commits are called. Objects are not read."""

OBJECT_ID = pattern(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_GTO = pattern(
    r"(?P<artifact>[^@#\s]+)(?:@(?P<version>v?\d[\w.+-]*)|#(?P<stage>[A-Za-z][\w-]*))(?P<removed>!)?(?:#(?P<count>\d{1,9}))?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """One line of packed-refs. `commit` is what an annotated tag points to, None for anything else."""

    name: str
    object_id: str
    commit: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GtoTag:
    """A registered version of an artifact, or its assignment to a stage; `removed` takes it back."""

    artifact: str
    version: str | None
    stage: str | None
    removed: bool
    count: int


def repositories(key: str) -> tuple[str, ...]:
    """Ids of the repositories that the file at `key` may belong to: one for every directory above it."""
    return tuple(f"git:{directory}" for directory in _above(key))


def artifacts(key: str, name: str) -> tuple[str, ...]:
    """Ids of the artifact `name` that a dvc.yaml at `key` declares: GTO puts the directory inside its repository first."""
    folder = key.rpartition("/")[0]
    ids = []
    for directory in _above(key):
        inside = folder[len(directory) :].strip("/")
        ids.append(f"gto:{directory}:{inside}={name}" if inside else f"gto:{directory}:{name}")
    return tuple(ids)


def _above(key: str) -> Iterator[str]:
    directory = key.rpartition("/")[0]
    for _ in range(MAX_LEVELS):
        yield directory
        if not directory:
            return
        directory = directory.rpartition("/")[0]


def packed_references(text: str) -> Iterator[Reference]:
    """The references of a packed-refs file; lines that are none are skipped."""
    waiting: tuple[str, str] | None = None
    for line in text.splitlines():
        if line.startswith("^") and waiting is not None:
            yield Reference(name=waiting[1], object_id=waiting[0], commit=line[1:].strip())
            waiting = None
            continue
        if waiting is not None:
            yield Reference(name=waiting[1], object_id=waiting[0], commit=None)
            waiting = None
        object_id, _, name = line.partition(" ")
        if OBJECT_ID.fullmatch(object_id) and name:
            waiting = object_id, name.strip()
    if waiting is not None:
        yield Reference(name=waiting[1], object_id=waiting[0], commit=None)


def gto_tag(name: str) -> GtoTag | None:
    """What GTO means by a tag; None for any other tag."""
    match = _GTO.fullmatch(name)
    if match is None:
        return None
    return GtoTag(
        artifact=match["artifact"],
        version=match["version"],
        stage=match["stage"],
        removed=bool(match["removed"]),
        count=int(match["count"] or 0),
    )
