"""Signing in at an OpenID provider: code flow with PKCE, state and nonce, by authlib; whom it names must be set up here."""

from __future__ import annotations

import secrets
import threading
from typing import TYPE_CHECKING, Any

from catalog.errors import UserError
from catalog.lazy_dataclasses import dataclass

if TYPE_CHECKING:
    from webui.settings import AccessSettings

FLOW_SECONDS = 600
"""From leaving for the provider to coming back."""
TIMEOUT_SECONDS = 10
LEEWAY_SECONDS = 60
"""By which clocks may differ."""
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures by keys of the provider alone: neither `none` nor a secret that others share."""
EMAIL = "email"


@dataclass(frozen=True, slots=True)
class Departure:
    """Where the browser goes, and what it brings back beside the provider's answer."""

    url: str
    flow: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """Whom the provider names, and where they wanted to go."""

    name: str
    target: str


class OpenIdProvider:
    """One provider. What it says of itself is fetched once, and again when its keys are unknown."""

    def __init__(self, settings: AccessSettings) -> None:
        self._issuer = settings.oidc_issuer.rstrip("/")
        self._client_id = settings.oidc_client_id
        self._client_secret = settings.oidc_client_secret
        self._claim = settings.oidc_claim
        self._metadata: dict[str, Any] | None = None
        self._lock = threading.Lock()

    def depart(self, back: str, target: str) -> Departure:
        """To the provider, which sends the browser `back`. Raises UserError where it cannot be reached."""
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        with self._session(back) as session:
            url, _ = session.create_authorization_url(
                self._known()["authorization_endpoint"], state=state, nonce=nonce, code_verifier=verifier
            )
        flow = {"state": state, "nonce": nonce, "verifier": verifier, "target": target}
        return Departure(url=str(url), flow=str(self._signer().dumps(flow)))

    def arrive(self, address: str, back: str, flow: str) -> Arrival:
        """Whom the answer in this address names, to the flow that began here. Raises UserError for any other answer."""
        from authlib.common.errors import AuthlibBaseError  # noqa: PLC0415 - an extra
        from itsdangerous import BadData  # noqa: PLC0415 - as above
        from joserfc.errors import JoseError  # noqa: PLC0415
        from requests import RequestException  # noqa: PLC0415

        try:
            begun = self._signer().loads(flow, max_age=FLOW_SECONDS)
        except BadData as error:
            raise UserError(
                "This sign-in was not begun here, or took too long.", advice="Begin it again."
            ) from error
        try:
            with self._session(back) as session:
                token = session.fetch_token(
                    self._known()["token_endpoint"],
                    authorization_response=address,
                    state=begun["state"],
                    code_verifier=begun["verifier"],
                    timeout=TIMEOUT_SECONDS,
                )
            claims = self._claims(token, begun["nonce"])
        except (AuthlibBaseError, JoseError, RequestException, KeyError, TypeError, ValueError) as error:
            raise UserError("The provider did not say who this is.", advice="Begin again.") from error
        return Arrival(name=self._name(claims), target=str(begun["target"]))

    def _claims(self, token: dict[str, Any], nonce: str) -> dict[str, Any]:
        from authlib.oidc.core import CodeIDToken  # noqa: PLC0415 - an extra
        from joserfc import jwt  # noqa: PLC0415
        from joserfc.jwk import KeySet  # noqa: PLC0415

        keys = KeySet.import_key_set(self._fetched(self._known()["jwks_uri"]))  # type: ignore[arg-type]  # checked by it
        decoded = jwt.decode(token["id_token"], keys, algorithms=list(ALGORITHMS))
        claims = CodeIDToken(
            decoded.claims,
            decoded.header,
            {
                "iss": {"essential": True, "value": self._known()["issuer"]},
                "aud": {"essential": True, "value": self._client_id},
                "exp": {"essential": True},
                "sub": {"essential": True},
            },
            {"nonce": nonce, "client_id": self._client_id, "access_token": token.get("access_token")},
        )
        claims.validate(leeway=LEEWAY_SECONDS)
        return dict(claims)

    def _name(self, claims: dict[str, Any]) -> str:
        """The claim that names users here. An address that the provider did not check could be anybody's."""
        name = claims.get(self._claim)
        if not isinstance(name, str) or (self._claim == EMAIL and claims.get("email_verified") is not True):
            raise UserError(
                f"The provider does not say the {self._claim} of who signed in, or has not checked it."
            )
        return name

    def _known(self) -> dict[str, Any]:
        """What the provider says of itself. Raises UserError where it does not, or says it of another."""
        with self._lock:
            if self._metadata is None:
                metadata = self._fetched(f"{self._issuer}/.well-known/openid-configuration")
                if str(metadata.get("issuer", "")).rstrip("/") != self._issuer:
                    raise UserError("What answers at the setting access.oidc_issuer is another provider.")
                self._metadata = metadata
            return self._metadata

    def _fetched(self, address: str) -> dict[str, Any]:
        import requests  # noqa: PLC0415 - an extra

        try:
            answer = requests.get(address, timeout=TIMEOUT_SECONDS, allow_redirects=False)
            answer.raise_for_status()
            body = answer.json()
        except (requests.RequestException, ValueError) as error:
            raise UserError("The OpenID provider cannot be asked now.", advice="Try again later.") from error
        return body if isinstance(body, dict) else {}

    def _session(self, back: str) -> Any:
        from authlib.integrations.requests_client import (  # noqa: PLC0415 - an extra
            OAuth2Session,
        )

        return OAuth2Session(
            self._client_id,
            self._client_secret,
            scope="openid profile email",
            redirect_uri=back,
            code_challenge_method="S256",
        )

    def _signer(self) -> Any:
        """Signs what the browser keeps meanwhile, with what every process of this server knows and nobody else."""
        from itsdangerous import URLSafeTimedSerializer  # noqa: PLC0415 - Flask's own

        return URLSafeTimedSerializer(self._client_secret, salt="modeldex sign-in")
