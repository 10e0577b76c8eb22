"""One project's runs as four real MLflow stores have them: MLflow 2 and 3, as files and as an SQLite database."""

import json
import sqlite3
from contextlib import closing

import pytest
from fixtures.trackers import crawled, unpacked

STORES = [(major, kind) for major in (2, 3) for kind in ("files", "database")]
WITH_FILES = {"iris-classifier 1", "iris-classifier 2", "encoder", "head", "thrown-away-model"}
WITHOUT_FILES = {"baseline", "search", "trial-0.5", "trial-0.7", "out-of-memory", "legacy-scorer 2"}


class Catalog:
    """The documents of one store by what people call them, and the ids that MLflow gave."""

    def __init__(self, root, kind, home):
        self.truth = json.loads((root / "truth.json").read_text())[kind]
        self.crawl, self.documents = crawled(root / kind, home)

    def __getitem__(self, name):
        (found,) = [document for document in self.documents if called(document) == name]
        return found


def called(document):
    return " ".join([document["name"], *([document["version"]] if "version" in document else [])])


def evaluations(document, metric, **wanted):
    return [
        entry
        for entry in document["evaluations"]
        if entry["metric"] == metric and wanted.items() <= entry.items()
    ]


@pytest.fixture(scope="module", params=STORES, ids=[f"mlflow {major} {kind}" for major, kind in STORES])
def store(request, tmp_path_factory):
    major, kind = request.param
    root = unpacked(f"mlflow-{major}.tar.xz", tmp_path_factory.mktemp("mlflow"))
    return Catalog(root, kind, tmp_path_factory.mktemp("home"))


def test_there_is_one_record_for_every_model_and_every_run_without_one(store):
    assert sorted(map(called, store.documents)) == sorted(WITH_FILES | WITHOUT_FILES)
    assert store.crawl["failed"] == 0


def test_records_without_files_are_flagged_as_such(store):
    assert {
        called(document) for document in store.documents if "run" in document.get("flags", ())
    } == WITHOUT_FILES


@pytest.mark.parametrize(
    ("name", "run", "strength"), [("iris-classifier 1", "weak", 0.1), ("iris-classifier 2", "strong", 1.0)]
)
def test_a_registered_model_carries_what_its_run_logged(store, name, run, strength):
    document = store[name]
    assert document["run_id"] == store.truth[run]
    assert document["owner"] == "ada"
    assert document["code_version"] == "8f14e45fceea167a5a36dedd4bea2543c9f0a1b2"
    assert document["hyperparameters"]["c"] == strength
    assert document["training"] == {"learning_rate": 5e-5, "batch_size": 16, "optimizer": "lbfgs"}
    assert document["datasets"] == ["iris-train"]
    assert document["extra"]["evaluation_dataset"] == "iris-holdout"
    assert document["extra"]["experiment"] == "iris"
    assert (document["extra"]["tag_team"], document["extra"]["tag_domain"]) == ("risk", "botany")
    assert "scikit-learn>=1.4" in document["dependencies"]
    assert document["framework"] == "scikit-learn"
    assert [(port["dtype"], port["shape"]) for port in document["inputs"]] == [("F64", [None, 4])]
    assert document["outputs"]
    assert document["training_started_at"] <= document["created_at"]
    assert document["date_source"] == "trained_at"
    assert document["status"] == "ok"
    assert not [problem for problem in document["problems"] if problem["code"] != "metric-not-a-number"]


def test_the_last_value_of_a_metric_counts_and_the_best_one_is_told(store):
    (weak,) = evaluations(store["iris-classifier 1"], "accuracy", raw_name="val/accuracy", step=2)
    assert weak["value"] == 0.91
    assert weak["history"] == {
        "points": weak["history"]["points"],
        "first": 0.5,
        "best": 0.96,
        "best_step": 1,
    }
    (loss,) = evaluations(store["iris-classifier 1"], "loss", step=2)
    assert (loss["history"]["best"], loss["history"]["best_step"]) == (pytest.approx(0.04), 1)
    assert store["iris-classifier 2"]["metrics"]["loss"] == pytest.approx(0.03)


def test_a_nan_is_no_number_and_a_true_zero_is_one(store):
    document = store["iris-classifier 2"]
    assert "f1" not in document["metrics"]
    assert all(entry.get("value") is None for entry in evaluations(document, "f1"))
    assert evaluations(document, "f1")
    assert document["metrics"]["zero_one_loss"] == 0.0


def test_aliases_stages_and_descriptions_belong_to_their_version(store):
    first, second = store["iris-classifier 1"], store["iris-classifier 2"]
    assert second["tags"] == ["champion"]
    assert "tags" not in first
    assert first["extra"]["stage"] == "Archived"
    assert (first["stage"], second["aliases"]) == ("archived", ["champion"])
    assert second["description"] == "The stronger one."
    assert first["description"] == "Tells irises apart."
    assert second["extra"]["tag_validated_by"] == "grace"


def test_two_models_of_one_run_stay_two(store):
    encoder, head = store["encoder"], store["head"]
    assert encoder["run_id"] == head["run_id"] == store.truth["two"]
    assert encoder["extra"]["model_uuid"] != head["extra"]["model_uuid"]
    assert encoder["metrics"] == head["metrics"] == {"accuracy": 0.9}


def test_children_name_their_parent_and_a_failed_run_has_no_training_date(store):
    assert store["trial-0.5"]["extra"]["parent_run_id"] == store.truth["parent"]
    assert store["trial-0.7"]["metrics"] == {"accuracy": 0.87}
    failed = store["out-of-memory"]
    assert failed["extra"]["run_status"] == "FAILED"
    assert "trained_at" not in failed


def test_the_model_of_a_deleted_run_says_that_it_was_deleted(store):
    """MLflow keeps the artifacts of a deleted run until it is told to collect its garbage."""
    document = store["thrown-away-model"]
    assert document["extra"]["run_status"] == "DELETED"
    assert "trained_at" not in document


def test_a_run_is_found_in_its_directory_or_in_its_database(store):
    path = store["baseline"]["path"]
    run = store["baseline"]["run_id"]
    assert path == "mlflow.db" or (path.startswith("mlruns/") and path.endswith(run))


def test_a_version_whose_files_are_elsewhere_says_where(store):
    assert store["legacy-scorer 2"]["extra"]["registered_source"] == "s3://models/legacy/scorer-2"


@pytest.mark.parametrize("version", ["ffffffffffff", "451aebb31d03"], ids=["newer", "before latest metrics"])
def test_a_database_of_an_unknown_schema_is_refused_by_its_version(tmp_path, version):
    root = unpacked("mlflow-3.tar.xz", tmp_path / "stores")
    with closing(sqlite3.connect(root / "database" / "mlflow.db")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (version,))
        connection.commit()
    crawl, documents = crawled(root / "database", tmp_path / "home")
    assert crawl["failed"] == 1
    assert version in json.dumps(crawl)
    assert {document["extra"].get("run_name") for document in documents} == {None}
