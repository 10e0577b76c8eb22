"""What may be set for one MLflow server."""

from __future__ import annotations

from catalog.lazy_dataclasses import dataclass
from catalog.settings.sections import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class MlflowOptions:
    """How a server is asked, and how much. A token comes before a name with a password."""

    token: str = setting("", "The token that the server takes as a bearer.", secret=True)
    username: str = setting("", "Name of the user who asks, where the server knows users.", secret=True)
    password: str = setting("", "The password of that user.", secret=True)
    ca_file: str = setting(
        "", "File (PEM) of the certificates that the server's own is signed with; empty means the system's."
    )
    runs: bool = setting(
        default=True, help_text="Whether runs and logged models are read, beside registered models."
    )
    concurrency: int = setting(4, "Entries asked for at once.", most=64)
    attempts: int = setting(4, "How often a question is asked, with growing pauses between.", most=20)
    read_seconds: float = setting(
        30.0, "Longest wait for the next bytes of an answer.", unit="seconds", least=0.1, most=3600
    )
    requests_per_second: float = setting(
        0.0, "Most questions a second; 0 means as many as the server answers.", least=0
    )
    requests_per_run: int = setting(
        0, "Most questions of one crawl, which ends then; 0 means any number.", least=0
    )
    bytes_per_run: int = setting(
        0, "Most bytes of answers to one crawl; 0 means any number.", unit="bytes", least=0
    )
    seconds_per_run: float = setting(
        0.0, "Longest time that one crawl asks; 0 means any.", unit="seconds", least=0
    )
