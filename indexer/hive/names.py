"""Which tables a data set or a data source of a model may be: by a name, or by a place that lies in theirs."""

from __future__ import annotations

import re
from collections.abc import Iterator

MAX_CHARACTERS = 2_000
MAX_LEVELS = 64
OWN_CATALOGS = frozenset({"hive", "spark_catalog"})
"""What Hive and Spark call the catalog that everything is in."""
_NAME = re.compile(r"[a-z0-9_]{1,128}")
_PARTITION = re.compile(r"[^/=]+=[^/]*")
_PASSWORD = re.compile(r"://(?![^/@:]*:\d{1,5}(?:/|$))[^/@:\[]*:(?:[^/]*@|[^@]*@(?:[^/@]*@)*)")
"""In front of the host or the bucket. One of S3 may have slashes; what looks like a port is one."""
_SCHEMES = {"s3a": "s3", "s3n": "s3", "cosn": "s3", "cos": "s3"}
_PORTS = {"hdfs": ":8020"}
"""What stands for nothing in an address of this scheme."""


def table_name(text: str) -> tuple[str, str] | None:
    """Database and table that a value names: `ml.crawl`, `hive://host:9083/ml/crawl`, `spark_catalog.ml.crawl/dt=1`. None
    for what is no name of a table. A name without a database is none: most of such are data sets of elsewhere.
    """
    if len(text) > MAX_CHARACTERS:
        return None
    plain = text.strip().replace("`", "").lower()
    scheme, colon, rest = plain.partition(":")
    addressed = bool(colon) and scheme in {"hive", "thrift"}
    parts = [part for part in (rest if addressed else plain).split("/") if part]
    while len(parts) > 1 and _PARTITION.fullmatch(parts[-1]):
        parts.pop()
    if not parts or (len(parts) > 1 and not addressed):
        return None
    names = parts[-1].split(".")
    if len(names) == 1 and len(parts) > 1:
        names = [parts[-2], names[0]]
    if len(names) == 3 and names[0] in OWN_CATALOGS:
        names = names[1:]
    if len(names) != 2 or not all(_NAME.fullmatch(name) for name in names):
        return None
    return names[0], names[1]


def place(text: str) -> str | None:
    """A place as it is compared, without the spellings that mean the same; None for what is none, or a whole storage."""
    if len(text) > MAX_CHARACTERS:
        return None
    scheme, separator, rest = without_password(text.strip()).partition("://")
    if not separator:
        scheme, rest = "file", text.strip().removeprefix("file:")
        if not rest.startswith("/"):
            return None
    scheme = scheme.lower()
    authority, _, path = rest.partition("/")
    authority = "" if scheme == "file" else authority.lower().removesuffix(_PORTS.get(scheme, "\0"))
    path = path.strip("/")
    return f"{_SCHEMES.get(scheme, scheme)}://{authority}/{path}" if path else None


def without_password(text: str) -> str:
    """The address without a name and a password in front of its host."""
    return _PASSWORD.sub("://", text, count=1)


def places_around(text: str) -> Iterator[str]:
    """The place, and those that it lies in, the nearest first."""
    here = place(text)
    if here is None:
        return
    top = here.index("://") + 3
    for _ in range(MAX_LEVELS):
        yield here
        here, slash, _ = here.rpartition("/")
        if not slash or here.find("/", top) < 0:
            return
