"""The page of users: an admin sees and changes what others may, and nobody makes themselves more."""

from __future__ import annotations

import pytest
from fixtures.users import OWN_PAGE, role


def post(client, path, **form):
    return client.post(path, data=form, headers=OWN_PAGE)


def labels(house, name):
    return [grant.label for grant in house.accounts.named(name).grants]


def test_an_admin_grants_denies_withdraws_disables_and_revokes(house):
    text, token = house.token("bob")
    bob, ada = house.client("bob"), house.client("ada")
    page = ada.get("/users").text
    assert all(name in page for name in ("ada", "bob", "ed", "audrey", token.name))
    assert text not in page
    assert post(ada, "/users/bob/grants", role="editor", scope="tag:prod").status_code == 303
    assert post(ada, "/users/bob/grants", role="viewer", scope="tag:prod", effect="deny").status_code == 303
    assert labels(house, "bob")[-2:] == ["editor of tag:prod", "not viewer of tag:prod"]
    assert bob.get("/api/v1/search").json["total"] == 0
    (denied,) = [each.id for each in house.accounts.named("bob").grants if each.label.startswith("not")]
    post(ada, f"/users/bob/grants/{denied}/withdraw")
    assert bob.get("/api/v1/search").json["total"] == 4
    post(ada, f"/users/bob/tokens/{token.id}/revoke")
    assert (
        house.app.test_client().get("/api/v1/search", headers={"Authorization": f"Bearer {text}"}).status_code
        == 401
    )
    post(ada, "/users/bob/disabled", disabled="yes")
    assert bob.get("/api/v1/search").status_code == 401
    post(ada, "/users/bob/disabled", disabled="no")
    assert not house.accounts.named("bob").is_disabled
    actions = [line.happening.action for line in house.store.audit.lines() if line.happening.actor == "ada"]
    assert [action for action in actions if action != "sign-in"] == [
        "users.grant",
        "users.grant",
        "users.withdraw",
        "tokens.revoke",
        "users.disable",
        "users.enable",
    ]


def test_nobody_changes_their_own_rights_here(house):
    ada = house.client("ada")
    before = labels(house, "ada")
    for path, form in (
        ("disabled", {"disabled": "yes"}),
        ("grants", {"role": "editor"}),
        ("grants/1/withdraw", {}),
    ):
        refused = post(ada, f"/users/ada/{path}", **form)
        assert refused.status_code == 400
        assert "another admin" in refused.text
    assert labels(house, "ada") == before


@pytest.mark.parametrize("name", ["bob", "ed", "audrey", "nobody"])
def test_others_see_no_user(house, name):
    client = house.client(name)
    assert client.get("/users").status_code == 403
    assert post(client, f"/users/{name}/grants", role="admin").status_code == 403


def test_an_admin_of_a_part_is_no_admin_of_users(house):
    house.add("part", role("admin", "tag:prod"))
    assert house.client("part").get("/users").status_code == 403


def test_a_token_of_an_admin_makes_no_users_more(house):
    text, _ = house.token("ada", role="admin")
    headers = {"Authorization": f"Bearer {text}"}
    client = house.app.test_client()
    assert client.get("/users", headers=headers).status_code == 403
    assert client.post("/users/bob/grants", data={"role": "admin"}, headers=headers).status_code == 403
    assert "admin" not in labels(house, "bob")


@pytest.mark.parametrize(
    ("path", "form", "sentence"),
    [
        ("/users/bob/grants", {"role": "king"}, "no role"),
        ("/users/bob/grants", {"role": "viewer", "scope": "bert"}, "cannot be a scope"),
        ("/users/bob/grants/99/withdraw", {}, "no grant 99"),
        ("/users/bob/grants/x/withdraw", {}, "no grant"),
        ("/users/nobodyatall/disabled", {"disabled": "yes"}, "no user"),
        ("/users/bob/tokens/x/revoke", {}, "no such token"),
    ],
)
def test_what_cannot_be_is_said(house, path, form, sentence):
    refused = post(house.client("ada"), path, **form)
    assert refused.status_code == 400
    assert sentence in refused.text
