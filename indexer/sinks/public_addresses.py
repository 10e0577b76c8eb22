"""Addresses that a message may be sent to: what a person typed must not make this machine ask machines around it.

The name is looked up once, every address behind it is judged, and the connection is made to the one that was judged: a
name that answers otherwise a moment later leads nowhere. Source: OWASP, Server-Side Request Forgery Prevention Cheat
Sheet, "Application layer"; IANA special-purpose address registries, as in `ipaddress.is_global`.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from catalog.errors import UserError
from catalog.lazy_dataclasses import dataclass

PORTS = {"https": 443, "http": 80}
UNICAST = ip_network("2000::/3")
CARRIERS = tuple(map(ip_network, ("2002::/16", "2001::/32", "64:ff9b::/96", "64:ff9b:1::/48")))
"""IPv6 networks whose addresses stand for IPv4 ones (6to4, Teredo, NAT64), which may be private."""
Address = IPv4Address | IPv6Address


class AddressRefused(UserError):
    """A place that no message may be sent to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a URL leads: the judged address, and the name that the other side goes by."""

    scheme: str
    host: str
    port: int
    address: str
    target: str

    @property
    def host_header(self) -> str:
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == PORTS[self.scheme] else f"{name}:{self.port}"


def check_url(url: str) -> None:
    """Raises AddressRefused for a URL that cannot be sent to wherever its name leads. Looks up nothing."""
    _split(url)


def resolved(url: str, allowed: Sequence[str] = ()) -> Place:
    """Where the URL leads now. `allowed` are networks that need not be public.

    Raises AddressRefused, OSError if the name cannot be looked up.
    """
    scheme, host, port, target = _split(url)
    found_at = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    addresses = [ip_address(str(entry[4][0]).partition("%")[0]) for entry in found_at]
    for address in addresses:
        if not _is_allowed(address, allowed):
            raise AddressRefused(
                f"{host} is at {address}, which is not a public address.",
                advice="If it may be reached, name its network in the setting webhooks.allow_networks.",
            )
    return Place(scheme=scheme, host=host, port=port, address=str(addresses[0]), target=target)


def _split(url: str) -> tuple[str, str, int, str]:
    if not url.isascii() or not url.isprintable() or any(letter in url for letter in " \\"):
        raise AddressRefused("The URL holds characters that no URL has.")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise AddressRefused(f"The URL cannot be read: {error}.") from error
    if parts.scheme not in PORTS or not host:
        raise AddressRefused("A webhook needs a URL that begins with https:// or http://.")
    if "@" in parts.netloc:
        raise AddressRefused(
            "The URL holds a user name, which would be stored in clear.",
            advice="Messages are signed: the other side need not ask who sends them.",
        )
    if parts.fragment:
        raise AddressRefused("The URL has a part behind #, which is never sent.")
    target = parts.path or "/"
    return (
        parts.scheme,
        host,
        port or PORTS[parts.scheme],
        f"{target}?{parts.query}" if parts.query else target,
    )


def _is_allowed(address: Address, allowed: Sequence[str]) -> bool:
    inner = getattr(address, "ipv4_mapped", None) or address
    if any(inner in ip_network(network) for network in allowed):
        return True
    if isinstance(inner, IPv6Address) and (
        inner not in UNICAST or any(inner in network for network in CARRIERS)
    ):
        return False
    return inner.is_global and not inner.is_multicast
