"""Packages of Python that hold a pipeline: each directory above it has a copy of the pipeline's `meta.json`.

Source: explosion/spaCy spacy/cli/package.py (`NAME-VERSION/NAME/NAME-VERSION/`, of which pip installs the last two).
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from catalog.records import Member, Role
from crawler.grouping.draft import directory_of

_READER = "spacy"
"""The extractor that reads what a pipeline says of itself."""


def directories_of_packages(members: Sequence[Member]) -> set[str]:
    """The directories of which a sub-directory says the same of a pipeline once more: it lies there."""
    speaking = {directory_of(member.object.key) for member in members if _tells_of_pipeline(member)}
    return {directory_of(directory) for directory in speaking if directory} & speaking


def role_of_copy(member: Member, packages: AbstractSet[str]) -> Role | None:
    """What stands above a pipeline as a copy is about it, and is none."""
    is_copy = _tells_of_pipeline(member) and directory_of(member.object.key) in packages
    return Role.CONFIG if is_copy else None


def _tells_of_pipeline(member: Member) -> bool:
    extraction = member.extraction
    return extraction is not None and extraction.extractor == _READER and extraction.role is Role.INDEX
