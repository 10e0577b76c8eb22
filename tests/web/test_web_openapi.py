"""/api/v1 describes itself, and every answer to whatever is asked is as the description says."""

from __future__ import annotations

import pytest
from fixtures.shelf import model_documents
from fixtures.web import services_over
from flask import Flask
from hypothesis import HealthCheck, given, settings

from catalog.settings import Settings
from webui import api
from webui.api import editing
from webui.api.openapi import description as described
from webui.app import create_app

FIRST, SECOND = (document["id"] for document in model_documents()[:2])


@pytest.fixture
def description(web):
    return web.get("/api/v1/openapi.json").json


@pytest.fixture(scope="module")
def tested(tmp_path_factory):
    """The description as a client has it, once for all addresses: reading it takes longer than asking."""
    import schemathesis

    application = create_app(Settings(home=tmp_path_factory.mktemp("home")), services_over(model_documents()))
    return schemathesis.openapi.from_wsgi("/api/v1/openapi.json", application)


def addresses_to_read() -> list[str]:
    app = Flask("modeldex")
    app.register_blueprint(api.blueprint)
    app.register_blueprint(editing.blueprint)
    paths = described(app, version="")["paths"]
    # Exports are streams: this client never closes them, and each holds a place. tests/web/test_web_export.py reads them.
    return [path for path, methods in paths.items() if "get" in methods and "/export." not in path]


@pytest.mark.parametrize("address", addresses_to_read())
def test_whatever_is_asked_is_answered_as_described(tested, address):
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

    operation = tested[address]["GET"]

    @settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy())
    def ask(case):
        checks = [not_a_server_error, content_type_conformance, response_schema_conformance]
        case.validate_response(case.call(headers={"Accept-Encoding": "identity"}), checks=checks)

    ask()


@pytest.mark.parametrize("address", addresses_to_read())
def test_a_parameter_that_an_address_does_not_take_is_refused_by_name(web, address):
    """Searches refused it; runs, sources, suggestions, models and histories dropped it in silence."""
    refused = web.get(address.replace("{field}", "task"), query_string={"telepathy": "1"})
    assert refused.status_code == 400
    assert "telepathy" in refused.json["error"]["detail"]


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("/api/v1/export.csv?page=2", "page"),
        ("/api/v1/export.ndjson?q=bert&per_page=5", "per_page"),
        ("/api/v1/search?lenient=maybe", "lenient"),
        ("/api/search?lenient=maybe", "lenient"),
        ("/api/v1/retention?show=all", "show"),
    ],
)
def test_what_would_be_dropped_or_guessed_is_refused(web, address, name):
    """An export of page 2 held every model, and `lenient=maybe` was taken for false."""
    refused = web.get(address)
    assert (refused.status_code, name in refused.json["error"]["detail"]) == (400, True)


def test_an_edit_whose_address_asks_for_a_rehearsal_is_not_made(web):
    """`dry_run` is part of the body; in the address it was dropped, and the edit made."""
    body = {"query": "*", "set": {"license": "mit"}}
    refused = web.post("/api/v1/edits?dry_run=true", json=body)
    assert (refused.status_code, "dry_run" in refused.json["error"]["detail"]) == (400, True)


def test_every_address_of_the_version_is_described(web, description):
    served = {
        rule.rule.replace("<", "{").replace(">", "}")
        for rule in web.application.url_map.iter_rules()
        if rule.rule.startswith("/api/v1/")
    }
    assert set(description["paths"]) == served
    assert "Two to six models" in description["paths"]["/api/v1/compare"]["get"]["summary"]
    answer = description["paths"]["/api/v1/search"]["get"]["responses"]["200"]["content"]["application/json"]
    assert answer["schema"] == {"$ref": "#/components/schemas/SearchAnswer"}


def test_the_description_is_kept_by_who_has_it(web):
    first = web.get("/api/v1/openapi.json")
    again = web.get("/api/v1/openapi.json", headers={"If-None-Match": first.headers["ETag"]})
    assert (first.status_code, again.status_code) == (200, 304)


def test_models_are_compared_field_by_field(web):
    told = web.get(f"/api/v1/compare?ids={FIRST},{SECOND}").json
    documents = {document["id"]: document for document in model_documents()}
    assert told["ids"] == [FIRST, SECOND]
    names = next(row for row in told["fields"] if row["field"] == "name")
    assert names["values"] == [documents[FIRST]["name"], documents[SECOND]["name"]]
    assert names["equal"] == (names["values"][0] == names["values"][1])
    for row in told["metrics"]:
        assert row["best"] is None or (row["dataset"] and row["best"] in row["values"])


@pytest.mark.parametrize("asked", ["", "?ids=", f"?ids={FIRST}", f"?ids={FIRST},nothing"])
def test_one_model_alone_is_compared_with_nothing(web, asked):
    answer = web.get(f"/api/v1/compare{asked}")
    assert answer.status_code == 400
    assert answer.json["error"]["detail"]
