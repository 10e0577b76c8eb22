"""Writes tests/corpus/data/torch/ultralytics.pt: a tiny detector of Ultralytics' own class, in the dictionary its trainer saves.

Written with the versions in ultralytics.json: python tests/corpus/generate_ultralytics.py
"""

import importlib.metadata
import json
from copy import deepcopy
from pathlib import Path

import torch
from ultralytics.nn.tasks import DetectionModel

DATA = Path(__file__).resolve().parent / "data" / "torch"
NETWORK = {
    "nc": 2,
    "depth_multiple": 1.0,
    "width_multiple": 0.25,
    "backbone": [[-1, 1, "Conv", [16, 3, 2]], [-1, 1, "Conv", [16, 3, 2]], [-1, 1, "Conv", [16, 3, 2]]],
    "head": [[[2], 1, "Detect", ["nc"]]],
}


def main():
    model = DetectionModel(dict(NETWORK), ch=3, nc=2, verbose=False)
    model.names = {0: "tulip", 1: "rose"}
    model.args = {"imgsz": 64, "task": "detect"}
    model.task = "detect"
    checkpoint = {
        "epoch": 4,
        "best_fitness": 0.37,
        "model": None,
        "ema": deepcopy(model).half(),
        "updates": 40,
        "optimizer": None,
        "train_args": {
            "task": "detect",
            "data": "flowers.yaml",
            "epochs": 5,
            "batch": 8,
            "imgsz": 64,
            "lr0": 0.01,
            "seed": 0,
        },
        "train_metrics": {
            "metrics/mAP50(B)": 0.61,
            "metrics/mAP50-95(B)": 0.34,
            "val/box_loss": 1.25,
            "fitness": 0.37,
        },
        "train_results": {"epoch": [1, 2], "metrics/mAP50(B)": [0.4, 0.61]},
        "date": "2026-03-04T05:06:07.123456",
        "version": importlib.metadata.version("ultralytics"),
        "license": "AGPL-3.0 (https://ultralytics.com/license)",
        "docs": "https://docs.ultralytics.com",
    }
    torch.save(checkpoint, DATA / "ultralytics.pt")
    truth = {
        "versions": {name: importlib.metadata.version(name) for name in ("ultralytics", "torch")},
        "parameters": sum(tensor.numel() for tensor in model.state_dict().values()),
    }
    (DATA / "ultralytics.json").write_text(json.dumps(truth, indent=1) + "\n")


if __name__ == "__main__":
    main()
