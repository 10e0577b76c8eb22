"""Addresses of MLflow servers: mlflow+http://HOST:PORT and mlflow+https://HOST/PREFIX."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from catalog.errors import UserError
from catalog.lazy_dataclasses import dataclass

KIND = "mlflow+"
EXAMPLE = "Write it as mlflow+http://HOST:PORT or mlflow+https://HOST/PREFIX."
_PREFIX = re.compile(r"(?:/[A-Za-z0-9._~-]+)*")


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """Where a server answers. `prefix` is empty or begins with `/` and ends without."""

    scheme: str
    authority: str
    prefix: str

    @property
    def url(self) -> str:
        """The beginning of every request."""
        return f"{self.scheme}://{self.authority}{self.prefix}"

    @property
    def uri(self) -> str:
        """The root, for people and as the identity of the source."""
        return f"{KIND}{self.url}"


def parse_address(address: str) -> ServerAddress:
    """What the address names. Raises UserError."""
    try:
        parts = urlsplit(address[len(KIND) :])
        host, port = parts.hostname, parts.port
    except ValueError:
        raise UserError("This is no address of an MLflow server.", advice=EXAMPLE) from None
    if not host or parts.scheme not in {"http", "https"}:
        raise UserError("The address names no MLflow server.", advice=EXAMPLE)
    if parts.username is not None:
        raise UserError(
            "The address of an MLflow server names nobody.",
            advice="Give --credential username=env:NAME and --credential password=env:NAME.",
        )
    prefix = parts.path.rstrip("/")
    if parts.query or parts.fragment or not _PREFIX.fullmatch(prefix):
        raise UserError("The address of an MLflow server ends with its prefix.", advice=EXAMPLE)
    name = f"[{host}]" if ":" in host else host
    return ServerAddress(parts.scheme, name if port is None else f"{name}:{port}", prefix)
