"""The same crawl into PostgreSQL."""

from functools import partial

import pytest
from fixtures.crawling import EXTRACTORS, Shop, bill_of, safetensors

from catalog import plugins
from catalog.records import ObjectKey, RunState
from catalog.settings import Settings
from catalog.store import open_store
from crawler.events import take_events
from crawler.reading import Registry
from crawler.sources.local import LocalSource


@pytest.fixture
def shop(tmp_path, postgresql_url):
    root = tmp_path / "models"
    root.mkdir()
    settings = Settings(home=tmp_path / "home", database_url=postgresql_url)
    with open_store(settings, write=True) as store:
        registry = Registry([plugins.load("extractor", name)() for name in EXTRACTORS])
        yield Shop(root=root, store=store, settings=settings, registry=registry)


def test_a_source_lives_its_life(shop):
    shop.model("a\udcff/model.safetensors", values=3)
    shop.model("b.safetensors", values=4)
    shop.put("c/config.json", {"model_type": "bert", "nul": "a\0b", "lone": "\ud800"})
    shop.model("c/model.safetensors", values=5)
    assert shop.crawl().counts["new"] == 3
    again = shop.crawl()
    assert (again.counts["unchanged"], again.counts["opened"]) == (3, 0)
    (shop.root / "b.safetensors").rename(shop.root / "d.safetensors")
    assert shop.crawl().counts["moved"] == 1
    (shop.root / "c/model.safetensors").unlink()
    report = shop.crawl()
    assert (report.counts["missing"], report.run.state) == (1, RunState.COMPLETE)
    assert {document["status"] for document in shop.documents().values()} == {"ok", "missing"}


def test_files_that_lie_directly_in_a_directory_above_many_models(shop):
    shop.put("README.md", "# All models")
    for name in ("a", "b"):
        shop.model(f"{name}/model.safetensors", values=ord(name))
    assert shop.crawl().counts["new"] == 2
    shop.put("README.md", "# All our models")
    assert shop.crawl().counts["unchanged"] == 2
    shop.model("model.safetensors", values=5)
    assert shop.crawl().counts["new"] == 1


def test_events_find_what_is_around_them_in_rows(shop):
    """Among it a file that is named by the hash of its bytes, and a name that is no text."""
    shop.registry = Registry.installed()
    weights = safetensors(values=7)
    shop.model("team/a\udcff/model.safetensors", values=3)
    shop.put("team/README.md", "---\nlicense: mit\n---\n")
    shop.model("z/model.safetensors", values=5)
    shop.crawl(hash_weights=True)
    events = [
        shop.model("team/b/model.safetensors", values=4),
        shop.put("boms/net.cdx.json", bill_of(weights)),
        shop.put("c/model.safetensors", weights),
    ]
    for path in events:
        take_events(shop.store, shop.source, shop.settings, [key_of(shop, path)], registry=shop.registry)
    shop.crawl(hash_weights=True)
    (shop.root / "team/b/model.safetensors").unlink()
    shop.put("c/model.safetensors", safetensors(values=8))
    take_events(
        shop.store, shop.source, shop.settings, map(partial(key_of, shop), events), registry=shop.registry
    )
    licenses = {path: document.get("license") for path, document in shop.documents().items()}
    assert licenses["c/model.safetensors"] is None
    assert licenses["team/a\\xff/model.safetensors"] == "mit"
    again = shop.crawl(hash_weights=True)
    assert (again.counts["new"], again.counts["missing"]) == (0, 0)


def key_of(shop, path):
    return ObjectKey(str(path.relative_to(shop.root)))


def test_a_name_that_no_index_takes_is_left_out_and_said_so(shop):
    shop.model("b.safetensors", values=4)
    deep = "/".join(f"{number}{'x' * 200}" for number in range(10))
    shop.model(f"{deep}/model.safetensors", values=3)
    report = shop.crawl()
    assert (report.run.state, report.counts["new"], report.counts["skipped"]) == (RunState.COMPLETE, 1, 1)
    ((name, reason),) = report.skipped
    assert (name, reason) == (f"{deep[:200]}…", "its name has more than 2,000 bytes")
    key = ObjectKey(f"{deep}/model.safetensors")
    assert (
        take_events(shop.store, LocalSource(shop.root), shop.settings, [key], registry=shop.registry).read
        == 0
    )
    shop.store.runs.scope_failed(report.run, deep, "permission denied")
