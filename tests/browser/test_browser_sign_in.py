"""Signing in with a real browser, whose own headers say where a form comes from: on this machine, and by a name over http.

Over http to a name a browser sends no `Sec-Fetch-Site`: there the origin alone must let our own forms through.
"""

from __future__ import annotations

import pytest
from fixtures.a_server import running
from fixtures.browsing import arriving, follow
from fixtures.users import PASSWORD

ONLY_OVER_HTTPS = ("The Cross-Origin-Opener-Policy header has been ignored", "Clear-Site-Data header")
"""What a browser says of headers that it honours over https alone."""


@pytest.fixture
def served(house):
    with running(house.app, threads=4) as url:
        yield url


@pytest.mark.parametrize("host", ["127.0.0.1", "models.example"])
def test_a_person_signs_in_makes_a_token_saves_a_search_and_signs_out(
    chromium, house, served, complaints, host
):
    context = chromium.new_context(base_url=served.replace("127.0.0.1", host))
    page = context.new_page()
    complaints.watch(page)
    page.goto("/?q=tag:prod")
    assert "/sign-in" in page.url
    page.get_by_label("Name").fill("bob")
    page.get_by_label("Password").fill(PASSWORD)
    with arriving(page, "**/?q=tag*"):
        page.get_by_role("button", name="Sign in").click()
    assert "4 models" in page.inner_text("main")
    page.locator("summary", has_text="Save").first.click()
    page.get_by_label("Name").fill("what is live")
    with arriving(page, "**/saved/*"):
        page.locator(".save form button[type=submit]").click()
    follow(page, page.get_by_role("link", name="bob", exact=True))
    page.get_by_label("New token for").fill("nightly")
    follow(page, page.get_by_role("button", name="Make a token"))
    assert page.inner_text("pre").startswith("mdx_")
    follow(page, page.get_by_role("button", name="Revoke nightly"))
    assert "revoked" in page.inner_text("table")
    with arriving(page, "**/sign-in"):
        page.get_by_role("button", name="Sign out").click()
    page.goto("/account")
    assert "/sign-in" in page.url
    context.close()
    assert [one for one in complaints if not one.startswith(ONLY_OVER_HTTPS)] == []
    assert [line.happening.action for line in house.store.audit.lines()] == [
        "sign-in",
        "tokens.create",
        "tokens.revoke",
        "sign-out",
    ]


def test_a_form_of_a_foreign_page_changes_nothing(chromium, house, served, tmp_path):
    """A page at another name posts with the session of who is signed in here."""
    context = chromium.new_context(base_url=served)
    page = context.new_page()
    page.goto("/sign-in")
    page.get_by_label("Name").fill("ada")
    page.get_by_label("Password").fill(PASSWORD)
    with arriving(page, "**/"):
        page.get_by_role("button", name="Sign in").click()
    evil = served.replace("127.0.0.1", "models.example")
    page.goto(f"{evil}/sign-in")
    form = f'<form method="post" action="{served}/account/tokens"><input name="name" value="x"><input name="role" value="admin"><input name="days" value="1"></form>'
    page.route("**/evil", lambda route: route.fulfill(content_type="text/html", body=form))
    page.goto(f"{evil}/evil")
    with arriving(page), page.expect_response("**/account/tokens") as answer:
        page.evaluate("document.forms[0].submit()")
    assert answer.value.status == 403
    context.close()
    assert house.accounts.tokens() == []
