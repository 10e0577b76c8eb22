"""Links to places outside: only http and https addresses that have been looked at, anything else stays text."""

from __future__ import annotations

from urllib.parse import urlsplit

LINK_CHARACTERS = 2_000


def safe_link(value: object) -> str | None:
    """The address if it may stand in an href: http(s), a host, no user name, no control or direction character."""
    if (
        not isinstance(value, str)
        or len(value) > LINK_CHARACTERS
        or not value.isascii()
        or not value.isprintable()
    ):
        return None
    if any(character in value for character in " <>\"'`\\{}|^"):
        return None
    try:
        parts = urlsplit(value)
        host = parts.hostname
    except ValueError:
        return None
    # A user name in front of the host is how an address pretends to be another one.
    if parts.scheme not in {"http", "https"} or not host or "@" in parts.netloc:
        return None
    return value
