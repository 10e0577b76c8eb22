"""Stores that stand side by side in one source with the same ids and hashes: each speaks for its own models."""

import hashlib
import json

import pytest
from fixtures.crawling import safetensors

from catalog import plugins
from crawler.grouping import copies
from crawler.grouping.draft import upwards
from crawler.registry import Registry

RUN = "a" * 32
WEIGHTS = safetensors(5)
MODEL = f"mlruns/0/{RUN}/artifacts/model"


READERS = (
    *("safetensors", "oci-manifest", "dvc", "dvc-config", "git-references", "metrics-file"),
    *("mlflow-model", "mlflow-runs", "mlflow-registry"),
)


@pytest.fixture
def desk(shop):
    shop.registry = Registry([plugins.load("extractor", name)() for name in READERS])
    return shop


@pytest.fixture
def trackers(desk):
    """Two trackers with a run of one id: one was copied from the other, and went on."""
    for place, owner, score in (("a", "ada", 0.5), ("b", "bob", 0.9)):
        run = f"{place}/mlruns/0/{RUN}"
        desk.put(f"{run}/meta.yaml", f"run_id: {RUN}\nrun_name: of-{owner}\nuser_id: {owner}\nstatus: 3\n")
        desk.put(f"{run}/metrics/accuracy", f"1700000000000 {score} 0\n")
        desk.put(f"{run}/metrics/only_{place}", "1700000000000 1 0\n")
        version = f"name: clicks\nversion: 1\nrun_id: {RUN}\nsource: x\ncreation_timestamp: 1\n"
        desk.put(f"{place}/mlruns/models/clicks/version-1/meta.yaml", version)
        desk.put(f"{place}/mlruns/models/clicks/aliases/{owner}s", "1")
    return desk


def logged(shop, place):
    flavour = "python_function:\n    loader_module: mlflow.sklearn\n    model_path: model.safetensors\n"
    shop.put(f"{place}/MLmodel", f"flavors:\n  {flavour}run_id: {RUN}\nartifact_path: model\n")
    shop.put(f"{place}/model.safetensors", WEIGHTS)


def said(shop):
    return {
        document["path"]: (
            document.get("owner"),
            document.get("aliases"),
            sorted(document["metrics"].items()),
        )
        for document in shop.documents().values()
    }


OF_A = ("ada", ["adas"], [("accuracy", 0.5), ("only_a", 1.0)])
OF_B = ("bob", ["bobs"], [("accuracy", 0.9), ("only_b", 1.0)])


def test_a_run_is_said_of_what_it_logged_and_not_of_its_copy_in_another_tracker(trackers):
    """Both models had the better score of the two, and one owner and one name, for a run's id says nothing of its tracker."""
    for place in ("a", "b"):
        logged(trackers, f"{place}/{MODEL}")
    trackers.crawl()
    assert said(trackers) == {f"a/{MODEL}": OF_A, f"b/{MODEL}": OF_B}


def test_a_copy_of_a_logged_model_is_of_the_run_in_its_own_place(trackers):
    for place in (f"a/{MODEL}", f"b/{MODEL}", "a/deployed"):
        logged(trackers, place)
    trackers.crawl()
    assert said(trackers)["a/deployed"] == OF_A


def test_what_one_tracker_alone_says_is_said_of_copies_elsewhere(trackers):
    for place in (f"a/{MODEL}", f"b/{MODEL}", "deployed"):
        logged(trackers, place)
    trackers.crawl()
    assert said(trackers)["deployed"][1] == ["adas", "bobs"]


def test_runs_of_two_trackers_that_logged_nothing_are_two(trackers):
    """They were one, with the parameters of the first and the metrics of the second."""
    trackers.crawl()
    assert said(trackers) == {f"a/mlruns/0/{RUN}": OF_A, f"b/mlruns/0/{RUN}": OF_B}


def repository(shop, place, score):
    digest = hashlib.md5(WEIGHTS).hexdigest()
    name = f"team{int(score * 10)}"
    shop.put(
        f"{place}.dvc/config", f"[core]\n    remote = {name}\n['remote \"{name}\"']\n    url = s3://{name}\n"
    )
    shop.put(f"{place}.git/HEAD", f"ref: refs/heads/{name}\n")
    out = {"path": "net.safetensors", "md5": digest, "size": len(WEIGHTS)}
    metrics = {"path": "metrics.json", "md5": "b" * 32, "size": 3}
    lock = {"schema": "2.0", "stages": {"train": {"cmd": f"train {name}", "outs": [out, metrics]}}}
    shop.put(f"{place}dvc.lock", json.dumps(lock))
    shop.put(f"{place}metrics.json", json.dumps({"accuracy": score}))
    shop.put(f"{place}.dvc/cache/files/md5/{digest[:2]}/{digest[2:]}", WEIGHTS)


@pytest.mark.parametrize("places", [("a/", "b/"), ("", "b/"), ("a/", "a/b/")])
@pytest.mark.parametrize("is_there", [False, True])
def test_repositories_with_the_same_bytes_keep_metrics_commands_and_remotes_apart(desk, places, is_there):
    """The object in each cache had the better metrics of the two; a repository within another had the other's remote."""
    for place, score in zip(places, (0.5, 0.9), strict=True):
        repository(desk, place, score)
        if is_there:
            desk.put(f"{place}net.safetensors", WEIGHTS)
    desk.crawl()
    found = sorted(
        (
            made["metrics"]["accuracy"],
            made["extra"]["command"],
            made["extra"]["dvc_remote_name"],
            made["extra"]["code_branch"],
        )
        for made in desk.documents().values()
    )
    assert found == [(0.5, "train team5", "team5", "team5"), (0.9, "train team9", "team9", "team9")]


def layout(shop, place, reference):
    def blob(content):
        digest = hashlib.sha256(content).hexdigest()
        shop.put(f"{place}blobs/sha256/{digest}", content)
        return {"digest": f"sha256:{digest}", "size": len(content)}

    kind = "application/vnd.docker.ai"
    config = {"mediaType": f"{kind}.model.config.v0.1+json", **blob(b'{"config": {}, "descriptor": {}}')}
    layer = {"mediaType": f"{kind}.gguf.v3", **blob(WEIGHTS)}
    kind = "application/vnd.oci.image.manifest.v1+json"
    manifest = {"schemaVersion": 2, "mediaType": kind, "config": config, "layers": [layer]}
    manifest = {"mediaType": kind, **blob(json.dumps(manifest).encode())}
    named = {**manifest, "annotations": {"org.opencontainers.image.ref.name": reference}}
    shop.put(f"{place}index.json", json.dumps({"schemaVersion": 2, "manifests": [named]}))


@pytest.mark.parametrize("places", [("a/", "b/"), ("", "b/"), ("a/", "a/b/")])
def test_a_layout_within_another_s_directory_keeps_its_name_for_itself(desk, places):
    """The model of the outer one was called as the inner one calls it."""
    layout(desk, places[0], "team/outer:1")
    layout(desk, places[1], "team/inner:2")
    desk.crawl()
    names = {
        made["path"].removesuffix(made["path"].rpartition("blobs/")[2]): made["name"]
        for made in desk.documents().values()
    }
    assert names == {f"{places[0]}blobs/": "outer", f"{places[1]}blobs/": "inner"}


def test_a_store_within_another_s_directory_keeps_its_tags_for_itself(desk):
    """The copy bore the tags of both, and the other its own alone."""
    digest = hashlib.sha256(WEIGHTS).hexdigest()
    layer = {"mediaType": "application/vnd.ollama.image.model", "digest": f"sha256:{digest}", "size": 1}
    manifest = {"schemaVersion": 2, "config": {"digest": f"sha256:{'c' * 64}"}, "layers": [layer]}
    for place, tag in (("", "outer"), ("backup/", "inner")):
        desk.put(f"{place}blobs/sha256-{digest}", WEIGHTS)
        desk.put(f"{place}manifests/registry.ollama.ai/library/owl/{tag}", json.dumps(manifest))
    desk.crawl()
    tags = sorted(made["tags"] for made in desk.documents().values())
    assert tags == [["owl:inner"], ["owl:outer"]]


def lock_of(*paths, digest="a" * 32):
    outs = [{"path": path, "md5": digest.replace("a", str(number))} for number, path in enumerate(paths)]
    return json.dumps({"schema": "2.0", "stages": {"train": {"cmd": "train", "outs": outs}}})


@pytest.mark.parametrize("ids", ["wrong", "of-each-lock"])
def test_locks_that_name_the_same_places_make_one_model_of_each_place(desk, ids):
    """The directory of each lock was taken for a store of its own: 40 locks of the same 40 files came to 1,600 models."""
    number = 6
    for lock in range(number):
        paths = [f"../models/net-{place}.safetensors" for place in range(number)]
        digest = "a" * 32 if ids == "wrong" else f"a{lock:031x}"
        desk.put(f"p{lock}/dvc.lock", lock_of(*paths, digest=digest))
    desk.crawl()
    made = [model.document["extra"]["dvc_path"] for model in desk.store.records.iterate()]
    assert sorted(made) == [f"models/net-{place}.safetensors" for place in range(number)]


def test_a_lock_with_another_hash_than_that_of_the_file_at_its_path_is_about_that_file(desk):
    """A file is changed before its pipeline runs again; the lock is no second model."""
    desk.put("models/net.safetensors", WEIGHTS)
    for lock in ("p", "q"):
        desk.put(f"{lock}/dvc.lock", lock_of("../models/net.safetensors"))
    desk.crawl()
    (made,) = desk.documents().values()
    assert made["path"] == "models/net.safetensors"
    assert made["extra"]["command"] == "train"


@pytest.mark.parametrize("stores", [50, 200])
def test_the_nearest_of_many_stores_are_looked_for_once(stores, monkeypatch):
    """Every statement was compared with every store, each time from the root."""
    steps = 0

    def counted(directory):
        nonlocal steps
        for place in upwards(directory):
            steps += 1
            yield place

    monkeypatch.setattr(copies, "upwards", counted)
    places = [f"team{number}/store" for number in range(stores)]
    nearby = copies.Nearby(places, str)
    assert [nearby.nearest(f"{place}/deep/down") for place in places] == [[place] for place in places]
    assert steps <= 2 * 3 * stores
