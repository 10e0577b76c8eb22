"""What counts of one directory when a source is split into neighbourhoods. Needs no database."""

from __future__ import annotations

from typing import NamedTuple

from catalog.lazy_dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """The files that lie directly in a directory, as far as they say something about models, and how much is below.

    `lends`: weights, a model's configuration, an index or a sidecar, so that what lies below may belong to the same model.
    `has_context`: something that speaks for a model below if there is but one. `has_model`: weights of which grouping
    surely makes a model. `marks` and `folders` are names by which a directory that is one model is known. `files_below` and
    `models_below` are in sub-directories, the latter at least so many. `names` are those of its files, None: not noted.
    """

    path: str
    files: int = 0
    lends: bool = False
    has_context: bool = False
    has_model: bool = False
    marks: frozenset[str] = frozenset()
    folders: frozenset[str] = frozenset()
    files_below: int = 0
    models_below: int = 0
    names: tuple[str, ...] | None = None

    @property
    def all_files(self) -> int:
        return self.files + self.files_below


class Tie(NamedTuple):
    """A name by which files find files elsewhere: a file names it (`is_named`), or is what others name by it."""

    name: str
    is_named: bool = True


SHA256 = "sha256:"
IDENTITY = "identity:"
"""In front of the hash, or of the identity, of the bytes that a tie names: whichever objects have them are meant."""
PATH = "path:"
DIRECTORY = "dir:"


def target_of(tie: str) -> str | None:
    """The directory in which a tie names something, whether or not it is there; None if it says nothing of places."""
    if tie.startswith(PATH):
        return tie.removeprefix(PATH).rpartition("/")[0]
    return tie.removeprefix(DIRECTORY) if tie.startswith(DIRECTORY) else None


def ties_of_bytes(sha256: str | None, identity: str | None) -> set[str]:
    """The ties by which an object is found that has this hash and this identity."""
    ties = {f"{SHA256}{sha256}"} if sha256 else set()
    return ties | {f"{IDENTITY}{identity}"} if identity else ties
