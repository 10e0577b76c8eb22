"""What checkpoints of OpenMMLab say below `meta`."""

from __future__ import annotations

import pickle

import pytest
from fixtures.extraction import extract, values_of
from fixtures.hostile_pickles import torch_zip

from crawler.extractors.torch_zip import TorchZipExtractor

MMCV = {
    "env_info": "sys.platform: linux\nPyTorch: 1.9.0+cu111\nOpenCV: 4.5",
    "seed": 0,
    "time": "Tue Jul 20 10:11:12 2021",
    "epoch": 24,
    "mmcv_version": "1.3.8",
    "mmdet_version": "2.14.0",
    "CLASSES": ("cat", "dog", "owl"),
}
MMENGINE = {
    "mmengine_version": "0.10.1",
    "experiment_name": "yolo_20230101",
    "time": "20230101_101112",
    "dataset_meta": {"classes": ["cat", "dog"]},
}


def said(meta):
    state = pickle.dumps({"meta": meta, "state_dict": {}}, protocol=2)
    return values_of(extract(TorchZipExtractor, "run/epoch_24.pth", torch_zip(state)))


@pytest.mark.parametrize(
    ("meta", "expected"),
    [
        (
            MMCV,
            {
                "library": "mmdet",
                "task": "object-detection",
                "framework_version": "1.9.0+cu111",
                "trained_at": "2021-07-20T10:11:12",
                "hyperparameters.seed": 0,
                "classes": 3,
                "extra.class_names": ["cat", "dog", "owl"],
            },
        ),
        (
            MMENGINE,
            {
                "trained_at": "2023-01-01T10:11:12",
                "classes": 2,
                "extra.experiment_name": "yolo_20230101",
                "extra.mmengine_version": "0.10.1",
                "library": None,
            },
        ),
        (MMCV | {"mmcls_version": "0.1"}, {"library": None, "task": None}),
        (MMCV | {"CLASSES": 5, "seed": True, "time": 7}, {"classes": None, "hyperparameters.seed": None, "trained_at": None}),
        ({"time": "20230101_101112", "seed": 3, "CLASSES": ["a"]}, {"trained_at": None, "classes": None}),
    ],
    ids=["mmcv", "mmengine", "two libraries", "of other types", "of somebody else"],
)  # fmt: skip
def test_a_checkpoint_of_openmmlab_says_how_it_was_made(meta, expected):
    """Only epoch and iteration were read."""
    values = said(meta)
    assert {field: values.get(field) for field in expected} == expected
