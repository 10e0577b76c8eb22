"""Models that are known by the same names in several sources: who tells of whom, and what is to be looked at again."""

import hashlib
import json

import pytest
from fixtures.crawling import safetensors

from catalog import plugins
from catalog.access.catalog import Catalogs
from catalog.access.principals import Principal
from catalog.query.nodes import Or, Term
from catalog.recording.joining import settle_joins
from catalog.recording.ties import MAX_TIES, ties_of
from catalog.records import ModelId
from catalog.records.ties import Ties
from catalog.search.engine import IndexAction
from catalog.store.joins import note_due
from catalog.store.tables import joins_due, model_ties
from crawler.crawl import crawl
from crawler.registry import Registry
from crawler.sources.local import LocalSource
from indexer.engines.memory import MemoryEngine, MemoryIndex, MemoryWriter
from indexer.engines.memory.matching import satisfies

NAMES = ("safetensors", "dvc", "git-references")


@pytest.fixture
def places(shop, tmp_path):
    """Two directories: a remote with two objects, and a repository that names them."""
    shop.registry = Registry([plugins.load("extractor", name)() for name in NAMES])
    for name in ("remote", "repo"):
        (tmp_path / name).mkdir()
    return {name: LocalSource(tmp_path / name) for name in ("remote", "repo")}


def put_object(places, data):
    digest = hashlib.md5(data).hexdigest()
    file = places["remote"].root / "files" / "md5" / digest[:2] / digest[2:]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    return digest


def name_it(places, digest, path, **more):
    lines = "".join(f"\n  {key}: {value}" for key, value in more.items())
    (places["repo"].root / f"{path}.dvc").write_text(
        f"outs:\n- md5: {digest}\n  hash: md5\n  path: {path}{lines}\n"
    )


def crawled(shop, places, *names):
    for name in names:
        crawl(shop.store, LocalSource(places[name].root), shop.settings, registry=shop.registry)
    return {
        row.document["parameters"]: row.document
        for row in shop.store.records.iterate()
        if "parameters" in row.document
    }


def count(shop, table):
    from sqlalchemy import func, select

    with shop.store.engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def test_models_that_nobody_tells_of_are_never_looked_at_again(shop, places):
    for number in range(3):
        (places["repo"].root / f"net-{number}.safetensors").write_bytes(safetensors(values=number + 2))
    crawled(shop, places, "repo")
    assert count(shop, joins_due) == 0
    assert count(shop, model_ties) == 6, "each by its address and its hash"


def test_several_who_tell_of_one_are_all_heard_and_the_first_name_counts(shop, places, tmp_path):
    digest = put_object(places, safetensors(values=5))
    name_it(places, digest, "first.safetensors", desc="From the vendor.")
    (tmp_path / "other").mkdir()
    places["other"] = LocalSource(tmp_path / "other")
    (places["other"].root / "second.safetensors.dvc").write_text(
        f"outs:\n- md5: {digest}\n  hash: md5\n  path: second.safetensors\n  labels: [edge]\n"
    )
    model = crawled(shop, places, "remote", "repo", "other")[5]
    assert (model["description"], model["tags"]) == ("From the vendor.", ["edge"])
    assert len(model["extra"]["described_at"]) == 2
    assert model["name"] in {"first", "second"}


def lenders(model):
    return {
        field: [each.observation.lent_by for each in known.winners]
        for field, known in model.provenance.items()
    }


def test_a_value_that_was_lent_says_who_lent_it_to_who_may_see_that(shop, places):
    digest = put_object(places, safetensors(values=5))
    name_it(places, digest, "net.safetensors", desc="From the vendor.")
    crawled(shop, places, "remote", "repo")
    (stored,) = [row for row in shop.store.records.iterate() if row.document["source"] == places["remote"].id]
    known = lenders(stored)
    assert (known["description"], known["parameters"]) == (["net.safetensors"], [""])
    catalogs = Catalogs(MemoryEngine(MemoryIndex()), lambda: shop.store, lambda: satisfies)
    assert lenders(catalogs.of().model(stored.id))["description"] == ["net.safetensors"]
    of_the_remote = Principal(id="kim", name="Kim", scope=Term("source", places["remote"].id))
    seen = catalogs.of(of_the_remote).model(stored.id)
    assert (seen.document["description"], lenders(seen)["description"]) == ("From the vendor.", [""])
    (places["repo"].root / "net.safetensors.dvc").unlink()
    name_it(places, digest, "renamed.safetensors", desc="From the vendor.")
    crawled(shop, places, "repo")
    assert lenders(shop.store.records.get(stored.id))["description"] == ["renamed.safetensors"]


SHARED = "schema: '2.0'\nstages:\n" + "".join(
    f"  {stage}:\n    cmd: train\n    outs:\n    - path: {stage}.safetensors\n      md5: {{{stage}}}\n      hash: md5\n"
    for stage in ("takeover", "public")
)


@pytest.mark.parametrize(
    ("beside", "named"),
    [
        (Term("name", "public.safetensors"), set()),
        (Term("name", "takeover.safetensors"), {"takeover.safetensors"}),
    ],
    ids=["a sibling of the lender", "the lender"],
)
def test_who_lent_a_value_is_told_to_who_sees_that_very_model_and_not_one_of_its_address(
    shop, places, beside, named
):
    """A `dvc.lock` is the address of all its outputs, and a tracker's database that of all its runs: one that was visible
    made all the others named.
    """
    takeover, public = put_object(places, safetensors(values=5)), hashlib.md5(b"elsewhere").hexdigest()
    (places["repo"].root / "dvc.lock").write_text(SHARED.format(takeover=takeover, public=public))
    crawled(shop, places, "remote", "repo")
    rows = list(shop.store.records.iterate())
    (stored,) = [row for row in rows if row.document["source"] == places["remote"].id]
    index = MemoryIndex()
    MemoryWriter(index).write(
        [IndexAction(id=row.id, revision=row.revision, document=row.document) for row in rows]
    )
    catalogs = Catalogs(MemoryEngine(index), lambda: shop.store, lambda: satisfies)
    kim = Principal(id="kim", name="Kim", scope=Or((Term("source", places["remote"].id), beside)))
    seen = catalogs.of(kim).model(stored.id)
    assert seen.document["extra"]["dvc_path"] == "takeover.safetensors", "a value is the model's own"
    assert seen.document["extra"]["described_at"] == [f"{places['repo'].id}/dvc.lock"], "one is visible there"
    assert {name for names in lenders(seen).values() for name in names if name} == named


def test_what_a_file_in_the_workspace_is_called_is_said_of_its_object_elsewhere_and_not_of_itself(
    shop, places
):
    data = safetensors(values=5)
    digest = put_object(places, data)
    (places["repo"].root / "net.safetensors").write_bytes(data)
    name_it(places, digest, "net.safetensors", desc="Both.")
    crawled(shop, places, "repo", "remote")
    documents = {row.document["source"]: row.document for row in shop.store.records.iterate()}
    at_home, stored = documents[places["repo"].id], documents[places["remote"].id]
    assert stored["description"] == at_home["description"] == "Both."
    assert stored["extra"]["described_at"] == [at_home["uri"]]
    assert at_home["extra"]["stored_at"] == [stored["uri"]]
    assert "described_at" not in at_home["extra"]


def test_who_is_gone_tells_of_nothing_any_more(shop, places):
    digest = put_object(places, safetensors(values=5))
    name_it(places, digest, "net.safetensors", desc="Ours.")
    put_object(places, safetensors(values=6))
    name_it(places, hashlib.md5(safetensors(values=6)).hexdigest(), "other.safetensors")
    assert crawled(shop, places, "remote", "repo")[5]["description"] == "Ours."
    (places["repo"].root / "net.safetensors.dvc").unlink()
    model = crawled(shop, places, "repo")[5]
    assert "description" not in model
    assert model["flags"] == ["orphan"]


def test_a_killed_settlement_is_made_up_by_the_next_crawl(shop, places, monkeypatch):
    digest = put_object(places, safetensors(values=5))
    name_it(places, digest, "net.safetensors", desc="Ours.")
    crawled(shop, places, "remote")
    with monkeypatch.context() as killed:
        killed.setattr("crawler.crawl.settle_joins", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            crawled(shop, places, "repo")
    assert count(shop, joins_due) == 1
    assert crawled(shop, places, "remote")[5]["description"] == "Ours."
    assert count(shop, joins_due) == 0


def test_a_model_has_only_so_many_names(shop):
    from catalog.records import Extraction, Group, Member, ObjectKey, ObjectMeta, Role, SourceId, Subject

    key = ObjectKey("dvc.lock")
    subject = Subject(id="dvc:x", join_keys=tuple(f"md5:{number:032x}" for number in range(MAX_TIES + 5)))
    extraction = Extraction(
        key=key, extractor="dvc", extractor_version=1, format="dvc", role=Role.RUN, subjects=(subject,)
    )
    meta = ObjectMeta(source=SourceId("s"), key=key, size_bytes=1, change_token="1")
    group = Group(
        source=SourceId("s"),
        key="x",
        kind="run",
        members=(Member(object=meta, extraction=extraction, subject="dvc:x"),),
    )
    assert (len(ties_of(group).named), ties_of(group).owned) == (MAX_TIES, Ties().owned)


def test_joins_that_are_switched_off_are_parted_and_come_back_when_they_are_on(shop, places, monkeypatch):
    from catalog.settings import Settings

    digest = put_object(places, safetensors(values=5))
    name_it(places, digest, "net.safetensors", desc="Ours.")
    assert crawled(shop, places, "remote", "repo")[5]["description"] == "Ours."
    home = shop.settings.home
    shop.settings = Settings(home=home, joins_enabled=False)
    assert "description" not in crawled(shop, places, "remote")[5]
    rows = [row.document for row in shop.store.records.iterate()]
    assert not any({"stored_at", "described_at"} & row.get("extra", {}).keys() for row in rows)
    shop.settings = Settings(home=home)
    assert crawled(shop, places, "remote")[5]["description"] == "Ours."


def test_what_a_source_calls_sensitive_later_leaves_those_who_borrowed_it_with_no_key_either(shop, places):
    from dataclasses import replace

    from catalog.recording.joining import settle_joins

    digest = put_object(places, safetensors(values=5))
    name_it(places, digest, "net.safetensors", desc="Ours.")
    assert crawled(shop, places, "remote", "repo")[5]["description"] == "Ours."
    row = next(row for row in shop.store.sources.all() if row.id == places["repo"].id)
    kept = replace(row, definition=replace(row.definition, sensitive=("description",)))
    shop.store.sources.put([kept])
    assert count(shop, joins_due) > 0
    settle_joins(shop.store, row.id, shop.settings)
    assert "description" not in crawled(shop, places)[5]
    assert "description" not in crawled(shop, places, "repo", "remote")[5]
    shop.store.sources.put([row])
    assert crawled(shop, places, "remote")[5]["description"] == "Ours."


def test_a_source_that_borrows_nothing_hears_nobody(shop, places):
    from dataclasses import replace

    digest = put_object(places, safetensors(values=5))
    name_it(places, digest, "net.safetensors", desc="Ours.")
    assert crawled(shop, places, "remote", "repo")[5]["description"] == "Ours."
    row = next(row for row in shop.store.sources.all() if row.id == places["remote"].id)
    shop.store.sources.put([replace(row, definition=replace(row.definition, borrow=False))])
    assert next(each for each in shop.store.sources.all() if each.id == row.id).definition.borrow is False
    assert "description" not in crawled(shop, places, "remote")[5]
    shop.store.sources.put([row])
    assert crawled(shop, places, "remote")[5]["description"] == "Ours."


def test_who_knows_a_model_by_its_address_alone_takes_nothing_over(shop, places):
    from crawler.formats.mlflow_entries import body_of

    shop.registry = Registry(
        [plugins.load("extractor", name)() for name in (*NAMES, "mlflow-entries", "model-card")]
    )
    place = places["remote"].root / "net"
    place.mkdir()
    (place / "model.safetensors").write_bytes(safetensors(values=5))
    (place / "README.md").write_text("---\nmodel_name: ours\ntags: [internal]\n---\nOurs.\n")
    bare = places["remote"].root / "bare"
    bare.mkdir()
    (bare / "model.safetensors").write_bytes(safetensors(values=6))
    for number, directory in enumerate((place, bare)):
        version = {
            "name": f"theirs-{number}",
            "version": "7",
            "source": (directory / "model.safetensors").as_uri(),
            "user_id": "mallory",
            "current_stage": "Production",
            "description": "Theirs.",
            "tags": [{"key": "team", "value": "ours"}],
        }
        (places["repo"].root / f"{number}").mkdir()
        (places["repo"].root / f"{number}" / "entry.json").write_bytes(
            body_of("version", "x", version=version)
        )
    models = crawled(shop, places, "remote", "repo")
    assert models[5]["name"] == "ours"
    assert (models[6]["name"], models[6]["version"], models[6]["description"]) == ("theirs-1", "7", "Theirs.")
    for model in (models[5], models[6]):
        assert "described_at" in model["extra"]
        assert not {"owner", "stage", "aliases"} & model.keys()
        assert model.get("tags", []) in ([], ["internal"])
        assert model["extra"].keys() == {"described_at"}


def forgotten(shop, places, name):
    from click.testing import CliRunner

    from crawler.commands.forget import forget

    arguments = [str(places[name].root), "--apply"]
    CliRunner().invoke(forget, arguments, obj=shop.settings, catch_exceptions=False)


def test_who_forgets_a_source_leaves_nothing_of_it_elsewhere(shop, places):
    digest = put_object(places, safetensors(values=5))
    (places["repo"].root / "own.safetensors").write_bytes(safetensors(values=7))
    name_it(places, digest, "net.safetensors", desc="Ours.")
    assert crawled(shop, places, "repo", "remote")[5]["description"] == "Ours."
    forgotten(shop, places, "remote")
    rows = [row.document for row in shop.store.records.iterate() if row.document["status"] == "ok"]
    assert rows
    assert not any("stored_at" in row.get("extra", {}) for row in rows)
    assert crawled(shop, places, "remote")[5]["description"] == "Ours."
    forgotten(shop, places, "repo")
    stored = [row.document for row in shop.store.records.iterate() if row.document.get("parameters") == 5]
    assert [("description" in row, "flags" in row and "orphan" in row["flags"]) for row in stored] == [
        (False, False)
    ]


def test_what_is_in_the_trash_tells_of_nothing_until_it_is_back(shop, places):
    digest = put_object(places, safetensors(values=5))
    name_it(places, digest, "net.safetensors", desc="Ours.")
    crawled(shop, places, "remote", "repo")
    lender = next(
        row.id for row in shop.store.records.iterate() if row.document["source"] == places["repo"].id
    )
    for deed, is_told in (("remove", False), ("bring_back", True)):
        with shop.store.records.transaction(made_by="retention", cause="plan") as batch:
            batch.lock([lender])
            getattr(batch, deed)([lender], *(["trashed"] if deed == "remove" else []))
        settle_joins(shop.store, places["repo"].id, shop.settings)
        documents = [row.document for row in shop.store.records.iterate()]
        stored = next(row for row in documents if row["source"] == places["remote"].id)
        assert (stored.get("description") == "Ours.") is is_told


def test_a_note_that_was_settled_does_not_settle_a_later_one_of_the_same_model(shop):
    from sqlalchemy import insert

    model = ModelId("a" * 64)
    with shop.store.engine.begin() as connection:
        connection.execute(insert(model_ties).values(model=model, tie=b"md5:x", is_named=1))
        note_due(connection, [model], {})
    first = shop.store.joins.due()
    shop.store.joins.settled(first)
    with shop.store.engine.begin() as connection:
        note_due(connection, [model], {})
    shop.store.joins.settled(first)
    assert shop.store.joins.due().keys() == {model}


def orphans(shop):
    rows = [row.document for row in shop.store.records.iterate()]
    return {row["parameters"] for row in rows if "orphan" in row.get("flags", ())}


def test_a_repository_that_names_nothing_of_a_remote_makes_no_orphans_of_it(shop, places):
    put_object(places, safetensors(values=5))
    digest = put_object(places, safetensors(values=6))
    name_it(places, "ab345678901234567890123456789012", "other.safetensors")
    crawled(shop, places, "remote", "repo")
    assert orphans(shop) == set()
    name_it(places, digest, "net.safetensors")
    crawled(shop, places, "repo")
    assert orphans(shop) == {5}


@pytest.mark.parametrize("way", ["forgotten", "emptied"])
def test_who_names_nothing_any_more_leaves_no_orphans(shop, places, way):
    put_object(places, safetensors(values=5))
    name_it(places, put_object(places, safetensors(values=6)), "net.safetensors")
    (places["repo"].root / "own.safetensors").write_bytes(safetensors(values=7))
    crawled(shop, places, "repo", "remote")
    assert orphans(shop) == {5}
    if way == "forgotten":
        forgotten(shop, places, "repo")
    else:
        (places["repo"].root / "net.safetensors.dvc").unlink()
        crawled(shop, places, "repo")
    assert orphans(shop) == set()


def test_a_repository_of_which_files_are_left_out_judges_nobody(shop, places):
    from dataclasses import replace

    put_object(places, safetensors(values=5))
    name_it(places, put_object(places, safetensors(values=6)), "net.safetensors")
    crawled(shop, places, "repo", "remote")
    assert orphans(shop) == {5}
    row = next(row for row in shop.store.sources.all() if row.id == places["repo"].id)
    shop.store.sources.put([replace(row, definition=replace(row.definition, exclude=("old",)))])
    crawled(shop, places, "remote")
    assert orphans(shop) == set()


def test_records_of_a_remote_are_read_only_when_what_judges_them_changed(shop, places, monkeypatch):
    put_object(places, safetensors(values=5))
    name_it(places, put_object(places, safetensors(values=6)), "net.safetensors")
    crawled(shop, places, "repo", "remote")
    with monkeypatch.context() as same:
        same.setattr(type(shop.store.joins), "misjudged", lambda _: pytest.fail("nothing changed"))
        crawled(shop, places, "repo", "remote")
    put_object(places, safetensors(values=8))
    crawled(shop, places, "remote")
    assert orphans(shop) == {5, 8}


@pytest.mark.parametrize("files", [12_000, 70_000])
def test_a_list_of_many_files_names_all_of_them_or_nobody_is_judged(shop, places, files):
    digest = put_object(places, safetensors(values=5))
    entries = [{"md5": f"{number:032x}", "relpath": f"{number}.txt"} for number in range(files)]
    data = json.dumps([*entries, {"md5": digest, "relpath": "z.safetensors"}]).encode()
    listed = hashlib.md5(data).hexdigest()
    file = places["remote"].root / "files" / "md5" / listed[:2] / f"{listed[2:]}.dir"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    name_it(places, f"{listed}.dir", "models")
    crawled(shop, places, "remote", "repo")
    assert orphans(shop) == set()
