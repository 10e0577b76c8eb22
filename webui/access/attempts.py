"""How often somebody may try to sign in. Counted by each process for itself: with several, so many times as much."""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalog.text.folding import fold

if TYPE_CHECKING:
    from limits import RateLimitItem

FROM_ONE_ADDRESS = "30 per minute"
FOR_ONE_NAME_FROM_ONE_ADDRESS = "5 per minute"
FOR_ONE_NAME = "100 per hour"
"""From wherever: more than a person mistypes, few enough that a password of twelve characters is never guessed."""


class Attempts:
    """Wrong attempts of the last minute and hour; right ones do not count."""

    def __init__(self) -> None:
        from limits import parse  # noqa: PLC0415 - 0.2 s that only a server with users pays
        from limits.storage import MemoryStorage  # noqa: PLC0415
        from limits.strategies import MovingWindowRateLimiter  # noqa: PLC0415

        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._address = parse(FROM_ONE_ADDRESS)
        self._pair = parse(FOR_ONE_NAME_FROM_ONE_ADDRESS)
        self._name = parse(FOR_ONE_NAME)

    def may_try(self, name: str, address: str, *, is_shared: bool) -> bool:
        """Whether one more may be tried; `is_shared` is an address of a proxy, behind which many sit."""
        return all(
            self._limiter.test(limit, *keys)
            for limit, keys in self._counted(name, address, is_shared=is_shared)
        )

    def note(self, name: str, address: str, *, is_shared: bool) -> None:
        """A wrong attempt."""
        for limit, keys in self._counted(name, address, is_shared=is_shared):
            self._limiter.hit(limit, *keys)

    def _counted(
        self, name: str, address: str, *, is_shared: bool
    ) -> list[tuple[RateLimitItem, tuple[str, ...]]]:
        folded = fold(name)[:100]
        counted: list[tuple[RateLimitItem, tuple[str, ...]]] = [
            (self._pair, ("pair", folded, address)),
            (self._name, ("name", folded)),
        ]
        return counted if is_shared else [*counted, (self._address, ("address", address))]
