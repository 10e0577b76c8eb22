"""What may be set for buckets: for all of them in the section `[s3]`, for one of them as options of its source."""

from __future__ import annotations

from typing import ClassVar

from catalog.lazy_dataclasses import dataclass
from catalog.settings.sections import setting

ENDPOINT = (
    "Where the storage answers, as https://HOST:PORT; empty means what AWS's own settings say, else Amazon."
)
REGION = "Region of the buckets; empty means what AWS's own settings say."
STYLE = "How a bucket stands in an address: path, virtual, or auto (virtual at Amazon, path elsewhere)."
PROFILE = "Profile of AWS's own settings that gives the credentials."
ROLE = "ARN of a role to assume."
ANONYMOUS = "Ask without credentials, as public buckets allow it."
KEY_TEXT = "access key"
SECRET_TEXT = "secret key"  # noqa: S105 - what it is called
TOKEN_TEXT = "session token"  # noqa: S105 - what it is called
SSE_TEXT = "key of 32 bytes, or its base64, with which objects are encrypted (SSE-C)"


def _reference(what: str) -> str:
    return f"Where the {what} stands: env:NAME or file:PATH."


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Settings:
    """Buckets that speak S3: Amazon, MinIO, Ceph RGW, Tencent COS and others."""

    SECTION: ClassVar[str] = "s3"

    endpoint_url: str = setting("", ENDPOINT)
    region: str = setting("", REGION)
    addressing_style: str = setting("auto", STYLE)
    profile: str = setting("", PROFILE)
    role: str = setting("", ROLE)
    anonymous: bool = setting(default=False, help_text=ANONYMOUS)
    access_key: str = setting("", _reference(KEY_TEXT))
    secret_key: str = setting("", _reference(SECRET_TEXT))
    session_token: str = setting("", _reference(TOKEN_TEXT))
    sse_c_key: str = setting("", _reference(SSE_TEXT))
    concurrency: int = setting(16, "Objects read, and parts of a listing asked for, at once.", most=256)
    requests_per_second: float = setting(
        0.0, "Most requests a second; 0 means as many as the storage answers.", least=0
    )
    requests_per_run: int = setting(
        0,
        "Most requests of one crawl, which ends then and is continued by the next; 0 means any number.",
        least=0,
    )
    bytes_per_run: int = setting(
        0, "Most bytes that one crawl reads of objects; 0 means any number.", unit="bytes", least=0
    )
    seconds_per_run: float = setting(
        0.0, "Longest time that one crawl asks the storage; 0 means any.", unit="seconds", least=0
    )
    attempts: int = setting(5, "How often a request is tried, with growing pauses between.", most=50)
    connect_seconds: float = setting(
        10.0, "Longest wait for a connection.", unit="seconds", least=0.1, most=3600
    )
    read_seconds: float = setting(
        30.0, "Longest wait for the next bytes of an answer.", unit="seconds", least=0.1, most=3600
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Options:
    """What one source has of its own; what is not given here is as in the section `[s3]`."""

    endpoint_url: str = setting("", ENDPOINT)
    region: str = setting("", REGION)
    addressing_style: str = setting("", STYLE)
    profile: str = setting("", PROFILE)
    role: str = setting("", ROLE)
    anonymous: bool = setting(default=False, help_text=ANONYMOUS)
    access_key: str = setting("", f"The {KEY_TEXT}.", secret=True)
    secret_key: str = setting("", f"The {SECRET_TEXT}.", secret=True)
    session_token: str = setting("", f"The {TOKEN_TEXT}.", secret=True)
    sse_c_key: str = setting("", f"The {SSE_TEXT}.", secret=True)
    inventory: str = setting(
        "",
        "s3://BUCKET/KEY of the manifest.json of an inventory, or of the folder of all of them, to list from.",
    )
    concurrency: int = setting(0, "Objects read at once; 0 means as in [s3].", least=0, most=256)
    requests_per_second: float = setting(0.0, "Most requests a second; 0 means as in [s3].", least=0)
    requests_per_run: int = setting(0, "Most requests of one crawl; 0 means as in [s3].", least=0)
    bytes_per_run: int = setting(0, "Most bytes that one crawl reads; 0 means as in [s3].", least=0)
    seconds_per_run: float = setting(0.0, "Longest time of one crawl; 0 means as in [s3].", least=0)
    writable: bool = setting(default=False, help_text="Whether retention may move models into its trash.")
    deletable: bool = setting(
        default=False, help_text="Whether retention may delete models here for good, where a plan says so."
    )
