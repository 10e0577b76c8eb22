"""Who gets in, and for how long: passwords, sessions, tokens, a proxy's word. Each attack of docs/security.md on them."""

from __future__ import annotations

import base64
import logging
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier, BrokenBarrierError

import pytest
from fixtures.users import OPEN_SOURCE, OWN_PAGE, PASSWORD, role

from catalog.errors import UserError
from webui.access.attempts import Attempts
from webui.access.rules import OPEN, RULES
from webui.identity import COOKIE


def addresses(app):
    """Every address of the application that is asked by GET, and its endpoint."""
    for rule in app.url_map.iter_rules():
        if "GET" in rule.methods:
            yield re.sub(r"<[^>]*>", "x", rule.rule), rule.endpoint


def test_where_nobody_is_set_up_nobody_signs_in(open_house):
    house = open_house()
    client = house.client()
    for path in ("/", "/api/search", "/es/models/_count", "/metrics", "/health"):
        assert client.get(path).status_code == 200
    assert "sign-in" not in client.get("/").text
    assert client.get("/sign-in").headers["Location"] == "/"


def test_nobody_reads_anything_without_a_name(house):
    client = house.client()
    for path, endpoint in addresses(house.app):
        answer = client.get(path)
        if RULES.get(endpoint, "missing") is OPEN:
            assert answer.status_code in {200, 301, 404}, path
        elif path.startswith(("/api/", "/es", "/metrics")) or path.endswith(("feed.atom", "feed.json")):
            assert answer.status_code == 401, path
            assert answer.headers["WWW-Authenticate"] in {"Bearer", "ApiKey"}
        else:
            assert answer.headers["Location"].startswith("/sign-in?next="), path
        assert "net-" not in answer.text
        assert "prod" not in answer.text


def test_where_one_signs_in_nothing_is_offered_that_needs_it(house):
    """The box for searches and the menu stood there, and whatever was done with them led to the same page."""
    page = house.client().get("/sign-in").text
    assert 'id="q"' not in page
    assert "suggestions.js" not in page
    assert "Saved" not in page


def test_a_disabled_last_user_does_not_open_the_catalog(open_house):
    house = open_house()
    user = house.add("ada", role("admin"))
    house.accounts.set_disabled(user, house.visit, disabled=True)
    assert house.client().get("/api/search").status_code == 401


def test_a_wrong_password_and_an_unknown_name_get_one_answer(house):
    client = house.client()
    answers = [
        client.post("/sign-in", data={"name": name, "password": "wrong password"})
        for name in ("ada", "eve", "A da", "a" * 300)
    ]
    assert [answer.status_code for answer in answers] == [401] * 4
    bodies = {re.sub(r' value="[^"]*"| autofocus', "", answer.text) for answer in answers}
    assert len(bodies) == 1
    assert all("Set-Cookie" not in answer.headers for answer in answers)


def test_an_unknown_name_is_hashed_like_a_known_one(house, monkeypatch):
    """Else the time of an answer would tell which names there are."""
    from argon2 import PasswordHasher

    house.client().post("/sign-in", data={"name": "eve", "password": "first"})
    compared = []
    verify = PasswordHasher.verify
    monkeypatch.setattr(
        PasswordHasher,
        "verify",
        lambda self, hashed, text: (compared.append(text), verify(self, hashed, text))[1],
    )
    for name in ("ada", "eve"):
        house.client().post("/sign-in", data={"name": name, "password": "wrong password"})
    assert compared == ["wrong password"] * 2


def test_a_name_may_be_tried_five_times_a_minute(house):
    client = house.client()
    for _ in range(5):
        assert client.post("/sign-in", data={"name": "ada", "password": "x"}).status_code == 401
    for name in ("ada", "ADA"):
        assert client.post("/sign-in", data={"name": name, "password": PASSWORD}).status_code == 429
    assert client.post("/sign-in", data={"name": "bob", "password": PASSWORD}).status_code == 303


def test_what_is_tried_at_once_counts_before_it_is_compared(house, monkeypatch):
    together = Barrier(3)

    class Unhurried(Attempts):
        def __init__(self) -> None:
            super().__init__()
            with suppress(BrokenBarrierError):
                together.wait(2)

    monkeypatch.setattr("webui.access.attempts.Attempts", Unhurried)
    with ThreadPoolExecutor(12) as pool:
        codes = list(
            pool.map(
                lambda _: house.client().post("/sign-in", data={"name": "ada", "password": "x"}).status_code,
                range(12),
            )
        )
    assert sorted(codes) == [401] * 5 + [429] * 7


def test_a_right_password_forgives_what_was_mistyped_before_it(house):
    for _ in range(3):
        for password, code in (("x", 401), ("y", 401), (PASSWORD, 303)):
            answer = house.client().post("/sign-in", data={"name": "ada", "password": password})
            assert answer.status_code == code


@pytest.mark.parametrize("begins_anew", [False, True])
def test_a_store_that_is_away_makes_nobody_the_owner(open_house, begins_anew):
    house = open_house()
    house.add("ada", role("admin"), password="nothing that is known elsewhere")
    if not begins_anew:
        assert house.client().get("/api/search").status_code == 401
    store = house.home / "store.sqlite3"
    store.rename(store.with_name("away"))
    for path in ("/api/search", "/api/v1/search", "/es/models/_count", "/"):
        answer = house.client().get(path)
        assert answer.status_code == 503, path
        assert "net-" not in answer.text


def test_one_address_may_try_thirty_names_a_minute(house, monkeypatch):
    from catalog.access.accounts import Accounts

    monkeypatch.setattr(
        Accounts, "sign_in", lambda *_: None
    )  # the count is what is tried, and not the hashing
    client = house.client()
    codes = [
        client.post("/sign-in", data={"name": f"n{number}", "password": "x"}).status_code
        for number in range(31)
    ]
    assert codes == [401] * 30 + [429]


def test_a_session_is_not_the_one_that_somebody_planted(house):
    client = house.client()
    client.set_cookie(COOKIE, "planted")
    client.post("/sign-in", data={"name": "ada", "password": PASSWORD})
    ours = client.get_cookie(COOKIE)
    assert ours.value != "planted"
    assert (ours.http_only, ours.same_site, ours.path) == (True, "Lax", "/")
    planted = house.client()
    planted.set_cookie(COOKIE, "planted")
    assert planted.get("/api/search").status_code == 401


def test_cookies_are_for_https_alone_where_the_page_is(open_house):
    house = open_house(access_https=True)
    house.add("ada", role("admin"))
    answer = house.client().post("/sign-in", data={"name": "ada", "password": PASSWORD})
    assert "Secure" in answer.headers["Set-Cookie"]


@pytest.mark.parametrize(
    "target",
    ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", "", "/a\r\nb"],
)
def test_signing_in_leads_to_no_foreign_place(house, target):
    data = {"name": "ada", "password": PASSWORD, "next": target}
    assert house.client().post("/sign-in", data=data).headers["Location"] == "/"
    page = house.client().get("/sign-in", query_string={"next": target}).text
    assert 'name="next" value="/"' in page


def test_signing_in_leads_back(house):
    client = house.client()
    place = client.get("/help?x=1").headers["Location"]
    page = client.get(place).text
    assert 'name="next" value="/help?x=1"' in page
    assert "Sign in" in page


def test_a_session_changes_nothing_unless_our_own_page_asks(house):
    """A browser sends the cookie by itself: without proof of where the request comes from it is refused."""
    client = house.client("ada")
    data = {"name": "x", "role": "viewer", "days": "1"}
    for headers in (
        {},
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ):
        for path in ("/account/tokens", "/sign-out", "/saved", "/account/password"):
            assert client.post(path, data=data, headers=headers).status_code == 403, (path, headers)
    assert house.accounts.tokens() == []
    for headers in (OWN_PAGE, {"Origin": "http://localhost"}):
        assert client.post("/account/tokens", data=data, headers=headers).status_code == 200
    assert len(house.accounts.tokens()) == 2


def test_signing_out_ends_the_session_for_everybody_who_holds_it(house):
    client, copy = house.client("ada"), house.client()
    copy.set_cookie(COOKIE, client.get_cookie(COOKIE).value)
    assert copy.get("/api/search").status_code == 200
    assert client.post("/sign-out", headers=OWN_PAGE).status_code == 303
    assert copy.get("/api/search").status_code == 401


def test_a_session_ends_by_itself(house, monkeypatch):
    monkeypatch.setattr("catalog.access.accounts.SESSION_HOURS", -1)
    assert house.client("ada").get("/api/search").status_code == 401


def test_what_was_written_when_a_session_ended_is_given_back_and_to_our_own_pages_alone(house):
    """The page led to the models, not to where one signs in, and a long note was lost with its form."""
    place = "/models/" + "a" * 64 + "/edit"
    sent = {"field": "notes", "value": "an <b>hour</b> of work", "password": "not shown"}
    own = {"Sec-Fetch-Site": "same-origin", "Referer": f"http://localhost{place}?field=notes"}
    page = house.client().post(place, data=sent, headers=own)
    assert page.status_code == 401
    assert "an &lt;b&gt;hour&lt;/b&gt; of work" in page.text
    assert f'href="/sign-in?next={place}?field%3Dnotes"' in page.text
    assert "not shown" not in page.text
    assert "hour" not in house.client().post(place, data=sent, headers={"Sec-Fetch-Site": "cross-site"}).text


@pytest.mark.parametrize("own", [OWN_PAGE, {"Origin": "http://localhost"}])
def test_all_that_was_written_is_given_back_wherever_a_session_ends(house, own):
    """Over plain http to another machine browsers name the origin alone; and a long text came back cut, without a word."""
    text = "an hour " * 5_000
    page = house.client().post("/models/x/edit", data={"field": "notes", "value": text}, headers=own)
    assert text in page.text
    assert page.headers["WWW-Authenticate"] == "Bearer"


def test_a_form_that_is_too_large_is_no_fault_of_ours_when_a_session_ended(house):
    """It was read again to answer that nobody is signed in, which ended as an error within an error."""
    for sent in ({"value": "x" * 100_000}, {f"a{number}": "1" for number in range(20_000)}):
        assert house.client().post("/models/x/edit", data=sent, headers=OWN_PAGE).status_code == 401


def test_a_program_is_told_the_same_whatever_it_sends(house):
    answers = [
        house.client().post("/api/v1/models/x/restore", data=sent, headers=OWN_PAGE)
        for sent in ({}, {"value": "x"})
    ]
    assert {answer.json["error"]["title"] for answer in answers} == {"Nobody is signed in"}
    assert {answer.headers["WWW-Authenticate"] for answer in answers} == {"Bearer"}


def bearer(text):
    return {"Authorization": f"Bearer {text}"}


def test_who_is_disabled_is_out_at_once_and_stays_out(house):
    client, (text, _) = house.client("bob"), house.token("bob")
    assert client.get("/api/search").status_code == 200
    assert house.client().get("/api/search", headers=bearer(text)).status_code == 200
    user = house.accounts.named("bob")
    house.accounts.set_disabled(user, house.visit, disabled=True)
    for _ in range(2):
        assert client.get("/api/search").status_code == 401
        assert house.client().get("/api/search", headers=bearer(text)).status_code == 401
        house.accounts.set_disabled(
            user, house.visit, disabled=False
        )  # old sessions and tokens do not come back
    assert house.client("bob").get("/api/search").status_code == 200


def test_a_new_password_ends_sessions_and_tokens(house):
    client, other, (text, _) = house.client("bob"), house.client("bob"), house.token("bob")
    data = {"old": PASSWORD, "new": "another long password", "again": "another long password"}
    assert client.post("/account/password", data={**data, "old": "no"}, headers=OWN_PAGE).status_code == 400
    assert client.post("/account/password", data={**data, "again": "no"}, headers=OWN_PAGE).status_code == 400
    assert client.post("/account/password", data=data, headers=OWN_PAGE).status_code == 303
    for old in (client, other):
        assert old.get("/api/search").status_code == 401
    assert house.client().get("/api/search", headers=bearer(text)).status_code == 401
    assert house.client("bob", "another long password").get("/").status_code == 200


@pytest.mark.parametrize("time_cost", [1, 2], ids=["as it is hashed", "hashed anew"])
@pytest.mark.parametrize(
    ("change", "password"),
    [
        (
            lambda accounts, user, visit: accounts.set_password(user, "another long one", visit),
            "another long one",
        ),
        (lambda accounts, user, visit: accounts.set_disabled(user, visit, disabled=True), PASSWORD),
    ],
    ids=["another password", "disabled"],
)
def test_who_signs_in_while_that_is_taken_from_them_is_not_in(house, time_cost, change, password):
    """Comparing takes a tenth of a second and more: a session by the old password began after all others had ended, and where
    the old one was hashed anew, it took the place of the new one.
    """
    from argon2 import PasswordHasher

    from catalog.access.accounts import Accounts

    user = house.accounts.named("bob")

    class Meanwhile(PasswordHasher):
        def verify(self, hashed, typed):
            change(house.accounts, user, house.visit)
            return super().verify(hashed, typed)

    hasher = Meanwhile(time_cost=time_cost, memory_cost=8, parallelism=1)
    accounts = Accounts(house.settings, lambda: house.store.accounts, hasher)
    assert accounts.sign_in("bob", PASSWORD, "127.0.0.1") is None
    house.accounts.set_disabled(user, house.visit, disabled=False)
    assert house.client("bob", password).get("/").status_code == 200


@pytest.mark.parametrize("password", ["short", "a" * 40, "adaadaadaada", "x" * 2_000])
def test_a_password_that_is_no_good_is_refused(open_house, password):
    with pytest.raises(UserError, match="password"):
        open_house().add("adaadaada", role("admin"), password=password)


def test_a_name_is_one_name_in_any_case(house):
    with pytest.raises(UserError, match="already"):
        house.add("ADA", password=None)
    for name in ("", "a b", "ádá", "-a", "a" * 65, "a\nb"):
        with pytest.raises(UserError, match="name"):
            house.add(name, password=None)


def test_passwords_cost_what_rfc_9106_asks_for_and_older_hashes_are_made_anew(house):
    from argon2 import extract_parameters, profiles

    from catalog.access.accounts import Accounts

    strong = Accounts(house.settings, lambda: house.store.accounts)
    user = house.accounts.named("ada")
    assert strong.sign_in("ada", PASSWORD, "127.0.0.1")
    assert extract_parameters(house.store.accounts.password_of(user.id)) == profiles.RFC_9106_LOW_MEMORY
    assert strong.sign_in("ada", PASSWORD, "127.0.0.1")


def test_a_token_is_shown_once_and_kept_as_a_digest(house):
    client = house.client("ada")
    data = {"name": "nightly", "role": "viewer", "days": "3"}
    page = client.post("/account/tokens", data=data, headers=OWN_PAGE)
    (text,) = re.findall(r"mdx_[0-9a-f]{16}_[\w-]{43}", page.text)
    assert page.headers["Cache-Control"].startswith("no-store")
    assert text not in client.get("/account").text
    for headers in (
        bearer(text),
        {"Authorization": f"ApiKey {text}"},
        {"Authorization": f"Basic {base64.b64encode(f'ada:{text}'.encode()).decode()}"},
    ):
        for path in ("/api/search", "/es/models/_count", "/"):
            assert house.client().get(path, headers=headers).status_code == 200, (path, headers)
    session = client.get_cookie(COOKIE).value
    held = b"".join(path.read_bytes() for path in house.home.iterdir() if path.is_file())
    for secret in (text, text[-43:], PASSWORD, session):
        assert secret.encode() not in held
    assert b"$argon2id$" in held


@pytest.mark.parametrize("change", ["shorter", "longer", "other id", "other secret", "no prefix", "empty"])
def test_a_token_that_is_not_exactly_one_is_none(house, change):
    text, token = house.token("ada")
    other, _ = house.token("bob")
    wrong = {
        "shorter": text[:-1],
        "longer": f"{text}x",
        "other id": f"mdx_{other.split('_')[1]}_{text.partition(token.id)[2][1:]}",
        "other secret": f"{text[:-1]}{'a' if text[-1] != 'a' else 'b'}",
        "no prefix": text.removeprefix("mdx_"),
        "empty": "",
    }[change]
    assert house.client().get("/api/search", headers=bearer(wrong)).status_code == 401
    # What a request shows counts, and nothing else is tried after it.
    assert house.client("ada").get("/api/search", headers=bearer(wrong)).status_code == 401


def test_a_token_that_is_over_or_revoked_counts_no_more(house, monkeypatch):
    text, token = house.token("ada")
    house.accounts.revoke_token(token.id, house.visit)
    assert house.client().get("/api/search", headers=bearer(text)).status_code == 401
    with pytest.raises(UserError, match="no such token"):
        house.accounts.revoke_token(token.id, house.visit)
    monkeypatch.setattr("catalog.access.accounts.timedelta", lambda **_: -__import__("datetime").timedelta(1))
    over, _ = house.token("ada")
    assert house.client().get("/api/search", headers=bearer(over)).status_code == 401


def test_nobody_revokes_the_token_of_somebody_else(house):
    text, token = house.token("ada")
    client = house.client("bob")
    assert client.post(f"/account/tokens/{token.id}/revoke", headers=OWN_PAGE).status_code == 400
    assert house.client().get("/api/search", headers=bearer(text)).status_code == 200


def test_a_token_can_do_no_more_than_its_role_its_scope_and_its_user(house):
    def found(text):
        return house.client().get("/api/search", headers=bearer(text)).json.get("total")

    assert found(house.token("ada")[0]) == 12
    assert found(house.token("ada", scope="tag:prod")[0]) == 4
    assert found(house.token("bob", role="admin")[0]) == 4  # bob sees what is tagged prod
    house.store.sources.crawled(OPEN_SOURCE, OPEN_SOURCE)
    assert found(house.token("bob", scope=f'source:"{OPEN_SOURCE}"')[0]) == 2
    assert house.client().get("/audit", headers=bearer(house.token("ada")[0])).status_code == 403
    assert (
        house.client().get("/audit", headers=bearer(house.token("ada", role="auditor")[0])).status_code == 200
    )
    # No token makes tokens, changes a password or signs out.
    for path in ("/account/tokens", "/account/password", "/sign-out"):
        answer = house.client().post(path, headers=bearer(house.token("ada", role="admin")[0]))
        assert answer.status_code == 403


def test_a_key_of_the_settings_reads_all_and_does_nothing_else(open_house):
    house = open_house(api_keys="grafana:sesame-open-now")
    house.add("ada", role("admin"))
    key = {"Authorization": "ApiKey sesame-open-now"}
    client = house.client()
    assert client.get("/es/models/_count", headers=key).json["count"] == 12
    assert client.get("/api/search", headers=key).json["total"] == 12
    for path in ("/audit", "/account"):
        assert client.get(path, headers=key).status_code == 403
    assert client.post("/saved", headers=key).status_code == 403
    # This machine is a stranger, too, once there are users: a proxy on it brings everybody.
    assert client.get("/es/models/_count").status_code == 401


def test_the_header_of_a_proxy_is_believed_from_the_proxy_alone(open_house):
    house = open_house(access_proxy_header="X-Remote-User", access_proxies="10.0.0.0/8, ::1")
    user = house.add("bob", role("viewer", "tag:prod"), password=None)
    client = house.client()

    def asked(name, remote, **headers):
        return client.get(
            "/api/search",
            headers={"X-Remote-User": name, **headers},
            environ_base={"REMOTE_ADDR": remote},
        )

    assert asked("bob", "10.1.2.3").json["total"] == 4
    assert asked("BOB", "::ffff:10.1.2.3").json["total"] == 4
    assert asked("bob", "127.0.0.1").status_code == 401
    assert asked("", "10.1.2.3").status_code == 401
    # A proxy that asks for passwords by itself may pass on what it was shown.
    assert asked("bob", "10.1.2.3", Authorization="Basic Ym9iOng=").json["total"] == 4
    assert asked("bob", "127.0.0.1", Authorization="Basic Ym9iOng=").status_code == 401
    for name in ("eve", "bob,ada", "bob ", "*"):
        assert asked(name, "10.1.2.3").status_code == 403
    # A browser behind the proxy shows who it is by itself: what changes something needs our own page.
    told = {"headers": {"X-Remote-User": "bob"}, "environ_base": {"REMOTE_ADDR": "10.1.2.3"}}
    assert client.post("/saved", **told).status_code == 403
    house.accounts.set_disabled(user, house.visit, disabled=True)
    assert asked("bob", "10.1.2.3").status_code == 403


@pytest.mark.parametrize(
    "given",
    [
        {"access_proxy_header": "X-Remote-User"},
        {"access_proxies": "0.0.0.0/0"},
        {"access_proxies": "::/0"},
        {"access_proxies": "proxy.example"},
    ],
    ids=["from nobody", "from all", "from all of IPv6", "from a name"],
)
def test_a_proxy_that_could_be_anybody_is_refused_at_the_start(open_house, given):
    with pytest.raises(UserError, match=r"access\.prox"):
        open_house(**given)


def test_a_lost_store_lets_nobody_in(house, monkeypatch):
    from catalog.errors import StoreUnavailable

    def lost():
        raise StoreUnavailable("lost")

    client = house.client("ada")
    monkeypatch.setattr(house.accounts, "are_set_up", lost)
    assert client.get("/api/search").status_code == 503


def test_answers_to_users_are_kept_by_no_cache_of_others(house):
    tags = set()
    for name in ("ada", "bob", "ed"):
        client = house.client(name)
        for path in ("/", "/api/search"):
            answer = client.get(path)
            assert "private" in answer.headers["Cache-Control"]
            assert {"Authorization", "Cookie"} <= set(answer.headers["Vary"].replace(" ", "").split(","))
            tags.add(answer.headers["ETag"])
            for other in {"ada", "bob", "ed"} - {name}:
                again = house.client(other).get(path, headers={"If-None-Match": answer.headers["ETag"]})
                assert again.status_code == 200
    assert len(tags) == 6


def test_no_log_and_no_line_of_the_audit_holds_a_secret(house, caplog):
    caplog.set_level(logging.DEBUG)
    text, _ = house.token("ada")
    client = house.client("ada")
    session = client.get_cookie(COOKIE).value
    client.post("/sign-in", data={"name": "hunter2-hunter2", "password": "hunter3-hunter3"})
    client.get("/es/models/_search", headers=bearer(text))
    client.get("/api/search", headers=bearer(f"{text}x"))
    told = caplog.text + "".join(repr(line) for line in house.store.audit.lines())
    for secret in (PASSWORD, text, session, "hunter2", "hunter3"):
        assert secret not in told
