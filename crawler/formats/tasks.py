"""The task that names give away where only one of them is a task."""

from __future__ import annotations

from collections.abc import Iterable

from mappings.tasks import pipeline_tags


def only_one_named(names: Iterable[str]) -> str | None:
    """The one pipeline tag among the names; None if there is none, or more than one."""
    named = pipeline_tags().intersection(names)
    return next(iter(named)) if len(named) == 1 else None
