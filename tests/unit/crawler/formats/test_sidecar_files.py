"""Files beside a model that say what the model itself does not, through a whole crawl."""

import hashlib
from pathlib import Path

import pytest
from fixtures.crawling import safetensors

from catalog import plugins
from crawler.registry import Registry

BOMS = Path(__file__).parents[3] / "corpus" / "data" / "boms"
MIT = "MIT License\n\nPermission is hereby granted, free of charge, to any person … without restriction, including …"
OID = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393"
NAMES = ("safetensors", "model-card", "licence-text", "checksums", "bill-of-materials", "python-requirements")


@pytest.fixture
def desk(shop):
    shop.registry = Registry([plugins.load("extractor", name)() for name in NAMES])
    return shop


def test_card_licence_and_checksums_beside_a_git_lfs_pointer_describe_the_model(desk):
    desk.put(
        "net/model.safetensors", f"version https://git-lfs.github.com/spec/v1\noid sha256:{OID}\nsize 4096\n"
    )
    desk.put("net/README.md", "# Night owl\n\nFinds owls at night.\n")
    desk.put("net/LICENSE", MIT)
    desk.put("net/SHA256SUMS", f"{OID}  model.safetensors\n")
    desk.put("net/requirements.txt", "torch>=2\n")
    desk.crawl()
    (made,) = desk.documents().values()
    assert (made["status"], made["content_hash"], made["size_bytes"]) == ("pointer", OID, 4096)
    assert (made["license"], made["dependencies"]) == ("mit", ["torch>=2"])
    assert "owls at night" in made["all_text"]
    assert "problems" not in made


def test_a_checksum_file_that_is_wrong_about_the_bytes_is_a_conflict(desk):
    desk.model("net/model.safetensors")
    desk.put("net/model.safetensors.sha256", f"{OID}\n")
    desk.crawl()
    (made,) = desk.documents().values()
    assert made["content_hash"] != OID
    assert [problem["code"] for problem in made["problems"]] == ["checksum-mismatch"]


def test_a_bill_of_materials_in_another_directory_speaks_for_the_bytes_it_names(desk):
    desk.model("net/model.safetensors")
    desk.model("other/model.safetensors", fill=2.0)
    digest = hashlib.sha256(safetensors()).hexdigest()
    desk.put("boms/bom.json", (BOMS / "bom.json").read_text().replace("a" * 64, digest))
    desk.crawl()
    named = {path: (made["name"], made.get("license")) for path, made in desk.documents().items()}
    assert named["net/model.safetensors"] == ("pose-net", "apache-2.0")
    assert named["other/model.safetensors"] == ("other", None)


def test_a_data_set_beside_a_model_gives_it_neither_name_nor_licence(desk):
    desk.model("net/model.safetensors")
    desk.put("net/croissant.json", (BOMS / "croissant.json").read_text())
    desk.crawl()
    (made,) = desk.documents().values()
    assert (made["name"], made.get("license"), made["datasets"]) == ("net", None, ["titanic"])


def test_a_data_set_alone_is_no_model(desk):
    desk.put("titanic/metadata.json", (BOMS / "croissant.json").read_text())
    desk.crawl()
    assert desk.documents() == {}
