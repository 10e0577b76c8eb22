"""What can be wrong with sealed values and their keys."""

from __future__ import annotations

from catalog.errors import ModeldexError, UserError


class KeyMissing(ModeldexError):
    """A key that is needed is not here: nothing is written without it, and what it sealed stays as it is."""

    http_status = 503

    def __init__(self, key: str, *, reason: str = "is not here", advice: str = "") -> None:
        super().__init__(f"unreadable: key {key} {reason}" + (f". {advice}" if advice else ""))
        self.key = key
        self.sentence = f"unreadable: key {key} {reason}"


class SealBroken(ModeldexError, ValueError):
    """Sealed bytes that are not what was written at this place: changed, or moved here from elsewhere. Damage as any other."""

    def __init__(self, what: str = "a sealed value") -> None:
        super().__init__(f"{what} is not what was sealed there: it was changed, or moved from elsewhere.")


class KeyUnusable(UserError):
    """Something that should be a key, or a file of keys, and is none. Its text holds nothing of the key."""
