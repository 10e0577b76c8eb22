"""What torch and the libraries around it write every day: never high, never unreadable, and no finding where nothing is.

`harmless_torch.tar.xz` holds 56 files that torch 2.15, transformers 5.24, peft 0.21, Lightning, accelerate 1.15,
sentence-transformers 6.2, torchao, SetFit and speechbrain wrote in November 2026: state dicts, whole modules, scripts,
packages, exported programs, sharded and distributed checkpoints, states of optimizers and trainers. Nothing is loaded.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from fixtures.extraction import extractions_in

from catalog.records import FileStatus, Role, Severity

FILES = Path(__file__).parent / "harmless_torch.tar.xz"
OF_NO_LIBRARY = {"torch-whole-module/whole.pt"}
"""A module whose class is in somebody's script."""
NO_MODELS = ("optimizer", "optims", "opt.ckpt", "scheduler", "rng_state", "train_data", "training_args")


@pytest.fixture(scope="module")
def extractions(tmp_path_factory):
    return extractions_in(FILES, tmp_path_factory.mktemp("harmless"))


def test_all_of_them_are_read_and_whole(extractions):
    assert len(extractions) == 56
    assert {
        key for key, read in extractions.items() if read is None or read.status is not FileStatus.OK
    } == set()


def test_what_known_libraries_write_is_no_finding(extractions):
    worst = {key: max((risk.severity for risk in read.risks), default=0) for key, read in extractions.items()}
    assert {key for key, severity in worst.items() if severity >= Severity.MEDIUM} == OF_NO_LIBRARY
    assert worst["torch-whole-module/whole.pt"] == Severity.MEDIUM


def test_what_a_training_goes_on_from_is_no_model(extractions):
    models = {key for key, read in extractions.items() if read.role is Role.WEIGHTS}
    assert {key for key in models if any(word in key for word in NO_MODELS)} == set()
    assert len(models) >= 30
