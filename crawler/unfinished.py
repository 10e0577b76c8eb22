"""Names of what is no model in any storage: files that are being written, and what other programs keep for themselves."""

from __future__ import annotations

import re
from collections.abc import Sequence

TRASH = ".modeldex-trash"
"""The directory of each source into which retention moves what goes."""
SKIPPED_DIRECTORIES = frozenset(
    {
        TRASH,
        ".hg",
        ".svn",
        ".locks",
        "__pycache__",
        ".ipynb_checkpoints",
        ".Trash",
        ".snapshot",
        ".Trashes",
        "$RECYCLE.BIN",
        "#recycle",
        "@Recycle",
        "@eaDir",
        "#snapshot",
        "~snapshot",
        ".snapshots",
        ".zfs",
        ".stversions",
        "System Volume Information",
        "lost+found",
        "._____temp",
    }
)
_TRASH_OF_A_USER = re.compile(r"\.Trash-\d{1,10}")
"""Source: freedesktop.org, the trash specification (`$topdir/.Trash-$uid`); Synology and QNAP (`#recycle`, `@Recycle`,
`@eaDir`), NetApp, ZFS and snapper for snapshots, Syncthing for `.stversions`."""
OF_ANOTHER_PROGRAM = "what another program keeps for itself"
"""Why such a directory is left out, and what git keeps beside its references."""
GIT = ".git"
GIT_REFERENCES = re.compile(r"HEAD|packed-refs|refs|refs/(?:heads|tags)(?:/.+)?")
"""What is listed below `.git`: what its commits are called. Its objects may be many and say nothing of models."""

UNFINISHED_SUFFIXES = (
    ".part", ".partial", ".tmp", ".incomplete", ".crdownload", ".aria2", ".filepart", ".download", ".opdownload", ".gstmp", ".!qB", ".!ut",
    ".bc!", ".xltd", ".downloading", ".downloadInProgress",
)  # fmt: skip
UNFINISHED_PREFIXES = (".nfs", "._", ".~lock")
_WHILE_DOWNLOADED = re.compile(r"sha256-[0-9a-f]{64}-partial(?:-\d+)?")
"""Source: ollama/ollama server/download.go (`-partial`); suffixes of ggml-org/llama.cpp common/download.cpp and
invoke-ai/InvokeAI services/download; the directory of modelscope/modelscope utils/constant.py (`TEMPORARY_FOLDER_NAME`)."""
_WHILE_COPIED = re.compile(
    r"\.[^/]+\.[A-Za-z0-9]{1,16}\.(?=[a-z0-9]*[A-Z])(?=[A-Z0-9]*[a-z])[A-Za-z0-9]{6}"
    r"|[^/]+\.[A-Za-z][A-Za-z0-9]{0,15}\.(?=[0-9a-f]*[A-F])(?=[0-9A-Fa-f]*[0-9])[0-9A-Fa-f]{8}"
)
"""Names that a file has until all of it is there. Source: WayneD/rsync receiver.c (`get_tmpname`); boto/s3transfer utils.py
(`random_file_extension`): a day behind a backup has no letter, and a commit behind a model no capital one. Random ones without
are one in ten."""
UNFINISHED = "an unfinished or temporary file"


def is_of_another_program(name: str) -> bool:
    """Whether a directory of this name is what another program keeps for itself: caches, trash, snapshots of the rest."""
    return name in SKIPPED_DIRECTORIES or _TRASH_OF_A_USER.fullmatch(name) is not None


def are_of_another_program(names: Sequence[str]) -> bool:
    """Whether any of the directories is."""
    return not SKIPPED_DIRECTORIES.isdisjoint(names) or any(
        name.startswith(".Trash-") and is_of_another_program(name) for name in names
    )


def is_unfinished(name: str) -> bool:
    """Whether the name of a file says that it is being written, or is only there while it is open."""
    return (
        name.endswith(UNFINISHED_SUFFIXES)
        or name.startswith(UNFINISHED_PREFIXES)
        or _WHILE_COPIED.fullmatch(name) is not None
        or _WHILE_DOWNLOADED.fullmatch(name) is not None
    )


def is_inside_git(key: str) -> bool:
    """Whether the key lies below `.git` and says nothing of models."""
    _, inside, reference = f"/{key}".rpartition(f"/{GIT}/")
    return bool(inside) and GIT_REFERENCES.fullmatch(reference) is None


def directory_of_another_program(key: str) -> str | None:
    """The directory around the key that another program keeps for itself; None where there is none, and for the trash."""
    parts = key.split("/")
    for depth, part in enumerate(parts[:-1], 1):
        if part == TRASH:
            return None
        if part == GIT or is_of_another_program(part):
            return "/".join(parts[:depth])
    return None
