"""A projector, an adapter left in, a rank's cut and an earlier state are parts of a model, and never counted as it."""

import hashlib

import pytest
from fixtures.crawling import safetensors

HASH = "4" * 40
CONFIG = {"architectures": ["LlamaForCausalLM"], "model_type": "llama"}


def digest(data):
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def desk(shop):
    """Layouts beside each other, in one crawl."""
    shop.put("left-in/config.json", CONFIG)
    for number in (1, 2):
        shop.put(
            f"left-in/model-0000{number}-of-00002.safetensors", safetensors(8, name=f"w{number}", fill=0.5)
        )
    shop.put("left-in/adapter_config.json", {"peft_type": "LORA", "base_model_name_or_path": "org/base"})
    shop.put("left-in/adapter_model.safetensors", safetensors(100, name="a.lora_A.weight", fill=2.5))
    shop.put("mlx/adapter_config.json", {"model": "org/base"})
    shop.put("mlx/adapters.safetensors", safetensors(6, fill=3.0))
    for number in (100, 200):
        shop.put(f"mlx/{number:07}_adapters.safetensors", safetensors(6, fill=float(number)))
    shop.put("mlx-broken-off/adapter_config.json", {"model": "org/base"})
    for number in (100, 200):
        shop.put(f"mlx-broken-off/{number:07}_adapters.safetensors", safetensors(6, fill=float(-number)))
    for rank in (0, 1):
        shop.put(
            f"vllm/model-rank-{rank}-part-0.safetensors", safetensors(10, name="cut", fill=float(rank + 10))
        )
        shop.put(f"trt/rank{rank}.safetensors", safetensors(10, name="cut", fill=float(rank + 20)))
    shop.put("vllm/config.json", CONFIG)
    shop.put("trt/config.json", CONFIG)
    repository = "hub/models--org--owl"
    weights = safetensors(12, fill=7.0)
    shop.put(f"{repository}/blobs/{digest(weights)}", weights)
    shop.put(f"{repository}/snapshots/{HASH}/model.safetensors", weights)  # a copy: the disk had no links
    shop.put(f"{repository}/snapshots/{HASH}/config.json", CONFIG)
    shop.put(f"{repository}/.no_exist/{HASH}/adapter_config.json", b"")
    shop.put(f"{repository}/.no_exist/{HASH}/model.safetensors.index.json", b"")
    report = shop.crawl()
    assert report.unread == ()
    return {document["path"]: document for document in shop.documents().values()}


def test_each_layout_is_one_model_and_says_what_its_own_weights_say(desk):
    assert {path: document.get("parameters") for path, document in desk.items()} == {
        "left-in": 16,
        "mlx": 6,
        "mlx-broken-off": 6,
        "vllm": None,  # cuts of the same tensors: no sum of them is the count
        "trt": None,
        f"hub/models--org--owl/snapshots/{HASH}": 12,
    }


def test_an_adapter_left_in_a_whole_model_makes_no_adapter_of_it(desk):
    made = desk["left-in"]
    assert "adapter" not in made.get("flags", ())
    assert made.get("parameters_scope") == "model"
    assert "base_model" not in made


def test_the_result_of_a_run_stands_for_it_and_the_last_state_where_there_is_none(desk):
    assert desk["mlx"]["content_hash"] == digest(safetensors(6, fill=3.0))
    assert desk["mlx-broken-off"]["content_hash"] == digest(safetensors(6, fill=-200.0))
