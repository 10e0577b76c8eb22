"""Events: after them the catalog is as a crawl would have made it, at the cost of the models that they touch."""

import hashlib
import shutil
from pathlib import Path

import pytest
from fixtures.costs import counted
from fixtures.crawling import EXTRACTORS, Shop, bill_of, safetensors
from sqlalchemy import delete, text

from catalog import plugins
from catalog.errors import WriterBusy
from catalog.records import ObjectKey, RunState
from catalog.settings import Settings
from catalog.store import open_store
from catalog.store.tables import split_directories, split_due, split_ties
from crawler.events import CrawlNeeded, take_events
from crawler.registry import Registry

CORPUS = Path(__file__).parents[2] / "corpus" / "data"


def take(shop, *keys):
    shop.source.reads.clear()
    return take_events(
        shop.store, shop.source, shop.settings, [ObjectKey(key) for key in keys], registry=shop.registry
    )


def assert_as_crawled(shop):
    """A crawl finds nothing to do: no object to read, no record to change."""
    report = shop.crawl()
    assert shop.source.reads == []
    counts = report.counts
    assert {name: counts[name] for name in ("new", "changed", "missing", "moved", "gone")} == dict.fromkeys(
        ("new", "changed", "missing", "moved", "gone"), 0
    )


@pytest.fixture
def crawled(shop):
    shop.model("a/model.safetensors", values=3)
    shop.put("a/config.json", {"model_type": "bert"})
    shop.model("b/model.safetensors", values=5)
    shop.model("c/one.safetensors", values=6)
    shop.model("c/two.safetensors", values=7)
    shop.crawl()
    return shop


def test_weights_written_again_change_their_model_alone(crawled):
    crawled.model("a/model.safetensors", values=9)
    report = take(crawled, "a/model.safetensors")
    assert report.counts["changed"] == len(report.models) == 1
    assert crawled.documents()["a"]["parameters"] == 9
    assert set(crawled.source.reads) == {"a/model.safetensors"}
    assert_as_crawled(crawled)


def test_a_new_model_is_there(crawled):
    crawled.model("new/deep/model.safetensors", values=11)
    report = take(crawled, "new/deep/model.safetensors")
    assert report.counts["new"] == len(report.models) == 1
    assert crawled.documents()["new/deep/model.safetensors"]["parameters"] == 11
    assert_as_crawled(crawled)


def test_a_sidecar_that_comes_and_goes(crawled):
    card = crawled.put("b/README.md", "---\nlicense: mit\n---\n# Net\n")
    take(crawled, "b/README.md")
    assert [document["license"] for document in crawled.documents().values() if "license" in document] == [
        "mit"
    ]
    assert_as_crawled(crawled)
    card.write_text("---\nlicense: apache-2.0\n---\n# Net\n")
    assert take(crawled, "b/README.md").counts["changed"] == 1
    assert_as_crawled(crawled)
    card.unlink()
    take(crawled, "b/README.md")
    assert not any("license" in document for document in crawled.documents().values())
    assert_as_crawled(crawled)


def test_a_deleted_model_is_missing_and_comes_back(crawled):
    path = crawled.root / "b/model.safetensors"
    data = path.read_bytes()
    path.unlink()
    report = take(crawled, "b/model.safetensors")
    assert report.counts["missing"] == 1
    assert crawled.statuses()["b/model.safetensors"] == "missing"
    assert_as_crawled(crawled)
    path.write_bytes(data)
    take(crawled, "b/model.safetensors")
    assert crawled.statuses()["b/model.safetensors"] != "missing"
    assert_as_crawled(crawled)


def test_both_ends_of_a_move_in_one_batch_are_a_move(crawled):
    (crawled.root / "b").rename(crawled.root / "elsewhere")
    report = take(crawled, "b/model.safetensors", "elsewhere/model.safetensors")
    assert (report.counts["moved"], report.counts["new"], report.counts["missing"]) == (1, 0, 0)
    assert_as_crawled(crawled)


def test_files_that_become_one_model_and_two_again(crawled):
    """A configuration and an index above what were models of their own."""
    crawled.put(
        "c/model.safetensors.index.json",
        {"metadata": {}, "weight_map": {"a": "one.safetensors", "b": "two.safetensors"}},
    )
    take(crawled, "c/model.safetensors.index.json")
    assert crawled.documents()["c"]["shards"]["found"] == 2
    assert_as_crawled(crawled)
    (crawled.root / "c/model.safetensors.index.json").unlink()
    take(crawled, "c/model.safetensors.index.json")
    assert_as_crawled(crawled)


def test_a_card_above_models_becomes_the_card_of_the_only_one_left(shop):
    shop.model("team/a/model.safetensors", values=3)
    shop.model("team/b/model.safetensors", values=4)
    shop.model("z/model.safetensors", values=5)
    shop.put("team/README.md", "---\nlicense: mit\n---\n")
    shop.crawl()
    (shop.root / "team/b/model.safetensors").unlink()
    take(shop, "team/b/model.safetensors")
    assert_as_crawled(shop)
    shop.model("team/b/model.safetensors", values=6)
    take(shop, "team/b/model.safetensors")
    assert_as_crawled(shop)


def test_an_event_twice_late_or_of_nothing_does_no_harm(crawled):
    before = crawled.documents()
    assert take(crawled, "a/model.safetensors", "a/model.safetensors", "never/was", "c").models == []
    assert crawled.source.reads == []
    assert crawled.documents() == before
    assert_as_crawled(crawled)


def test_what_a_listing_leaves_out_is_left_out_here(crawled):
    for key in (
        "a/model.safetensors.tmp",
        "__pycache__/model.safetensors",
        "x/.git/objects/model.safetensors",
    ):
        crawled.model(key)
        assert take(crawled, key).read == 0
    assert_as_crawled(crawled)


def test_before_the_first_crawl_and_after_one_that_was_cut_off_a_crawl_is_asked_for(shop):
    shop.model("a/model.safetensors")
    with pytest.raises(CrawlNeeded, match="never crawled"):
        take(shop, "a/model.safetensors")
    shop.crawl()
    shop.registry.fingerprint = "another"
    with pytest.raises(CrawlNeeded, match="another version"):
        take(shop, "a/model.safetensors")


def test_a_directory_that_is_not_mounted_loses_nothing(crawled):
    (crawled.root).rename(crawled.root.with_name("gone"))
    crawled.root.mkdir()
    before = crawled.statuses()
    with pytest.raises(CrawlNeeded, match="nothing of it"):
        take(crawled, "a/model.safetensors")
    assert crawled.statuses() == before


def test_an_event_during_a_crawl_is_refused_and_one_that_storage_refuses_is_kept(crawled):
    with crawled.store.source_lease(crawled.source.id), pytest.raises(WriterBusy):
        take(crawled, "a/model.safetensors")
    crawled.model("a/model.safetensors", values=12)
    crawled.source.denied.add("a/model.safetensors")
    report = take(crawled, "a/model.safetensors")
    assert list(report.unread) == ["a/model.safetensors"]
    assert crawled.documents()["a"]["parameters"] == 3
    crawled.source.denied.clear()
    crawled.crawl()
    assert crawled.documents()["a"]["parameters"] == 12


def test_a_process_killed_between_the_manifest_and_the_records_leaves_the_rest_to_the_next_crawl(
    crawled, monkeypatch
):
    from crawler import events

    def die(*_arguments, **_options):
        raise KeyboardInterrupt

    crawled.model("new/model.safetensors", values=9)
    monkeypatch.setattr(events, "CommittingStage", die)
    with pytest.raises(KeyboardInterrupt):
        take(crawled, "new/model.safetensors")
    monkeypatch.undo()
    with pytest.raises(CrawlNeeded, match="cut off"):
        take(crawled, "new/model.safetensors")
    crawled.crawl()
    assert crawled.documents()["new/model.safetensors"]["parameters"] == 9
    assert_as_crawled(crawled)


def test_what_nobody_reads_comes_to_a_directory_that_is_one_model_and_goes(shop):
    """Its crawl had noted the sources as settled: such a file was not seen until something else changed."""
    shop.registry = Registry.installed()
    shop.put("net/MLmodel", "artifact_path: model\nflavors: {}\n")
    shop.model("net/data/model.safetensors")
    shop.put("onnx/external.onnx", (CORPUS / "onnx" / "external.onnx").read_bytes())
    shop.crawl()
    notes = shop.put("net/data/table.unknown", b"\x01" * 50)
    data = shop.put("onnx/weights/model.data", b"\x01" * 9_000)
    picture = shop.put("elsewhere/picture.png", b"\x01")
    report = take(shop, "net/data/table.unknown", "onnx/weights/model.data", "elsewhere/picture.png")
    assert report.counts["changed"] == 2
    documents = shop.documents()
    assert "net/data/table.unknown" in [entry["key"] for entry in documents["net"]["files"]]
    assert documents["onnx"]["complete"] is True
    assert_as_crawled(shop)
    for path in (notes, data, picture):
        path.unlink()
    take(shop, "net/data/table.unknown", "onnx/weights/model.data", "elsewhere/picture.png")
    assert shop.documents()["onnx/external.onnx"]["complete"] is False
    assert len(shop.documents()["net"]["files"]) == 2
    assert_as_crawled(shop)


def write_again(shop):
    shop.model("m00007/model.safetensors", values=3, fill=7.0)
    shop.put("m00007/README.md", "---\nlicense: mit\n---\n# A longer text\n")
    return ["m00007/model.safetensors", "m00007/README.md"]


def add_a_model(shop):
    shop.model("new/deep/model.safetensors", values=4321)
    return ["new/deep/model.safetensors"]


def add_a_card_and_configuration(shop):
    shop.put("m00009/README.md", "---\nlicense: mit\n---\n")
    shop.put("m00009/config.json", {"model_type": "bert"})
    return ["m00009/README.md", "m00009/config.json"]


def delete_a_model(shop):
    (shop.root / "m00011/model.safetensors").unlink()
    return ["m00011/model.safetensors"]


def delete_a_card(shop):
    (shop.root / "m00007/README.md").unlink()
    return ["m00007/README.md"]


def move_a_model(shop):
    (shop.root / "m00012").rename(shop.root / "elsewhere")
    return ["m00012/model.safetensors", "elsewhere/model.safetensors"]


def put_a_card_above_all(shop):
    shop.put("README.md", "# Models of the team\n")
    return ["README.md"]


def take_the_card_above_all(shop):
    (shop.root / "README.md").unlink()
    return ["README.md"]


def put_what_nobody_reads(shop):
    shop.put("m00013/notes.unknown", b"\x01" * 50)
    return ["m00013/notes.unknown"]


def put_hashes_of_all_files_of_a_model(shop):
    shop.put(
        "m00014/SHA256SUMS", f"{hashlib.sha256(safetensors(values=15)).hexdigest()}  model.safetensors\n"
    )
    return ["m00014/SHA256SUMS"]


DEEDS = {
    write_again: 1,
    add_a_model: 1,
    add_a_card_and_configuration: 2,
    delete_a_model: 1,
    delete_a_card: 1,
    move_a_model: 2,
    put_a_card_above_all: 0,
    take_the_card_above_all: 0,
    put_what_nobody_reads: 0,
    put_hashes_of_all_files_of_a_model: 1,
}
"""How many models each changes."""


def costs_in_a_source_of(models, folder):
    """What each deed costs, one after another in one source."""
    root, settings = folder / "models", Settings(home=folder / "home")
    root.mkdir(parents=True)
    registry = Registry([plugins.load("extractor", name)() for name in (*EXTRACTORS, "checksums")])
    costs = {}
    with open_store(settings, write=True) as store:
        shop = Shop(root=root, store=store, settings=settings, registry=registry)
        for number in range(models):
            shop.model(f"m{number:05}/model.safetensors", values=1 + number)
        shop.put("m00007/README.md", "# Net\n")
        shop.crawl()
        for deed, changed in DEEDS.items():
            keys = deed(shop)
            with counted(store) as costs[deed.__name__]:
                report = take(shop, *keys)
            assert (deed.__name__, len(report.models)) == (deed.__name__, changed)
        assert_as_crawled(shop)
        with counted(store) as unchanged:
            shop.crawl()
        shop.model("m00007/model.safetensors", values=3, fill=8.0)
        with counted(store) as changed:
            assert shop.crawl().counts["changed"] == 1
    costs["crawl"] = changed.steps - unchanged.steps
    return costs


@pytest.fixture(scope="module")
def costs(tmp_path_factory):
    return [costs_in_a_source_of(models, tmp_path_factory.mktemp(str(models))) for models in (20, 600)]


@pytest.mark.parametrize("deed", [deed.__name__ for deed in DEEDS])
def test_an_event_costs_the_same_in_a_source_of_20_and_of_600(costs, deed):
    few, many = (of_source[deed] for of_source in costs)
    assert few.statements == many.statements
    assert few.rows == many.rows
    assert many.steps < 1.3 * few.steps


def test_a_crawl_that_finds_one_model_changed_costs_as_much_more_than_one_that_finds_none(costs):
    few, many = (of_source["crawl"] for of_source in costs)
    assert many < 1.3 * few


def test_a_source_that_an_earlier_version_crawled_is_split_by_the_first_event(crawled):
    with crawled.store._engine.begin() as connection:
        connection.execute(text("UPDATE sources SET split = ''"))
        for table in (split_directories, split_ties, split_due):
            connection.execute(delete(table))
    crawled.model("new/model.safetensors", values=11)
    assert take(crawled, "new/model.safetensors").counts["new"] == 1
    assert_as_crawled(crawled)
    with counted(crawled.store) as costs:
        crawled.model("newer/model.safetensors", values=12)
        assert take(crawled, "newer/model.safetensors").counts["new"] == 1
    assert not costs.rows["DELETE", ("split_directories",)], "it is not split again"


def test_a_directory_that_is_one_model_of_no_files_goes(crawled):
    """No file says which model it makes, and so none of the files that go leads to it."""
    crawled.registry = Registry.installed()
    pointer = crawled.put("nets/net.mlpackage/data.dvc", f"outs:\n- md5: {'ab' * 16}\n  path: elsewhere\n")
    crawled.crawl()
    assert crawled.statuses()["nets/net"] == "ok"
    pointer.unlink()
    assert take(crawled, "nets/net.mlpackage/data.dvc").counts["missing"] == 1
    assert_as_crawled(crawled)


def test_a_package_of_no_files_stays_when_something_comes_to_the_directory_of_its_name(shop):
    """The package lends to what is in that directory, and no file leads back to its model."""
    shop.registry = Registry.installed()
    shop.model("z/always.safetensors")
    shop.put("net.mlpackage/SHA256SUMS", f"{'ab' * 32}  x.safetensors\n")
    shop.model("net/notes/a.safetensors")
    shop.crawl()
    assert shop.statuses()["net"] == "ok"
    shop.model("net/notes/b.safetensors", fill=3.0)
    assert take(shop, "net/notes/b.safetensors").counts["missing"] == 0
    shop.model("net/notes/c.safetensors", fill=2.0)
    shop.crawl()
    assert_as_crawled(shop)
    assert set(shop.statuses().values()) == {"ok"}


@pytest.mark.parametrize("accept", [False, True])
def test_a_crawl_that_would_lose_too_much_leaves_the_split_as_the_manifest_is(shop, accept):
    shop.model("z/model.safetensors", values=5)
    for number in range(60):
        shop.model(f"m/{number}.safetensors", values=1 + number)
    shop.crawl()
    shutil.rmtree(shop.root / "m")
    assert (shop.crawl(accept=accept).run.state is RunState.HELD) is not accept
    for number in range(60):
        shop.model(f"m/{number}.safetensors", values=1 + number)
    take(shop, *(f"m/{number}.safetensors" for number in range(60)))
    assert_as_crawled(shop)
    assert set(shop.statuses().values()) == {"ok"}


def test_weights_that_are_another_files_subject_by_their_hash_are_bound_anew(tmp_path):
    """A bill of materials names the bytes, wherever they lie."""
    root, settings = tmp_path / "models", Settings(home=tmp_path / "home")
    root.mkdir()
    with open_store(settings, write=True) as store:
        shop = Shop(root=root, store=store, settings=settings, registry=Registry.installed())
        first, second = safetensors(values=5, fill=1.0), safetensors(values=5, fill=2.0)
        shop.put("a/model.safetensors", first)
        shop.put("boms/net.cdx.json", bill_of(second))
        shop.crawl()
        assert "license" not in shop.documents()["a/model.safetensors"]
        shop.put("a/model.safetensors", second)
        take(shop, "a/model.safetensors")
        assert shop.documents()["a/model.safetensors"]["license"] == "apache-2.0"
        assert_as_crawled(shop)
