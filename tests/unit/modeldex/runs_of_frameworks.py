"""What Keras, Lightning, transformers and torch themselves leave through our callbacks, in runs of a second.

They are too heavy for the environment of the other tests, so that test_callbacks_of_frameworks.py runs these in another
Python, which has only them and pytest. By hand, with libraries of your own:

    PYTHONPATH=. python -m pytest --noconftest -c /dev/null tests/unit/modeldex/runs_of_frameworks.py -k keras
"""

import importlib
import json
import math
import threading

import pytest

from modeldex import Recorder, callbacks

AT_ONCE = {"every_seconds": 0}
THREADS, CALLS = 8, 200


class Stopped(Exception):
    """What breaks a training off."""


def content(folder):
    return json.loads((folder / "modeldex.json").read_bytes())


def value(folder, metric):
    """The value of a metric and the step at which it was measured."""
    entry = content(folder)["metrics"][metric]
    return (entry["value"], entry.get("step")) if isinstance(entry, dict) else (entry, None)


@pytest.fixture(scope="module")
def torch():
    return importlib.import_module("torch")


@pytest.fixture(scope="module")
def keras():
    """On the backend that KERAS_BACKEND names."""
    return importlib.import_module("keras")


@pytest.fixture
def keras_model(keras):
    keras.utils.set_random_seed(7)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, activation="softmax")])
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@pytest.fixture(scope="module")
def points():
    numpy = importlib.import_module("numpy")
    points = numpy.random.default_rng(7).normal(size=(48, 4)).astype("float32")
    return points, (points[:, 0] > 0).astype("int64")


def test_keras_fits_and_evaluates(tmp_path, keras_model, points):
    history = keras_model.fit(
        *points,
        epochs=3,
        batch_size=16,
        validation_split=0.25,
        verbose=0,
        callbacks=[callbacks.for_keras(tmp_path, params={"note": "x"}, **AT_ONCE)],
    ).history
    assert set(content(tmp_path)["metrics"]) == {"train_accuracy", "train_loss", "val_accuracy", "val_loss"}
    assert value(tmp_path, "val_loss") == (pytest.approx(history["val_loss"][-1]), 3)
    assert value(tmp_path, "train_accuracy") == (pytest.approx(history["accuracy"][-1]), 3)
    settings = content(tmp_path)["hyperparameters"]
    assert settings["learning_rate"] == pytest.approx(0.01)
    assert (settings["optimizer"], settings["epochs"], settings["note"]) == ("adam", 3, "x")
    assert content(tmp_path)["trained_at"] >= content(tmp_path)["training_started_at"]
    score = keras_model.evaluate(
        *points, verbose=0, return_dict=True, callbacks=[callbacks.for_keras(tmp_path, **AT_ONCE)]
    )
    assert value(tmp_path, "accuracy") == (pytest.approx(score["accuracy"]), None)
    assert value(tmp_path, "val_loss") == (pytest.approx(history["val_loss"][-1]), 3)


def test_keras_that_stops_early_leaves_the_values_of_the_weights_that_it_restores(
    tmp_path, keras, keras_model, points
):
    """Keras puts back the weights of its best epoch before the training ends."""
    stop = keras.callbacks.EarlyStopping(
        monitor="val_loss", mode="max", patience=2, restore_best_weights=True
    )
    history = keras_model.fit(
        *points,
        epochs=9,
        validation_split=0.25,
        verbose=0,
        callbacks=[stop, callbacks.for_keras(tmp_path, best_of=stop, **AT_ONCE)],
    ).history
    assert len(history["val_loss"]) == 3
    assert value(tmp_path, "val_loss") == (pytest.approx(history["val_loss"][0]), 1)


def test_keras_that_saves_its_best_epoch_leaves_the_values_of_that(tmp_path, keras, keras_model, points):
    saved = keras.callbacks.ModelCheckpoint(
        tmp_path / "best.keras", monitor="val_loss", mode="max", save_best_only=True
    )
    history = keras_model.fit(
        *points,
        epochs=5,
        initial_epoch=2,
        validation_split=0.25,
        verbose=0,
        callbacks=[callbacks.for_keras(tmp_path, best_of=saved, **AT_ONCE), saved],
    ).history
    assert value(tmp_path, "val_loss") == (pytest.approx(max(history["val_loss"])), 3)


def test_keras_that_breaks_off_leaves_the_last_epoch(tmp_path, keras, keras_model, points):
    class Breaking(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise Stopped

    with pytest.raises(Stopped):
        keras_model.fit(
            *points,
            epochs=4,
            validation_split=0.25,
            verbose=0,
            callbacks=[callbacks.for_keras(tmp_path, **AT_ONCE), Breaking()],
        )
    assert value(tmp_path, "val_loss")[1] == 2
    assert "trained_at" not in content(tmp_path)


@pytest.fixture(scope="module", params=["lightning.pytorch", "pytorch_lightning"])
def lightning(request, torch):
    with pytest.MonkeyPatch.context() as patch:
        if torch.__version__.startswith("1."):
            # Lightning asks torch 1 for the hooks of shards, a module that Python 3.11 cannot import. No process here has shards.
            patch.setattr(torch.distributed, "is_available", lambda: False)
        yield importlib.import_module(request.param)


@pytest.fixture
def lightning_run(lightning, torch, points, tmp_path):
    """A trainer with our callback beside others, and its module and data."""

    class Module(lightning.LightningModule):
        def __init__(self, lr=0.1, hidden=3):
            super().__init__()
            self.save_hyperparameters()
            self.layer = torch.nn.Linear(4, 2)

        def training_step(self, batch, batch_idx):
            loss = torch.nn.functional.cross_entropy(self.layer(batch[0]), batch[1])
            self.log("train_loss", loss)
            return loss

        def validation_step(self, batch, batch_idx):
            self.log("val_loss", torch.nn.functional.cross_entropy(self.layer(batch[0]), batch[1]))

        def measured(self, batch, batch_idx):
            self.log("test_loss", torch.nn.functional.cross_entropy(self.layer(batch[0]), batch[1]))

        test_step = measured

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), self.hparams.lr)

    torch.manual_seed(7)
    data = torch.utils.data.TensorDataset(*map(torch.from_numpy, points))
    loader = torch.utils.data.DataLoader(data, batch_size=16)

    def run(*others, **options):
        callback = callbacks.for_lightning(tmp_path, params={"note": "x"}, **AT_ONCE)
        quiet = {
            "logger": False,
            "enable_progress_bar": False,
            "enable_model_summary": False,
            "accelerator": "cpu",
            "enable_checkpointing": False,
            "default_root_dir": tmp_path,
        }
        trainer = lightning.Trainer(**{**quiet, "max_epochs": 2, **options}, callbacks=[callback, *others])
        return trainer, Module(), loader

    return run


def test_lightning_fits_and_tests(tmp_path, lightning_run):
    trainer, module, loader = lightning_run()
    trainer.fit(module, loader, loader)
    values = {name: float(number) for name, number in trainer.callback_metrics.items()}
    assert value(tmp_path, "val_loss") == (pytest.approx(values["val_loss"]), 6)
    assert value(tmp_path, "train_loss") == (pytest.approx(values["train_loss"]), 6)
    assert content(tmp_path)["hyperparameters"] == {"lr": 0.1, "hidden": 3, "note": "x"}
    trainer.test(module, loader, verbose=False)
    assert value(tmp_path, "test_loss")[0] == pytest.approx(float(trainer.callback_metrics["test_loss"]))
    assert value(tmp_path, "val_loss") == (pytest.approx(values["val_loss"]), 6)


def test_lightning_goes_on_from_a_checkpoint(tmp_path, lightning_run):
    trainer, module, loader = lightning_run()
    trainer.fit(module, loader, loader)
    trainer.save_checkpoint(tmp_path / "last.ckpt")
    started = content(tmp_path)["training_started_at"]
    trainer, module, loader = lightning_run(max_epochs=3)
    trainer.fit(module, loader, loader, ckpt_path=tmp_path / "last.ckpt")
    assert value(tmp_path, "val_loss")[1] == 9
    assert content(tmp_path)["training_started_at"] >= started


def test_lightning_that_breaks_off_says_so_and_keeps_its_values(tmp_path, lightning, lightning_run):
    class Breaking(lightning.Callback):
        def on_train_epoch_start(self, trainer, pl_module):
            if trainer.current_epoch == 1:
                raise Stopped

    trainer, module, loader = lightning_run(Breaking())
    with pytest.raises(Stopped):
        trainer.fit(module, loader, loader)
    assert value(tmp_path, "val_loss")[1] == 3
    assert content(tmp_path)["extra"]["failed_run"]["error"] == "Stopped"
    assert "trained_at" not in content(tmp_path)


@pytest.fixture(scope="module")
def transformers(torch):
    return importlib.import_module("transformers")


@pytest.fixture
def trainer(transformers, torch, points, tmp_path):
    """Makes a Trainer of a tiny model with our callback, evaluated twice."""

    class Classifier(torch.nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(7)
            self.layer = torch.nn.Linear(4, 2)

        def forward(self, features, labels=None):
            logits = self.layer(features)
            return {"loss": torch.nn.functional.cross_entropy(logits, labels), "logits": logits}

    rows = [
        {"features": torch.tensor(features), "labels": torch.tensor(label)}
        for features, label in zip(*points, strict=True)
    ]

    def make(*others, **options):
        arguments = transformers.TrainingArguments(
            output_dir=str(tmp_path),
            **{
                "num_train_epochs": 2,
                "per_device_train_batch_size": 16,
                "eval_strategy": "epoch",
                "save_strategy": "epoch",
                "learning_rate": 0.5,
                "report_to": [],
                "use_cpu": True,
                "disable_tqdm": True,
                **options,
            },
        )
        return transformers.Trainer(
            model=Classifier(),
            args=arguments,
            train_dataset=rows[:32],
            eval_dataset=rows[32:],
            compute_metrics=lambda predictions: {
                "accuracy": float((predictions.predictions.argmax(-1) == predictions.label_ids).mean())
            },
            callbacks=[callbacks.for_transformers(params={"note": "x"}, **AT_ONCE), *others],
        )

    return make


def evaluations(trainer):
    return [entry for entry in trainer.state.log_history if "eval_loss" in entry]


def test_transformers_trains_and_evaluates(tmp_path, trainer):
    run = trainer()
    run.train()
    last = evaluations(run)[-1]
    assert value(tmp_path, "eval_loss") == (pytest.approx(last["eval_loss"]), 4)
    assert value(tmp_path, "eval_accuracy") == (pytest.approx(last["eval_accuracy"]), 4)
    settings = content(tmp_path)["hyperparameters"]
    assert settings["learning_rate"] == pytest.approx(0.5)
    assert (settings["num_train_epochs"], settings["note"]) == (2, "x")
    assert content(tmp_path)["extra"]["steps_done"] == 4
    assert content(tmp_path)["trained_at"] >= content(tmp_path)["training_started_at"]


def test_transformers_leaves_the_values_of_the_checkpoint_that_it_loads(tmp_path, trainer):
    run = trainer(
        load_best_model_at_end=True,
        metric_for_best_model="eval_loss",
        greater_is_better=True,
        learning_rate=0.01,
    )
    run.train()
    first = evaluations(run)[0]
    assert run.state.best_model_checkpoint.endswith("checkpoint-2")
    assert value(tmp_path, "eval_loss") == (pytest.approx(first["eval_loss"]), 2)
    assert content(tmp_path)["extra"]["best_step"] == 2


def test_transformers_that_stops_early(tmp_path, trainer, transformers):
    run = trainer(
        transformers.EarlyStoppingCallback(early_stopping_patience=1),
        load_best_model_at_end=True,
        metric_for_best_model="eval_loss",
        greater_is_better=True,
        learning_rate=0.01,
        num_train_epochs=9,
    )
    run.train()
    assert value(tmp_path, "eval_loss")[1] == 2
    assert content(tmp_path)["extra"]["steps_done"] == 4


def test_transformers_goes_on_from_a_checkpoint(tmp_path, trainer):
    trainer(num_train_epochs=1).train()
    run = trainer(num_train_epochs=2)
    run.train(resume_from_checkpoint=True)
    assert value(tmp_path, "eval_loss") == (pytest.approx(evaluations(run)[-1]["eval_loss"]), 4)
    assert content(tmp_path)["hyperparameters"]["num_train_epochs"] == 2


def test_transformers_that_breaks_off_leaves_the_last_evaluation(tmp_path, trainer, transformers):
    class Breaking(transformers.TrainerCallback):
        def on_step_begin(self, args, state, control, **_):
            if state.global_step == 3:
                raise Stopped

    run = trainer(Breaking())
    with pytest.raises(Stopped):
        run.train()
    assert value(tmp_path, "eval_loss")[1] == 2
    assert "trained_at" not in content(tmp_path)


def test_transformers_evaluates_without_a_training_before_it(tmp_path, trainer):
    score = trainer().evaluate()
    assert value(tmp_path, "eval_loss")[0] == pytest.approx(score["eval_loss"])
    assert not any(math.isnan(entry) for entry in score.values())


def test_torch_that_answers_in_many_threads_is_counted_once_for_each_call(tmp_path, torch):
    model = torch.nn.Linear(16, 4).eval()
    recorder = Recorder(window_seconds=4e9)  # 1970 to 2096: none ends meanwhile

    @recorder.measures(tmp_path)
    @torch.inference_mode()
    def predict(row, *, fails):
        if fails:
            raise ValueError
        return model(row)

    def work():
        for call in range(CALLS):
            try:
                predict(torch.ones(2, 16), fails=call % 10 == 0)
            except ValueError:
                continue

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    recorder.close()
    serving = content(tmp_path)["extra"]["serving"]
    assert serving["failed"] == THREADS * CALLS // 10
    assert serving["answered"] == THREADS * CALLS * 9 // 10
    assert content(tmp_path)["metrics"]["failure_rate"] == 0.1
