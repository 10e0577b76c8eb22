"""Addresses of buckets: s3://BUCKET, s3://BUCKET/PREFIX, and s3://STORAGE@BUCKET/PREFIX where two storages have one name."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

from catalog.errors import UserError
from catalog.lazy_dataclasses import dataclass

SCHEME = "s3://"
EXAMPLE = "Write it as s3://BUCKET or s3://BUCKET/PREFIX."
# Names of before 2018 may have capitals and _; other storages allow what they like within these.
# Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]")
STORAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
MAX_KEY_BYTES = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketAddress:
    """A bucket and the directory in it. `prefix` is empty or ends with `/`; `storage` tells buckets of one name apart."""

    bucket: str
    prefix: str = ""
    storage: str = ""

    @property
    def uri(self) -> str:
        """The root, for people and as the identity of the source."""
        authority = f"{self.storage}@{self.bucket}" if self.storage else self.bucket
        return f"{SCHEME}{authority}/{quote(self.prefix)}".rstrip("/")

    def uri_of(self, key: str) -> str:
        return f"{self.uri}/{quote(key)}" if key else self.uri


def parse_address(address: str) -> BucketAddress:
    """What the address names. A prefix is a directory: `s3://b/models` means what begins with `models/`. Raises UserError."""
    authority, _, path = address[len(SCHEME) :].partition("/")
    storage, at, bucket = authority.rpartition("@")
    if not bucket:
        raise UserError("The address names no bucket.", advice=EXAMPLE)
    if not BUCKET.fullmatch(bucket):
        raise UserError(
            f"{bucket[:100]!r} cannot be the name of a bucket.",
            advice=f"{EXAMPLE} Where the storage answers is said with --endpoint-url.",
        )
    if at and not STORAGE.fullmatch(storage):
        raise UserError("What stands before @ is no name of a storage.", advice=EXAMPLE)
    prefix = unquote(path, errors="surrogateescape").rstrip("/")
    try:
        length = len(prefix.encode())
    except UnicodeEncodeError:
        raise UserError("The prefix of the address is not UTF-8, and keys of a bucket are.") from None
    if length >= MAX_KEY_BYTES:
        raise UserError(f"The prefix has {length:,} bytes; a key has at most {MAX_KEY_BYTES:,}.")
    return BucketAddress(bucket=bucket, prefix=f"{prefix}/" if prefix else "", storage=storage)


def parse_object(address: str, *, what: str) -> tuple[str, str]:
    """Bucket and key of `s3://BUCKET/KEY`. Raises UserError."""
    parsed = parse_address(address) if address.lower().startswith(SCHEME) else None
    if parsed is None or not parsed.prefix:
        raise UserError(f"{what} is not the address of an object.", advice="Write it as s3://BUCKET/KEY.")
    return parsed.bucket, parsed.prefix.removesuffix("/")
