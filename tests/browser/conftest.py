"""A real browser for the pages. Where there is none the tests are skipped with the reason; in CI that is a failure."""

from __future__ import annotations

import shutil
from itertools import islice
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
GENERATED = 20_000

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


def _program(names, package):
    """The path of a browser of this machine; without one the test is skipped, in CI it fails."""
    import os

    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        reason = f"no {names[0]}: apt-get install {package} (then: pytest tests/browser)"
        if os.environ.get("CI") == "true":  # noqa: TID251 - CI's own variable
            pytest.fail(reason)
        pytest.skip(reason)
    return path


@pytest.fixture(scope="module")
def playwright():
    """Playwright's driver. It keeps an event loop running in this thread, so it ends with the module."""
    playwright_api = pytest.importorskip("playwright.sync_api", reason="pip install playwright")
    with playwright_api.sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="module")
def chromium(playwright):
    """A context factory over one browser process with an empty profile."""
    path = _program(("chromium", "chromium-browser", "google-chrome"), "chromium")
    browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def firefox(playwright):
    """The same over the Firefox of this machine, which Playwright drives by WebDriver BiDi. It shows pages in light colours."""
    path = _program(("firefox-esr", "firefox"), "firefox-esr")
    browser = playwright.firefox.launch(
        channel="moz-firefox",
        executable_path=path,
        firefox_user_prefs={"layout.css.prefers-color-scheme.content-override": 1},
    )
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def full_home(tmp_path_factory):
    """A home with the crawled examples, and 20,000 more models in the index."""
    from contextlib import closing

    from click.testing import CliRunner

    from catalog.cli import cli
    from catalog.search.engine import IndexAction
    from catalog.settings import Settings
    from catalog.testing.documents import documents
    from indexer.engines import open_writer

    home = tmp_path_factory.mktemp("full")
    crawled = CliRunner().invoke(cli, ["--home", str(home), "crawl", str(EXAMPLES)])
    assert crawled.exit_code in {0, 1}, crawled.output
    with closing(open_writer(Settings(home=home))) as writer:
        generated = documents(GENERATED)
        while part := list(islice(generated, 5_000)):
            writer.write([IndexAction(id=row["id"], revision=1, document=row) for row in part])
        writer.refresh()
    return home


@pytest.fixture(scope="session")
def full_url(full_home):
    """A server over that home, as `modeldex serve` opens it."""
    from fixtures.a_server import running

    from catalog.settings import Settings
    from webui.app import create_app
    from webui.contracts import close_services, open_services

    settings = Settings(home=full_home)
    services = open_services(settings)
    app = create_app(settings, services)
    with running(app, threads=4) as url:
        yield url
    app.extensions["modeldex-es"].close()
    close_services(services)


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
