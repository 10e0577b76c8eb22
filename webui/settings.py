"""The sections of the page and of the doors for programs."""

from __future__ import annotations

import ipaddress
from typing import ClassVar
from urllib.parse import urlsplit

from catalog.errors import UserError
from catalog.lazy_dataclasses import dataclass
from catalog.settings.sections import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """Where `modeldex serve` is reached."""

    SECTION: ClassVar[str] = "server"

    host: str = setting("127.0.0.1", "Address that `modeldex serve` listens on.", formerly="host")
    port: int = setting(
        8080,
        "Port that `modeldex serve` listens on, 0 for any free one.",
        least=0,
        most=65_535,
        formerly="port",
    )
    names: str = setting(
        "", "Comma-separated names under which others reach `modeldex serve`; it answers to no foreign name."
    )
    worker: bool = setting(
        default=True,
        help_text="Whether `modeldex serve` crawls what is due; if not, a `modeldex worker` must.",
    )


SHORTEST_SECRET = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessSettings:
    """How users are known. Which ones there are, `modeldex users` says."""

    SECTION: ClassVar[str] = "access"

    proxy_header: str = setting(
        "", "Header in which a trusted proxy names the user who is signed in there, as in X-Remote-User."
    )
    proxies: str = setting(
        "", "Comma-separated addresses or networks of trusted proxies; the header of others is not believed."
    )
    https: bool = setting(
        default=False,
        help_text="Whether browsers reach the page by https alone, through a proxy; cookies then say so.",
    )

    oidc_issuer: str = setting(
        "",
        "Address of the OpenID provider at which users sign in; empty means none (pip install 'modeldex[oidc]').",
    )
    oidc_client_id: str = setting("", "What the OpenID provider calls this server.")
    oidc_client_secret: str = setting(
        "",
        "What this server shows the OpenID provider; all that serve one catalog have the same.",
        secret=True,
    )
    oidc_claim: str = setting(
        "sub",
        "Claim in which the OpenID provider says a user's name: sub, email (if it was checked) or another.",
    )

    def __post_init__(self) -> None:
        """Raises UserError for an address that is none, and for a header that would be believed from nobody."""
        if self.oidc_issuer:
            self._check_provider()
        try:
            networks = [ipaddress.ip_network(network, strict=False) for network in self.networks]
        except ValueError as error:
            raise UserError(f"The setting access.proxies is no list of addresses: {error}.") from error
        if any(not network.prefixlen for network in networks):
            raise UserError(
                "The setting access.proxies must not hold all addresses: everybody could name any user."
            )
        if self.proxy_header and not networks:
            raise UserError(
                "The setting access.proxy_header is believed from nobody.",
                advice="Name the proxy's address in access.proxies.",
            )

    def _check_provider(self) -> None:
        place = urlsplit(self.oidc_issuer)
        if place.scheme != "https" and not (
            place.scheme == "http" and place.hostname in {"127.0.0.1", "localhost", "::1"}
        ):
            raise UserError("The setting access.oidc_issuer must begin with https://.")
        if not (self.oidc_client_id and len(self.oidc_client_secret) >= SHORTEST_SECRET):
            raise UserError(
                "The setting access.oidc_issuer needs access.oidc_client_id and access.oidc_client_secret,"
                f" which has {SHORTEST_SECRET} characters or more."
            )

    @property
    def networks(self) -> tuple[str, ...]:
        return tuple(part.strip() for part in self.proxies.split(",") if part.strip())


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiSettings:
    """Who may ask at `/es/`, and how much."""

    SECTION: ClassVar[str] = "api"

    keys: str = setting(
        "",
        "Comma-separated keys that /es/ accepts, `secret` or `id:secret`; empty means no key, and this machine only.",
        secret=True,
    )
    log_token: str = setting(
        "",
        "What whoever logs to /api/v1/models must know; empty means that nothing is taken.",
        secret=True,
    )
    concurrency: int = setting(2, "Requests of one user that /es/ answers at the same time.", unit="requests")
    requests_per_minute: int = setting(
        1_200, "Requests of one user that /es/ answers in a minute.", unit="requests"
    )
    timeout_seconds: float = setting(5.0, "Longest time for one search at /es/.", unit="seconds", least=0.001)

    def __post_init__(self) -> None:
        """Raises UserError for a key without a secret, which everybody could show."""
        for entry in filter(None, map(str.strip, self.keys.split(","))):
            identifier, colon, secret = entry.partition(":")
            if colon and not (identifier.strip() and secret.strip()):
                shown = f"{identifier.strip()}:" if not secret.strip() else ":…"
                raise UserError(
                    f"The setting api.keys has {shown!r}, which lacks its {'id' if secret.strip() else 'secret'}.",
                    advice="Write each key as secret or id:secret.",
                )
