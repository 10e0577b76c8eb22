"""How often somebody may try to sign in. Counted by each process for itself: with several, so many times as much."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

from catalog.text.folding import fold

if TYPE_CHECKING:
    from flask import Flask
    from limits import RateLimitItem

FROM_ONE_ADDRESS = "30 per minute"
FOR_ONE_NAME_FROM_ONE_ADDRESS = "5 per minute"
FOR_ONE_NAME = "100 per hour"
"""From wherever: more than a person mistypes, few enough that a password of twelve characters is never guessed."""
TOLD_OF_ONE_ADDRESS = "10 per minute"
"""Lines of the audit about refusals: the others of that minute are more of the same."""
EXTENSION = "modeldex-attempts"


class Attempts:
    """Attempts of the last minute and hour. They count before a password is looked at, or many at once would all be let in."""

    def __init__(self) -> None:
        from limits import parse  # noqa: PLC0415 - 0.2 s that only a server with users pays
        from limits.storage import MemoryStorage  # noqa: PLC0415
        from limits.strategies import MovingWindowRateLimiter  # noqa: PLC0415

        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._address = parse(FROM_ONE_ADDRESS)
        self._pair = parse(FOR_ONE_NAME_FROM_ONE_ADDRESS)
        self._name = parse(FOR_ONE_NAME)
        self._told = parse(TOLD_OF_ONE_ADDRESS)
        self._turn = Lock()

    def take(self, name: str, address: str, *, is_shared: bool) -> bool:
        """Whether one more may be tried, which counts; `is_shared` is an address of a proxy, behind which many sit."""
        counted = self._counted(name, address, is_shared=is_shared)
        with self._turn:
            is_free = all(self._limiter.test(limit, *keys) for limit, keys in counted)
            if is_free:
                for limit, keys in counted:
                    self._limiter.hit(limit, *keys)
        return is_free

    def is_told(self, address: str) -> bool:
        """Whether the audit is to have a line about one more refusal, which counts."""
        return self._limiter.hit(self._told, "told", address)

    def forgive(self, name: str, address: str) -> None:
        """After a right password: what was mistyped before it from this address, in this minute."""
        self._limiter.clear(self._pair, *self._pair_keys(name, address))

    def _counted(
        self, name: str, address: str, *, is_shared: bool
    ) -> list[tuple[RateLimitItem, tuple[str, ...]]]:
        counted: list[tuple[RateLimitItem, tuple[str, ...]]] = [
            (self._pair, self._pair_keys(name, address)),
            (self._name, ("name", fold(name)[:100])),
        ]
        return counted if is_shared else [*counted, (self._address, ("address", address))]

    def _pair_keys(self, name: str, address: str) -> tuple[str, ...]:
        return "pair", fold(name)[:100], address


def attempts_of(app: Flask) -> Attempts:
    """Those that this application counts."""
    if EXTENSION not in app.extensions:
        # Of two that are made at the same time the first one stays: else its counts would be lost.
        app.extensions.setdefault(EXTENSION, Attempts())
    attempts: Attempts = app.extensions[EXTENSION]
    return attempts
