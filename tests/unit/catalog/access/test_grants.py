"""Grants as commands are told them, in a catalog with sources that have names."""

import json
import re
from datetime import UTC, datetime

import pytest
from fixtures.shell import run

from catalog.access.command_line import accounts
from catalog.access.grants import grant_of, grants_of_file, query_of_saved
from catalog.access.permissions import principal_of
from catalog.access.scopes import scope_of_text
from catalog.errors import UserError
from catalog.query.nodes import Not, Nothing, Prefix, Term
from catalog.records.accounts import Action, Effect, Grant, Role, User, UserId
from catalog.settings import Settings
from catalog.store import open_store

NOW = datetime(2026, 1, 1, tzinfo=UTC)


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


@pytest.mark.parametrize("deny", [True, False], ids=["deny", "allow"])
@pytest.mark.parametrize(
    "query", ["source:attic", "-source:attic", 'source:"s3://none"', "source:s3*", "-source:la*"]
)
def test_a_query_that_names_a_source_there_is_not_is_refused(home, query, deny):
    """Such a denial was taken, and took nothing away."""
    with pytest.raises(UserError, match="there is no source '"):
        grant_of(Settings(home=home), Role.VIEWER, query=query, deny=deny)


@pytest.mark.parametrize(
    ("effect", "scope", "meant"),
    [
        (Effect.ALLOW, "source:LAB", Term("source", "{id}")),
        (Effect.ALLOW, "source:lab,attic", Nothing()),
        (Effect.ALLOW, "source:file:*", Prefix("source", "file:")),
        (Effect.ALLOW, "-source:lab", Not(Term("source", "{id}"))),
        (Effect.DENY, "source:lab", Not(Term("source", "{id}"))),
        (Effect.ALLOW, "source:attic", Nothing()),
        (Effect.ALLOW, "-source:attic", Nothing()),
        (Effect.DENY, "source:attic", Nothing()),
    ],
)
def test_a_source_that_an_old_grant_calls_by_its_name_is_that_source(home, effect, scope, meant):
    """Models have the id of their source: what an earlier version granted so was none of them, and a denial took nothing.

    Where no source is called so any more, nobody knows what it gives or takes: nothing, and everything.
    """
    identifier = (home.parent / "models").as_uri()
    grants = (
        Grant(effect=effect, actions=frozenset({Action.READ}), scope=scope),
        *([Grant(actions=frozenset({Action.READ}))] if effect is Effect.DENY else []),
    )
    reader = User(
        id=UserId("u"), name="ann", is_disabled=False, has_password=False, created_at=NOW, grants=grants
    )
    assert str(principal_of(reader, sources={"lab": identifier}).scope) == str(meant).format(id=identifier)


def test_the_list_of_grants_says_which_source_an_old_one_means(home):
    identifier = (home.parent / "models").as_uri()
    with open_store(Settings(home=home), write=True) as store:
        old = [
            Grant(actions=frozenset({Action.READ}), scope=f"source:{name}", label=f"viewer of source:{name}")
            for name in ("lab", "attic")
        ]
        store.accounts.add("ann", None, old)
    (ann,) = json.loads(run("--home", str(home), "users", "list", "--json").stdout)
    assert [grant["label"] for grant in ann["grants"]] == [
        f"viewer of source:lab (lab is the source {identifier})",
        "viewer of source:attic (no source, or more than one, is called attic)",
    ]
    reader = accounts(Settings(home=home)).by_name("ann")
    assert reader.scope == Term("source", identifier)


def test_the_list_of_grants_says_what_is_not_understood_any_more(home):
    """A grant of `last_seen` gave nothing, and a denial of it took everything: nobody was told why."""
    text = "last_seen>2020-01-01"
    with open_store(Settings(home=home), write=True) as store:
        old = [
            Grant(actions=frozenset({Action.READ}), scope=text, label=f"viewer of {text}"),
            Grant(effect=Effect.DENY, actions=frozenset({Action.READ}), scope=text, label="not viewer"),
        ]
        store.accounts.add("eve", None, old)
    listed = json.loads(run("--home", str(home), "users", "list", "--json").stdout)
    given, denied = next(user["grants"] for user in listed if user["name"] == "eve")
    assert re.search("it grants nothing: .*Last seen is shown", given["label"])
    assert re.search("it denies everything: .*Last seen is shown", denied["label"])


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


@pytest.mark.parametrize("word", ["unknown", "undefined", "unspecified", "unset", "empty", '""'])
def test_a_word_for_the_lack_of_a_value_is_a_value_in_a_scope(word):
    """No catalog reads a scope: `license:unknown` gave all models without a licence to who had been given none."""
    assert scope_of_text(f"owner:{word}") == Term("owner", word.strip('"'))
    assert scope_of_text(f"-owner:{word}") == Not(Term("owner", word.strip('"')))


def test_a_denied_source_called_by_a_word_for_the_lack_of_a_value_is_refused(home):
    """`-source:unknown` asked for all that have a source, which is everything, and nobody was told."""
    with pytest.raises(UserError, match="there is no source 'unknown'"):
        grant_of(Settings(home=home), Role.VIEWER, query="-source:unknown")


@pytest.mark.parametrize(
    ("text", "place"),
    [("path:secret,old*", "secret,old"), ("path LIKE 'My Models/ch%'", "My Models/ch")],
)
def test_the_beginning_of_a_place_with_letters_that_need_quotes_is_denied(text, place):
    """The star was taken for a letter of the place: a denial that had held until then took nothing away."""
    assert scope_of_text(text) == Prefix("path", place)


@pytest.mark.parametrize("text", ["top 5 by accuracy", "tag:prod limit:5"])
def test_a_saved_search_of_so_many_is_no_scope(text):
    """Its limit fell away: the grant was about all models of the kind, not about five."""
    with pytest.raises(UserError, match="limit"):
        query_of_saved(text)


@pytest.mark.parametrize(
    "text", ["path:odd/[a]*b", "path:secret,old*", "path:team-*/{prod,dev}/x", "path LIKE 'a b%c'"]
)
def test_a_scope_of_a_saved_search_means_what_the_search_does(text):
    """Their canonical text put the pattern into quotes, in which a star is a letter: a denial of it took nothing away."""
    assert scope_of_text(query_of_saved(text)) == scope_of_text(text) is not None
