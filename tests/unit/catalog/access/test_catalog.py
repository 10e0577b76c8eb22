"""The door: what is opened when, and what is shared between principals."""

import subprocess
import sys
from dataclasses import replace

import pytest

from catalog.access.catalog import MAX_SCOPES, Catalogs
from catalog.access.opening import open_catalog
from catalog.access.principals import OWNER, Principal
from catalog.errors import ModeldexError, StoreError
from catalog.query.nodes import Term
from catalog.query.request import SearchRequest, TermsAgg
from catalog.query.state import SearchState
from catalog.search.engine import IndexAction
from catalog.settings import Settings
from indexer.engines.memory import MemoryEngine, MemoryIndex, MemoryWriter

ADA = Principal(id="ada", name="Ada", scope=Term("owner", "us"))
DOCUMENTS = [
    {"id": "1" * 64, "name": "ours", "owner": "us", "task": "NER", "tags": ["a", "b"]},
    {"id": "2" * 64, "name": "theirs", "owner": "them", "task": "ner", "tags": ["b", "c"]},
]


def never():
    raise AssertionError("the store was opened")


@pytest.fixture
def index():
    index = MemoryIndex()
    MemoryWriter(index).write([IndexAction(id=row["id"], revision=1, document=row) for row in DOCUMENTS])
    return index


@pytest.fixture
def catalogs(index):
    return Catalogs(MemoryEngine(index), never)


def test_searches_open_no_store(catalogs):
    catalog = catalogs.of(ADA)
    assert [hit["name"] for hit in catalog.page(SearchState()).hits] == ["ours"]
    assert catalog.search(SearchRequest()).total == 1
    assert list(catalog.scan(SearchRequest())) == DOCUMENTS[:1]
    assert list(catalog.export(SearchState())) == DOCUMENTS[:1]
    assert list(catalog.get(["1" * 64, "2" * 64])) == ["1" * 64]


def test_a_search_on_the_command_line_imports_no_sql(tmp_path):
    program = (
        "import sys; from catalog.access.opening import open_catalog; from catalog.settings import Settings\n"
        "from catalog.query.state import SearchState; from pathlib import Path\n"
        "with open_catalog(Settings(home=Path(sys.argv[1]))) as catalog: catalog.page(SearchState(text='bert'))\n"
        "print(sorted({'sqlalchemy', 'alembic', 'flask', 'elasticsearch', 'pydantic'} & set(sys.modules)))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert ran.stdout == "[]\n"


def test_values_are_spelled_as_visible_documents_write_them(catalogs):
    asked = SearchRequest(size=0, aggregations={"task": TermsAgg(field="task")})
    (bucket,) = catalogs.of(ADA).search(asked).aggregations["task"].buckets
    assert (bucket.key, bucket.count) == ("NER", 1)


def test_vocabulary_is_of_the_scope_and_of_the_state_of_the_index(catalogs, index):
    def unknown(word):
        return [problem.code for problem in catalogs.of(ADA).page(SearchState(text=word)).problems]

    assert catalogs.of(ADA).facet(SearchState(), "tags").buckets[-1].value == "b"
    assert unknown("tags:c") == unknown("tags:zzz")
    before = catalogs.of(ADA).info().generation
    MemoryWriter(index).write(
        [IndexAction(id="3" * 64, revision=1, document={"id": "3" * 64, "owner": "us", "tags": ["c"]})]
    )
    assert catalogs.of(ADA).info().generation != before
    assert {bucket.value for bucket in catalogs.of(ADA).facet(SearchState(), "tags").buckets} == {
        "a",
        "b",
        "c",
    }


def test_what_is_learnt_is_shared_by_one_scope_and_forgotten_beyond_a_bound(catalogs):
    same = catalogs.of(ADA)._service is catalogs.of(replace(ADA, id="grace"))._service
    assert same
    first = catalogs.of(ADA)._service
    for number in range(MAX_SCOPES):
        catalogs.of(replace(ADA, scope=Term("owner", str(number))))
    assert catalogs.of(ADA)._service is not first
    assert catalogs.of(OWNER)._service is not catalogs.of(ADA)._service


def test_a_catalog_without_a_way_to_judge_documents_serves_its_owner_alone(index):
    class OneModel:
        @property
        def records(self):
            return self

        def get(self, _model):
            from catalog.records import StoredModel

            return StoredModel(id="1" * 64, revision=1, document=DOCUMENTS[0], provenance={})

    catalogs = Catalogs(MemoryEngine(index), OneModel)
    assert catalogs.of(OWNER).model("1" * 64) is not None
    with pytest.raises(ModeldexError):
        catalogs.of(ADA).model("1" * 64)


def test_a_store_that_fails_while_it_is_read_is_one_sentence(tmp_path):
    import sqlite3

    settings = Settings(home=tmp_path)
    with open_catalog(settings) as catalog:
        assert catalog.count() == 0
    with sqlite3.connect(tmp_path / "store.sqlite3") as database:
        database.execute("DROP TABLE records")
    with pytest.raises(StoreError, match="cannot be used"), open_catalog(settings) as catalog:
        catalog.count()


class NamedSources:
    """A store of which only the names of sources are read."""

    @property
    def sources(self):
        return self

    def names(self):
        return {"ours": "s3://ours", "hr": "s3://hr"}


def test_a_name_of_a_source_tells_nothing_of_models_that_one_may_not_see():
    """`source:hr` found nothing by that name, and would have told of the source by its address in the reading."""
    rows = [
        {"id": "1" * 64, "name": "a", "owner": "us", "source": "s3://ours"},
        {"id": "2" * 64, "name": "b", "owner": "them", "source": "s3://hr"},
    ]
    index = MemoryIndex()
    MemoryWriter(index).write([IndexAction(id=row["id"], revision=1, document=row) for row in rows])
    catalogs = Catalogs(MemoryEngine(index), NamedSources)

    mine, hidden = (catalogs.of(ADA).page(SearchState(text=f"source:{name}")) for name in ("ours", "hr"))
    assert [hit["name"] for hit in mine.hits] == ["a"]
    assert not hidden.hits
    assert "s3://hr" not in hidden.canonical_text
    assert [hit["name"] for hit in catalogs.of(OWNER).page(SearchState(text="source:hr")).hits] == ["b"]
    assert [hit["name"] for hit in catalogs.of(OWNER).page(SearchState(text="-source:hr")).hits] == ["a"]

    labels = {"ours": "s3://ours"}
    views = [catalogs.of(ADA).facet(SearchState(), "source", begun) for begun in ("", "ou", "s3://o")]
    assert [{bucket.label: bucket.value for bucket in view.buckets} for view in views] == [labels] * 3
    assert not catalogs.of(ADA).facet(SearchState(), "source", "hr").buckets
