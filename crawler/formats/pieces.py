"""A file whose name says that it is the first piece of one that was cut by its size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalog.layouts.pieces import pieces_behind
from catalog.records import Reference

if TYPE_CHECKING:
    from crawler.extractor import Findings


def goes_on_in_pieces(findings: Findings, size_bytes: int, needed_bytes: int) -> bool:
    """Whether what is missing of the file is in the pieces behind it by their names: then they are its data."""
    pieces = pieces_behind(findings.file_name, size_bytes, needed_bytes)
    for name, least_bytes in pieces:
        findings.refers_to(Reference(name=name, relation="data", size_bytes=least_bytes))
    return bool(pieces)
