"""What an MLflow server says of one run, logged model or registered version."""

from __future__ import annotations

from fixtures.extraction import all_values_of, extract, values_of

from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.mlflow_entries import MlflowEntriesExtractor
from crawler.formats.mlflow_entries import body_of

RUN, OTHER = "96dbd1f56a3446f3ac0f7f0221d81abb", "11dbd1f56a3446f3ac0f7f0221d81abb"
MODEL = "m-791fab044ffe4511a47f640b67ba89e4"
SERVER = "mlflow+http://127.0.0.1:5000"
EXPERIMENT = {"experiment_id": "7", "name": "churn"}


def a_run(**parts):
    return {
        "info": {"run_id": RUN, "run_name": "strong", "user_id": "ada", "status": "FINISHED",
                 "start_time": 1_700_000_000_000, "end_time": 1_700_000_060_000},
        "data": {
            "metrics": [{"key": "accuracy", "value": 0.9, "timestamp": 1_700_000_050_000, "step": 2}],
            "params": [{"key": "learning_rate", "value": "5e-5"}],
            "tags": parts.pop("tags", []),
        },
        "inputs": {"dataset_inputs": [{"tags": [{"key": "mlflow.data.context", "value": "training"}],
                                       "dataset": {"name": "customers"}}]},
        **parts,
    }  # fmt: skip


def read(kind, **parts):
    return extract(MlflowEntriesExtractor, "x.json", body_of(kind, SERVER, **parts))


class TestMlflowEntries(ExtractorSuite):
    extractor = MlflowEntriesExtractor
    expected = {
        "run_id": RUN,
        "extra.run_name": "strong",
        "owner": "ada",
        "metrics.accuracy": 0.9,
        "hyperparameters.learning_rate": "5e-5",
        "datasets": "customers",
        "extra.experiment": "churn",
    }

    def sample(self):
        return Sample(
            key=f"logged/{RUN}/run.json", data=body_of("run", SERVER, run=a_run(), experiment=EXPERIMENT)
        )


def test_equal_entries_are_equal_bytes_in_whatever_order_a_server_lists_their_values():
    first, second = ({"key": "a", "value": "1"}, {"key": "b", "value": "2"})
    bodies = {
        body_of("version", SERVER, version={"tags": tags}) for tags in ([first, second], [second, first])
    }
    assert len(bodies) == 1


def test_a_run_stands_for_itself_unless_it_logged_models_that_do():
    alone = {subject.id: subject for subject in read("run", run=a_run()).subjects}
    assert alone[f"mlflow-run:{RUN}"].standalone
    logged = a_run(outputs={"model_outputs": [{"model_id": MODEL, "step": 0}]})
    (subject,) = read("run", run=logged).subjects
    assert not subject.standalone


def test_models_that_mlflow_2_logged_are_the_run_if_there_is_but_one_and_parts_of_it_if_there_are_more():
    def history(*paths):
        entries = ",".join(f'{{"artifact_path": "{path}"}}' for path in paths)
        return [{"key": "mlflow.log-model.history", "value": f"[{entries}]"}]

    (one,) = read("run", run=a_run(tags=history("model"))).subjects
    assert (one.standalone, one.join_keys) == (True, (f"mlflow-run:{RUN}", f"mlflow-artifact:{RUN}/model"))
    run, *models = read("run", run=a_run(tags=history("encoder", "head"))).subjects
    assert not run.standalone
    assert [(model.name, model.part_of) for model in models] == [("encoder", (run.id,)), ("head", (run.id,))]


def test_a_zero_that_a_logged_model_repeats_of_its_run_is_left_to_the_run():
    """MLflow keeps NaN as 0.0 in the table of logged models, which has no column for it."""

    def metric(name, value, **more):
        return {"key": name, "value": value, "timestamp": 1, "step": 0, "run_id": RUN, **more}

    model = {
        "info": {"model_id": MODEL, "name": "net", "source_run_id": RUN},
        "data": {
            "metrics": [metric("loss", 0.0), metric("f1", 0.8), metric("loss", 0, dataset_name="holdout")]
        },
    }
    extraction = read("logged-model", model=model)
    metrics = [(seen.field, seen.raw, seen.context.get("dataset")) for seen in extraction.observations
               if seen.field.startswith("metrics.")]  # fmt: skip
    assert sorted(metrics) == [("metrics.f1", 0.8, None), ("metrics.loss", 0, "holdout")]


def test_a_version_is_about_its_logged_model_else_its_artifact_else_its_place_else_its_run():
    def keys(**parts):
        version = {"name": "churn", "version": 3, **parts}
        (subject,) = read("version", version=version).subjects
        return subject.join_keys[:-1]

    assert keys(model_id=MODEL, source=f"models:/{MODEL}", run_id=RUN) == (f"mlflow:{MODEL}",)
    assert keys(source=f"runs:/{RUN}/net", run_id=RUN) == (f"mlflow-artifact:{RUN}/net",)
    assert keys(source="s3://models/churn/v3/", run_id=RUN) == ("uri:s3://models/churn/v3",)
    assert keys(source="/srv/models/a b") == ("uri:file:///srv/models/a%20b",)
    assert keys(source="dbfs", run_id=RUN) == (f"mlflow-run:{RUN}",)
    assert keys(source="/") == ()


def test_an_alias_is_said_of_the_version_that_it_names():
    registered = {
        "name": "churn",
        "description": "Who leaves.",
        "aliases": [{"alias": "champion", "version": "3"}],
    }
    extraction = read("registered", registered=registered)
    said = all_values_of(extraction)
    assert (said["tags"], said["extra.registered churn@champion"]) == (["champion"], ["churn@champion"])
    assert {seen.subject for seen in extraction.observations if seen.field == "tags"} == {
        f"mlflow-registered:{SERVER}/churn/3"
    }


def test_an_entry_without_its_id_is_a_problem_and_no_model():
    for kind, parts in (("run", {"run": {}}), ("logged-model", {"model": {}}), ("version", {"version": {}}),
                        ("registered", {"registered": []})):  # fmt: skip
        extraction = read(kind, **parts)
        assert (values_of(extraction), extraction.subjects, len(extraction.problems)) == ({}, (), 1)
