"""What trainers leave beside their models: xgboost and LightGBM train for real; Keras, Lightning and transformers are
stood in for by the calls that their documentation says they make, in its order.
"""

import json
import logging
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import xgboost
from fixtures.patience import wait_until

from modeldex import callbacks
from modeldex.callbacks.training_log import TrainingLog

POINTS = np.random.default_rng(7).normal(size=(120, 4))
LABELS = (POINTS[:, 0] + POINTS[:, 1] > 0).astype(int)
AT_ONCE = {"every_seconds": 0}


def content(folder):
    return json.loads((folder / "modeldex.json").read_bytes())


def values(folder):
    """Every value of the sidecar by data set or split, and metric."""
    return {
        (entry.get("split") or entry.get("dataset"), entry["metric"]): entry
        for entry in content(folder).get("evaluations", [])
    }


def test_xgboost_leaves_its_settings_and_the_last_value_of_each_set(tmp_path):
    data = xgboost.DMatrix(POINTS[:80], LABELS[:80])
    held_out = xgboost.DMatrix(POINTS[80:], LABELS[80:])
    history = {}
    xgboost.train(
        {"objective": "binary:logistic", "max_depth": 2, "eta": 0.25, "eval_metric": ["logloss", "error"]},
        data,
        num_boost_round=6,
        evals=[(data, "train"), (held_out, "valid"), (held_out, "shop")],
        evals_result=history,
        verbose_eval=False,
        callbacks=[callbacks.for_xgboost(tmp_path, params={"note": "first"})],
    )
    sidecar = content(tmp_path)
    assert sidecar["hyperparameters"]["objective"] == "binary:logistic"
    assert (
        sidecar["hyperparameters"] | {"max_depth": 2, "eta": 0.25, "note": "first"}
        == sidecar["hyperparameters"]
    )
    assert set(values(tmp_path)) == {
        (name, metric) for name in ("train", "valid", "shop") for metric in ("logloss", "error")
    }
    last = values(tmp_path)["shop", "logloss"]
    assert last["value"] == pytest.approx(history["shop"]["logloss"][-1])
    assert (last["step"], last["dataset"]) == (6, "shop")
    assert sidecar["extra"]["rounds"] == 6
    assert sidecar["trained_at"] >= sidecar["training_started_at"]


def test_xgboost_that_stops_early_says_which_round_was_best(tmp_path):
    data = xgboost.DMatrix(POINTS[:20], LABELS[:20])
    held_out = xgboost.DMatrix(POINTS[20:], 1 - LABELS[20:])
    booster = xgboost.train(
        {"objective": "binary:logistic"},
        data,
        num_boost_round=50,
        evals=[(held_out, "valid")],
        early_stopping_rounds=2,
        verbose_eval=False,
        callbacks=[callbacks.for_xgboost(tmp_path)],
    )
    assert content(tmp_path)["extra"]["best_iteration"] == booster.best_iteration
    assert content(tmp_path)["extra"]["rounds"] == booster.num_boosted_rounds() < 50


def test_xgboost_that_is_cross_validated_leaves_the_means(tmp_path):
    result = xgboost.cv(
        {"objective": "binary:logistic"},
        xgboost.DMatrix(POINTS, LABELS),
        num_boost_round=3,
        nfold=3,
        callbacks=[callbacks.for_xgboost(tmp_path)],
    )
    assert values(tmp_path)["test", "logloss"]["value"] == pytest.approx(result["test-logloss-mean"].iloc[-1])


def test_lightgbm_leaves_its_settings_and_the_last_value_of_each_set(tmp_path):
    import lightgbm

    data = lightgbm.Dataset(POINTS[:80], LABELS[:80])
    history = {}
    lightgbm.train(
        {"objective": "binary", "learning_rate": 0.2, "metric": ["auc", "binary_logloss"], "verbosity": -1},
        data,
        num_boost_round=5,
        valid_sets=[lightgbm.Dataset(POINTS[80:], LABELS[80:], reference=data)],
        valid_names=["valid"],
        callbacks=[lightgbm.record_evaluation(history), callbacks.for_lightgbm(tmp_path)],
    )
    assert content(tmp_path)["hyperparameters"]["learning_rate"] == 0.2
    assert values(tmp_path)["valid", "auc"]["value"] == pytest.approx(history["valid"]["auc"][-1])
    assert content(tmp_path)["extra"]["rounds"] == 5


def test_lightgbm_that_stops_early_leaves_its_last_values_at_once_when_asked_to(tmp_path):
    import lightgbm

    data = lightgbm.Dataset(POINTS[:40], LABELS[:40])
    lightgbm.train(
        {"objective": "binary", "verbosity": -1, "min_data_in_leaf": 2},
        data,
        num_boost_round=50,
        valid_sets=[lightgbm.Dataset(POINTS[40:], 1 - LABELS[40:], reference=data)],
        valid_names=["valid"],
        callbacks=[callbacks.for_lightgbm(tmp_path, **AT_ONCE), lightgbm.early_stopping(2, verbose=False)],
    )
    assert 1 < values(tmp_path)["valid", "binary_logloss"]["step"] < 50


def test_between_two_writings_there_is_time_and_the_last_values_come_all_the_same(tmp_path):
    training = TrainingLog(tmp_path, every_seconds=0.2)
    for step in range(50):
        training.measured({"loss": 50 - step}, step=step)
    assert content(tmp_path)["metrics"]["loss"]["value"] == 50
    wait_until(lambda: content(tmp_path)["metrics"]["loss"]["value"] == 1)
    assert content(tmp_path)["metrics"]["loss"] == {"value": 1, "step": 49}


def test_a_training_goes_on_where_nothing_can_be_written(tmp_path, caplog):
    (tmp_path / "modeldex.json").write_text("{half")
    training = TrainingLog(tmp_path, **AT_ONCE)
    with caplog.at_level(logging.WARNING):
        training.began({"lr": 1, "callback": print})
        training.measured({"loss": 1.0, "text": "x", "tensor": np.zeros(3)})
        training.ended()
    assert [record.message.split(" path=")[0] for record in caplog.records] == [
        "nothing is written beside the model"
    ]
    assert (tmp_path / "modeldex.json").read_text() == "{half"


@pytest.fixture
def framework(monkeypatch):
    """A framework by its name: a module with the class that callbacks are made of."""

    def install(name, **attributes):
        module = ModuleType(name)
        module.__dict__.update(attributes)
        for part, _ in enumerate(name.split(".")):
            package = ".".join(name.split(".")[:part])
            if package:
                monkeypatch.setitem(sys.modules, package, ModuleType(package))
        monkeypatch.setitem(sys.modules, name, module)

    return install


class KerasCallback:
    """As keras/src/callbacks/callback.py has it: set_params and set_model come before everything else."""

    def set_params(self, params):
        self.params = params

    def set_model(self, model):
        self.model = model


def test_keras_by_its_documented_calls(tmp_path, framework):
    framework("keras", callbacks=SimpleNamespace(Callback=KerasCallback))
    callback = callbacks.for_keras(tmp_path, params={"note": "x"}, **AT_ONCE)
    optimizer = SimpleNamespace(
        get_config=lambda: {"name": "adam", "learning_rate": np.float32(0.5), "clip": None}
    )
    callback.set_params({"verbose": 0, "epochs": 2, "steps": 3})
    callback.set_model(SimpleNamespace(optimizer=optimizer))
    callback.on_train_begin({})
    for epoch in range(2):
        callback.on_test_end({"accuracy": 0.1})
        callback.on_epoch_end(
            epoch, {"accuracy": 0.9 + epoch / 100, "val_accuracy": np.float32(0.5 + epoch / 4)}
        )
    callback.on_train_end({})
    sidecar = content(tmp_path)
    assert sidecar["metrics"] == {
        "train_accuracy": {"value": 0.91, "step": 2},
        "val_accuracy": {"value": 0.75, "step": 2},
    }
    assert sidecar["hyperparameters"] == {
        "epochs": 2,
        "steps_per_epoch": 3,
        "optimizer": "adam",
        "learning_rate": 0.5,
        "note": "x",
    }
    callback.on_test_end({"accuracy": 0.8})
    assert content(tmp_path)["metrics"]["accuracy"] == 0.8


@pytest.mark.parametrize("name", ["lightning.pytorch", "pytorch_lightning"])
def test_lightning_by_its_documented_calls(tmp_path, framework, monkeypatch, name):
    monkeypatch.setitem(sys.modules, "lightning", None)
    monkeypatch.setitem(sys.modules, "lightning.pytorch", None)
    framework(name, Callback=object)
    callback = callbacks.for_lightning(tmp_path, **AT_ONCE)
    trainer = SimpleNamespace(
        is_global_zero=True, sanity_checking=True, callback_metrics={"val_loss": 9}, global_step=0
    )
    module = SimpleNamespace(hparams={"lr": 0.1, "net": object()})
    callback.on_fit_start(trainer, module)
    callback.on_validation_end(trainer, module)
    assert "metrics" not in content(tmp_path), "a sanity check is no validation"
    trainer.sanity_checking, trainer.callback_metrics, trainer.global_step = (
        False,
        {"val_loss": np.array(0.5)},
        10,
    )
    callback.on_validation_end(trainer, module)
    callback.on_fit_end(trainer, module)
    assert content(tmp_path)["metrics"] == {"val_loss": {"value": 0.5, "step": 10}}
    assert content(tmp_path)["hyperparameters"] == {"lr": 0.1}
    callback.on_exception(trainer, module, KeyboardInterrupt())
    assert content(tmp_path)["extra"]["failed_run"]["error"] == "KeyboardInterrupt"


def test_trainers_of_both_packages_of_lightning_take_it_where_both_are_loaded(tmp_path, framework):
    """A trainer of pytorch_lightning 2.1 refused a callback of lightning.pytorch."""
    kinds = [type(name, (), {}) for name in ("New", "Old")]
    framework("lightning.pytorch", Callback=kinds[0])
    framework("pytorch_lightning", Callback=kinds[1])
    callback = callbacks.for_lightning(tmp_path)
    assert [isinstance(callback, kind) for kind in kinds] == [True, True]


def test_lightning_writes_from_its_first_process_alone(tmp_path, framework):
    framework("lightning.pytorch", Callback=object)
    callback = callbacks.for_lightning(tmp_path, **AT_ONCE)
    trainer = SimpleNamespace(
        is_global_zero=False, sanity_checking=False, callback_metrics={"x": 1}, global_step=1
    )
    for event in ("on_fit_start", "on_validation_end", "on_test_end", "on_fit_end"):
        getattr(callback, event)(trainer, SimpleNamespace(hparams={"lr": 1}))
    assert list(tmp_path.iterdir()) == []


def trainer_calls(tmp_path, framework, *, load_best, first=True):
    """A training of transformers with two evaluations, of which the first was better."""
    framework("transformers", TrainerCallback=object)
    args = SimpleNamespace(
        output_dir=str(tmp_path),
        load_best_model_at_end=load_best,
        to_sanitized_dict=lambda: {"learning_rate": 5e-5, "seed": 42, "hub_token": "<HUB_TOKEN>"},
    )
    state = SimpleNamespace(
        is_world_process_zero=first, global_step=0, log_history=[], best_model_checkpoint=None
    )
    callback = callbacks.for_transformers(**AT_ONCE)
    callback.on_train_begin(args, state, None, model=None)
    for step, loss in ((500, 0.25), (1000, 0.5)):
        state.global_step = step
        state.log_history.append({"eval_loss": loss, "epoch": step / 500, "step": step})
        callback.on_evaluate(args, state, None, metrics={"eval_loss": loss, "epoch": step / 500})
    state.best_model_checkpoint = f"{tmp_path}/checkpoint-500"
    callback.on_train_end(args, state, None)
    return callback, args, state


@pytest.mark.parametrize(
    ("load_best", "loss", "step"), [(True, 0.25, 500), (False, 0.5, 1000)], ids=["best", "last"]
)
def test_transformers_leaves_the_values_of_the_checkpoint_that_it_keeps(
    tmp_path, framework, load_best, loss, step
):
    callback, args, state = trainer_calls(tmp_path, framework, load_best=load_best)
    assert content(tmp_path)["metrics"] == {"eval_loss": {"value": loss, "step": step}}
    assert content(tmp_path)["hyperparameters"]["learning_rate"] == 5e-5
    assert content(tmp_path)["extra"]["steps_done"] == 1000
    callback.on_evaluate(args, state, None, metrics={"eval_f1": 0.5})
    assert content(tmp_path)["metrics"]["eval_f1"] == {"value": 0.5, "step": 1000}


def test_transformers_writes_from_its_first_process_alone(tmp_path, framework):
    trainer_calls(tmp_path, framework, load_best=True, first=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["for_keras", "for_lightning", "for_transformers"])
def test_a_framework_that_is_not_there_is_told_when_its_callback_is_made(tmp_path, monkeypatch, name):
    for module in ("keras", "lightning", "lightning.pytorch", "pytorch_lightning", "transformers"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError):
        getattr(callbacks, name)(tmp_path)
