"""A real browser for the pages. Where there is none the tests are skipped with the reason; in CI that is a failure."""

from __future__ import annotations

import shutil

import pytest

ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP models.example 127.0.0.1",
]


def _chromium(in_ci):
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        reason = "no Chromium: apt-get install chromium (then: pytest tests/browser)"
        if in_ci:
            pytest.fail(reason)
        pytest.skip(reason)
    return path


@pytest.fixture(scope="session")
def chromium(tmp_path_factory):
    """A context factory over one browser process with an empty profile."""
    import os

    path = _chromium(in_ci=os.environ.get("CI") == "true")  # noqa: TID251 - CI's own variable
    playwright_api = pytest.importorskip("playwright.sync_api", reason="pip install playwright")
    with playwright_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


class Violations(list):
    """What the console and the page complained about."""

    def watch(self, page):
        page.on(
            "console",
            lambda message: self.append(message.text) if message.type in {"error", "warning"} else None,
        )
        page.on("pageerror", lambda error: self.append(str(error)))
        page.on("dialog", lambda dialog: (self.append(f"dialog {dialog.message}"), dialog.dismiss()))


@pytest.fixture
def complaints():
    return Violations()


@pytest.fixture
def wide(chromium, web_url, complaints):
    """A page on a wide screen; the test fails if the browser complains about anything."""
    context = chromium.new_context(viewport={"width": 1400, "height": 900}, base_url=web_url)
    page = context.new_page()
    complaints.watch(page)
    yield page
    context.close()
    assert complaints == []


@pytest.fixture
def plain(chromium, web_url):
    """A page in a browser without JavaScript."""
    context = chromium.new_context(java_script_enabled=False, base_url=web_url)
    yield context.new_page()
    context.close()


@pytest.fixture
def phone(chromium, web_url, complaints):
    """A page on a phone."""
    context = chromium.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, base_url=web_url
    )
    page = context.new_page()
    complaints.watch(page)
    yield page
    context.close()
    assert complaints == []
