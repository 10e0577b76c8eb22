"""Crawls of real directories into a real store."""

import gzip
import os

import pytest
from fixtures.crawling import safetensors
from fixtures.evasions import lz4_stored, tarred, zipped
from sqlalchemy import event

from catalog.errors import WriterBusy
from catalog.records import RunState
from crawler.installed import installed_extractors
from crawler.registry import Registry
from crawler.sources.local import LocalSource


def test_new_models_are_found_and_counted(shop):
    shop.model("a/model.safetensors")
    shop.model("b.safetensors", values=9)
    report = shop.crawl()
    assert report.run.state is RunState.COMPLETE
    assert (report.counts["new"], report.counts["models"]) == (2, 2)
    assert shop.documents()["b.safetensors"]["parameters"] == 9


def test_an_unchanged_second_crawl_opens_no_file_and_writes_only_its_run(shop):
    shop.model("a/model.safetensors")
    shop.put("a/config.json", {"architectures": ["X"], "model_type": "bert"})
    shop.put("notes.txt", "hello")
    shop.crawl()
    statements = []

    def note(_connection, _cursor, statement, *_rest):
        if statement.split()[0] in {"INSERT", "UPDATE", "DELETE"} and "seen_" not in statement:
            statements.append(statement)

    event.listen(shop.store._engine, "before_cursor_execute", note)
    report = shop.crawl()
    event.remove(shop.store._engine, "before_cursor_execute", note)
    assert shop.source.reads == []
    assert (report.counts["unchanged"], report.counts["opened"]) == (1, 0)
    assert {
        word for statement in statements for word in ("leases", "runs", "other") if word in statement
    } == {"leases", "runs"}
    assert all("leases" in statement or "runs" in statement for statement in statements)


def test_a_changed_file_changes_only_its_model(shop):
    shop.model("a/model.safetensors")
    shop.model("b/model.safetensors")
    shop.crawl()
    shop.model("b/model.safetensors", values=77)
    report = shop.crawl()
    assert (report.counts["changed"], report.counts["unchanged"]) == (1, 1)
    assert set(shop.source.reads) == {"b/model.safetensors"}


def test_a_newer_extractor_reads_its_files_again_and_no_others(shop):
    shop.model("a/model.safetensors")
    shop.put("a/config.json", {"architectures": ["X"], "model_type": "bert"})
    shop.crawl()
    for extractor in shop.registry._extractors:
        if extractor.name == "safetensors":
            newer = extractor.version + 1
    shop.registry._versions["safetensors"] = newer
    shop.crawl()
    assert set(shop.source.reads) == {"a/model.safetensors"}


def test_a_crawl_with_reread_reads_everything(shop):
    shop.model("a/model.safetensors")
    shop.crawl()
    report = shop.crawl(reread=True)
    assert shop.source.reads
    assert (report.counts["changed"], report.counts["unchanged"]) == (0, 1)


def test_a_broken_model_is_catalogued_with_its_problem_and_not_read_again(shop):
    shop.put("broken.safetensors", b"\xff" * 100)
    report = shop.crawl()
    assert report.run.state is RunState.PARTIAL
    assert report.counts["failed"] == 1
    document = shop.documents()["broken.safetensors"]
    assert document["status"] == "unreadable"
    assert document["problems"]
    again = shop.crawl()
    assert shop.source.reads == []
    assert (again.run.state, again.counts["failed"]) == (RunState.PARTIAL, 1)


def test_an_extractor_with_a_bug_costs_one_object(shop, caplog):
    class Buggy:
        name, version = "buggy", 1

        def claims(self, key, head):
            from catalog.records import Role
            from crawler.extractor import Claim

            return Claim(format="x", role=Role.WEIGHTS, confidence=200) if key.startswith("bad") else None

        def extract(self, reader):
            raise ZeroDivisionError("division by zero")

    from crawler.registry import Registry

    shop.registry = Registry([*shop.registry._extractors, Buggy()])
    shop.model("bad.safetensors")
    shop.model("good.safetensors")
    shop.crawl()
    assert shop.statuses() == {"bad.safetensors": "unreadable", "good.safetensors": "ok"}
    assert "ZeroDivisionError" in shop.documents()["bad.safetensors"]["problems"][0]["message"]
    assert "bad.safetensors" in caplog.text


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"", "empty", "empty"),
        (b"<!DOCTYPE html><html><body>404</body></html>", "unreadable", "error-page"),
        (b'<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code></Error>', "unreadable", "error-page"),
        (b"\0" * 4096, "unreadable", "all-zero"),
    ],
    ids=["empty", "html", "s3-error", "zeros"],
)
def test_files_that_only_bear_a_model_name_say_what_they_are(shop, data, status, code):
    shop.put("net.safetensors", data)
    shop.crawl()
    document = shop.documents()["net.safetensors"]
    assert document["status"] == status
    assert document["problems"][0]["code"] == code


def test_a_git_lfs_pointer_has_the_hash_and_is_no_failure(shop):
    oid = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393"
    shop.put(
        "model.safetensors", f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize 12345678\n"
    )
    report = shop.crawl()
    assert report.run.state is RunState.COMPLETE
    document = shop.documents()["model.safetensors"]
    assert document["status"] == "pointer"
    assert document["content_hash"] == oid


def test_files_that_are_no_models_are_looked_at_once_and_never_shown(shop):
    shop.put("train.py", "print(1)")
    shop.put("data.csv", "a,b\n")
    shop.put("notes", "some words")
    shop.crawl()
    assert sorted(shop.source.reads) == ["data.csv", "notes", "train.py"]
    assert shop.documents() == {}
    assert shop.crawl().counts["opened"] == 0


PICKLE_THAT_CALLS = b"cos\nsystem\n(S'true'\ntR."


@pytest.mark.parametrize(
    "name",
    [
        *(
            "m.pickle.bak",
            "m.pkl.old",
            "m.pkl~",
            "m.pkl.1",
            "m.pkl.orig",
            ".m.pkl.swp",
            "m.joblib.2024-01-01",
        ),
        *("m", "m.log", "m.csv", "m.py", "m.jpg", "m.so", "m.html", "m.ttf", "m.mp4"),
    ],
)
@pytest.mark.parametrize("data", [PICKLE_THAT_CALLS, gzip.compress(PICKLE_THAT_CALLS)], ids=["plain", "gzip"])
def test_a_pickle_that_calls_is_told_whatever_its_file_is_called(shop, name, data):
    """Copies that editors and people keep, and files with another program's suffix, were not opened: nothing was said."""
    shop.put(name, data)
    shop.crawl()
    (document,) = shop.documents().values()
    assert document["risk_severity"] in {"high", "medium"}


def npy(descr, content):
    header = b"{'descr': '" + descr + b"', 'fortran_order': False, 'shape': (1,), }"
    return b"\x93NUMPY\1\0v\0" + header.ljust(117) + b"\n" + content


HARMLESS = {
    "a picture": ("a.png", b"\x89PNG\r\n\x1a\n" + bytes(64)),
    "source code": ("a.py", b"cimport os\nimport sys\n(1).real\n"),
    "an office document": (
        "a.docx",
        zipped({"word/document.xml": b"<w/>", "[Content_Types].xml": b"<t/>"}),
    ),
    "a table": ("a.csv", b"(1),2,3\nc,os\nsystem\n"),
    "a rotated log": ("a.log", gzip.compress(b"INFO one\nINFO two\n")),
    "a card of before": ("README.md.bak", b"---\nlicense: mit\n---\n# x\n"),
    "settings of before": ("config.json.orig", b'{"model_type": "bert"}'),
    "a tar of pictures": ("a.png", tarred({"1.png": b"\x89PNG\r\n\x1a\n", "notes.txt": b"(1) a note"})),
    "a packed tar of tables": ("a.csv", tarred({"a.csv": b"a,b\n1,2\n"}, "w:gz")),
    "an array of numbers": ("a.png", npy(b"<f8", bytes(8))),
    "an array of harmless objects": ("a.csv", npy(b"|O", b"\x80\x02]q\x00K\x01a.")),
    "arrays of numbers": ("a.rec", zipped({"a.npy": npy(b"<f8", bytes(8)), "b": npy(b"<i4", bytes(4))})),
    "a program of Java with a schema": (
        "a.jar",
        zipped({"META-INF/MANIFEST.MF": b"x", "schema.json": b'{"type": "object"}', "LICENSE": b"(c) us\n"}),
    ),
    "a packed table": ("a.csv", lz4_stored(b"a,b\n1,2\n")),
    "a text that begins as a magic": ("a.log", b"GGUF is a format\n"),
    "half a tar": ("a.png", tarred({"1.png": b"x" * 5_000})[:1024]),
    "half an array": ("a.png", npy(b"<f8", b"")),
    "a plain pickle": ("a.out", b"\x80\x04\x95\x05\x00\x00\x00\x00\x00\x00\x00]\x94(K\x01e."),
}


@pytest.mark.parametrize(("name", "data"), HARMLESS.values(), ids=HARMLESS.keys())
def test_a_harmless_file_whose_name_promises_nothing_is_no_model(shop, name, data):
    shop.put(name, data)
    assert shop.crawl().counts["failed"] == 0
    assert shop.documents() == {}


def test_what_cannot_be_opened_and_promises_nothing_is_left_out_and_told(shop):
    shop.put("m.jpg", PICKLE_THAT_CALLS)
    shop.source.denied.add("m.jpg")
    report = shop.crawl()
    assert report.counts["failed"] == 0
    assert report.notes == ("1 left out (not opened because of its name): m.jpg",)
    shop.source.denied.clear()
    assert shop.crawl().counts["risks"] == 1, "what could not be opened once was never looked at again"


@pytest.mark.parametrize(("bound", "is_here"), [("LOOKED_AT_HERE", True), ("LOOKED_AT_IN_STORAGE", False)])
def test_only_so_many_files_that_promise_nothing_are_looked_at(shop, monkeypatch, bound, is_here):
    monkeypatch.setattr(f"crawler.reading.{bound}", 2)
    monkeypatch.setattr(shop.source, "is_read_in_processes", is_here)
    for number in range(4):
        shop.put(f"{number}.jpg", b"\xff\xd8")
    report = shop.crawl()
    assert shop.source.reads == ["0.jpg", "1.jpg"]
    assert report.notes == ("2 left out (not opened because of its name): 2.jpg, 3.jpg",)


@pytest.mark.parametrize("is_here", [True, False])
def test_what_one_run_left_unopened_the_next_runs_look_at(shop, monkeypatch, is_here):
    """They were told once, and never looked at: the hostile one stayed unseen for ever."""
    bound = "LOOKED_AT_HERE" if is_here else "LOOKED_AT_IN_STORAGE"
    monkeypatch.setattr(f"crawler.reading.{bound}", 2)
    monkeypatch.setattr(shop.source, "is_read_in_processes", is_here)
    for number in range(5):
        shop.put(f"{number}.jpg", b"\xff\xd8")
    shop.put("5.jpg", PICKLE_THAT_CALLS)
    runs = [shop.crawl() for _ in range(4)]
    assert [run.counts["skipped"] for run in runs] == [4, 2, 0, 0]
    assert [len(run.notes) for run in runs] == [1, 1, 0, 0], "what was left was told once only"
    assert [run.counts["opened"] for run in runs] == [2, 2, 2, 0]
    assert list(shop.documents()) == ["5.jpg"]


def test_what_is_left_unopened_is_told_by_every_run_and_not_read_again(shop, monkeypatch):
    monkeypatch.setattr("crawler.reading.LOOKED_AT_HERE", 0)
    monkeypatch.setattr(shop.source, "is_read_in_processes", True)
    shop.put("a/0.jpg", b"\xff\xd8")
    runs = [shop.crawl() for _ in range(3)]
    assert {run.notes for run in runs} == {("1 left out (not opened because of its name): a/0.jpg",)}
    assert [run.counts["opened"] for run in runs] == [0, 0, 0]


def test_directories_that_other_programs_keep_are_left_out_and_counted(shop):
    """A pickle in one was in no model and in no sentence."""
    shop.put("__pycache__/m.pkl", PICKLE_THAT_CALLS)
    shop.put("a/.ipynb_checkpoints/m.pkl", PICKLE_THAT_CALLS)
    shop.put(".git/objects/m.pkl", PICKLE_THAT_CALLS)
    shop.put(".modeldex-trash/m.pkl", PICKLE_THAT_CALLS)
    report = shop.crawl()
    assert shop.documents() == {}
    assert report.counts["skipped"] == 3
    sentence = "3 left out (what another program keeps for itself): .git, __pycache__, a/.ipynb_checkpoints"
    assert report.notes == (sentence,)


def test_only_one_writer_at_a_time_and_the_second_learns_who(shop):
    with (
        shop.store.source_lease(shop.source.id),
        pytest.raises(WriterBusy, match=f"process {os.getpid()} on"),
    ):
        shop.crawl()


def test_runs_of_a_dead_process_become_interrupted(shop):
    with shop.store.source_lease(shop.source.id) as lease:
        dead = shop.store.runs.start(shop.source.id, shop.source.uri, lease)
    shop.crawl()
    assert shop.store.runs.get(dead.id).state is RunState.INTERRUPTED


def test_a_crawl_that_is_interrupted_keeps_its_pages_and_the_next_goes_on(shop, monkeypatch):
    monkeypatch.setattr("crawler.stages.reading.PAGE_OBJECTS", 2)
    for number in range(6):
        shop.model(f"m{number}/model.safetensors", values=number + 1)

    def stop_at(key):
        if len(set(shop.source.reads)) >= 4:
            raise KeyboardInterrupt

    shop.source.before_read = stop_at
    with pytest.raises(KeyboardInterrupt):
        shop.crawl()
    assert shop.store.runs.latest(1)[0].state is RunState.INTERRUPTED
    shop.source.before_read = lambda key: None
    report = shop.crawl()
    assert len(set(shop.source.reads)) == 2
    assert report.counts["new"] == 6


def test_the_root_must_be_a_readable_directory(tmp_path):
    from catalog.errors import UserError

    (tmp_path / "file.bin").write_bytes(b"x")
    with pytest.raises(UserError, match="does not exist"):
        LocalSource(tmp_path / "absent")
    with pytest.raises(UserError, match=r"not a directory.*modeldex crawl"):
        LocalSource(tmp_path / "file.bin")


def test_weights_that_turn_into_a_directory_model_are_not_shown_twice(shop):
    """Adding a config.json makes one directory model of what was two single files."""
    shop.model("m/model.safetensors")
    shop.crawl()
    shop.put("m/config.json", {"architectures": ["X"], "model_type": "bert"})
    report = shop.crawl()
    assert list(shop.documents()) == ["m"]
    assert report.counts["missing"] == 0


def test_a_sidecar_that_changes_rebuilds_its_model(shop):
    shop.model("net.safetensors")
    shop.put("net.modeldex.yaml", "license: mit\n")
    shop.crawl()
    assert shop.documents()["net.safetensors"]["license"] == "mit"
    shop.put("net.modeldex.yaml", "license: apache-2.0\n")
    shop.crawl()
    assert shop.documents()["net.safetensors"]["license"] == "apache-2.0"
    assert set(shop.source.reads) == {"net.modeldex.yaml"}


@pytest.mark.parametrize("step", [10, 25])
def test_a_value_of_a_step_that_no_checkpoint_has_is_a_problem_of_those_beside_it(shop, step):
    """It belonged to nobody, and nothing said so; of the run, nothing still."""
    for epoch in (10, 20):
        shop.model(f"run/net_epoch_{epoch}.safetensors", values=epoch)
    shop.put("run/modeldex.json", {"metrics": [{"metric": "accuracy", "value": 0.9, "step": step}]})
    report = shop.crawl()
    documents = shop.documents()
    first, second = (documents[f"run/net_epoch_{epoch}.safetensors"] for epoch in (10, 20))
    said = [[problem["code"] for problem in model.get("problems", ())] for model in (first, second)]
    stray = ["step-without-checkpoint"] if step == 25 else []
    assert (said, first.get("metrics")) == ([stray, stray], None if stray else {"accuracy": 0.9})
    assert "metrics" not in second
    names = "run/net_epoch_10, run/net_epoch_20"
    sentence = f"values of a step that no checkpoint has are beside 2 models: {names}"
    noted = shop.store.runs.get(report.run.id).problems
    assert list(noted) == list(report.notes) == ([sentence] if stray else [])
    again = shop.crawl()
    assert (again.counts["unchanged"], again.notes) == (2, report.notes), (
        "a run that wrote nothing was silent"
    )
    (shop.root / "run/modeldex.json").unlink()
    assert shop.crawl().notes == ()


def test_small_weights_have_their_hash(shop):
    import hashlib

    data = safetensors(values=3)
    shop.put("x.safetensors", data)
    shop.crawl()
    assert shop.documents()["x.safetensors"]["content_hash"] == hashlib.sha256(data).hexdigest()


def test_a_model_that_became_part_of_another_counts_as_changed(shop):
    """Every model of the catalog is in exactly one of the counts."""
    shop.model("kept/model.safetensors", values=5)
    shop.model("net/model.safetensors")
    shop.crawl()
    shop.put("net/config.json", {"architectures": ["X"], "model_type": "bert"})
    report = shop.crawl()
    assert shop.statuses() == {"kept/model.safetensors": "ok", "net": "ok"}
    assert [report.counts[name] for name in ("models", "new", "changed", "unchanged")] == [2, 0, 1, 1]


def test_what_cannot_be_looked_at_was_last_seen_by_the_last_crawl_that_ended(shop):
    """A crawl that was stopped in between has not looked everywhere."""
    shop.model("bad/model.safetensors")
    shop.model("good/model.safetensors")
    shop.crawl()
    second = shop.crawl()

    def stop(_key):
        raise KeyboardInterrupt

    shop.source.before_read = stop
    with pytest.raises(KeyboardInterrupt):
        shop.crawl(reread=True)
    shop.source.before_read = lambda key: None
    shop.source.unlistable["bad"] = "Permission denied"
    shop.crawl()
    seen = shop.documents()["bad/model.safetensors"]["last_seen"]
    assert seen[:23] == second.run.started_at.isoformat()[:23]


def test_the_counts_of_a_running_crawl_are_in_its_run(shop, monkeypatch):
    monkeypatch.setattr("crawler.stages.account.COUNTS_SECONDS", 0)
    for number in range(3):
        shop.model(f"m{number}.safetensors", values=number + 1)
    seen = []

    def watch(_progress):
        (run,) = shop.store.runs.latest(1)
        seen.append((run.state, run.counts.get("opened", 0)))

    shop.crawl(watch=watch)
    assert {state for state, _ in seen} == {RunState.RUNNING}
    assert {opened for _, opened in seen} >= {0, 1, 2}


def test_files_of_a_model_s_name_are_about_it_and_never_about_its_neighbour(shop):
    """`NAME.md`, `NAME_config.json` and `NAME_metrics.json` with more than one word in the name were read by nobody."""
    shop.model("zoo/vit.safetensors")
    shop.model("zoo/vit_base_patch16.safetensors", values=5)
    shop.put(
        "zoo/vit_base_patch16.md", "---\nlicense: mit\n---\n# ViT\n\nA transformer that sees pictures.\n"
    )
    shop.put("zoo/vit_base_patch16_config.json", {"model_type": "vit", "hidden_size": 768})
    shop.put("zoo/vit_base_patch16_test_metrics.json", {"accuracy": 0.81})
    shop.put("zoo/vit_base.md", "---\nlicense: gpl-3.0\n---\n# Of a model that is not here\n")
    shop.put("zoo/vit_huge_patch14_test_metrics.json", {"accuracy": 0.9})
    shop.put("whole/config.json", {"model_type": "bert"})
    shop.model("whole/model.safetensors", values=6)
    shop.put("whole/vision_config.json", {"model_type": "clip", "hidden_size": 5})
    shop.put("whole/guide.md", "---\nlicense: gpl-3.0\ntags: [guide]\n---\n# Guide\n")
    shop.registry = Registry(installed_extractors()[0])
    shop.crawl()
    documents = shop.documents()
    base = documents["zoo/vit_base_patch16.safetensors"]
    assert (base["license"], base["model_type"], base["metrics"]) == ("mit", "vit", {"accuracy": 0.81})
    assert documents["zoo/vit.safetensors"].keys().isdisjoint({"license", "model_type", "metrics"})
    assert documents["whole"]["model_type"] == "bert"
    assert documents["whole"].keys().isdisjoint({"license", "tags", "embedding_dimension"})


def test_a_configuration_in_capitals_is_one(shop):
    shop.model("old/MODEL.SAFETENSORS")
    shop.put("old/CONFIG.JSON", {"model_type": "bert", "architectures": ["BertForMaskedLM"]})
    shop.crawl()
    assert [document["model_type"] for document in shop.documents().values()] == ["bert"]
