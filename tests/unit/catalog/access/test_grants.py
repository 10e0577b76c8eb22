"""Grants as commands are told them, in a catalog with sources that have names."""

import json

import pytest
from fixtures.shell import run

from catalog.access.grants import grant_of, grants_of_file
from catalog.access.scopes import scope_of_text
from catalog.errors import UserError
from catalog.query.nodes import Term
from catalog.records.accounts import Role
from catalog.settings import Settings


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("grants")
    (folder / "models").mkdir()
    added = run("--home", str(folder / "home"), "sources", "add", str(folder / "models"), "--name", "lab")
    assert added.exit_code == 0, added
    return folder / "home"


@pytest.mark.parametrize("deny", [True, False], ids=["deny", "allow"])
@pytest.mark.parametrize(
    "query",
    ["source:lab", "-source:lab", "source:LAB tag:prod", "source:lab,other", "tag:prod OR source:lab"],
)
def test_a_query_that_calls_a_source_by_its_name_is_refused_with_what_is_meant(home, query, deny):
    """Models have the id of their source: such a denial took nothing away, and what was to be left out was granted."""
    with pytest.raises(UserError, match=r"is what the source file://.*/models is called") as refused:
        grant_of(Settings(home=home), Role.VIEWER, query=query, deny=deny)
    assert "--source" in refused.value.advice


def test_a_policy_that_compares_the_source_with_its_name_is_refused(home):
    statement = {
        "effect": "deny",
        "action": ["modeldex:Read"],
        "resource": ["*"],
        "condition": {"string_equal": {"modeldex:source": "lab"}},
    }
    policy = json.dumps({"version": "2.0", "statement": [statement]})
    with pytest.raises(UserError, match="'lab' is what the source"):
        grants_of_file(Settings(home=home), policy, "policy.json")


def test_a_source_is_denied_by_its_name_or_by_its_id(home):
    settings, identifier = Settings(home=home), (home.parent / "models").as_uri()
    denied = [
        grant_of(settings, Role.VIEWER, sources=("lab",), deny=True),
        grant_of(settings, Role.VIEWER, query=f'source:"{identifier}"', deny=True),
    ]
    assert [scope_of_text(grant.scope) for grant in denied] == [Term("source", identifier)] * 2
