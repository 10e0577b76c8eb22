"""The section of the cache of answers."""

from __future__ import annotations

from typing import ClassVar

from catalog.errors import UserError
from catalog.lazy_dataclasses import dataclass
from catalog.settings.sections import setting

SCHEMES = ("redis://", "rediss://", "unix://")
SHORTEST_SECRET = 16
MOST_SECONDS = 24 * 3600
MOST_VALUE_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheSettings:
    """A cache of answers that the servers of one catalog share."""

    SECTION: ClassVar[str] = "cache"

    url: str = setting(
        "",
        "Redis that keeps answers, as redis://:PASSWORD@host:6379/0 or rediss://; empty means none"
        " (pip install 'modeldex[redis]').",
        secret=True,
    )
    secret: str = setting(
        "",
        "What answers in the cache are sealed with; the same for all servers of one catalog, and no other's.",
        secret=True,
    )
    keep_seconds: int = setting(
        300,
        "How long an answer is kept; a change of the index ends it at once.",
        unit="seconds",
        most=MOST_SECONDS,
    )
    timeout_seconds: float = setting(
        0.05,
        "Longest wait for the cache in all; then the answer is made.",
        unit="seconds",
        least=0.001,
        most=10,
    )
    value_bytes: int = setting(
        1024 * 1024, "Longest answer that is kept.", unit="bytes", least=1024, most=MOST_VALUE_BYTES
    )

    def __post_init__(self) -> None:
        """Raises UserError for a cache that could not be asked, or whose answers could not be told from forged ones."""
        if not self.url:
            return
        if not self.url.startswith(SCHEMES):
            raise UserError(
                f"The setting cache.url must begin with {', '.join(SCHEMES[:-1])} or {SCHEMES[-1]}."
            )
        if len(self.secret) < SHORTEST_SECRET:
            raise UserError(
                f"The setting cache.url needs cache.secret, which has {SHORTEST_SECRET} characters or more.",
                advice="Give all servers of one catalog the same, as from: openssl rand -hex 32",
            )
