"""A repository with two pipelines by the real dvc, git and gto: with its data, and as a clone beside its remote."""

import json
import shutil

import pytest
from fixtures.corpus import run_modeldex
from fixtures.trackers import crawled, unpacked

SMALL_MD5 = "08/3c7cb2e0a47bec897cc673257060c1"
OLD_MD5 = "86/e75cf24a6fdadbf66874cb1c4ea664"


@pytest.fixture(scope="module")
def unpacked_repository(tmp_path_factory):
    return unpacked("dvc.tar.xz", tmp_path_factory.mktemp("dvc"))


@pytest.fixture(scope="module", params=["workspace and cache", "clone and remote"])
def store(request, unpacked_repository, tmp_path_factory):
    """(crawled directory, its home, documents by name)."""
    root = tmp_path_factory.mktemp("source")
    for name in ("repo",) if request.param == "workspace and cache" else ("clone", "storage"):
        shutil.copytree(unpacked_repository / name, root / name)
    home = tmp_path_factory.mktemp("home")
    crawl, documents = crawled(root, home)
    assert crawl["failed"] == 0
    return root, home, {document["name"]: document for document in documents}


@pytest.fixture(scope="module")
def truth(unpacked_repository):
    return json.loads((unpacked_repository / "truth.json").read_text())


def test_each_model_is_there_once_wherever_its_bytes_are(store):
    _, _, documents = store
    orphan = OLD_MD5.split("/")[1]
    assert set(documents) == {"small-classifier", "large", "base", orphan}
    assert not any("duplicate" in document.get("flags", ()) for document in documents.values())


def test_metrics_and_parameters_are_those_of_the_model_s_own_stages(store):
    _, _, documents = store
    small, large = documents["small-classifier"], documents["large"]
    assert small["metrics"] == {"accuracy": 0.91, "f1": 0.88, "loss": pytest.approx(0.09)}
    assert large["metrics"] == {"accuracy": 0.97, "loss": pytest.approx(0.03)}
    assert small["training"] == {"learning_rate": 0.05, "epochs": 3}
    assert large["training"] == {"learning_rate": 0.01, "epochs": 7}
    assert small["hyperparameters"] == {
        "train_small_lr": 0.05, "train_small_epochs": 3, "train_small_fill": 9,
    }  # fmt: skip
    assert not documents["base"].get("metrics")
    assert not documents["base"].get("hyperparameters")


def test_a_model_is_measured_on_the_data_set_that_its_report_names(store):
    _, _, documents = store
    (f1,) = [entry for entry in documents["small-classifier"]["evaluations"] if entry["metric"] == "f1"]
    assert f1["dataset"] == "holdout"


def test_a_trained_model_knows_data_code_and_commit(store, truth):
    root, _, documents = store
    for name in ("small-classifier", "large"):
        assert documents[name]["data_sources"] == ["data/prepared.csv"]
        assert documents[name]["extra"]["code"] == "train.py"
        assert documents[name]["code_version"] == truth["commit"] == truth["clone"]
        assert documents[name]["parameters"] in {4, 64}
    assert "code_version" not in documents["base"], "a vendor's model was not made by this code"
    assert documents["base"]["description"] == "From the vendor."
    repository = "repo" if (root / "repo").exists() else "clone"
    assert documents["base"]["extra"]["dvc_path"] == f"{repository}/vendor/base.safetensors"


def test_gto_s_tags_are_version_and_stages_of_the_artifact(store, truth):
    """What `gto show` says of this repository: v1.10.0 is the latest version, #dev and #prod."""
    _, _, documents = store
    small = documents["small-classifier"]
    assert small["version"] == "v1.10.0"
    assert set(small["tags"]) == {"dev", "prod", "tabular", "edge"}
    assert small["extra"]["stage_dev"] == "v1.10.0"
    assert small["extra"]["registered_small_classifier_v1_10_0"] == truth["commit"]
    assert small["description"] == "Tells small things apart."
    assert "version" not in documents["large"]


def test_the_copy_in_the_cache_is_another_location(store):
    root, _, documents = store
    locations = documents["small-classifier"]["locations"]
    assert any(place.endswith(SMALL_MD5) for place in locations)
    assert len(locations) == (2 if (root / "repo").exists() else 1)


def test_files_of_the_whole_repository_are_listed_once_and_are_no_part_of_a_model_s_size(store):
    _, _, documents = store
    small = documents["small-classifier"]
    keys = [file["key"] for file in small["files"]]
    assert len(keys) == len(set(keys))
    assert any(key.endswith(".git/packed-refs") for key in keys)
    assert small["total_bytes"] == 91 + 47 + 34, "the weights and the two reports"


def test_objects_that_nothing_names_are_found_as_orphans(store):
    _, home, _ = store
    found = run_modeldex(home, "search", "is:orphan", "--json")
    assert [OLD_MD5 in hit for hit in found.stdout.split('"path"')[1:]] == [True], found.stdout


def test_a_workspace_file_that_was_changed_is_another_model_than_the_one_in_the_cache(
    unpacked_repository, tmp_path
):
    root = tmp_path / "source"
    shutil.copytree(unpacked_repository / "repo", root)
    changed = root / "models" / "small.safetensors"
    changed.write_bytes(changed.read_bytes()[:-1] + b"\x01")
    _, documents = crawled(root, tmp_path / "home")
    paths = [document["path"] for document in documents if document.get("parameters") == 4]
    assert sorted(paths) == [
        f".dvc/cache/files/md5/{SMALL_MD5}", f".dvc/cache/files/md5/{OLD_MD5}", "models/small.safetensors",
    ]  # fmt: skip


def test_of_the_repository_only_references_are_listed(unpacked_repository):
    from crawler.sources.local import LocalSource

    repo = unpacked_repository / "repo"
    (repo / ".git" / "objects" / "21").mkdir(parents=True, exist_ok=True)
    (repo / ".git" / "objects" / "21" / "model.pt").write_bytes(b"x")
    listed = [meta.key for step in LocalSource(repo).list() for meta in step.objects]
    assert sorted(key for key in listed if key.startswith(".git/")) == [
        ".git/HEAD", ".git/packed-refs", ".git/refs/tags/small-classifier#prod#2",
    ]  # fmt: skip
    shutil.rmtree(repo / ".git" / "objects")
