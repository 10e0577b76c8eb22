"""Whatever the sensitive values are, who may not read them gets the same through every door; who may reads and finds them."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from types import SimpleNamespace

import pytest
from fixtures.sealed import MARKER, SealedHome, values_of
from fixtures.users import role
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from catalog.access.catalog import Catalog
from catalog.access.opening import open_catalogs
from catalog.access.permissions import principal_of
from catalog.access.principals import OWNER
from catalog.errors import NotAllowed
from catalog.query.nodes import Or, Term, Terms
from catalog.query.request import SearchRequest
from catalog.records import SourceId, model_id
from catalog.records.accounts import User
from catalog.sealing.names import MARK
from catalog.search.sealed import SealedEngine
from catalog.settings import load_settings
from webui.app import create_app
from webui.contracts import Services

WORDS = (MARKER, "bw5my")
"""Of one length: the sizes of files are what storage says, and nobody's secret."""
PATHS = (
    "/",
    "/?q=license:mit",
    "/?q=WORDdata",
    "/?q=datasets:WORDdata",
    "/?q=-datasets:WORDdata",
    "/?q=has:datasets",
    "/?q=-has:datasets",
    "/?q=training.optimizer:WORDoptimizer",
    "/?q=license:mit&sort=training.learning_rate",
    "/models/ID",
    "/models/ID/history",
    "/compare?ids=ID,OTHER",
    "/api/v1/search?q=datasets:WORDdata",
    "/api/v1/search?q=WORDdata",
    "/api/v1/facets/datasets",
    "/api/v1/facets/preprocessing?prefix=WORD",
    "/api/v1/suggestions?q=datasets:WORD",
    "/api/models/ID",
    "/api/models/ID/card.md",
    "/api/models/ID/cyclonedx.json",
    "/api/v1/models?ids=ID,OTHER",
    "/api/v1/models/ID/history",
    "/api/v1/models/ID/diff?from=1&to=2",
    "/api/v1/export.ndjson",
    "/api/v1/export.csv",
)
BODIES = (
    {"query": {"term": {"datasets": "WORDdata"}}},
    {"query": {"bool": {"must_not": {"term": {"datasets": "WORDdata"}}}}},
    {"query": {"exists": {"field": "datasets"}}},
    {"query": {"match_all": {}}, "aggs": {"d": {"terms": {"field": "datasets"}}}},
    {"query": {"prefix": {"preprocessing": "WORD"}}},
)


NUMBERS = itertools.count()


def folder_of_order(tmp_path_factory):
    """A folder in which `net` has the lesser id: of two models of no date that one comes first."""
    while True:  # addresses of one length are cut alike
        folder = tmp_path_factory.mktemp(f"twin{next(NUMBERS):03}", numbered=False)
        source = SourceId(f"file://{folder}/models")
        if model_id(source, "net/model") < model_id(source, "other/model"):
            return folder


@pytest.fixture(scope="module")
def twins(tmp_path_factory):
    """Two catalogs that differ in sensitive values alone, each with a later edit of one."""
    homes = {}
    for word in WORDS:
        sealed = SealedHome(folder_of_order(tmp_path_factory), word=word)
        sealed.turn_on()
        sealed.add()
        sealed.run("crawl", "lab")
        sealed.run("edit", "net", f"datasets={word}data,{word}more")
        homes[word] = sealed
    return homes


def principal(*grants):
    user = User(
        id="0" * 16,
        name="bob",
        is_disabled=False,
        has_password=True,
        created_at=None,
        grants=tuple(grants),
    )
    return principal_of(user)


class Doors:
    """All answers of one catalog to one principal."""

    def __init__(self, sealed, word, principal):
        self.sealed = sealed
        self.word = word
        settings = load_settings(home=str(sealed.home), environment={})
        self.catalogs = open_catalogs(settings)
        services = Services(catalogs=self.catalogs, principal=lambda: principal)
        self.client = create_app(settings, services).test_client()
        self.catalog: Catalog = self.catalogs.of(principal)
        self.ids = {name: str(self.catalogs.of(OWNER).find(name)[0]) for name in ("net", "other")}

    def told(self, text):
        return (
            text.replace("WORD", self.word).replace("ID", self.ids["net"]).replace("OTHER", self.ids["other"])
        )

    def answers(self):
        for path in PATHS:
            answer = self.client.get(self.told(path))
            yield path, answer.status_code, self.plain(answer.text)
        for body in BODIES:
            answer = self.client.post("/es/models/_search", json=json.loads(self.told(json.dumps(body))))
            yield str(body), answer.status_code, self.plain(answer.text)

    def plain(self, text):
        """What differs between two catalogs anyhow is named by what it is: ids, places, times, hashes of chains."""
        for name, model in self.ids.items():
            text = re.sub(f"{model}|{model[:12]}|{model[:10]}", name, text)
        text = text.replace(self.word, "WORD").replace(str(self.sealed.folder), "FOLDER")
        text = re.sub(r"twin\w*", "FOLDER", text)
        text = re.sub(r"urn:uuid:[0-9a-f-]+|[0-9a-f]{12,64}", "HEX", text)
        text = re.sub(r"\"took(_ms)?\": ?[0-9.]+", "TIME", text)
        return re.sub(r"\d{4}-\d\d-\d\d[T ][\d:.,]+(Z|\+00:00)?|\d[\d.,]* ?(ms|s)\b|\d\d:\d\d", "TIME", text)


def test_who_may_not_read_them_gets_the_same_whatever_they_are(twins):
    first, second = (list(Doors(twins[word], word, principal(role("viewer"))).answers()) for word in WORDS)
    for before, after in zip(first, second, strict=True):
        assert before == after


VALUES = ("WORDdata", "WORDmore", "WORDprep", "WORDsource", "WORDoptimizer", "WORDcentre", "mit", "ner")
SEALED_FIELDS = (
    *("datasets", "preprocessing", "data_sources", "training.optimizer", "training.learning_rate"),
    *("extra.cost_centre", "hyperparameters.learning_rate"),
)
CONDITIONS = st.one_of(
    st.builds("{}:{}".format, st.sampled_from((*SEALED_FIELDS, "license", "task")), st.sampled_from(VALUES)),
    st.builds("{}:{}*".format, st.sampled_from(SEALED_FIELDS), st.sampled_from(("WORD", "W", "x"))),
    st.builds("{}{}0.001".format, st.sampled_from(SEALED_FIELDS), st.sampled_from((">", "<", ">=", "!="))),
    st.builds("{}:{}".format, st.sampled_from(("has", "is", "missing")), st.sampled_from(SEALED_FIELDS)),
    st.sampled_from(VALUES),
    st.builds("sort:{}{}".format, st.sampled_from(("", "-")), st.sampled_from(SEALED_FIELDS)),
)
QUERIES = st.lists(
    st.tuples(st.sampled_from(("", "-", "OR ")), CONDITIONS).map("".join), min_size=1, max_size=4
).map(" ".join)
DOORS = (
    *("/", "/api/v1/search", "/api/v1/facets/datasets", "/api/v1/facets/license"),
    *("/api/v1/export.ndjson", "/api/v1/suggest", "/edit", "/values/preprocessing"),
)


@pytest.fixture(scope="module")
def viewers(twins):
    return [Doors(twins[word], word, principal(role("viewer"))) for word in WORDS]


@hypothesis_settings(max_examples=25)
@given(query=QUERIES, door=st.sampled_from(DOORS), lenient=st.booleans())
def test_whatever_is_asked_the_answers_do_not_depend_on_what_is_sensitive(viewers, query, door, lenient):
    answers = []
    for doors in viewers:
        asked = {"q": doors.told(query), **({"lenient": "true"} if lenient else {})}
        answer = doors.client.get(door, query_string=asked)
        answers.append((answer.status_code, doors.plain(answer.text)))
    assert answers[0] == answers[1]
    assert answers[0][0] < 500


def test_no_answer_to_others_holds_a_value(twins):
    doors = Doors(twins[MARKER], MARKER, principal(role("viewer")))
    for path in PATHS:
        answer = doors.client.get(doors.told(path.replace("WORDdata", "nothing").replace("WORD", "nothing")))
        assert MARKER not in answer.text, path
    for path in ("/models/ID", "/api/models/ID", "/api/v1/export.ndjson"):
        assert (
            "hidden_fields" in doors.client.get(doors.told(path)).text
            or "Hidden" in doors.client.get(doors.told(path)).text
        )


@pytest.mark.parametrize("name", ["read-sensitive", "admin"])
def test_who_may_read_them_reads_and_finds_them(twins, name):
    doors = Doors(twins[MARKER], MARKER, principal(role(name)))
    answer = doors.client.get(doors.told("/api/models/ID")).json["document"]
    assert answer["datasets"] == [f"{MARKER}data", f"{MARKER}more"]
    assert f"{MARKER}data" in doors.client.get(doors.told("/models/ID")).text
    changes = doors.client.get(doors.told("/api/v1/models/ID/diff?from=1&to=2")).json["changes"]
    assert [f"{MARKER}data"] in [change["before"] for change in changes]
    searched = doors.client.post(
        "/es/models/_search", json={"query": {"term": {"datasets": f"{MARKER}data"}}}
    )
    assert [hit["_id"] for hit in searched.json["hits"]["hits"]] == [doors.ids["net"]]
    assert MARKER not in searched.text
    assert doors.client.get(doors.told("/api/v1/search?q=datasets:WORDdata&lenient=true")).json["total"] == 1
    lines = twins[MARKER].json_lines("audit", "export")
    assert [line["origin"] for line in lines if line["action"] == "models.read_sensitive"][-1] == "127.0.0.1"


def test_reading_is_of_a_part_of_the_catalog_as_every_other_right(twins):
    elsewhere = role("read-sensitive", 'license:"apache-2.0"')
    doors = Doors(twins[MARKER], MARKER, principal(role("viewer"), elsewhere))
    assert "datasets" not in doors.client.get(doors.told("/api/models/ID")).json["document"]
    searched = doors.client.post(
        "/es/models/_search", json={"query": {"term": {"datasets": f"{MARKER}data"}}}
    )
    assert searched.json["hits"]["hits"] == []
    denied = Doors(twins[MARKER], MARKER, principal(role("admin"), role("read-sensitive", deny=True)))
    assert "datasets" not in denied.client.get(denied.told("/api/models/ID")).json["document"]


def test_an_editor_who_may_not_read_them_may_not_set_them(twins):
    from catalog.access.editing import Editor
    from catalog.recording.field_changes import changes_of

    doors = Doors(twins[MARKER], MARKER, principal(role("editor")))
    settings = load_settings(home=str(twins[MARKER].home), environment={})
    stored = doors.catalog.model(doors.ids["net"])
    editor = Editor(settings, doors.catalog)
    with pytest.raises(NotAllowed):
        editor.edit(stored, changes_of({"datasets": ["x"]}, ()))
    outcome = editor.edit_many([(stored.id, stored.revision)], changes_of({"datasets": ["x"]}, ())).outcome
    assert outcome.changed == []
    assert values_of(MARKER)["datasets"][0] in twins[MARKER].document()["datasets"]


def test_equality_on_what_the_index_makes_of_a_sealed_field_is_looked_up_in_that_field():
    """`license:mit` asks for the parts of an expression."""
    requests = []
    engine = SimpleNamespace(name="stub", search=requests.append)
    names = frozenset({"license"})
    sealed = SealedEngine(
        engine,
        names=lambda: names,
        everywhere=lambda: names,
        lookup=lambda field, value, _limit: ["m1"] if (field, value) == ("license", "mit") else [],
    )
    sealed.search(SearchRequest(query=Term("license_parts", "mit")))
    assert requests[0].query == Or((Term("license_parts", "mit"), Terms("id", ("m1",))))


BORROWER_ALONE = "license:mit"
SHARED = "schema: '2.0'\nstages:\n" + "".join(
    f"  {stage}:\n    cmd: train\n    outs:\n    - path: {stage}.safetensors\n      md5: {{{stage}}}\n      hash: md5\n"
    for stage in ("takeover", "public")
)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", {"takeover.safetensors"}),
        (BORROWER_ALONE, set()),
        ("extra.pipeline_stage:public", set()),
        ("extra.pipeline_stage:takeover", {"takeover.safetensors"}),
    ],
    ids=["everything", "the borrower alone", "a sibling of the lender", "the lender"],
)
def test_a_sensitive_value_that_was_lent_names_its_lender_to_who_sees_that_one_alone(lent_home, query, names):
    """What was disclosed stood over what had been cut, with the names of lenders that are hidden and links to them."""
    settings = load_settings(home=str(lent_home.home), environment={})
    catalogs = open_catalogs(settings)
    (stored,) = [model for model in catalogs.of(OWNER).models() if model.document.get(MARK)]
    scopes = [f"source:{json.dumps(stored.document['source'])}", query] if query else [""]
    granted = [role(name, scope) for name in ("viewer", "read-sensitive") for scope in scopes]
    reader = catalogs.of(principal(*granted))
    seen = reader.disclosed(reader.model(stored.id), origin="here")
    catalogs.close()
    assert seen.document["extra"]["dvc_path"] == "takeover.safetensors"
    assert query != BORROWER_ALONE or "described_at" not in seen.document["extra"]
    statements = [each.observation for each in seen.provenance["extra.dvc_path"].winners]
    assert {each.lent_by for each in statements if each.lent_by} == names
    assert {each.lender is not None for each in statements} == {bool(names)}


@pytest.fixture(scope="module")
def lent_home(tmp_path_factory):
    """A remote of which links and names are sensitive, and a repository that names its object and another in one file."""
    folder = tmp_path_factory.mktemp("lent") / "home"
    sealed = SealedHome(folder)
    sealed.turn_on()
    remote, repository = folder / "remote", folder / "repo"
    data = (sealed.models / "net" / "model.safetensors").read_bytes()
    takeover, public = (hashlib.md5(text).hexdigest() for text in (data, b"elsewhere"))
    (remote / "files/md5" / takeover[:2]).mkdir(parents=True)
    (remote / "files/md5" / takeover[:2] / takeover[2:]).write_bytes(data)
    repository.mkdir()
    (repository / "dvc.lock").write_text(SHARED.format(takeover=takeover, public=public))
    options = [word for name in ("dvc_path", "described_at") for word in ("--sensitive", f"extra.{name}")]
    sealed.run("sources", "add", str(remote), "--name", "remote", *options)
    for place in (remote, repository):
        sealed.run("crawl", str(place))
    return sealed
