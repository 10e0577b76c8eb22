"""Documents taken apart by the names of sensitive fields, and put together again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import UserError
from catalog.sealing.names import MARK, checked_names, covering, joined, parted
from mappings import fields_where

WORDS = st.text("abcdefg", min_size=4, max_size=8)
VALUES = st.fixed_dictionaries(
    {},
    optional={
        "datasets": st.lists(WORDS, min_size=1, max_size=3),
        "preprocessing": st.lists(WORDS, min_size=1, max_size=2),
        "training": st.fixed_dictionaries({"optimizer": WORDS}, optional={"learning_rate": st.floats(0, 1)}),
        "hyperparameters": st.dictionaries(WORDS, WORDS, min_size=1, max_size=3),
        "metrics": st.dictionaries(WORDS, st.floats(0, 1), min_size=1, max_size=3),
        "base_model": st.lists(st.fixed_dictionaries({"id": WORDS}), min_size=1, max_size=2),
        "all_text": WORDS,
    },
)
NAMES = covering(("datasets", "preprocessing", "training", "metrics", "base_model.id", "extra.secret"))
OPEN = {
    "id": "1",
    "license": "MIT",
    "extra": {"plain": 1},
    "problems": [{"code": "x", "message": "2 of 3 shards are missing"}],
}


def documents(values, secret):
    whole = {**OPEN, **values, "extra": {**OPEN["extra"], **({} if secret is None else {"secret": secret})}}
    quoted = [text for text in (secret, *values.get("datasets", ())) if text]
    whole["problems"] = [
        *OPEN["problems"],
        *({"code": "wrong-type", "message": f"Datasets: {text!r} has no value here"} for text in quoted),
    ]
    return whole


@given(VALUES, st.none() | WORDS)
def test_what_is_left_is_the_same_whatever_was_taken_out_and_nothing_is_lost(values, secret):
    whole = documents(values, secret)
    public, taken = parted(whole, NAMES)
    assert public == {**OPEN, MARK: sorted(NAMES)}
    assert joined(public, taken) == whole


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("onwer", "Did you mean 'owner'?"),
        ("nothing.at.all", "no field"),
        ("name", "goes by it"),
        ("size_bytes", "goes by it"),
        ("trained_at", "goes by it"),
        ("best_date", "goes by it"),
        ("quantization", "goes by it"),
        ("files", "goes by it"),
        ("adapter", "goes by it"),
        *((row.name, "goes by it") for row in fields_where("one_of_series").values()),
    ],
)
def test_a_name_that_cannot_be_sensitive_is_refused_by_name(name, told):
    with pytest.raises(UserError, match=told) as refused:
        checked_names(("datasets", name))
    assert name in str(refused.value)


def test_open_ended_names_and_whole_groups_can_be():
    names = (
        "training",
        "hyperparameters.lr",
        "extra.cost_centre",
        "metrics.accuracy",
        "metrics",
        "description",
    )
    assert checked_names((*names, "training")) == names


@pytest.mark.parametrize(
    ("name", "with_it", "apart"),
    [
        ("hyperparameters.lr", "training.learning_rate", "training.epochs"),
        ("hyperparameters.lr", "hyperparameters.learning_rate", "hyperparameters"),
        ("hyperparameters.optim.lr", "training.learning_rate", "hyperparameters"),
        ("hyperparameters", "training.epochs", "training.framework"),
        ("training.epochs", "hyperparameters", "training.learning_rate"),
        ("library", "framework", "license"),
        ("framework", "library", "license"),
        ("license", "license_kind", "framework"),
    ],
)
def test_what_says_the_same_is_hidden_whichever_of_both_is_named(name, with_it, apart):
    covered = covering(checked_names((name,)))
    assert with_it in covered
    assert apart not in covered


def test_a_key_is_taken_however_it_is_spelled():
    public, taken = parted(
        {"extra": {"Cost Centre": 1, "a": {"B-c": 2, "d": 3}}}, ("extra.cost_centre", "extra.a.b_c")
    )
    assert public["extra"] == {"a": {"d": 3}}
    assert joined(public, taken)["extra"] == {"Cost Centre": 1, "a": {"B-c": 2, "d": 3}}


def test_a_value_that_its_field_refused_is_taken_from_where_it_is_kept_instead():
    whole = {
        "extra": {"training_learning_rate": "fast", "trainings": 2},
        "problems": [
            {"code": "wrong-type", "message": "'training.learning_rate' takes a number, not 'fast'"}
        ],
    }
    public, taken = parted(whole, ("training",))
    assert public == {"extra": {"trainings": 2}, MARK: ["training"]}
    assert joined(public, taken)["extra"] == whole["extra"]
    assert joined(public, taken)["problems"] == whole["problems"]
