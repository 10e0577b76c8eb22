"""A model in many files is one model: counted once, complete or not, without the strays of another run."""

import json

from fixtures.crawling import safetensors


def shards(shop, *numbers, total, folder="big", values=10):
    for number in numbers:
        shop.put(
            f"{folder}/model-{number:05}-of-{total:05}.safetensors",
            safetensors(values=values, name=f"layer{number}.weight"),
        )


def index(shop, *, total, folder="big"):
    names = {
        f"layer{number}.weight": f"model-{number:05}-of-{total:05}.safetensors"
        for number in range(1, total + 1)
    }
    shop.put(
        f"{folder}/model.safetensors.index.json",
        json.dumps({"metadata": {"total_size": 1}, "weight_map": names}),
    )


def test_seventy_two_shards_are_one_model_counted_once(shop):
    shards(shop, *range(1, 73), total=72)
    index(shop, total=72)
    shop.put("big/config.json", {"model_type": "llama", "architectures": ["LlamaForCausalLM"]})
    shop.crawl()
    (document,) = shop.documents().values()
    assert (document["parameters"], document["shards"]) == (720, {"expected": 72, "found": 72})
    assert document["complete"] is True


def test_a_missing_shard_leaves_one_incomplete_model_that_names_it(shop):
    shards(shop, 1, 2, 4, total=4)
    index(shop, total=4)
    shop.crawl()
    (document,) = shop.documents().values()
    assert document["complete"] is False
    assert document["shards"] == {"expected": 4, "found": 3}
    assert "incomplete" in document["flags"]
    assert any("model-00003-of-00004" in problem["message"] for problem in document["problems"])


def test_a_shard_that_vanishes_and_returns_changes_the_same_model(shop):
    shards(shop, 1, 2, total=2)
    index(shop, total=2)
    shop.crawl()
    (before,) = shop.documents().values()
    path = shop.root / "big/model-00002-of-00002.safetensors"
    data = path.read_bytes()
    path.unlink()
    report = shop.crawl()
    (broken,) = shop.documents().values()
    assert (report.counts["changed"], report.counts["missing"]) == (1, 0)
    assert (broken["id"], broken["complete"]) == (before["id"], False)
    path.write_bytes(data)
    shop.crawl()
    (after,) = shop.documents().values()
    assert (after["complete"], after["parameters"]) == (True, before["parameters"])


def test_a_stray_shard_of_an_older_run_is_not_counted(shop):
    shards(shop, *range(1, 8), total=7)
    index(shop, total=7)
    shop.put("big/model-00008-of-00008.safetensors", safetensors(values=10, name="layer8.weight"))
    shop.crawl()
    (document,) = shop.documents().values()
    assert (document["parameters"], document["shards"]["expected"]) == (70, 7)
    assert any(problem["code"] == "stray-shard" for problem in document["problems"])


def test_a_lora_beside_a_model_of_shards_is_a_model_of_its_own(shop):
    shards(shop, 1, 2, total=2)
    index(shop, total=2)
    shop.put(
        "big/adapter/adapter_config.json", {"peft_type": "LORA", "r": 8, "base_model_name_or_path": "org/big"}
    )
    shop.put(
        "big/adapter/adapter_model.safetensors",
        safetensors(values=3, name="base_model.model.x.lora_A.weight"),
    )
    shop.crawl()
    assert len(shop.documents()) == 2
    assert shop.documents()["big/adapter"]["parameters"] == 3
