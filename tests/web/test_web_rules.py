"""Every address and every command has a line that says what it asks of who uses it, and is refused without it."""

from __future__ import annotations

import re

import click
import pytest
from click.testing import CliRunner
from fixtures.users import OPEN_SOURCE, OWN_PAGE, SECRET_SOURCE, role

from catalog import plugins
from catalog.access.command_rules import COMMAND_RULES, action_of
from catalog.access.permissions import allowed, principal_of
from catalog.access.principals import OWNER, READER
from catalog.cli import cli
from catalog.records.accounts import ROLES, Action, Role
from catalog.settings import Settings
from webui.access.rules import OPEN, RULES
from webui.identity import COOKIE
from webui.refusals import NotAllowed

MAY = {
    "ada": {Action.READ, Action.SAVE, Action.CRAWL, Action.AUDIT, Action.ACCOUNT, Action.EDIT, Action.MANAGE},
    "bob": {Action.READ, Action.SAVE, Action.ACCOUNT},
    "ed": {Action.READ, Action.SAVE, Action.EDIT, Action.ACCOUNT},
    "audrey": {Action.AUDIT, Action.ACCOUNT},
    "nobody": {Action.ACCOUNT},
}
"""What each user of the house may do with at least one model."""


def test_every_address_has_a_line(house):
    endpoints = {rule.endpoint for rule in house.app.url_map.iter_rules()}
    assert endpoints - set(RULES) == set(), "a new address needs its line in webui/access/rules.py"
    assert set(RULES) - endpoints == set(), "a line of an address that there is not"


def test_every_user_is_refused_exactly_what_the_table_does_not_give(house):
    cookies = {name: house.client(name).get_cookie(COOKIE).value for name in MAY}
    wrong = []
    for rule in house.app.url_map.iter_rules():
        action = RULES[rule.endpoint]
        if action is OPEN:
            continue
        path = re.sub(r"<[^>]*>", "x", rule.rule)
        for method in sorted(rule.methods - {"OPTIONS", "HEAD"}):
            for name, cookie in cookies.items():
                headers = {**OWN_PAGE, "Cookie": f"{COOKIE}={cookie}"}
                if is_refused(house.app, path, method, headers) is (action in MAY[name]):
                    wrong.append((name, method, path))
    assert wrong == []
    refused = list(house.store.audit.lines())
    assert {line.happening.actor for line in refused if line.happening.outcome == "refused"} == set(MAY) - {
        "ada"
    }


def is_refused(app, path, method, headers):
    """Whether the request is turned away before any view."""
    with app.test_request_context(path, method=method, headers=headers):
        try:
            app.preprocess_request()
        except NotAllowed:
            return True
    return False


def test_an_address_without_a_line_is_open_to_the_owner_alone(house):
    from webui.access import rules

    client = house.client("ada")
    removed = dict(rules.RULES)
    removed.pop("pages.language")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("webui.access.guard.RULES", removed)
        assert client.get("/help").status_code == 403


def leaves(command, words):
    if isinstance(command, click.Group):
        for name, verb in command.commands.items():
            yield from leaves(verb, f"{words} {name}".strip())
    if not isinstance(command, click.Group) or command.invoke_without_command:
        yield words


def test_every_command_has_a_line():
    words = [
        leaf for name in plugins.names("command") for leaf in leaves(plugins.load("command", name), name)
    ]
    assert [leaf for leaf in words if action_of(leaf) is None] == []
    known = set(words) | {leaf.partition(" ")[0] for leaf in words}
    assert set(COMMAND_RULES) <= known, "a line of a command that there is not"


def test_the_command_line_refuses_a_reader_what_the_table_does_not_give(house, tmp_path, monkeypatch):
    """A verb that is allowed runs, on a home where there is nothing."""
    monkeypatch.chdir(tmp_path)
    settings, file = Settings(home=tmp_path / "other"), tmp_path / "policy.json"
    file.touch()
    for name in ("bob", "audrey"):
        principal = principal_of(house.accounts.named(name))
        token = READER.set(principal)
        try:
            for verb in plugins.names("command"):
                for words in leaves(plugins.load("command", verb), verb):
                    arguments = [*words.split(), *needed(words, file)]
                    ran = CliRunner().invoke(cli, ["--home", str(settings.home), *arguments])
                    is_refused = "may not use" in str(ran.exception)
                    assert is_refused is not allowed(principal, action_of(words)), (name, words, ran.output)
        finally:
            READER.reset(token)


def needed(words, file):
    """Something for each argument that the command cannot do without."""
    command = cli
    for word in words.split():
        command = command.get_command(None, word)
    arguments = [one for one in command.params if isinstance(one, click.Argument) and one.required]
    options = [one.opts[0] for one in command.params if isinstance(one, click.Option) and one.required]
    return [
        *(str(file) if isinstance(one.type, click.Path) else "1" for one in arguments),
        *(part for option in options for part in (option, "env:X")),
    ]


DOCUMENTS = {
    "open and prod": {"source": OPEN_SOURCE, "tags": ["prod"]},
    "secret and prod": {"source": SECRET_SOURCE, "tags": ["prod"]},
    "open and dev": {"source": OPEN_SOURCE, "tags": ["dev"]},
    "secret and dev": {"source": SECRET_SOURCE, "tags": ["dev"]},
}
SCOPED = {
    "all": ([role("editor")], {"open and prod", "secret and prod", "open and dev", "secret and dev"}),
    "by source": ([role("editor", f'source:"{OPEN_SOURCE}"')], {"open and prod", "open and dev"}),
    "by tag": ([role("editor", "tag:prod")], {"open and prod", "secret and prod"}),
    "either": (
        [role("editor", f'source:"{OPEN_SOURCE}"'), role("editor", "tag:prod")],
        {"open and prod", "open and dev", "secret and prod"},
    ),
    "deny wins over all": (
        [role("editor"), role("viewer", f'source:"{SECRET_SOURCE}"', deny=True)],
        {"open and prod", "open and dev"},
    ),
    "deny wins over admin": (
        [role("viewer", "tag:dev", deny=True), role("admin")],
        {"open and prod", "secret and prod"},
    ),
    "deny everything": ([role("admin"), role("viewer", deny=True)], set()),
    "reading alone": ([role("viewer")], set()),
    "edits of what is not seen": (
        [role("viewer", "tag:dev"), role("editor", "tag:prod")],
        {"open and prod", "secret and prod"},
    ),
    "editing denied": (
        [role("editor"), role("editor", "tag:prod", deny=True)],
        {"open and dev", "secret and dev"},
    ),
    "a scope that nobody understands gives nothing": ([role("editor", "what is this")], set()),
    "a scope that nobody understands takes all": (
        [role("editor"), role("viewer", "what is this", deny=True)],
        set(),
    ),
    "nothing": ([], set()),
}


@pytest.mark.parametrize(("grants", "editable"), SCOPED.values(), ids=SCOPED)
def test_who_may_edit_which_model(open_house, grants, editable):
    house = open_house()
    principal = principal_of(house.add("eve", *grants, password=None))
    may = {name for name, document in DOCUMENTS.items() if allowed(principal, Action.EDIT, document)}
    assert may == editable
    assert all(allowed(OWNER, action, document) for action in Action for document in DOCUMENTS.values())


@pytest.mark.parametrize("action", [Action.CRAWL, Action.AUDIT, Action.MANAGE])
def test_what_is_about_the_whole_catalog_is_nothing_for_a_part_of_it(open_house, action):
    house = open_house()
    part = principal_of(house.add("part", role("admin", "tag:prod"), password=None))
    but = principal_of(
        house.add(
            "but",
            role("admin"),
            role("admin", "tag:prod", deny=True),
            role("auditor", "tag:prod", deny=True),
            password=None,
        )
    )
    whole = principal_of(house.add("whole", role("admin"), password=None))
    assert [allowed(who, action) for who in (part, but, whole)] == [False, False, True]


def test_roles_are_what_the_docs_say():
    assert ROLES[Role.VIEWER] < ROLES[Role.EDITOR] < ROLES[Role.ADMIN]
    assert ROLES[Role.AUDITOR] < ROLES[Role.ADMIN]
    assert Action.ACCOUNT not in ROLES[Role.ADMIN]
