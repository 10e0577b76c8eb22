"""What may be set for one source of TI-ONE."""

from __future__ import annotations

from catalog.lazy_dataclasses import dataclass
from catalog.settings.sections import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class TioneOptions:
    """How TI-ONE is asked, and for what."""

    secret_id: str = setting("", "SecretId of the sub-user who may read.", secret=True)
    secret_key: str = setting("", "SecretKey of that sub-user.", secret=True)
    endpoint: str = setting(
        "", "Where it answers, as http://HOST:PORT, for a proxy; empty means Tencent Cloud's own address."
    )
    models: tuple[str, ...] = setting(
        (), "Ids of the registered models whose versions are read, as in m-12345."
    )
    requests_per_second: float = setting(
        10.0, "Most questions a second; Tencent Cloud takes 20.", least=0.1, most=20
    )
    requests_per_run: int = setting(
        20_000, "Most questions of one crawl, which ends then; 0 means any number.", least=0
    )
    attempts: int = setting(4, "How often a question is asked, with growing pauses between.", most=20)
    read_seconds: float = setting(30.0, "Longest wait for one answer.", unit="seconds", least=0.1, most=600)
