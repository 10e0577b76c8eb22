"""The dev corpus against its truth files: every field that a truth states is found in the document, by its name."""

from __future__ import annotations

import json
import tarfile

import pytest
from fixtures.corpus import ARCHIVE, CANARY


def truths():
    with tarfile.open(ARCHIVE) as archive:
        for member in archive.getmembers():
            if member.name.rsplit("/", 1)[-1].startswith("truth-"):
                yield from json.load(archive.extractfile(member)).items()


TRUTHS = dict(truths())
STORES = {"mlruns", "mlflow-db"}  # one directory that tells of several models
STATEMENTS = [
    (model, field, expected)
    for model, truth in TRUTHS.items()
    for field, expected in truth.items()
    if field not in {"note", "must_not_exist"} and model not in STORES
]
ALIASES = {"sklearn": "scikit-learn"}  # one library, one name in the catalog
DTYPES = {"torch.float16": "F16", "torch.int64": "I64"}


def below(documents, folder):
    return [document for document in documents if f"{document['path']}/".startswith(f"{folder}/")]


def the_model(documents, folder):
    found = below(documents, folder)
    assert len(found) == 1, f"{folder}: {[(d['path'], d.get('format')) for d in found]}"
    return found[0]


READERS = {
    "accuracy": lambda d: d["metrics"]["accuracy"],
    "adapter": lambda d: d["adapter"]["type"],
    "base_model": lambda d: d["base_model"][0]["id"],
    "data": lambda d: next(iter(d["data_sources"])),
    "dtypes": lambda d: sorted(d["dtypes"]),
    "epoch": lambda d: d["training"]["epochs"],
    "epochs": lambda d: d["training"]["epochs"],
    "eval_accuracy": lambda d: d["metrics"]["accuracy"],
    "f1": lambda d: d["metrics"]["f1"],
    "inputs": lambda d: [value["name"] for value in d["inputs"]],
    "keras_version": lambda d: d["framework_version"],
    "learning_rate": lambda d: d["training"]["learning_rate"],
    "model_version": lambda d: int(d["version"]),
    "objective": lambda d: d["training"]["objective"],
    "opset": lambda d: d["extra"]["opset"],
    "output": lambda d: d["path"].split("/", 1)[1],
    "outputs": lambda d: [value["name"] for value in d["outputs"]],
    "producer": lambda d: d["origin_framework"],
    "quantization": lambda d: d["precision"],
    "rank": lambda d: d["adapter"]["rank"],
    "shards": lambda d: d["shards"]["found"],
    "tensorflow_version": lambda d: d["framework_version"],
    "unsafe": lambda d: "code-execution" in d["risk_kinds"],
    "xgboost_version": lambda d: d["framework_version"],
}


@pytest.mark.parametrize(("model", "field", "expected"), STATEMENTS, ids=lambda value: str(value)[:40])
def test_the_document_says_what_the_truth_says(crawled_corpus, model, field, expected):
    document = the_model(crawled_corpus[2], model)
    if field == "format":
        assert expected in document["format"]
    elif field == "dtypes":
        assert sorted(document["dtypes"]) == sorted(DTYPES[name] for name in expected)
    elif field == "hyper_parameters":
        assert expected.items() <= document["hyperparameters"].items()
    elif field == "metadata":
        assert document["metrics"]["accuracy"] == expected["accuracy"]
        assert expected["team"] in json.dumps(document["extra"])
    elif expected is None:
        assert document[field] > 0
    else:
        value = READERS.get(field, lambda d: d[field])(document)
        expected = ALIASES.get(expected, expected) if field == "framework" else expected
        assert value == pytest.approx(expected) if isinstance(expected, float) else value == expected


def test_a_tracker_s_file_store_tells_of_both_runs(crawled_corpus):
    found = below(crawled_corpus[2], "mlruns")
    assert len({document.get("run_id") for document in found}) == TRUTHS["mlruns"]["runs"]
    assert all(document["metrics"]["accuracy"] for document in found)


def test_a_tracker_s_database_names_the_registered_model(crawled_corpus):
    found = below(crawled_corpus[2], "mlflow-db")
    assert TRUTHS["mlflow-db"]["registered_model"] in {document["name"] for document in found}


def test_nothing_in_the_corpus_was_executed(crawled_corpus):
    assert not CANARY.exists()
    document = the_model(crawled_corpus[2], "suspicious-upload")
    risk = next(risk for risk in document["risks"] if risk["kind"] == "code-execution")
    assert risk["severity"] in {"high", "critical"}
    assert "system" in risk["detail"]


def test_a_second_crawl_opens_nothing_and_changes_nothing(crawled_corpus, corpus_root, modeldex):
    home, _, documents = crawled_corpus
    again = modeldex(home, "crawl", corpus_root, "--json")
    counts = json.loads(again.stdout)
    assert counts["new"] == counts["changed"] == 0, counts
    listed = modeldex(home, "models", "--json")
    assert {d["id"]: d["revision"] for d in json.loads(listed.stdout)} == {
        d["id"]: d["revision"] for d in documents
    }


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("accuracy > 0.9 framework:onnx", {"mlp-onnx"}),
        ("accuracy>=93% accuracy<94% license:Apache-2.0", {"sentiment-bert-tiny"}),
        ("risk:code-execution", {"suspicious-upload"}),
        ("params:160k..170k has:context_length", {"chat-llama-tiny"}),
        ("base:meta-llama/Llama-3.1-8B is:adapter", {"llama-lora"}),
        ("precision:Q8_0 OR quantization:q8_0", {"Tiny Llama Chat"}),
    ],
)
def test_bytes_on_disk_come_back_as_the_json_of_a_search(crawled_corpus, modeldex, query, expected):
    """The whole way: file, extraction, record, revision, index, query text, JSON."""
    found = modeldex(crawled_corpus[0], "search", query, "--json")
    assert found.returncode == 0, found.stderr
    assert {document["name"] for document in json.loads(found.stdout)} == expected
