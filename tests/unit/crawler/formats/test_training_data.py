"""Which data sets settings of a training name."""

from __future__ import annotations

import pytest

from crawler.formats.training_data import datasets_of, name_of


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("coco128.yaml", "coco128"),
        ("/content/Hard-Hat-3/data.yaml", "Hard-Hat-3"),
        ("ultralytics/cfg/datasets/VOC.yaml", "VOC"),
        ("C:\\data\\helmets\\data.yaml", "helmets"),
        ("/srv/flowers/", "flowers"),
        ("tatsu-lab/alpaca", "tatsu-lab/alpaca"),
        ("./train.jsonl", None),
        ("/data/data.yaml", None),
        ("data.yaml", None),
        ("", None),
    ],
)
def test_a_data_set_is_called_by_what_says_something_of_it(written, name):
    assert name_of(written) == name


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({"task": "detect", "mode": "train", "imgsz": 640, "data": "coco128.yaml"}, ["coco128"]),
        (
            {"stage": "sft", "finetuning_type": "lora", "dataset": "identity, alpaca_en"},
            ["identity", "alpaca_en"],
        ),
        ({"base_model": "b", "datasets": [{"path": "org/one"}, {"path": 3}, "x"]}, ["org/one"]),
        ({"base_model": "b", "datasets": "x"}, []),
        ({"stage": "sft", "finetuning_type": "lora", "dataset": None}, []),
        ({"data": "coco128.yaml"}, []),
    ],
    ids=["ultralytics", "llama-factory", "axolotl", "no list", "nothing", "anybody's"],
)
def test_settings_of_trainers_name_their_data_sets(settings, names):
    assert [name for name, _ in datasets_of(settings)] == names
