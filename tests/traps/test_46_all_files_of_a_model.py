"""All files of a model belong to it: in size, change, absence and hash, also those that nobody reads."""

import hashlib

import pytest

from catalog.records.hashes import combined_sha256
from crawler.registry import Registry

VECTORS = (
    b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (0, 0), }" + b" " * 58 + b"\n"
)
CONFIG = """[nlp]
lang = "en"
pipeline = ["tok2vec","ner","sentencizer"]

[components]

[components.ner]
factory = "ner"

[components.ner.model]
@architectures = "spacy.TransitionBasedParser.v2"

[components.ner.model.tok2vec]
@architectures = "spacy.Tok2VecListener.v1"

[components.sentencizer]
factory = "sentencizer"

[components.tok2vec]
factory = "tok2vec"

[components.tok2vec.model]
@architectures = "spacy.Tok2Vec.v2"
"""


def pipeline(shop, place, seed):
    """What spaCy writes; two pipelines share an empty file of vectors."""
    meta = {
        "lang": "en",
        "name": seed,
        "version": "1.0",
        "spacy_version": ">=3.5",
        "pipeline": ["tok2vec", "ner"],
    }
    shop.put(f"{place}/meta.json", meta)
    shop.put(f"{place}/config.cfg", CONFIG)
    weights = {name: f"\x84{seed} {name}".encode() * 100 for name in ("ner", "tok2vec")}
    for name, data in weights.items():
        shop.put(f"{place}/{name}/model", data)
    shop.put(f"{place}/ner/moves", b"\x81moves")
    shop.put(f"{place}/vocab/vectors", VECTORS)
    shop.put(f"{place}/vocab/strings.json", "[]")
    return [*weights.values(), VECTORS]


@pytest.fixture
def desk(shop):
    shop.registry = Registry.installed()
    return shop


def test_the_weights_of_a_pipeline_are_its_components_and_no_file_that_many_share(desk):
    """Two different pipelines with one empty file of vectors were "duplicates", and 128 bytes long."""
    files = {name: pipeline(desk, name, name) for name in ("a", "b")}
    desk.crawl(hash_weights=True)
    documents = desk.documents()
    for name, weights in files.items():
        made = documents[name]
        assert made["size_bytes"] == sum(map(len, weights))
        assert made["content_hash"] == combined_sha256(hashlib.sha256(data).hexdigest() for data in weights)
        assert made["complete"] is True
        assert "parameters" not in made
        assert "duplicate" not in made.get("flags", ())
        assert made["total_bytes"] == sum(
            path.stat().st_size for path in (desk.root / name).rglob("*") if path.is_file()
        )


def test_a_component_that_changes_or_goes_is_a_change_of_its_pipeline(desk):
    pipeline(desk, "a", "a")
    desk.crawl()
    before = desk.documents()["a"]
    desk.put("a/ner/model", b"other weights")
    assert desk.crawl().counts["changed"] == 1
    assert desk.documents()["a"]["size_bytes"] != before["size_bytes"]
    (desk.root / "a/ner/model").unlink()
    assert desk.crawl().counts["changed"] == 1
    made = desk.documents()["a"]
    assert made["complete"] is False
    assert "incomplete" in made["flags"]


@pytest.mark.parametrize(
    ("mark", "more"),
    [
        ("MLmodel", "data/model.unknown"),
        ("saved_model.pb", "assets/vocabulary"),
        ("model_index.json", "feature_extractor/table.msgpack"),
        ("modules.json", "1_Custom/weights.unknown"),
        ("manifest.ocdbt", "d/0123456789abcdef"),
    ],
)
def test_what_nobody_reads_in_a_directory_that_is_one_model_belongs_to_it(desk, mark, more):
    source = "{}" if mark.endswith(".json") else "artifact_path: model\nflavors: {}\n"
    modules = '[{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}]'
    desk.put(
        f"net/{mark}", {"modules.json": modules, "saved_model.pb": b"\x08\x01\x12\x00"}.get(mark, source)
    )
    desk.model("net/model.safetensors")
    desk.put(f"net/{more}", b"\x01" * 70)
    desk.put("net/.git/objects/aa", b"\x01" * 70)
    desk.crawl()
    before = desk.documents()["net"]
    keys = {entry["key"] for entry in before["files"]}
    assert f"net/{more}" in keys
    assert "net/.git/objects/aa" not in keys
    desk.put(f"net/{more}", b"\x02" * 90)
    assert desk.crawl().counts["changed"] == 1
    assert desk.documents()["net"]["total_bytes"] == before["total_bytes"] + 20
    assert desk.crawl().counts["changed"] == 0
    (desk.root / "net" / more).unlink()
    assert desk.crawl().counts["changed"] == 1


def test_a_record_made_again_from_the_store_has_the_same_files(desk):
    from catalog.recording.remake import remake

    pipeline(desk, "a", "a")
    desk.crawl()
    before = desk.documents()["a"]
    assert remake(desk.store, [before["id"]]).changed == []
    assert desk.documents()["a"]["files"] == before["files"]
