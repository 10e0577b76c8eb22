"""Epochs and scores in the names of checkpoints."""

from __future__ import annotations

import pytest
from fixtures.crawling import safetensors
from fixtures.extraction import extract, values_of

from crawler.extractors.safetensors import SafetensorsExtractor
from crawler.registry import Registry


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("epoch=9-val_loss=3.50", {"training.epochs": 9, "metrics.val_loss": 3.5}),
        ("epoch=2-step=1200", {"training.epochs": 2, "training.steps": 1200}),
        ("model_12_val_acc=0.93.pt", {"metrics.val_acc": 0.93}),
        ("weights.05-0.12.hdf5", {"training.epochs": 5, "extra.score_in_name": 0.12}),
        ("model-0.93.h5", {"extra.score_in_name": 0.93}),
        ("llama-3.1", {}),
        ("resnet50-v1.5", {}),
        ("2024-05-06", {}),
    ],
)
def test_names_say_epochs_and_scores_and_no_more(name, expected):
    values = values_of(extract(SafetensorsExtractor, f"run/{name}.safetensors", safetensors()))
    told = {
        field: value
        for field, value in values.items()
        if field.split(".")[0] in {"training", "metrics", "extra"}
    }
    assert told == expected


def test_epoch_of_a_file_of_kohya_is_its_own_and_not_the_last_of_the_run():
    metadata = {"ss_network_module": "networks.lora", "ss_epoch": "4", "ss_num_epochs": "10"}
    values = values_of(
        extract(SafetensorsExtractor, "ink-000004.safetensors", safetensors(metadata=metadata))
    )
    assert (values["training.epochs"], values["hyperparameters.num_epochs"]) == ("4", "10")


def test_epoch_that_a_run_reached_wins_over_the_ones_that_were_planned(shop):

    shop.registry = Registry.installed()
    folder = "run-20240101_000000-abcdefgh/files"
    shop.model(f"{folder}/model.safetensors")
    shop.put(f"{folder}/wandb-summary.json", {"epoch": 42, "val_acc": 0.9, "_step": 4200})
    shop.put(f"{folder}/config.yaml", "wandb_version: 1\nepochs:\n  value: 100\n")
    shop.crawl()
    (document,) = shop.documents().values()
    assert document["training"]["epochs"] == 42
