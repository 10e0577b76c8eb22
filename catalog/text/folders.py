"""The folders that a path lies in."""

from __future__ import annotations

MOST_FOLDERS = 8
"""The outermost ones of a path: what lies deeper is told apart by its models."""


def folders_of(path: str) -> list[str]:
    """`a/b/model.bin` lies in `a` and in `a/b`: the outermost first, at most MOST_FOLDERS."""
    parts = [part for part in path.split("/", MOST_FOLDERS + 1)[:-1] if part][:MOST_FOLDERS]
    return ["/".join(parts[:depth]) for depth in range(1, len(parts) + 1)]
