"""training_args.bin of the Hugging Face Trainer: settings in any container of torch, and what no value stands for."""

from __future__ import annotations

import pickle
import tarfile
from typing import Any, ClassVar

import pytest
from fixtures.corpus import ARCHIVE
from fixtures.extraction import all_values_of, extract, values_of
from fixtures.hostile_pickles import SYSTEM, torch_zip, two_objects

from catalog.records import FileStatus
from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.training_args import TrainingArgsExtractor

KEY = "run/training_args.bin"


class TestTrainingArgs(ExtractorSuite):
    extractor = TrainingArgsExtractor
    expected: ClassVar = {
        "training.learning_rate": 5e-05,
        "training.batch_size": 4,
        "training.seed": 42,
        "training.optimizer": "adamw_torch_fused",
        "extra.training_arguments_class": "transformers.training_args.TrainingArguments",
    }

    def sample(self):
        with tarfile.open(ARCHIVE) as archive:
            file = archive.extractfile("dev/trainer-run/training_args.bin")
            assert file is not None
            return Sample(key=KEY, data=file.read())


def pickled(**settings: Any) -> bytes:
    """A pickle of `some.lib.Arguments` with these settings."""
    state = pickle.dumps(settings, protocol=2)[2:-1]  # without the protocol and the stop
    return b"\x80\x02csome.lib\nArguments\n)\x81" + state + b"b."


@pytest.mark.parametrize("container", [torch_zip, bytes], ids=["zip", "legacy"])
def test_settings_are_read_from_either_container(container):
    values = values_of(extract(TrainingArgsExtractor, KEY, container(pickled(learning_rate=0.25, seed=7))))
    assert values["training.learning_rate"] == 0.25
    assert values["training.seed"] == values["hyperparameters.seed"] == 7
    assert values["extra.training_arguments_class"] == "some.lib.Arguments"


@pytest.mark.parametrize(
    ("settings", "precision"),
    [
        ({"bf16": True, "fp16": False}, "BF16"),
        ({"fp16": True}, "FP16"),
        ({"tf32": True}, "TF32"),
        ({"fp16": False, "tf32": None}, None),
        ({"fp16": "true"}, None),
    ],
)
def test_precision_is_the_one_that_is_switched_on(settings, precision):
    values = values_of(extract(TrainingArgsExtractor, KEY, pickled(**settings)))
    assert values.get("training.precision") == precision


def test_a_warmup_of_zero_means_that_the_other_setting_counts():
    values = all_values_of(
        extract(TrainingArgsExtractor, KEY, pickled(warmup_ratio=0.0, warmup_steps=100, weight_decay=0.0))
    )
    assert "training.warmup_ratio" not in values
    assert values["training.warmup_steps"] == [100]
    assert values["training.weight_decay"] == [0.0]


def test_what_the_trainer_keeps_of_its_machine_is_no_setting():
    values = values_of(
        extract(TrainingArgsExtractor, KEY, pickled(_n_gpu=8, distributed_state={"rank": 3}, seed=1))
    )
    assert {name for name in values if name.startswith("hyperparameters.")} == {"hyperparameters.seed"}


@pytest.mark.parametrize(
    "data",
    [torch_zip(pickle.dumps({"seed": 1}, protocol=2)), two_objects()],
    ids=["a dictionary", "two objects in one zip"],
)
def test_a_file_without_settings_is_refused_and_says_nothing_of_training(data):
    extraction = extract(TrainingArgsExtractor, KEY, data)
    assert extraction.status is not FileStatus.OK
    assert not [name for name in values_of(extraction) if name.startswith(("training.", "hyperparameters."))]
    assert extraction.problems


def test_a_hostile_pickle_of_this_name_is_a_risk_and_is_never_run():
    extraction = extract(TrainingArgsExtractor, KEY, torch_zip(SYSTEM))
    assert ("code-execution", "HIGH") in {(risk.kind, risk.severity.name) for risk in extraction.risks}


@pytest.mark.parametrize(
    "key", ["run/training_args.bin.bak", "run/my_training_args.bin", "training_args.json"]
)
def test_only_the_exact_name_is_claimed(key):
    assert TrainingArgsExtractor().claims(key, b"") is None
