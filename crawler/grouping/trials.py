"""Directories of trials: what a tuner writes beside the checkpoints that it tried.

Source: ray-project/ray python/ray/tune/logger/json.py (`params.json`, `params.pkl`, `result.json`), logger/csv.py (`progress.csv`).
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from catalog.records import Member, Role, Severity
from crawler.grouping.draft import directory_of, name_of

SETTINGS = "params.pkl"
"""The settings of a trial, pickled."""
_READER = "ray-tune"
"""The extractor that reads reports of trials, and nothing else."""


def directories_of_trials(members: Sequence[Member]) -> set[str]:
    """The directories with the reports of a trial."""
    return {
        directory_of(member.object.key)
        for member in members
        if member.extraction is not None
        and member.extraction.extractor == _READER
        and member.extraction.role is Role.RUN
    }


def role_of_settings(member: Member, trials: AbstractSet[str]) -> Role | None:
    """The pickled settings of a trial are no model; what would run something, or may, is shown all the same."""
    directory, extraction = directory_of(member.object.key), member.extraction
    if directory not in trials or name_of(member.object.key) != SETTINGS or extraction is None:
        return None
    return None if any(risk.severity >= Severity.MEDIUM for risk in extraction.risks) else Role.RUN
