"""The day of an admin in a real browser over a real catalog: sign in, edit, edit many, compare, restore, look at a plan."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from fixtures.a_server import running
from fixtures.browsing import arriving, follow
from fixtures.crawling import safetensors
from fixtures.users import PASSWORD

from catalog.cli import cli
from catalog.settings import Settings
from webui.app import create_app
from webui.contracts import close_services, open_services

VERSIONS = 4
POLICY = """
name: old versions
models: "name:fraud"
keep:
  newest: 2
protect:
  tags: [keep]
action: trash
"""


@pytest.fixture(scope="module")
def command(tmp_path_factory):
    """Runs a command over a home of its own; four versions of a model are crawled, ada is admin, vera a viewer."""
    folder = tmp_path_factory.mktemp("people")

    def run(*words, text=None):
        answer = CliRunner().invoke(cli, ["--home", str(folder / "home"), *words], input=text)
        assert answer.exit_code == 0, answer.output
        return answer.output

    for version in range(1, VERSIONS + 1):
        place = folder / "lab" / f"fraud-{version}"
        place.mkdir(parents=True)
        (place / "model.safetensors").write_bytes(safetensors(4 + version, fill=float(version)))
        sidecar = {"name": "fraud", "version": str(version), "license": "mit", "task": "text-classification"}
        (place / "modeldex.yaml").write_text(json.dumps(sidecar))
    run("sources", "add", str(folder / "lab"), "--option", "writable=true")
    run("crawl", str(folder / "lab"))
    run("users", "add", "ada", "--role", "admin", "--password-stdin", text=PASSWORD)
    run("users", "add", "vera", "--role", "viewer", "--password-stdin", text=PASSWORD)
    run.settings = Settings(home=folder / "home")
    (folder / "policy.yaml").write_text(POLICY)
    run.policy = str(folder / "policy.yaml")
    return run


@pytest.fixture(scope="module")
def served(command):
    services = open_services(command.settings)
    app = create_app(command.settings, services)
    with running(app, threads=4) as url:
        yield url
    app.extensions["modeldex-es"].close()
    close_services(services)


@pytest.fixture
def signed_in(chromium, served, complaints):
    """Opens a page in which somebody of this name has signed in by the form."""
    contexts = []

    def enter(name):
        context = chromium.new_context(base_url=served)
        contexts.append(context)
        page = context.new_page()
        complaints.watch(page)
        page.goto("/")
        page.get_by_label("Name").fill(name)
        page.get_by_label("Password").fill(PASSWORD)
        follow(page, page.get_by_role("button", name="Sign in"))
        assert "/sign-in" not in page.url
        return page

    yield enter
    for context in contexts:
        context.close()
    assert complaints == []


def test_an_admin_edits_edits_many_compares_restores_and_looks_at_a_plan(signed_in, command):
    page = signed_in("ada")
    page.goto("/?q=name:fraud+version:1")
    follow(page, page.locator("main a[href^='/models/']").first)
    follow(page, page.locator("section.by-hand h2").get_by_role("link", name="Edit"))
    follow(page, page.locator("table.choices").get_by_role("link", name="License", exact=True))
    page.get_by_label("Value").fill("apache-2.0")
    with arriving(page, "**#edits"):
        page.get_by_role("button", name="Save").click()
    assert "apache-2.0" in page.inner_text("section.by-hand")
    assert "mit" in page.inner_text("section.by-hand")  # what it overrides
    model = page.url.partition("#")[0]

    page.goto("/?q=name:fraud")
    follow(page, page.get_by_role("link", name="Edit all"))
    page.get_by_label("Field").select_option("license")
    page.get_by_label("Value").fill("bsd-3-clause")
    follow(page, page.get_by_role("button", name="Show what would change"))
    preview = page.locator("div[role=region]")
    assert preview.locator("tbody tr").count() == VERSIONS
    assert {"apache-2.0", "mit", "bsd-3-clause"} <= set(preview.inner_text().split())
    assert command("search", "license:bsd-3-clause", "--json").count('"id"') == 0  # a preview does nothing
    follow(page, page.get_by_role("button", name=f"Change {VERSIONS} models"))
    follow(page, page.get_by_role("button", name="Take it back"))
    assert "as before" in page.inner_text("h1")

    page.goto(f"{model}/history")
    difference = page.inner_text("section[aria-labelledby=difference]")
    assert "bsd-3-clause" in difference
    assert "apache-2.0" in difference
    follow(page, page.get_by_role("button", name="Restore revision 1", exact=True))
    assert page.url.endswith("/history")
    page.goto(model)
    assert "mit" in page.inner_text("main")
    assert "apache-2.0" not in page.inner_text("section.by-hand")
    assert "as they were written" in command("verify")


def test_plans_with_their_reasons_and_users_with_their_roles_are_shown_to_admins_alone(signed_in, command):
    command("edit", "--query", "name:fraud version:1", "tags=keep", "--yes")
    command("retention", "plan", command.policy)
    page = signed_in("ada")
    page.goto("/retention")
    follow(page, page.get_by_role("link", name="old versions"))
    assert page.locator("tbody tr").count() == 1
    assert "no rule keeps it" in page.inner_text("tbody")
    follow(page, page.get_by_role("link", name="Those that stay"))
    stays = page.inner_text("tbody")
    assert page.locator("tbody tr").count() == VERSIONS - 1
    assert "tagged keep" in stays
    assert "newest" in stays
    assert "modeldex retention apply" in page.inner_text("main")
    page.goto("/account")
    follow(page, page.get_by_role("link", name="All users"))
    page.get_by_text("Change what vera may do").click()
    page.get_by_label("With the models").fill("license:mit")
    follow(page, page.get_by_role("button", name="Save the rule for vera"))
    assert "viewer of license:mit" in page.inner_text("main")
    follow(page, page.get_by_role("button", name="Withdraw viewer of license:mit of vera"))
    assert "license:mit" not in page.inner_text("main")
    other = signed_in("vera")
    assert other.goto("/?q=name:fraud").status == 200
    assert other.get_by_role("link", name="Edit all").count() == 0
    assert other.request.get("/retention").status == 403
    assert other.request.get("/users").status == 403
