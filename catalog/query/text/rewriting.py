"""A text with sentences as conditions, and where each piece of it came from."""

from __future__ import annotations

from typing import TypeAlias

from catalog.lazy_dataclasses import dataclass, replace
from catalog.query.text.tokens import Token


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewriting:
    """The text with sentences as conditions. Segments say where each piece of it came from, in order.

    A segment is (new start, new end, old start, old end, rewritten). `unread` is where the words begin that no rule has
    looked at, 0 where there are none.
    """

    text: str
    segments: tuple[tuple[int, int, int, int, bool], ...] = ()
    changed: bool = False
    unread: int = 0

    @property
    def spans(self) -> list[tuple[int, int]]:
        """The typed spans that were read as sentences."""
        return [(old, old_end) for _, _, old, old_end, rewritten in self.segments if rewritten]

    def placed(self, token: Token) -> Token:
        """The token with its places in the text that was typed."""
        values = tuple(
            replace(piece, start=self._old(piece.start, end=False), end=self._old(piece.end, end=True))
            for piece in token.values
        )
        return replace(
            token,
            start=self._old(token.start, end=False),
            end=self._old(token.end, end=True),
            name_end=self._old(token.name_end, end=True) if token.name_end else 0,
            values=values,
        )

    def _old(self, place: int, *, end: bool) -> int:
        for new, new_end, old, old_end, rewritten in self.segments:
            inside = new < place <= new_end if end else new <= place < new_end
            if inside:
                if rewritten:
                    return old_end if end else old
                return old + place - new
        return self.segments[-1][3] if self.segments else place


RewrittenPiece: TypeAlias = tuple[int, int, str | None]
"""An old span, and the new text, or None for as it is."""


def assembled(text: str, pieces: list[RewrittenPiece]) -> Rewriting:
    parts: list[str] = []
    segments = []
    at = 0
    for start, end, new in pieces:
        part = text[start:end] if new is None else new
        segments.append((at, at + len(part), start, end, new is not None))
        parts.append(part)
        at += len(part) + 1
    return Rewriting(text=" ".join(parts), segments=tuple(segments), changed=True)
