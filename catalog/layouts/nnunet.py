"""Directories of nnU-Net: `DATASET/TRAINER__PLANS__CONFIGURATION/fold_N`.

Source: MIC-DKFZ/nnUNet nnunetv2/utilities/file_path_utilities.py (`get_output_folder`).
"""

from __future__ import annotations

import re
from typing import NamedTuple

_TRAINING = re.compile(
    r"(?:(?:.*/)?(?P<dataset>[^/]+)/)?(?P<trainer>[^/]+?)__(?P<plans>[^/]+?)__(?P<configuration>2d|3d_[a-z0-9_]+)"
)


class Training(NamedTuple):
    """What one directory of a training says by its name, and by that of the one above."""

    dataset: str | None
    trainer: str
    plans: str
    configuration: str


def training_of(directory: str) -> Training | None:
    """What was trained in this directory; None for one that has another name."""
    if "__" not in directory:  # as nearly all
        return None
    match = _TRAINING.fullmatch(directory)
    return match and Training(match["dataset"], match["trainer"], match["plans"], match["configuration"])
