"""metrics.json and its like: flat numbers that a training script left."""

from __future__ import annotations

import json

import pytest
from fixtures.extraction import extract, values_of

from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.metrics_file import MetricsFileExtractor


class TestMetricsFile(ExtractorSuite):
    extractor = MetricsFileExtractor
    expected = {"metrics.accuracy": 0.953, "metrics.test/f1": 0.9}

    def sample(self):
        return Sample(
            key="repo/metrics.json", data=b'{"accuracy": 0.953, "test": {"f1": 0.9}, "dataset": "iris"}'
        )


LINES = b"""{"iteration": 19, "lr": 0.001, "total_loss": 2.5}
{"bbox/AP": 31.5, "iteration": 999, "total_loss": 1.1}
{"bbox/AP": 38.25, "iteration": 1999, "total_loss": 0.8}
{"bbox/AP": 38.
"""


def test_of_json_lines_the_last_value_of_every_name_counts_and_a_line_cut_short_is_told():
    """detectron2 appends an object per logging step; such a file was `not JSON: Extra data`."""
    extraction = extract(MetricsFileExtractor, "out/metrics.json", LINES)
    seen = {item.field: (item.raw, item.context.get("step")) for item in extraction.observations}
    assert seen["metrics.bbox/AP"] == (38.25, 1999)
    assert seen["metrics.total_loss"] == (0.8, 1999)
    assert [problem.code for problem in extraction.problems] == ["line-unreadable"]


REPORTS = {
    "scikit-learn": (
        "metrics.json",
        {
            "classification_report": {
                "cat": {"precision": 0.9, "recall": 0.8, "f1-score": 0.85, "support": 100.0},
                "accuracy": 0.77,
                "macro avg": {"precision": 0.8, "recall": 0.7, "f1-score": 0.75, "support": 150.0},
            },
            "confusion_matrix": [[80, 20], [10, 40]],
        },
        {"cat/precision", "cat/recall", "cat/f1-score", "accuracy"}
        | {f"macro avg/{name}" for name in ("precision", "recall", "f1-score")},
    ),
    "scikit-learn's report alone": (
        "classification_report.json",
        {
            "0": {"f1-score": 0.8, "support": 3.0},
            "accuracy": 0.77,
            "macro avg": {"f1-score": 0.75, "support": 9},
        },
        {"accuracy", "macro avg/f1-score"},
    ),
    "SageMaker": (
        "evaluation.json",
        {
            "multiclass_classification_metrics": {
                "accuracy": {"value": 0.9, "standard_deviation": "NaN"},
                "confusion_matrix": {"0": {"0": 10, "1": 2}},
            }
        },
        {"accuracy"},
    ),
    "Kubeflow": (
        "mlpipeline-metrics.json",
        {"metrics": [{"name": "accuracy-score", "numberValue": 0.9, "format": "PERCENTAGE"}]},
        {"accuracy-score"},
    ),
    "Sacred": (
        "metrics.json",
        {
            "val.accuracy": {
                "steps": [1, 2],
                "timestamps": ["2024-01-01T10:00:00", "2024-01-01T10:30:00"],
                "values": [0.9, 0.93],
            },
            "note": {"steps": [1], "timestamps": ["2024-01-01T10:00:00"], "values": ["slow"]},
            "empty": {"steps": [], "timestamps": [], "values": []},
        },
        {"val.accuracy"},
    ),
    "rows": ("metrics.json", [{"name": "accuracy", "value": 0.9, "split": "test"}], {"accuracy"}),
    "orbax": ("run/100/metrics/metrics", {"accuracy": 0.9}, {"accuracy"}),
    "results": ("results.json", {"accuracy": 0.9, "images": 3, "boxes": [1, 2]}, {"accuracy"}),
    "evalplus": (
        "humaneval_eval_results.json",
        {"date": "2024-05-01", "pass_at_k": {"base": {"pass@1": 0.6}, "plus": {"pass@1": 0.5}}},
        {"pass@1"},
    ),
}


@pytest.mark.parametrize("kind", REPORTS)
def test_metrics_have_their_own_names_whatever_is_around_them(kind):
    """`classification_report_accuracy`, `regression_metrics_mse_value`, supports and cells of a confusion matrix were metrics;
    rows were one metric called `value`, or none.
    """
    name, content, expected = REPORTS[kind]
    assert MetricsFileExtractor().claims(name, json.dumps(content).encode()) is not None
    assert set(values_of(extract(MetricsFileExtractor, name, content))) == {
        f"metrics.{name}" for name in expected
    }


def test_the_last_value_of_what_sacred_logged_counts_with_its_step():
    """`accuracy_steps` was a metric of 2, and `accuracy_values` one of its own."""
    _, content, _ = REPORTS["Sacred"]
    seen = extract(MetricsFileExtractor, "runs/1/metrics.json", content).observations
    assert [(item.raw, item.context.get("step")) for item in seen] == [(0.93, 2)]


@pytest.mark.parametrize("content", [b'[{"image_id": 3, "score": 0.9}]', b'"done"'])
def test_results_that_are_no_object_are_no_metrics(content):
    assert MetricsFileExtractor().claims("results.json", content) is None


ROW = {"precision": 0.5, "recall": 0.4, "f1-score": 0.45, "support": 10}
LABELLED = {
    "report": {f"report/{name}" for name in ROW if name != "support"},
    "support": {f"support/{name}" for name in ROW if name != "support"},
}


@pytest.mark.parametrize("label", LABELLED)
def test_a_class_may_be_called_as_a_report_or_a_count_is(label):
    """The precision of the class `report` was that of the model, and the class `support` was left out."""
    told = values_of(extract(MetricsFileExtractor, "metrics.json", {label: ROW, "invoice": ROW}))
    assert {f"metrics.{name}" for name in LABELLED[label]} <= set(told)
    assert "metrics.precision" not in told


def test_two_reports_in_one_file_stay_apart():
    """Both were `accuracy`, and contradicted each other."""
    content = {"report": {"accuracy": 0.8}, "classification_report": {"accuracy": 0.9}}
    assert len(values_of(extract(MetricsFileExtractor, "metrics.json", content))) == 2


def test_rows_of_several_data_sets_and_of_several_lists_stay_apart():
    """Accuracies on two data sets contradicted each other, as two lists with a row of each class did; a row with both a name
    and a metric was called by the name.
    """
    content = {
        "metrics": [
            {"name": "run-7", "metric": "accuracy", "dataset": name, "value": 0.9}
            for name in ("mnli", "sst2")
        ],
        "per_class_f1": [{"name": "cat", "score": 0.8}],
    }
    seen = extract(MetricsFileExtractor, "metrics.json", content).observations
    assert [(item.field, item.context.get("dataset")) for item in seen] == [
        ("metrics.accuracy", "mnli"),
        ("metrics.accuracy", "sst2"),
        ("metrics.per_class_f1/cat", None),
    ]


LOG = b'{"train_loss": 2.0, "test_acc1": 78.5, "epoch": 8}\n{"train_loss": 1.9, "test_acc1": 79.5, "epoch": 9}\n'


def test_a_log_of_lines_of_json_is_about_the_epochs_whose_checkpoints_are_beside_it():
    """What DETR, MAE and their many relatives write as log.txt nobody read."""
    assert MetricsFileExtractor().claims("out/log.txt", LOG) is not None
    extraction = extract(MetricsFileExtractor, "out/log.txt", LOG)
    of_epoch = {
        key: item.raw
        for subject in extraction.subjects
        for key in subject.join_keys
        for item in extraction.observations
        if item.subject == subject.id and item.field == "metrics.test_acc1"
    }
    assert of_epoch["path:out/checkpoint-8.pth"] == of_epoch["path:out/checkpoint0008.pth"] == 78.5
    assert of_epoch["path:out/checkpoint-9.pth"] == 79.5


def test_a_log_in_words_is_left_alone():
    assert MetricsFileExtractor().claims("out/log.txt", b"epoch 1 loss 0.5\nepoch 2 loss 0.4\n") is None


PRINTED = b"""              precision    recall  f1-score   support

         cat       0.90      0.80      0.85       100
     big dog       0.80      0.90      0.84       100

    accuracy                           0.83       200
   macro avg       0.85      0.85      0.75       200
weighted avg       0.85      0.85      0.85       200
"""


def test_the_table_that_scikit_learn_prints_says_what_its_dictionary_does():
    """People keep it as text beside their model at least as often as in JSON; nobody read it."""
    name = "classification_report.txt"
    assert MetricsFileExtractor().claims(f"m/{name}", PRINTED) is not None
    report = {
        "cat": {"precision": 0.9, "recall": 0.8, "f1-score": 0.85, "support": 100},
        "big dog": {"precision": 0.8, "recall": 0.9, "f1-score": 0.84, "support": 100},
        "accuracy": 0.83,
        "macro avg": {"precision": 0.85, "recall": 0.85, "f1-score": 0.75, "support": 200},
        "weighted avg": {"precision": 0.85, "recall": 0.85, "f1-score": 0.85, "support": 200},
    }
    extraction = extract(MetricsFileExtractor, f"m/{name}", PRINTED)
    told = values_of(extraction)
    assert {item.context["digits"] for item in extraction.observations} == {2}
    assert told == values_of(extract(MetricsFileExtractor, "m/classification_report.json", report))
    assert told["metrics.accuracy"] == 0.83


@pytest.mark.parametrize(
    "text",
    [b"Model report\n" + PRINTED, b"accuracy 0.9\n", b""],
    ids=["behind other words", "no table", "empty"],
)
def test_a_report_of_another_form_is_left_alone(text):
    assert MetricsFileExtractor().claims("m/classification_report.txt", text) is None
