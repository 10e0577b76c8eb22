"""Who asks: the owner of the machine where no users are set up, else the user of a token, a proxy's word or a session."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from flask import request

from catalog.access.opening import is_store_made, reading_fault
from catalog.access.principals import OWNER, Principal
from catalog.access.user_mark import have_been_set_up
from catalog.errors import ModeldexError, StoreUnavailable
from catalog.query.nodes import All
from catalog.records.accounts import Action
from webui.credentials import presented, read_keys, user_of_key
from webui.refusals import NotAllowed, NotSignedIn
from webui.security import SAFE_METHODS, is_sent_by_own_page
from webui.settings import AccessSettings, ApiSettings

if TYPE_CHECKING:
    from catalog.access.accounts import Accounts
    from catalog.settings import Settings

COOKIE = "modeldex-session"


class Identity:
    """Tells for each request for whom it is answered."""

    def __init__(self, settings: Settings, accounts: Accounts) -> None:
        self._settings = settings
        self._accounts = accounts
        self._keys = read_keys(settings.section(ApiSettings).keys)
        access = settings.section(AccessSettings)
        self._proxy_header = access.proxy_header
        self._proxies = tuple(ipaddress.ip_network(network, strict=False) for network in access.networks)
        self._were_set_up: bool | None = None

    def principal(self) -> Principal:
        """Raises NotSignedIn for who shows nothing that counts, NotAllowed for a proxy's user who is not set up."""
        if not self.are_users_set_up():
            return OWNER
        authorization = request.headers.get("Authorization", "")
        if authorization:
            principal = self._by_header(authorization)
            if principal is None and "bearer" not in authorization.lower():
                # A proxy that asks for passwords itself may pass them on.
                principal = self._by_proxy()
            if principal is None:
                raise NotSignedIn("The token is none, is over, or was revoked.")
            return principal
        principal = self._by_proxy() or self._accounts.by_session(request.cookies.get(COOKIE, ""))
        if principal is None:
            raise NotSignedIn("Sign in, or send a token as: Authorization: Bearer TOKEN.")
        # A browser shows a session by itself, whoever made it send the request.
        if request.method not in SAFE_METHODS and not is_sent_by_own_page():
            raise NotAllowed("This request does not say that a page of ours sent it. Programs send a token.")
        return principal

    def are_users_set_up(self) -> bool:
        """Whether there are users. A store that is lost after it had none keeps no page away; one that had some lets
        nobody in until it is back. Raises StoreError.
        """
        if not is_store_made(self._settings):
            if self._were_set_up or have_been_set_up(self._settings):
                raise StoreUnavailable(
                    "The store with the users of this catalog is not there.", fault="it is not there"
                )
            return False
        try:
            self._were_set_up = self._accounts.are_set_up()
        except Exception as error:
            fault = error if isinstance(error, ModeldexError) else reading_fault(error)
            if fault is not None and self._had_none():
                return False
            raise
        return self._were_set_up

    def _had_none(self) -> bool:
        """Whether there was no user the last time that could be told; of a store in the home folder its mark tells."""
        if self._were_set_up is None and self._settings.store_url.startswith("sqlite"):
            return not have_been_set_up(self._settings)
        return self._were_set_up is False

    def is_proxied(self) -> bool:
        """Whether the request comes from a proxy that is trusted."""
        try:
            address = ipaddress.ip_address(request.remote_addr or "")
        except ValueError:
            return False
        address = getattr(address, "ipv4_mapped", None) or address
        return any(address in network for network in self._proxies)

    def _by_header(self, authorization: str) -> Principal | None:
        user = user_of_key(authorization, self._keys)
        if user is not None:
            return Principal(id=f"key:{user}", name=user, scope=All(), scopes=((Action.READ, All()),))
        candidates = dict.fromkeys(secret for _, secret in presented(authorization))
        return next(filter(None, map(self._accounts.by_token, candidates)), None)

    def _by_proxy(self) -> Principal | None:
        name = request.headers.get(self._proxy_header, "") if self._proxy_header else ""
        if not name or not self.is_proxied():
            return None
        principal = self._accounts.by_name(name)
        if principal is None:
            raise NotAllowed("Whom the proxy names is not set up here, or disabled.")
        return principal
