"""Signing in at a real OpenID provider on loopback, and answers that are not its own."""

from __future__ import annotations

import re
import warnings
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from fixtures.users import role

from catalog.errors import UserError
from webui.identity import COOKIE

CLAIMS = {
    "ada": {"email": "ada@example.org", "email_verified": True},
    "bob": {"email": "ada@example.org", "email_verified": False},
    "eve": {"email": "eve@example.org"},
}
# The provider's own library calls it by its older names.
pytestmark = pytest.mark.filterwarnings("ignore:get_jwt_config:DeprecationWarning")


@pytest.fixture(scope="module")
def provider():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from oidc_provider_mock import User, run_server_in_thread
    users = [User(sub=sub, claims=claims) for sub, claims in CLAIMS.items()]
    with run_server_in_thread(require_nonce=True, user_claims=users) as server:
        yield f"http://localhost:{server.server_port}"


@pytest.fixture
def by_provider(open_house, provider):
    def make(claim="sub", **given):
        house = open_house(
            access_oidc_issuer=provider,
            access_oidc_client_id="modeldex",
            access_oidc_client_secret="a secret of some length",
            access_oidc_claim=claim,
            **given,
        )
        house.add("ada", role("admin"), password=None)
        house.add("ada@example.org", role("viewer", "tag:prod"), password=None)
        return house

    return make


def departed(client, target="/help?x=1"):
    """Where a browser is sent, from the link on the page where one signs in."""
    page = client.get("/sign-in", query_string={"next": target}).text
    link = re.findall(r'href="(/sign-in/openid[^"]*)"', page)[0]
    return client.get(link).headers["Location"]


def approved(address, who):
    """What the provider sends back after `who` signed in there."""
    answer = requests.post(address, data={"sub": who}, allow_redirects=False, timeout=30)
    assert answer.status_code == 302, answer.text
    return answer.headers["Location"]


def returned(client, address):
    place = urlsplit(address)
    return client.get(
        f"{place.path}?{place.query}",
        headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
    )


def test_whom_the_provider_names_is_signed_in(by_provider):
    house = by_provider()
    client = house.client()
    address = departed(client)
    asked = parse_qs(urlsplit(address).query)
    assert (asked["response_type"], asked["code_challenge_method"]) == (["code"], ["S256"])
    assert asked["nonce"] != asked["state"]
    answer = returned(client, approved(address, "ada"))
    assert (answer.status_code, answer.headers["Location"]) == (303, "/help?x=1")
    assert client.get("/api/search").json["total"] == 12
    assert client.get_cookie("modeldex-sign-in") is None
    assert client.get_cookie(COOKIE).http_only


def test_a_name_that_is_not_set_up_is_refused_and_so_is_a_disabled_one(by_provider):
    house = by_provider()
    client = house.client()
    assert returned(client, approved(departed(client), "eve")).status_code == 403
    house.accounts.set_disabled(house.accounts.named("ada"), house.visit, disabled=True)
    assert returned(client, approved(departed(client), "ada")).status_code == 403
    assert client.get("/api/search").status_code == 401
    lines = [line.happening for line in house.store.audit.lines() if line.happening.action == "sign-in"]
    assert [(line.resource, line.outcome) for line in lines] == [
        ("unknown name", "refused"),
        ("ada", "refused"),
    ]


@pytest.mark.parametrize(("who", "status"), [("ada", 303), ("bob", 400), ("eve", 400)])
def test_an_address_that_the_provider_did_not_check_names_nobody(by_provider, who, status):
    """Else whoever writes another's address into their account there would be them here."""
    house = by_provider("email")
    client = house.client()
    assert returned(client, approved(departed(client), who)).status_code == status


def test_an_answer_is_for_the_browser_and_the_flow_that_it_was_asked_for(by_provider):
    house = by_provider()
    mine, other = house.client(), house.client()
    answer = approved(departed(mine), "ada")
    assert returned(other, answer).status_code == 400  # no flow was begun there
    departed(other)
    assert returned(other, answer).status_code == 400  # another flow was: somebody else would be signed in
    assert returned(mine, re.sub("code=[^&]*", "code=x", answer)).status_code == 400
    assert returned(mine, re.sub("state=[^&]*", "state=x", answer)).status_code == 400
    assert returned(mine, answer).status_code == 303
    assert returned(mine, answer).status_code == 400  # a code is good once
    lines = [line.happening for line in house.store.audit.lines()]
    refused = [line.after for line in lines if line.action == "access.openid_return"]
    assert refused == [{"status": 400}] * 5


def test_a_flow_that_somebody_wrote_or_that_is_old_is_none(by_provider, monkeypatch):
    house = by_provider()
    client = house.client()
    answer = approved(departed(client), "ada")
    flow = client.get_cookie("modeldex-sign-in").value
    other = "a" if flow[-5] != "a" else "b"  # the last letter has bits that say nothing
    client.set_cookie("modeldex-sign-in", f"{flow[:-5]}{other}{flow[-4:]}")
    assert returned(client, answer).status_code == 400
    client.set_cookie("modeldex-sign-in", flow)
    monkeypatch.setattr("webui.access.openid.FLOW_SECONDS", -1)
    assert returned(client, answer).status_code == 400


def test_a_person_who_says_no_is_not_signed_in(by_provider):
    client = by_provider().client()
    address = departed(client)
    answer = requests.post(address, data={"action": "deny"}, allow_redirects=False, timeout=30)
    assert returned(client, answer.headers["Location"]).status_code == 400


def changed_claims(monkeypatch, **changes):
    """The provider's own answer, signed by its own key, with other claims in it."""
    from joserfc import jwt

    decode = jwt.decode

    def decoded(*arguments, **options):
        token = decode(*arguments, **options)
        token.claims.update(changes)
        return token

    monkeypatch.setattr(jwt, "decode", decoded)


@pytest.mark.parametrize(
    "changes",
    [{"iss": "https://evil.example"}, {"aud": "another"}, {"aud": ["another"]}, {"exp": 1}, {"nonce": "x"}],
    ids=["issuer", "audience", "audiences", "over", "nonce"],
)
def test_a_token_for_others_of_others_or_that_is_over_is_none(by_provider, monkeypatch, changes):
    client = by_provider().client()
    address = departed(client)
    changed_claims(monkeypatch, **changes)
    assert returned(client, approved(address, "ada")).status_code == 400
    assert client.get("/api/search").status_code == 401


def test_a_token_signed_by_others_is_none(by_provider, monkeypatch):
    from joserfc.jwk import RSAKey

    from webui.access.openid import OpenIdProvider

    fetched = OpenIdProvider._fetched
    other = RSAKey.generate_key(2048, {"kid": "x"}).as_dict(private=False)

    def keys_of_others(self, address):
        body = fetched(self, address)
        return (
            {"keys": [{**other, "kid": key.get("kid", "x")} for key in body["keys"]]}
            if "keys" in body
            else body
        )

    client = by_provider().client()
    address = departed(client)
    monkeypatch.setattr(OpenIdProvider, "_fetched", keys_of_others)
    assert returned(client, approved(address, "ada")).status_code == 400


@pytest.mark.parametrize(
    "given",
    [
        {"access_oidc_issuer": "http://idp.example"},
        {"access_oidc_issuer": "idp.example"},
        {"access_oidc_issuer": "https://idp.example"},
        {
            "access_oidc_issuer": "https://idp.example",
            "access_oidc_client_id": "x",
            "access_oidc_client_secret": "short",
        },
    ],
    ids=["without TLS", "no address", "without a client", "a short secret"],
)
def test_a_provider_that_cannot_be_trusted_is_refused_at_the_start(open_house, given):
    with pytest.raises(UserError, match="oidc"):
        open_house(**given)


def test_a_provider_that_is_another_or_away_is_told(open_house, provider):
    house = open_house(
        access_oidc_issuer=provider.replace("localhost", "127.0.0.1"),
        access_oidc_client_id="modeldex",
        access_oidc_client_secret="a secret of some length",
    )
    assert house.client().get("/sign-in/openid").status_code == 404  # nobody is set up
    house.add("ada", role("admin"))
    answer = house.client().get("/sign-in/openid")
    # It calls itself by the name under which it is asked, so this is the same one.
    assert answer.status_code == 302
    from webui.access.openid import OpenIdProvider
    from webui.settings import AccessSettings

    away = OpenIdProvider(
        AccessSettings(
            oidc_issuer="http://127.0.0.1:9", oidc_client_id="x", oidc_client_secret="a secret of some length"
        )
    )
    with pytest.raises(UserError, match="cannot be asked"):
        away.depart("http://localhost/", "/")
