"""Who asks where no users are set up: the API keys that the settings name, compared in constant time."""

from __future__ import annotations

import ipaddress

from webui.credentials import Key, read_keys, user_of_key
from webui.es.faults import Fault

__all__ = ["read_keys", "user_of"]
LOOPBACK_USER = "loopback"


def user_of(authorization: str, keys: tuple[Key, ...], remote: str) -> str:
    """The user of a request. Raises Fault 401 for one that shows no accepted key.

    Without configured keys, only this machine is let in.
    """
    if not keys:
        if _is_loopback(remote):
            return LOOPBACK_USER
        raise _unauthorized("no API key is configured, so only this machine may ask; set MODELDEX_API_KEYS")
    if not authorization:
        raise _unauthorized("missing authentication credentials; send Authorization: ApiKey <key>")
    user = user_of_key(authorization, keys)
    if user is None:
        raise _unauthorized("unable to authenticate with the provided credentials")
    return user


def _unauthorized(reason: str) -> Fault:
    return Fault(401, "security_exception", reason)


def _is_loopback(remote: str) -> bool:
    try:
        address = ipaddress.ip_address(remote)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)
