"""Records made again from the store alone: the same as a crawl made, at the cost of one model."""

from pathlib import Path

import pytest
from fixtures.costs import counted
from fixtures.crawling import EXTRACTORS, Shop, safetensors

from catalog import plugins
from catalog.errors import NotRemakable
from catalog.recording.authorship import Authorship
from catalog.recording.edits import edit_model
from catalog.recording.remake import remake
from catalog.records import ModelId, ObjectKey
from catalog.settings import Settings
from catalog.store import open_store
from crawler.crawl import crawl
from crawler.registry import Registry
from crawler.sources.local import LocalSource

EXAMPLES = Path(__file__).parents[4] / "examples"
CORPUS = Path(__file__).parents[3] / "corpus"


@pytest.mark.parametrize("root", [EXAMPLES, CORPUS], ids=["examples", "corpus"])
def test_every_model_made_again_from_the_store_is_as_the_crawl_made_it(root, tmp_path):
    """Of trackers, registries, pipelines, caches, blobs and single files."""
    settings = Settings(home=tmp_path)
    with open_store(settings, write=True) as store:
        crawl(store, LocalSource(root), settings)
        before = {model.id: (model.revision, model.document) for model in store.records.iterate()}
        done = remake(store, sorted(before))
        after = {model.id: (model.revision, model.document) for model in store.records.iterate()}
        assert len(before) > 10
        assert {model: document for model, (_, document) in after.items()} == {
            model: document for model, (_, document) in before.items()
        }
        assert (len(done.changed), len(done.unchanged)) == (0, len(before))


OF_ANOTHER_MODEL = {
    "licence text": ("LICENSE", "MIT License\n\nPermission is hereby granted, free of charge, to any person"),
    "card": ("README.md", "---\nlicense: isc\ntags: [theirs]\n---\n# Theirs\n"),
    "run": ("eval_results.json", '{"eval_accuracy": 0.5}'),
    "settings": ("config.json", '{"model_type": "t5", "hidden_size": 7}'),
}


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
@pytest.mark.parametrize("what", OF_ANOTHER_MODEL)
def test_what_a_file_below_says_of_another_model_is_left_out_when_the_record_is_made_again(
    request, tmp_path, database, what
):
    """A licence text was known as another model's by the crawl, and was the model's own once somebody had edited that."""
    url = request.getfixturevalue("postgresql_url") if database == "postgresql" else ""
    settings = Settings(home=tmp_path / "home", database_url=url)
    name, content = OF_ANOTHER_MODEL[what]
    index = '{"_class_name": "StableDiffusionPipeline", "unet": ["diffusers", "UNet2DConditionModel"]}'
    files = {
        "pipe/model_index.json": index.encode(),
        "pipe/unet/diffusion_pytorch_model.safetensors": safetensors(),
        f"pipe/unet/kept/other/{name}": content.encode(),
    }
    for path, data in files.items():
        (tmp_path / "models" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "models" / path).write_bytes(data)
    with open_store(settings, write=True) as store:
        crawl(store, LocalSource(tmp_path / "models"), settings)
        before = {model.id: (model.document, model.provenance) for model in store.records.iterate()}
        assert {"pipe"} <= {document["path"] for document, _ in before.values()}
        remake(store, sorted(before))
        after = {model.id: (model.document, model.provenance) for model in store.records.iterate()}
    assert after == before


def test_what_a_blobs_name_promises_is_known_when_its_model_is_made_again(shop):
    import hashlib

    weights = safetensors(values=300_000)  # more than is hashed while it is read
    digest = hashlib.sha256(weights).hexdigest()
    shop.put(f"models--team--net/blobs/{digest}", weights)
    (shop.root / "models--team--net/snapshots/abc").mkdir(parents=True)
    (shop.root / "models--team--net/snapshots/abc/model.safetensors").symlink_to(f"../../blobs/{digest}")
    shop.put("models--team--net/snapshots/abc/config.json", {"model_type": "bert"})
    shop.crawl()
    (model,) = shop.store.records.iterate()
    assert model.document["content_hash"] == digest
    assert remake(shop.store, [model.id]).unchanged == [model.id]


def test_a_reading_that_is_newer_shows_in_its_model_and_no_other(shop):
    shop.model("a/model.safetensors", values=3)
    shop.model("b/model.safetensors", values=4)
    shop.crawl()
    key = ObjectKey("a/model.safetensors")
    manifest = shop.store.manifest(shop.source.id)
    from crawler.reader import Budget
    from crawler.reading import ObjectReader

    shop.model("a/model.safetensors", values=9)
    reader = ObjectReader(shop.source, shop.registry, Budget(requests=9, bytes=10**6, seconds=9))
    outcome = reader.read(shop.source.head(key), None)
    with shop.store.lease("writer") as lease:
        manifest.put([(outcome.entry, outcome.extraction)], lease=lease)
    models = shop.store.records.models_of(shop.source.id, [key])
    assert remake(shop.store, models).changed == models
    assert {path: document["parameters"] for path, document in shop.documents().items()} == {
        "a/model.safetensors": 9,
        "b/model.safetensors": 4,
    }
    assert shop.crawl().counts["unchanged"] == 2


def test_a_missing_model_stays_missing_when_it_is_made_again(shop):
    path = shop.model("a/model.safetensors")
    shop.model("b/model.safetensors", values=5)
    shop.crawl()
    path.unlink()
    shop.crawl()
    model = ModelId(shop.documents()["a/model.safetensors"]["id"])
    before = shop.store.records.get(model)
    assert remake(shop.store, [model]).unchanged == [model]
    assert shop.store.records.get(model) == before


def test_what_moved_or_never_was_is_refused_by_name(shop):
    shop.model("a/model.safetensors")
    shop.crawl()
    (shop.root / "a").rename(shop.root / "b")
    shop.crawl()
    old = ModelId(shop.documents()["a/model.safetensors"]["id"])
    new = shop.documents()["b/model.safetensors"]["id"]
    with pytest.raises(NotRemakable, match=f"elsewhere now.*{new[:12]}"):
        remake(shop.store, [old])
    with pytest.raises(NotRemakable, match="there is none"):
        remake(shop.store, [ModelId("0" * 64)])


def costs_in_a_source_of(models, folder):
    root, settings = folder / "models", Settings(home=folder / "home")
    root.mkdir(parents=True)
    registry = Registry([plugins.load("extractor", name)() for name in EXTRACTORS])
    with open_store(settings, write=True) as store:
        shop = Shop(root=root, store=store, settings=settings, registry=registry)
        for number in range(models):
            shop.model(f"m{number:05}/model.safetensors", values=1 + number)
        shop.put("m00007/config.json", {"model_type": "bert"})
        shop.crawl()
        (name,) = store.records.find("m00007")
        with counted(store) as remaking:
            remake(store, [name])
        with counted(store) as editing:
            edit_model(store, name, expected=1, values={"license": "mit"}, by=Authorship(made_by="me"))
        assert store.records.get(name).document["license"] == "mit"
        return remaking, editing


def test_one_model_made_again_costs_the_same_in_a_source_of_20_and_of_600(tmp_path):
    small = costs_in_a_source_of(20, tmp_path / "small")
    large = costs_in_a_source_of(600, tmp_path / "large")
    for few, many in zip(small, large, strict=True):
        assert few.statements == many.statements
        assert few.rows == many.rows
        assert few.rows[("INSERT", ("records",))] == 1
        assert many.steps < 1.2 * few.steps
    assert not any("objects" in tables or "extractions" in tables for _, tables in large[1].rows)


def test_the_files_of_a_model_are_a_table(shop):
    shop.model("m/model.safetensors")
    shop.put("m/config.json", {"model_type": "bert"})
    shop.put("m/README.md", "# Net\n")
    shop.crawl()
    (model,) = shop.store.records.iterate()
    keys = shop.store.records.file_keys([model.id])[model.id]
    assert keys == ("m/README.md", "m/config.json", "m/model.safetensors")
    assert shop.store.records.models_of(shop.source.id, [keys[0]]) == [model.id]
