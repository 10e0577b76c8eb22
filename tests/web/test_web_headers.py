"""What browsers are told: no foreign code, no guessing, and what may be kept."""

import pytest

STRICT = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
}


@pytest.mark.parametrize(
    "address", ["/", "/nowhere", "/api/search", "/api/nowhere", "/static/modeldex.css", "/healthz"]
)
def test_every_answer_is_inert(web, address):
    answer = web.get(address)
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";"))
    assert STRICT.items() <= policy.items()
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert (
        answer.headers["Referrer-Policy"] == "same-origin"
    )  # nothing to anybody else, and forms say their origin
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"


@pytest.mark.parametrize("address", ["/", "/api/search?q=bert"])
def test_an_unchanged_page_is_not_sent_again(web, address):
    tag = web.get(address).headers["ETag"]
    again = web.get(address, headers={"If-None-Match": tag})
    assert (again.status_code, again.get_data()) == (304, b"")
    assert again.headers["ETag"] == tag


def test_html_and_json_and_other_searches_have_other_tags(web):
    tags = [web.get(address).headers["ETag"] for address in ("/", "/api/search", "/?q=bert", "/?page=2")]
    assert len(set(tags)) == len(tags)


def test_a_changed_index_changes_the_tag(tmp_path):
    from fixtures.shelf import model_documents
    from fixtures.web import index_of, services_over

    from catalog.search.engine import IndexAction
    from catalog.settings import Settings
    from indexer.engines.memory import MemoryWriter
    from webui.app import create_app

    rows = model_documents()
    index = index_of(rows)
    services = services_over(rows, index)
    client = create_app(Settings(home=tmp_path), services).test_client()
    before = client.get("/").headers["ETag"]
    writer = MemoryWriter(index)
    writer.write([IndexAction(id=rows[0]["id"], revision=2, document=None)])
    assert client.get("/", headers={"If-None-Match": before}).status_code == 200


@pytest.mark.parametrize("changed", ["html/results.py", "templates/base.html", "fields.toml"])
def test_a_release_that_changes_what_renders_changes_every_tag(tmp_path, changed):
    """HTML that code alone makes was answered 304 to a browser that held the page of the release before."""
    from webui.app import build

    room = tmp_path / "webui"
    for name in ("html/results.py", "templates/base.html", "fields.toml", "html/__pycache__/results.pyc"):
        (room / name).parent.mkdir(parents=True, exist_ok=True)
        (room / name).write_text("as it was")
    before = build.__wrapped__((room,))
    (room / "html/__pycache__/results.pyc").write_text("compiled anew")
    assert build.__wrapped__((room,)) == before
    (room / changed).write_text("as it is")
    assert build.__wrapped__((room,)) != before


def test_static_files_carry_their_content_in_their_address(web):
    page = web.get("/").text
    start = page.index("/static/modeldex.css?v=")
    address = page[start : page.index('"', start)]
    answer = web.get(address)
    assert "max-age=31536000" in answer.headers["Cache-Control"]


def test_an_unknown_failure_shows_a_number_and_nothing_else(caplog, tmp_path):
    from fixtures.es_door import memory_pair

    from catalog.access.catalog import Catalogs
    from catalog.settings import Settings
    from webui.app import create_app
    from webui.contracts import Services

    def broken():
        raise RuntimeError("secret detail of the inside")

    client = create_app(
        Settings(home=tmp_path), Services(catalogs=Catalogs(memory_pair()[1], broken))
    ).test_client()
    answer = client.get("/models/" + "a" * 64)
    assert answer.status_code == 500
    assert "secret detail" not in answer.text
    assert any(record.getMessage().split("id=")[1].split()[0] in answer.text for record in caplog.records)


def test_an_engine_that_cannot_answer_is_503_with_its_reason(web_rows, tmp_path):
    from fixtures.shelf import MemoryStore

    from catalog.access.catalog import Catalogs
    from catalog.access.opening import LazyEngine
    from catalog.errors import EngineUnavailable
    from catalog.settings import Settings
    from webui.app import create_app
    from webui.contracts import Services

    def closed():
        raise EngineUnavailable("elasticsearch", "nothing answers at 127.0.0.1:9200.")

    engine = LazyEngine("elasticsearch", closed)
    client = create_app(
        Settings(home=tmp_path), Services(catalogs=Catalogs(engine, lambda: MemoryStore(web_rows, [])))
    ).test_client()
    assert client.get("/").status_code == 503
    assert client.get("/api/search").json["error"]["status"] == 503
    runs = client.get("/runs")
    assert runs.status_code == 200
    assert "nothing answers" in runs.text
