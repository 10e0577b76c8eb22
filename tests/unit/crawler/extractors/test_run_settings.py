"""config.yaml of trainers, and configurations of anything else that are called so."""

from __future__ import annotations

from typing import ClassVar

import pytest
from fixtures.extraction import extract, values_of

from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.run_settings import RunSettingsExtractor

DETECTRON = """CUDNN_BENCHMARK: false
DATASETS:
  TEST: [balloon_val]
  TRAIN: [balloon_train]
MODEL:
  META_ARCHITECTURE: GeneralizedRCNN
  MASK_ON: {mask}
  KEYPOINT_ON: {keypoints}
  ROI_HEADS: {{NUM_CLASSES: 3}}
SOLVER:
  BASE_LR: 0.00025
  IMS_PER_BATCH: 2
  MAX_ITER: 300
VERSION: 2
"""
ESPNET = b"max_epoch: 50\nbatch_size: 20\noptim: adam\noptim_conf:\n    lr: 0.0015\ntoken_list: [a, b]\nctc_conf: {}\nencoder: conformer\nencoder_conf: {}\nversion: '202402'\n"


class TestRunSettings(ExtractorSuite):
    extractor = RunSettingsExtractor
    expected: ClassVar = {
        "library": "detectron2",
        "architecture": "GeneralizedRCNN",
        "task": "object-detection",
        "datasets": "balloon_train",
        "classes": 3,
        "training.learning_rate": 0.00025,
        "training.batch_size": 2,
        "hyperparameters.SOLVER.MAX_ITER": 300,
    }

    def sample(self):
        data = DETECTRON.format(mask="false", keypoints="false").encode()
        return Sample(key="output/config.yaml", data=data)


@pytest.mark.parametrize(
    ("mask", "keypoints", "task"),
    [("true", "false", "image-segmentation"), ("false", "true", "keypoint-detection")],
)
def test_a_detector_with_another_head_has_another_task(mask, keypoints, task):
    data = DETECTRON.format(mask=mask, keypoints=keypoints).encode()
    values = values_of(extract(RunSettingsExtractor, "output/config.yaml", data))
    assert values["task"] == task
    assert "training.steps" not in values, "what a training may last is not how long it lasted"


def test_espnet_says_what_it_trained():
    values = values_of(extract(RunSettingsExtractor, "exp/asr/config.yaml", ESPNET))
    assert values["task"] == "automatic-speech-recognition"
    assert values["architecture"] == "conformer"
    assert values["training.learning_rate"] == 0.0015
    assert values["extra.espnet.version"] == "202402"


def test_what_settings_call_is_checked():
    data = b"optimizer:\n  _target_: os.system\n  lr: 0.1\n"
    assert extract(RunSettingsExtractor, "run/config.yaml", data).risks


@pytest.mark.parametrize(
    "head",
    [b"server:\n  port: 80\n  workers: 2\n", b"names: [cat, dog]\npath: data\n", b"model_type: llama\n", b""],
    ids=["server", "data set", "model", "empty"],
)
def test_a_configuration_without_a_setting_of_a_training_is_nobodys(head):
    assert RunSettingsExtractor().claims("app/config.yaml", head) is None


def test_the_batches_of_a_server_are_no_training():
    """The batch of a server beside a model became the one that the model was trained with."""
    extractor = RunSettingsExtractor()
    assert extractor.claims("net/config.yaml", b"server:\n  batch_size: 32\n  port: 80\n") is None
    assert extractor.claims("net/config.yaml", b"batch_size: 32\nlr: 0.1\n") is not None
