"""Policy files in the shape of CAM: what they say becomes grants, what cannot be expressed is refused by name."""

from __future__ import annotations

import json

import pytest

from catalog.access.permissions import allowed, principal_of
from catalog.access.policy import grants_of_policy
from catalog.access.scopes import check_scope, scope_of_text
from catalog.errors import UserError
from catalog.records.accounts import Action, Effect, User, UserId

SOURCES = {"lab": "file:///lab", "prod": "s3://models/prod"}
LAB, PROD = "file:///lab", "s3://models/prod"


def policy(*statements, version="2.0", **more):
    return json.dumps({"version": version, "statement": list(statements), **more})


def statement(**values):
    return {"effect": "allow", "action": ["modeldex:Read"], "resource": ["*"], **values}


def granted(text):
    return grants_of_policy(text, SOURCES.get, label="policy.json")


def reader(text):
    from datetime import UTC, datetime

    return principal_of(
        User(
            id=UserId("a" * 16),
            name="eve",
            is_disabled=False,
            has_password=False,
            created_at=datetime(2026, 1, 1, tzinfo=UTC),
            grants=granted(text),
        )
    )


DOCUMENTS = {
    "lab": {"source": LAB, "tags": ["dev"]},
    "lab prod": {"source": LAB, "tags": ["prod"]},
    "prod": {"source": PROD, "tags": ["prod", "a b"]},
    "other": {"source": "file:///else"},
}
READ = {
    "everything": (policy(statement()), {"lab", "lab prod", "prod", "other"}),
    "one statement without a list": (
        json.dumps({"version": "2.0", "statement": statement(action="modeldex:Read", resource="*")}),
        {"lab", "lab prod", "prod", "other"},
    ),
    "a source by its whole name": (
        policy(statement(resource="qcs::modeldex:gz:uin/1:source/lab/*")),
        {"lab", "lab prod"},
    ),
    "two sources": (
        policy(statement(resource=["source/lab/*", "source/prod/*"])),
        {"lab", "lab prod", "prod"},
    ),
    "a condition": (
        policy(statement(condition={"string_equal": {"modeldex:tag": "prod"}})),
        {"lab prod", "prod"},
    ),
    "a condition of several values": (
        policy(statement(condition={"string_equal": {"modeldex:tags": ["dev", "a b"]}})),
        {"lab", "prod"},
    ),
    "source and condition": (
        policy(statement(resource="source/lab/*", condition={"string_equal": {"modeldex:tag": "prod"}})),
        {"lab prod"},
    ),
    "deny wins, in whatever order": (
        policy(statement(effect="Deny", resource="source/prod/*"), statement()),
        {"lab", "lab prod", "other"},
    ),
    "deny under a condition": (
        policy(statement(), statement(effect="deny", condition={"string_equal": {"modeldex:tag": "prod"}})),
        {"lab", "other"},
    ),
    "every action": (policy(statement(action="modeldex:*")), {"lab", "lab prod", "prod", "other"}),
}


@pytest.mark.parametrize(("text", "visible"), READ.values(), ids=READ)
def test_a_policy_lets_see_what_it_says(text, visible):
    principal = reader(text)
    assert {name for name, one in DOCUMENTS.items() if allowed(principal, Action.READ, one)} == visible


def test_actions_are_those_of_the_policy():
    edits = reader(policy(statement(action=["modeldex:Read", "modeldex:Edit"], resource="source/lab/*")))
    assert allowed(edits, Action.EDIT, DOCUMENTS["lab"])
    assert not allowed(edits, Action.EDIT, DOCUMENTS["prod"])
    assert not allowed(edits, Action.AUDIT)
    assert [grant.effect for grant in granted(policy(statement(effect="DENY")))] == [Effect.DENY]


REFUSED = {
    "no JSON": ("{", "no JSON"),
    "no object": ("[]", "no object"),
    "another version": (policy(statement(), version="1.0"), "'1.0'"),
    "nothing": (policy(), "statement holds 0"),
    "a principal": (policy(statement(principal={"qcs": ["*"]})), "'principal'"),
    "notAction": (policy(statement(notAction="x")), "'notAction'"),
    "another member": (policy(statement(), id="x"), "'id'"),
    "another effect": (policy(statement(effect="maybe")), "'maybe'"),
    "another service": (policy(statement(action=["modeldex:Read", "cos:GetObject"])), "'cos:GetObject'"),
    "an unknown action": (policy(statement(action="modeldex:Fly")), "'modeldex:Fly'"),
    "a part of an action": (policy(statement(action="modeldex:Re*")), "'modeldex:Re*'"),
    "no action": (policy({"effect": "allow", "resource": "*"}), "action is missing"),
    "no resource": (policy({"effect": "allow", "action": "modeldex:Read"}), "resource is missing"),
    "an unknown source": (policy(statement(resource="source/moon/*")), "'moon'"),
    "part of a source": (policy(statement(resource="source/lab/a/*")), "there is no source 'lab/a'"),
    "any source": (policy(statement(resource="source/*/*")), "neither"),
    "a resource of another service": (policy(statement(resource="qcs::cos:gz:uid/1:*")), "neither"),
    "a resource of nobody": (policy(statement(resource="anything:*")), "neither"),
    "a condition of nothing": (policy(statement(condition={})), "condition is empty"),
    "a comparison of nothing": (policy(statement(condition={"string_equal": {}})), "compares nothing"),
    "a model": (policy(statement(resource="model/abc")), "'model/abc'"),
    "another operator": (policy(statement(condition={"ip_equal": {"qcs:ip": "10.0.0.0/8"}})), "'ip_equal'"),
    "if it exists": (
        policy(statement(condition={"string_equal_if_exist": {"modeldex:tag": "a"}})),
        "if_exist",
    ),
    "another key": (policy(statement(condition={"string_equal": {"qcs:tag": "a"}})), "'qcs:tag'"),
    "a field of numbers": (
        policy(statement(condition={"string_equal": {"modeldex:parameters": "1"}})),
        "parameters",
    ),
    "a field that there is not": (
        policy(statement(condition={"string_equal": {"modeldex:xyzzy": "1"}})),
        "xyzzy",
    ),
    "flags": (policy(statement(condition={"string_equal": {"modeldex:flags": "duplicate"}})), "flags"),
    "no value": (policy(statement(condition={"string_equal": {"modeldex:tag": []}})), "no texts"),
    "an empty value": (policy(statement(condition={"string_equal": {"modeldex:tag": ""}})), "no texts"),
}


@pytest.mark.parametrize(("text", "named"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_expressed_is_refused_by_name(text, named):
    with pytest.raises(UserError, match=r"cannot be taken|is no JSON") as refusal:
        granted(text)
    assert named in str(refusal.value)


def test_everything_that_is_wrong_is_said_at_once():
    text = policy(statement(principal="*", action="cos:Get", resource="source/moon/*", effect="allow"))
    with pytest.raises(UserError) as refusal:
        granted(text)
    assert all(part in str(refusal.value) for part in ("principal", "cos:Get", "moon"))


@pytest.mark.parametrize("value", ['a"b', "a OR tag:x", "*", "prod*", "a,b", "-x", "(", "\\"])
def test_a_value_is_that_value_and_no_query(value):
    """Else somebody who writes a policy for one tag would write one for all."""
    principal = reader(policy(statement(condition={"string_equal": {"modeldex:tag": value}})))
    assert allowed(principal, Action.READ, {"tags": [value]})
    for other in ("x", "prod", "prodx", "a", "b", ""):
        assert not allowed(principal, Action.READ, {"tags": [other]}), other


@pytest.mark.parametrize(
    "text",
    [
        "bert",
        "is:duplicate",
        "tag:prod bert",
        "sort:-accuracy",
        "limit:3",
        "tag:",
        "(tag:prod",
        '"a phrase"',
        "after:-7d",
        "tag:prod -date:2020..today",
        "tag:prod OR date:last-month",
        "in:now-2M/M",
        "year:this-year",
        "size<512B",
    ],
)
def test_what_is_no_condition_is_no_scope(text):
    with pytest.raises(UserError, match="cannot be a scope"):
        check_scope(text)
    assert scope_of_text(text) is None


@pytest.mark.parametrize("text", ["after:2022", "date>=2020-01-01 tag:prod", "date:2020-05..2031-01"])
def test_a_scope_may_name_dates_that_stay(text):
    assert check_scope(text) == text
