"""A Git LFS pointer under a model's name is a model whose bytes are elsewhere, and no broken file."""

import pytest

from catalog.records import RunState

OID = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393"


def pointer(size: int = 5_368_709_120, oid: str = OID) -> str:
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {size}\n"


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin", "net.gguf", "net.onnx"])
def test_a_pointer_has_status_hash_and_the_size_of_what_it_points_to(shop, name):
    shop.put(f"net/{name}", pointer())
    report = shop.crawl()
    assert report.run.state is RunState.COMPLETE
    (made,) = shop.documents().values()
    assert (made["status"], made["content_hash"], made["size_bytes"]) == ("pointer", OID, 5_368_709_120)
    assert made["flags"] == ["pointer"]
    assert "problems" not in made
    assert "parameters" not in made


def test_the_configuration_beside_a_pointer_still_describes_the_model(shop):
    shop.put("net/model.safetensors", pointer())
    shop.put("net/config.json", {"architectures": ["BertModel"], "model_type": "bert"})
    shop.crawl()
    (made,) = shop.documents().values()
    assert (made["architecture"], made["status"]) == ("BertModel", "pointer")


def test_pointers_to_the_same_bytes_are_duplicates(shop):
    shop.put("a/model.safetensors", pointer())
    shop.put("b/model.safetensors", pointer())
    shop.put("c/model.safetensors", pointer(oid="0" * 64))
    shop.crawl()
    groups = {path[0]: made.get("duplicate_group") for path, made in shop.documents().items()}
    assert groups["a"] == groups["b"] == OID
    assert groups["c"] is None
