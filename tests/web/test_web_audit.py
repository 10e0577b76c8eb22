"""The audit: what is done leaves a line with who, what, from where, before and after; only some may read it."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from fixtures.users import OPEN_SOURCE, OWN_PAGE, PASSWORD, role

from catalog.cli import cli
from catalog.records import RunState, SourceId


def told(house):
    return [
        (line.happening.actor, line.happening.action, line.happening.outcome)
        for line in house.store.audit.lines()
    ]


def test_signing_in_tokens_and_refusals_leave_lines(house):
    client = house.client("bob")
    client.post("/sign-in", data={"name": "bob", "password": "wrong"})
    client.post("/account/tokens", data={"name": "x", "role": "viewer", "days": "1"}, headers=OWN_PAGE)
    (token,) = house.accounts.tokens()
    client.post(f"/account/tokens/{token.id}/revoke", headers=OWN_PAGE)
    client.get("/audit")
    client.post("/sign-out", headers=OWN_PAGE)
    assert told(house) == [
        ("bob", "sign-in", "done"),
        ("bob", "sign-in", "refused"),
        ("bob", "tokens.create", "done"),
        ("bob", "tokens.revoke", "done"),
        ("bob", "access.audit", "refused"),
        ("bob", "sign-out", "done"),
    ]
    lines = list(house.store.audit.lines())
    assert {line.happening.origin for line in lines} == {"127.0.0.1"}
    assert lines[2].happening.after["role"] == "viewer"
    assert list(house.store.audit.faults()) == []


@pytest.mark.parametrize(("name", "may"), [("audrey", True), ("ada", True), ("bob", False), ("ed", False)])
def test_the_audit_is_for_auditors(house, name, may):
    client = house.client(name)
    page, answer = client.get("/audit"), client.get("/api/v1/audit")
    assert [page.status_code, answer.status_code] == [200 if may else 403] * 2
    assert ("sign-in" in page.text) is may
    if may:
        assert answer.json["lines"][0]["actor"] == name


@pytest.mark.parametrize("door", ["/health/accept", "/api/v1/runs/1/accept"])
@pytest.mark.parametrize(("name", "may"), [("ada", True), ("ed", False), ("bob", False), ("audrey", False)])
def test_who_manages_the_catalog_accepts_a_held_run_and_nobody_else(house, name, may, door):
    source, store = SourceId(OPEN_SOURCE), house.store
    with store.source_lease(source) as lease:
        run = store.runs.start(source, OPEN_SOURCE, lease)
        store.runs.finish(run, RunState.HELD, {"would_lose": 60}, ["no longer there: m0"])
    answer = house.client(name).post(door, data={"run": run.id}, headers=OWN_PAGE)
    assert (answer.status_code in {202, 303}) is may
    assert (store.runs.get(run.id).accepted, bool(store.sources.asked())) == (
        (60, True) if may else (0, False)
    )
    last = list(store.audit.lines())[-1].happening
    assert (last.actor, last.outcome) == (name, "done" if may else "refused")
    assert (last.action, last.resource, last.after) == ("runs.accept", "run 1", {"may_lose": 60}) or not may


def refusals_without_names(house):
    return [
        (line.happening.action, line.happening.after["status"])
        for line in house.store.audit.lines()
        if line.happening.outcome == "refused" and not line.happening.actor
    ]


def test_whoever_is_refused_without_being_known_leaves_a_line(open_house):
    house = open_house(api_log_token="the token of jobs", events_token="the token of storages")
    house.add("ada", role("admin"))
    client, wrong = house.client(), {"Authorization": "Bearer wrong"}
    assert client.post("/api/v1/models", json={}, headers=wrong).status_code == 401
    assert client.post("/api/v1/events", json={}, headers=wrong).status_code == 401
    assert client.get("/api/v1/models/x", headers=wrong).status_code == 401
    assert client.get("/").status_code == 302, "nothing was shown, and nobody refused"
    for _ in range(6):
        answer = client.post("/sign-in", data={"name": "eve", "password": "x"})
    assert answer.status_code == 429
    lines = [line.happening for line in house.store.audit.lines()]
    assert {line.origin for line in lines} == {"127.0.0.1"}
    assert refusals_without_names(house) == [
        ("api.log", 401),
        ("api.events", 401),
        ("editing.model", 401),
        ("access.sign_in", 429),
    ]


def test_nobody_fills_the_audit_with_refusals(open_house):
    house = open_house(api_log_token="the token of jobs")
    house.add("ada", role("admin"))
    for _ in range(30):
        house.client().post("/api/v1/models", json={}, headers={"Authorization": "Bearer wrong"})
    assert refusals_without_names(house) == [("api.log", 401)] * 10


def test_an_auditor_sees_no_models(house):
    client = house.client("audrey")
    assert (
        client.post("/sign-in", data={"name": "audrey", "password": PASSWORD}).headers["Location"]
        == "/account"
    )
    for path in ("/", "/api/search", "/es/models/_count", f"/models/{0:064x}"):
        assert client.get(path).status_code == 403
    assert "/audit" in client.get("/account").text


def test_hostile_names_are_inert_on_the_page_and_older_lines_have_a_page(house):
    for number in range(130):
        house.accounts.note(
            "edit", f'<script>alert({number})</script>\u202e"', house.visit, after={"a": "\x1b[31m"}
        )
    client = house.client("audrey")
    page = client.get("/audit").text
    assert "<script>alert" not in page
    assert "\u202e" not in page
    assert "\x1b" not in page
    older = page.partition('href="/audit?before=')[2].partition('"')[0]
    assert client.get(f"/audit?before={older}").status_code == 200
    for odd in ("-1", "x", "9" * 400, ""):
        assert client.get("/audit", query_string={"before": odd}).status_code == 200
        assert client.get("/api/v1/audit", query_string={"limit": odd}).status_code == 200


def run(house, *arguments, **options):
    return CliRunner().invoke(cli, ["--home", str(house.home), *arguments], **options)


@pytest.mark.parametrize("name", ["owner", "Owner", "api"])
def test_nobody_is_called_like_an_author_who_is_no_user(open_house, name):
    added = run(open_house(), "users", "add", name, "--no-password")
    assert added.exit_code != 0
    assert f"{name} is in the history already" in str(added.exception)


def test_a_source_is_named_as_lists_of_sources_show_it(open_house, tmp_path):
    """A directory's path, which these show, was no source."""
    house, lab = open_house(), tmp_path / "lab"
    lab.mkdir()
    assert run(house, "sources", "add", str(lab)).exit_code == 0
    added = run(house, "users", "add", "ed", "--role", "editor", "--source", str(lab), "--no-password")
    assert added.exit_code == 0, added.output
    (user,) = json.loads(run(house, "users", "list", "--json").stdout)
    assert lab.as_uri() in user["grants"][0]["scope"]


def test_the_command_line_adds_users_and_the_audit_tells_of_them(open_house):
    house = open_house()
    added = run(house, "users", "add", "ada", "--role", "admin", "--password-stdin", input=f"{PASSWORD}\n")
    assert added.exit_code == 0, added.output
    assert "signing in" in added.stderr
    assert run(house, "users", "add", "bob", "--query", "tag:prod", "--no-password").exit_code == 0
    assert run(house, "users", "add", "eve", "--query", "no condition").exception is not None
    assert run(house, "users", "add", "eve", "--source", "moon", "--no-password").exception is not None
    assert run(house, "users", "grant", "bob", "--role", "editor", "--deny").exit_code == 0
    listed = json.loads(run(house, "users", "list", "--json").stdout)
    assert [user["name"] for user in listed] == ["ada", "bob"]
    assert listed[1]["grants"][1] | {"id": 0} == {
        "id": 0,
        "effect": "deny",
        "actions": ["models:edit"],
        "scope": "",
        "label": "not editor",
    }
    assert run(house, "users", "withdraw", "bob", str(listed[1]["grants"][1]["id"])).exit_code == 0
    made = run(house, "tokens", "create", "bob", "nightly", "--days", "2")
    assert made.stdout.startswith("mdx_")
    assert made.stdout.count("\n") == 1
    (token,) = json.loads(run(house, "tokens", "list", "--json").stdout)
    assert run(house, "tokens", "revoke", token["id"]).exit_code == 0
    assert run(house, "users", "disable", "bob").exit_code == 0
    exported = [json.loads(line) for line in run(house, "audit", "export").stdout.splitlines()]
    assert [line["action"] for line in exported] == [
        "users.add",
        "users.add",
        "users.grant",
        "users.withdraw",
        "tokens.create",
        "tokens.revoke",
        "users.disable",
    ]
    assert all(line["actor"].startswith("owner (") and line["origin"] == "command line" for line in exported)
    verified = run(house, "audit", "verify")
    assert (verified.exit_code, verified.stdout.split()) == (
        0,
        [str(exported[-1]["line"]), exported[-1]["sha256"]],
    )
    assert run(house, "audit", "verify", "--head", exported[-1]["sha256"]).exit_code == 0
    assert run(house, "audit", "verify", "--head", "0" * 64).exit_code == 1


def test_a_policy_takes_the_place_of_what_a_user_has_or_changes_nothing(house, tmp_path):
    file = tmp_path / "policy.json"
    good = {"version": "2.0", "statement": {"effect": "allow", "action": "modeldex:Read", "resource": "*"}}
    file.write_text(json.dumps({**good, "version": "1.0"}))
    before = house.accounts.named("bob").grants
    assert "1.0" in str(run(house, "users", "policy", "bob", str(file)).exception)
    file.write_text(json.dumps(good))
    assert run(house, "users", "policy", "bob", str(file), "--check").exit_code == 0
    assert house.accounts.named("bob").grants == before
    assert run(house, "users", "policy", "bob", str(file)).exit_code == 0
    assert [grant.label for grant in house.accounts.named("bob").grants] == [
        "allow by policy.json statement[0]"
    ]


def test_a_line_about_a_model_says_what_changed_in_words_and_leads_to_it_who_may_see_it(house):
    model = f"{7:064x}"
    change = {"before": {"license": "mit", "tags": ["a"]}, "after": {"license": {"set": "gpl-3.0"}}}
    house.accounts.note("models.edit", model, house.visit, **change)
    seen = house.client("ada").get("/audit").text
    assert "license: mit → set gpl-3.0" in seen
    assert "tags: a" in seen
    assert f'href="/models/{model}"' in seen
    assert "/models/" not in house.client("audrey").get("/audit").text


def test_lines_are_found_by_who_what_of_what_and_outcome(house):
    house.accounts.note("models.edit", "100%_net", house.visit)
    house.accounts.note("models.edit", "1000 net", house.visit)
    house.client("bob").get("/audit")
    client = house.client("audrey")

    def shown(**where):
        return client.get("/audit", query_string=where).text.count("<tr>") - 1

    assert shown(action="models.edit") == 2
    assert shown(action="models.edit", resource="100%_net") == 1
    told = client.get("/api/v1/audit", query_string={"action": "models.edit", "resource": "1000 net"}).json
    assert [line["resource"] for line in told["lines"]] == ["1000 net"]
    assert client.get("/api/v1/audit", query_string={"actr": "eve"}).status_code == 400
    listed = run(house, "audit", "list", "--action", "models.edit", "--resource", "1000 net").stdout
    assert listed.count("models.edit") == 1
    assert run(house, "audit", "list", "--actor", "nobody").stderr == "No line is like this.\n"
    assert shown(actor="bob", outcome="refused") == 1
    assert shown(actor="bo") == -1
    assert "No line is like this." in client.get("/audit?actor=nobody").text
