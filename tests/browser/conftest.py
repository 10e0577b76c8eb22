"""A real browser for the pages. Where there is none the tests are skipped with the reason; in CI that is a failure."""

from __future__ import annotations

import shutil
from itertools import islice
from pathlib import Path

import pytest
from fixtures.browsing import TURNS, reads_in_turn

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


@pytest.fixture(scope="package")
def playwright(claim):
    """Playwright's driver. It keeps an event loop running in this thread, so it ends with the tests of this folder."""
    claim("browser")
    playwright_api = pytest.importorskip("playwright.sync_api", reason="pip install playwright")
    with reads_in_turn(), playwright_api.sync_playwright() as driver:
        yield driver


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup():
    TURNS.begin()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call():
    outcome = yield
    TURNS.end()
    return outcome


@pytest.fixture(scope="package")
def chromium(playwright):
    """A context factory over one browser process with an empty profile."""
    path = _program(("chromium", "chromium-browser", "google-chrome"), "chromium")
    browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
    yield browser
    browser.close()


@pytest.fixture(scope="package")
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

    def note(self, message):
        if message.type in {"error", "warning"}:
            self.append(message.text)

    def note_error(self, error):
        self.append(str(error))

    def dismiss(self, dialog):
        self.append(f"dialog {dialog.message}")
        dialog.dismiss()

    def watch(self, page):
        for event, hear in self._ears():
            page.on(event, hear)

    def leave(self, page):
        for event, hear in self._ears():
            page.remove_listener(event, hear)

    def _ears(self):
        return ("console", self.note), ("pageerror", self.note_error), ("dialog", self.dismiss)


@pytest.fixture
def complaints():
    return Violations()


@pytest.fixture(scope="module")
def tab(request, playwright, web_url):
    """Makes the tab of a context of its own, and gives the same one to all tests of the module that ask for its options.

    A new context is a new process of the browser, most of the time of a test; pages keep nothing in it but cookies.
    """
    tabs = {}

    def tab_with(browser, **options):
        key = repr((browser, sorted(options.items())))
        if key not in tabs:
            context = request.getfixturevalue(browser).new_context(base_url=web_url, **options)
            tabs[key] = context.new_page()
        page = tabs[key]
        page.context.clear_cookies()
        page.mouse.move(0, 0)
        return page

    yield tab_with
    for page in tabs.values():
        page.context.close()


@pytest.fixture
def wide(tab, complaints):
    """A page on a wide screen; the test fails if the browser complains about anything."""
    page = tab("chromium", viewport={"width": 1400, "height": 900})
    complaints.watch(page)
    yield page
    complaints.leave(page)
    assert complaints == []


@pytest.fixture
def plain(tab):
    """A page in a browser without JavaScript."""
    return tab("chromium", java_script_enabled=False)


@pytest.fixture
def phone(tab, complaints):
    """A page on a phone."""
    page = tab("chromium", viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    complaints.watch(page)
    yield page
    complaints.leave(page)
    assert complaints == []
