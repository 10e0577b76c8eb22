"""Who edits, in which one go, and what of the catalog is theirs to see and to change."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from catalog.lazy_dataclasses import dataclass, field
from catalog.records import Document

__all__ = ["Authorship", "new_batch"]


def new_batch() -> str:
    """The name of what is changed in one go: 12 hexadecimal digits."""
    return secrets.token_hex(6)


def _everything(_document: Document) -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorship:
    """Of whom an edit is, and under which name it can be taken back. Without more said, of somebody who may all.

    `may_edit` is asked of what is changed, which may be another revision than its author has read. `sees` is None for who
    sees everything: then no document is read to find out.
    """

    made_by: str
    batch: str = field(default_factory=new_batch)
    may_edit: Callable[[Document], bool] = _everything
    sees: Callable[[Document], bool] | None = None

    def is_shown(self, document: Document) -> bool:
        """Whether there is the model of this document for the author."""
        return self.sees is None or self.sees(document)
