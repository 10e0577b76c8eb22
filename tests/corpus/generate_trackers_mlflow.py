"""Writes one project's runs with the MLflow that runs it, as a file store and as an SQLite backend, and what it asked for.

Makes tests/corpus/data/trackers/mlflow-<major>.tar.xz. Written with mlflow 2.22.2 and 3.17.2, scikit-learn as each of
them resolves it: LOGNAME=ada python tests/corpus/generate_trackers_mlflow.py
"""

import importlib.metadata
import io
import json
import math
import os
import sqlite3
import tarfile
import tempfile
from contextlib import closing
from pathlib import Path

os.environ.update(  # noqa: TID251 - MLflow is configured by nothing else
    LOGNAME="ada",
    MLFLOW_ALLOW_FILE_STORE="true",
    MLFLOW_DISABLE_TELEMETRY="true",
    GIT_PYTHON_REFRESH="quiet",
)

import mlflow
import numpy as np
from mlflow import MlflowClient
from mlflow.data import from_numpy
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

DATA = Path(__file__).resolve().parent / "data" / "trackers"
VERSION = importlib.metadata.version("mlflow")
MAJOR = VERSION.partition(".")[0]
COMMIT = "8f14e45fceea167a5a36dedd4bea2543c9f0a1b2"
X, Y = load_iris(return_X_y=True)


def log_sklearn(name, model, **options):
    example = X[:2]
    signature = mlflow.models.infer_signature(example, model.predict(example))
    place = {"name": name} if MAJOR != "2" else {"artifact_path": name}
    return mlflow.sklearn.log_model(
        model, **place, signature=signature, pip_requirements=["scikit-learn>=1.4", "numpy"], **options
    )


def fitted(strength):
    return LogisticRegression(C=strength, max_iter=200).fit(X, Y)


def registered_run(strength, accuracies):
    """A run with a history, data sets, tags and a model that is registered as iris-classifier."""
    tags = {"mlflow.source.git.commit": COMMIT, "team": "risk", "mlflow.note.content": f"C of {strength}"}
    with mlflow.start_run(run_name=f"c={strength}", tags=tags) as run:
        mlflow.log_params({"C": strength, "learning_rate": 5e-5, "optimizer": "lbfgs", "batch_size": 16})
        for step, accuracy in enumerate(accuracies):
            mlflow.log_metric("val/accuracy", accuracy, step=step)
            mlflow.log_metric("val/loss", 1 - accuracy, step=step)
        mlflow.log_metric("f1", math.nan)
        mlflow.log_metric("zero_one_loss", 0.0)
        mlflow.log_input(from_numpy(X[:100], name="iris-train"), context="training")
        mlflow.log_input(from_numpy(X[100:], name="iris-holdout"), context="validation")
        logged = log_sklearn("classifier", fitted(strength), registered_model_name="iris-classifier")
        if MAJOR != "2":
            mlflow.log_metric(
                "test_accuracy",
                0.93,
                model_id=logged.model_id,
                dataset=from_numpy(X[100:], name="iris-holdout"),
            )
    return run.info.run_id


def two_models():
    with mlflow.start_run(run_name="two-headed") as run:
        mlflow.log_param("C", 3)
        mlflow.log_metric("accuracy", 0.9)
        log_sklearn("encoder", fitted(3.0))
        log_sklearn("head", fitted(4.0))
    return run.info.run_id


def search():
    """A parent with children that log no model; one that failed, one that is deleted."""
    client = MlflowClient()
    children = []
    with mlflow.start_run(run_name="search") as parent:
        mlflow.log_param("strategy", "grid")
        for strength in (0.5, 0.7):
            with mlflow.start_run(run_name=f"trial-{strength}", nested=True) as child:
                mlflow.log_params({"C": strength})
                mlflow.log_metric("accuracy", 0.8 + strength / 10)
                children.append(child.info.run_id)
    failed = client.create_run(
        mlflow.get_experiment_by_name("iris").experiment_id, run_name="out-of-memory"
    ).info.run_id
    client.log_metric(failed, "accuracy", 0.1)
    client.set_terminated(failed, status="FAILED")
    with mlflow.start_run(run_name="thrown-away") as deleted:
        mlflow.log_metric("accuracy", 0.999)
        log_sklearn("thrown-away-model", fitted(9.0))
    client.delete_run(deleted.info.run_id)
    return {
        "parent": parent.info.run_id, "children": children, "failed": failed, "deleted": deleted.info.run_id,
    }  # fmt: skip


def registry():
    client = MlflowClient()
    client.update_registered_model("iris-classifier", description="Tells irises apart.")
    client.set_registered_model_tag("iris-classifier", "domain", "botany")
    client.update_model_version("iris-classifier", "2", description="The stronger one.")
    client.set_model_version_tag("iris-classifier", "2", "validated_by", "grace")
    client.set_registered_model_alias("iris-classifier", "champion", "2")
    client.transition_model_version_stage("iris-classifier", "1", "Archived")
    client.create_registered_model("legacy-scorer")
    client.create_model_version(
        "legacy-scorer", source="s3://models/legacy/scorer", description="From before."
    )
    client.create_model_version("legacy-scorer", source="s3://models/legacy/scorer-2")
    client.delete_model_version("legacy-scorer", "1")


def project():
    mlflow.set_experiment("iris")
    asked = {
        "weak": registered_run(0.1, [0.5, 0.96, 0.91]),
        "strong": registered_run(1.0, [0.6, 0.7, 0.97]),
        "two": two_models(),
        **search(),
    }
    registry()
    mlflow.set_experiment("churn 2024")
    with mlflow.start_run(run_name="baseline"):
        mlflow.log_metric("auc", 0.71)
    mlflow.set_experiment("given up")
    with mlflow.start_run(run_name="dead-end"):
        mlflow.log_metric("auc", 0.5)
    MlflowClient().delete_experiment(mlflow.get_experiment_by_name("given up").experiment_id)
    return asked


def written(kind, root):
    place = root / kind
    place.mkdir()
    os.chdir(place)
    if kind == "files":
        mlflow.set_tracking_uri((place / "mlruns").as_uri())
    else:
        mlflow.set_tracking_uri("sqlite:///mlflow.db")
    return project()


def vacuumed(path):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("VACUUM")


def main():
    DATA.mkdir(parents=True, exist_ok=True)
    np.random.seed(0)  # noqa: NPY002 - what scikit-learn draws from
    with tempfile.TemporaryDirectory(prefix="mlflow-") as folder:
        root = Path(folder)
        truth = {"mlflow": VERSION, "scikit-learn": importlib.metadata.version("scikit-learn")}
        truth |= {kind: written(kind, root) for kind in ("files", "database")}
        os.chdir(root)
        vacuumed(root / "database" / "mlflow.db")
        with tarfile.open(DATA / f"mlflow-{MAJOR}.tar.xz", "w:xz") as archive:
            for kind in ("files", "database"):
                archive.add(root / kind, arcname=kind)
            text = json.dumps(truth, indent=1).encode()
            entry = tarfile.TarInfo("truth.json")
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text))


if __name__ == "__main__":
    main()
