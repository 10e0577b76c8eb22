"""Trainings of nnU-Net: all bore the name of the trainer, and said neither what they segment nor how well."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import pytest
from fixtures.crawling import safetensors
from fixtures.extraction import extract, values_of

from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.nnunet import NnunetExtractor
from crawler.registry import Registry

RUN = "Dataset722_Spleen/nnUNetTrainer__nnUNetPlans__3d_lowres"
DATASET: dict[str, Any] = {
    "channel_names": {"0": "CT"},
    "labels": {"background": 0, "spleen": [1, 2], "ignore": 3},
    "numTraining": 41,
    "file_ending": ".nii.gz",
    "licence": "CC-BY-SA 4.0",
}
PLANS: dict[str, Any] = {
    "dataset_name": "Dataset722_Spleen",
    "plans_name": "nnUNetPlans",
    "configurations": {
        "2d": {"batch_size": 12},
        "3d_fullres": {
            "batch_size": 2,
            "patch_size": [64, 192, 160],
            "architecture": {"network_class_name": "dynamic.architectures.unet.PlainConvUNet"},
        },
        "3d_lowres": {"inherits_from": "3d_fullres", "batch_size": 4},
    },
}
SUMMARY: dict[str, Any] = {
    "foreground_mean": {"Dice": 0.95, "FP": 8.0, "IoU": 0.9},
    "mean": {"1": {"Dice": 0.95, "IoU": 0.9}},
    "metric_per_case": [{"metrics": {"1": {"Dice": 0.9}}, "prediction_file": "a.nii.gz"}],
}


class TestPlans(ExtractorSuite):
    extractor = NnunetExtractor
    expected: ClassVar = {
        "library": "nnunet",
        "datasets": "Dataset722_Spleen",
        "architecture": "PlainConvUNet",
        "hyperparameters.batch_size": 4,
        "hyperparameters.patch_size": [64, 192, 160],
        "extra.nnunet.configuration": "3d_lowres",
    }

    def sample(self):
        return Sample(key=f"{RUN}/plans.json", data=json.dumps(PLANS).encode())


class TestDataset(ExtractorSuite):
    extractor = NnunetExtractor
    expected: ClassVar = {
        "task": "image-segmentation",
        "classes": 2,
        "extra.labels": ["background", "spleen"],
        "extra.nnunet.channels": ["CT"],
        "extra.nnunet.dataset.licence": "CC-BY-SA 4.0",
    }

    def sample(self):
        return Sample(key=f"{RUN}/dataset.json", data=json.dumps(DATASET).encode())


class TestSummary(ExtractorSuite):
    extractor = NnunetExtractor
    expected: ClassVar = {
        "metrics.Dice": 0.95,
        "metrics.IoU": 0.9,
        "extra.nnunet.foreground_mean.FP": 8.0,
        "extra.nnunet.dice.1": 0.95,
        "extra.nnunet.validation_cases": 1,
    }

    def sample(self):
        return Sample(key=f"{RUN}/fold_0/validation/summary.json", data=json.dumps(SUMMARY).encode())


def test_configurations_that_inherit_from_each_other_come_to_an_end():
    turning = {"a": {"inherits_from": "b"}, "3d_lowres": {"inherits_from": "3d_lowres", "batch_size": 3}}
    document = json.dumps(PLANS | {"configurations": turning}).encode()
    assert (
        values_of(extract(NnunetExtractor, f"{RUN}/plans.json", document))["hyperparameters.batch_size"] == 3
    )


@pytest.mark.parametrize(
    ("key", "document"),
    [
        ("raw/Dataset722_Spleen/dataset.json", DATASET),
        (f"{RUN}/dataset.json", {"labels": {}}),
        (f"{RUN}/summary.json", SUMMARY),
        ("eval/fold_0/validation/summary.json", {"accuracy": 0.9}),
    ],
    ids=["raw data", "other list of labels", "summary of all folds", "other summary"],
)
def test_files_of_other_things_are_left_to_their_readers(key, document):
    assert NnunetExtractor().claims(key, json.dumps(document).encode()) is None


def test_fold_bears_the_name_of_its_data_and_configuration_and_the_score_of_its_own_validation(shop):
    """The licence is that of the images, and no licence of the networks."""
    shop.registry = Registry.installed()
    shop.put(f"{RUN}/plans.json", PLANS)
    shop.put(f"{RUN}/dataset.json", DATASET)
    for fold in (0, 1):
        shop.put(f"{RUN}/fold_{fold}/checkpoint_final.pth", safetensors())
        mean = {"Dice": 0.95 - fold / 10, "IoU": 0.9}
        shop.put(f"{RUN}/fold_{fold}/validation/summary.json", SUMMARY | {"foreground_mean": mean})
    shop.crawl()
    told = {
        document["name"]: (document["task"], document["metrics"]["dice"], document.get("license"))
        for document in shop.documents().values()
    }
    assert told == {
        "Dataset722_Spleen-3d_lowres-fold_0": ("image-segmentation", 0.95, None),
        "Dataset722_Spleen-3d_lowres-fold_1": ("image-segmentation", 0.85, None),
    }


def test_settings_of_the_configuration_are_those_of_the_training(shop):
    shop.registry = Registry.installed()
    shop.put(f"{RUN}/plans.json", PLANS)
    shop.put(f"{RUN}/fold_all/checkpoint_final.pth", safetensors())
    shop.crawl()
    [document] = shop.documents().values()
    assert document["training"]["batch_size"] == 4
    assert document["datasets"] == ["Dataset722_Spleen"]
