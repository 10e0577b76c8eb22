"""A client of boto3 as settings and options describe it."""

from __future__ import annotations

import base64
import binascii
import re
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from catalog.errors import UserError
from catalog.lazy_dataclasses import dataclass, fields, replace
from catalog.settings import Settings, referred
from crawler.buckets.pager import keep_listings
from crawler.buckets.settings import S3Options, S3Settings
from crawler.buckets.spending import Limits, Spending
from crawler.options import BY_REFERENCE, REFERENCE

STYLES = ("auto", "path", "virtual")
SECRETS = ("access_key", "secret_key", "session_token", "sse_c_key")
SSE_C_BYTES = 32
ANY_REGION = "us-east-1"
"""What storages that know no regions take. Source: boto3, MinIO and Ceph, which all sign with it by default."""


BUCKET_IN_HOST = (".myqcloud.com", ".tencentcos.cn", ".aliyuncs.com", ".volces.com")
"""Ends of names of hosts that take the bucket in no other place. Sources: cloud.tencent.com/document/product/436/37421;
alibabacloud.com/help/en/oss/developer-reference/use-amazon-s3-sdks-to-access-oss; volcengine.com/docs/6349/147050
"""
REGION_IN_HOST = re.compile(r"(?:^|\.)(?:cos|oss|tos-s3)[.-]([a-z]{2}-[a-z0-9-]+)\.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How buckets are reached: options of the source where they are given, else the section `[s3]`."""

    endpoint_url: str
    region: str
    addressing_style: str
    profile: str
    role: str
    anonymous: bool
    access_key: str
    secret_key: str
    session_token: str
    sse_c_key: str
    concurrency: int
    requests_per_second: float
    requests_per_run: int
    bytes_per_run: int
    seconds_per_run: float
    attempts: int
    connect_seconds: float
    read_seconds: float

    @property
    def limits(self) -> Limits:
        return Limits(
            requests=self.requests_per_run,
            bytes=self.bytes_per_run,
            seconds=self.seconds_per_run,
            requests_per_second=self.requests_per_second,
        )

    @property
    def style(self) -> str:
        """Where a bucket stands in an address; of `auto`, what the storage is known to take."""
        host = urlsplit(self.endpoint_url).hostname or ""
        is_known = self.addressing_style == "auto" and host.endswith(BUCKET_IN_HOST)
        return "virtual" if is_known else self.addressing_style

    @property
    def region_of_host(self) -> str | None:
        """What the endpoint says of its region."""
        match = REGION_IN_HOST.search(urlsplit(self.endpoint_url).hostname or "")
        return match[1] if match else None

    def of_bucket(self, bucket: str) -> Access:
        """With an endpoint that does not name the bucket: consoles show the address of a bucket with its name before it."""
        parts = urlsplit(self.endpoint_url)
        host = parts.netloc.removeprefix(f"{bucket}.")
        return (
            self
            if host == parts.netloc
            else replace(self, endpoint_url=urlunsplit(parts._replace(netloc=host)))
        )

    @property
    def encryption(self) -> dict[str, Any]:
        """What a request must say to read objects that are encrypted with the customer's key."""
        if not self.sse_c_key:
            return {}
        return {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": _sse_c_key(self.sse_c_key)}


def access_of(settings: Settings, options: S3Options) -> Access:
    """Both together. Raises UserError."""
    section = settings.section(S3Settings)
    values: dict[str, Any] = {}
    has_own_keys = bool(options.access_key or options.profile or options.anonymous)
    for row in fields(Access):
        own = getattr(options, row.name, None)
        shared: Any = getattr(section, row.name)
        if row.name in SECRETS:
            if has_own_keys and row.name != "sse_c_key":
                shared = ""  # half of one key and half of another are none
            shared = _looked_up(row.name, shared) if shared and not own else ""
        values[row.name] = own or shared
    access = Access(**values)
    if access.addressing_style not in STYLES:
        raise UserError(
            f"There is no addressing style {access.addressing_style!r}.",
            advice=f"Known are: {', '.join(STYLES)}.",
        )
    if bool(access.access_key) != bool(access.secret_key):
        raise UserError("access_key and secret_key are given together or not at all.")
    if access.endpoint_url and "://" not in access.endpoint_url:
        raise UserError(
            f"{access.endpoint_url!r} is no address of a storage.", advice="Write it as https://HOST:PORT."
        )
    if access.sse_c_key:
        _sse_c_key(access.sse_c_key)
    return access


def connect(access: Access, spending: Spending) -> Any:
    """A client whose every request, retries included, is counted. Threads may share it. Raises UserError, BotoCoreError."""
    import boto3  # noqa: PLC0415 - 0.3 s that settings need not pay
    from botocore import UNSIGNED  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415

    from crawler.buckets.bounded_answers import bound_answers  # noqa: PLC0415

    session = boto3.Session(
        botocore_session=_core_session(),
        aws_access_key_id=access.access_key or None,
        aws_secret_access_key=access.secret_key or None,
        aws_session_token=access.session_token or None,
        profile_name=access.profile or None,
        region_name=access.region or None,
    )
    if access.role:
        _assume(session, access.role)
    config = Config(
        signature_version=UNSIGNED if access.anonymous else None,
        # Standard mode waits between attempts for a random time that doubles, and stops when most attempts fail.
        retries={"mode": "standard", "total_max_attempts": access.attempts},
        s3={"addressing_style": access.style},
        parameter_validation=False,  # a twentieth of the cost of a read; whatever is asked here is of the right types
        max_pool_connections=2 * access.concurrency,
        connect_timeout=access.connect_seconds,
        read_timeout=access.read_seconds,
        # Others than Amazon do not all know these headers, and a range has no checksum anyway.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        user_agent_extra="modeldex",
    )
    region = session.region_name or access.region_of_host or ANY_REGION
    client = session.client("s3", endpoint_url=access.endpoint_url or None, region_name=region, config=config)
    client.meta.events.register("before-send.s3", lambda **_: spending.request())
    bound_answers(client)
    keep_listings(client)
    return client


def _core_session() -> Any:
    """A session that takes boto's descriptions of the services from the loader of those before it: they take 0.2 s."""
    import botocore.session  # noqa: PLC0415 - boto3 is an extra

    session = botocore.session.Session()
    session.register_component("data_loader", _loader())
    return session


@lru_cache(maxsize=1)
def _loader() -> Any:
    import botocore.loaders  # noqa: PLC0415 - boto3 is an extra

    return botocore.loaders.create_loader()


def _assume(session: Any, role: str) -> None:
    """The session's requests are made as this role, whose credentials are renewed before they expire."""
    from botocore.credentials import (  # noqa: PLC0415 - boto3 is an extra
        AssumeRoleCredentialFetcher,
        DeferredRefreshableCredentials,
    )

    fetcher = AssumeRoleCredentialFetcher(
        client_creator=session._session.create_client,  # noqa: SLF001 - boto3 has no other way to renew a role by itself
        source_credentials=session.get_credentials(),
        role_arn=role,
        extra_args={"RoleSessionName": "modeldex"},
    )
    session._session._credentials = DeferredRefreshableCredentials(  # noqa: SLF001 - the same
        method="assume-role", refresh_using=fetcher.fetch_credentials
    )


def _looked_up(name: str, reference: str) -> str:
    if not REFERENCE.fullmatch(reference):
        raise UserError(f"The setting 's3.{name}' must not be written out.", advice=BY_REFERENCE)
    return referred(reference, what=f"The setting 's3.{name}'")


def _sse_c_key(text: str) -> bytes:
    key = text.encode()
    if len(key) != SSE_C_BYTES:
        try:
            key = base64.b64decode(key, validate=True)
        except (binascii.Error, ValueError):
            key = b""
    if len(key) != SSE_C_BYTES:
        raise UserError("The key of SSE-C is neither 32 bytes long nor the base64 of such a key.")
    return key
