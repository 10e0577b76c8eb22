"""What names of checkpoints say of where in a run they were written."""

import pytest

from catalog.layouts.steps import (
    epochs_in_name,
    position_of_subject,
    positions_in_name,
    step_key,
    step_subject,
    steps_in,
    steps_in_name,
    stray_steps,
    stray_subject,
)


@pytest.mark.parametrize(
    ("stem", "steps", "epochs", "positions"),
    [
        ("epoch=1-step=500", {500}, {1}, {1}),
        ("iter_500", {500}, set(), set()),
        ("checkpoint-500", {500}, set(), set()),
        ("global_step500", {500}, set(), set()),
        ("net_epoch_10", set(), {10}, {10}),
        ("model-e12", set(), {12}, {12}),
        ("model_0004999", set(), set(), {4999}),
        ("bert-500", set(), set(), set()),
        ("epoch=3-val_loss=0.35", set(), {3}, {3}),
        ("last-v1", set(), set(), set()),
        ("resnet50", set(), set(), set()),
        ("resnet-101", set(), set(), set()),
        ("net_500", set(), set(), {500}),
        ("0500", set(), set(), {500}),
        ("llama-7b", set(), set(), set()),
        ("best", set(), set(), set()),
    ],
)
def test_a_name_says_steps_epochs_and_other_positions(stem, steps, epochs, positions):
    assert (steps_in_name(stem), epochs_in_name(stem), positions_in_name(stem)) == (steps, epochs, positions)


def test_a_step_is_read_back_from_its_subject_and_its_key():
    assert position_of_subject(step_subject("run/modeldex.json", 500)) == ("step", 500)
    assert position_of_subject("run/metrics.json@epoch=3") == ("epoch", 3)
    assert position_of_subject("run/metrics.json") is None
    assert steps_in((step_key("run:1", 500), "sha256:00")) == {500}


@pytest.mark.parametrize("step", [10**15, 1_769_644_800_123_456_789, -1])
def test_a_number_that_counts_no_steps_is_no_subject(step):
    assert step_subject("run/modeldex.json", step) is None


def test_the_largest_step_is_read_back():
    """Of larger ones there were subjects that nobody read back: their values were lost."""
    largest = 10**15 - 1
    assert position_of_subject(step_subject("run/modeldex.json", largest)) == ("step", largest)


@pytest.mark.parametrize(
    ("steps", "words"),
    [({25}, "25"), ({35, 25}, "25, 35"), (set(range(12)), "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 others")],
)
def test_steps_that_no_checkpoint_has_are_read_back_as_words(steps, words):
    assert stray_steps(stray_subject(steps)) == words
    assert stray_steps(step_subject("run/modeldex.json", 25)) is None
