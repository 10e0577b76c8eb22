"""What jobs log beside a model: what is kept, what is refused, and that it is never half."""

import json
import os
import subprocess
import sys
import threading
import time
from datetime import date
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

import modeldex
from crawler.unfinished import is_unfinished
from modeldex import sidecar
from modeldex.sidecar import LogRefused, place_of


def content(path):
    return json.loads(path.read_bytes())


def test_what_jobs_log_stands_in_the_record_before_what_other_files_say(shop):
    shop.model("net/model.safetensors", metadata={"accuracy": "0.5", "license": "gpl-3.0"})
    shop.put("net/README.md", "---\nlicense: gpl-3.0\n---\n# Net\n")
    modeldex.log(
        shop.root / "net",
        {"accuracy": 0.93, "acc_top5": "99 %"},
        params={"lr": 3e-5, "dropout": 0.1, "betas": (0.9, 0.999)},
        latency_ms=12.5,
        throughput=80,
        fields={"license": "mit", "tags": ["small"], "extra": {"team": "risk"}},
    )
    modeldex.log(shop.root / "net", {"f1": 0.91}, dataset="conll2003", split="test", step=500)
    shop.crawl()
    (document,) = shop.documents().values()
    assert document["metrics"] == {
        "accuracy": 0.93,
        "accuracy_top5": 0.99,
        "f1": 0.91,
        "latency_ms": 12.5,
        "throughput_per_second": 80.0,
    }
    assert document["training"]["learning_rate"] == 3e-5
    assert document["hyperparameters"] == {"dropout": 0.1, "betas": [0.9, 0.999]}
    assert (document["license"], document["tags"], document["extra"]["team"]) == ("mit", ["small"], "risk")
    (f1,) = [entry for entry in document["evaluations"] if entry["metric"] == "f1"]
    assert (f1["dataset"], f1["split"], f1["step"]) == ("conll2003", "test", 500)


def test_a_sidecar_beside_a_file_is_of_that_file_alone(shop):
    shop.model("first.safetensors", fill=1.0)
    shop.model("second.safetensors", fill=2.0)
    assert (
        modeldex.log(shop.root / "first.safetensors", {"accuracy": 0.9}).name
        == "first.safetensors.modeldex.json"
    )
    shop.crawl()
    assert {path: document.get("metrics") for path, document in shop.documents().items()} == {
        "first.safetensors": {"accuracy": 0.9},
        "second.safetensors": None,
    }


def test_logging_the_same_again_leaves_the_file_alone(shop):
    shop.model("net/model.safetensors")
    for _ in range(2):
        written = modeldex.log(shop.root / "net", {"accuracy": 0.9})
        inode = written.stat().st_ino
        shop.crawl()
    assert shop.source.reads == []
    assert written.stat().st_ino == inode


def test_of_one_name_the_last_value_counts_and_all_else_stays(tmp_path):
    modeldex.log(tmp_path, {"accuracy": 0.5, "f1": 0.4}, params={"lr": 1, "net": {"width": 3, "depth": 2}})
    modeldex.log(tmp_path, {"accuracy": 0.6}, params={"net": {"depth": 4}}, fields={"tags": ["b"]})
    modeldex.log(tmp_path, {"em": 1}, dataset="squad")
    modeldex.log(tmp_path, {"em": 2, "f1": 3}, dataset="squad")
    modeldex.log(tmp_path, {"em": 4}, dataset="squad", split="test")
    assert content(tmp_path / "modeldex.json") == {
        "metrics": {"accuracy": 0.6, "f1": 0.4},
        "hyperparameters": {"lr": 1, "net": {"width": 3, "depth": 4}},
        "tags": ["b"],
        "evaluations": [
            {"metric": "em", "value": 2, "dataset": "squad"},
            {"metric": "f1", "value": 3, "dataset": "squad"},
            {"metric": "em", "value": 4, "dataset": "squad", "split": "test"},
        ],
    }


def test_a_list_of_metrics_that_a_person_wrote_is_kept_as_one(tmp_path):
    target = tmp_path / "modeldex.json"
    target.write_text(
        '{"name": "x", "metrics": [{"name": "f1", "value": 1}, {"metric": "f1", "value": 2, "dataset": "d"}]}'
    )
    modeldex.log(tmp_path, {"f1": 3, "em": 4})
    assert content(target)["metrics"] == [
        {"name": "f1", "value": 3, "metric": "f1"},
        {"metric": "f1", "value": 2, "dataset": "d"},
        {"metric": "em", "value": 4},
    ]


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (np.float64(0.25), 0.25),
        (np.float32(0.5), 0.5),
        (np.array([[0.5]]), 0.5),
        (np.int64(3), 3),
        ("93.4%", "93.4%"),
        (float("nan"), "nan"),
        (np.float32("inf"), "inf"),
        (2**70, float(2**70)),
        (Decimal("0.93"), 0.93),
        (Fraction(1, 4), 0.25),
        (np.longdouble("0.5"), 0.5),
        (np.ma.masked, "nan"),
    ],
    ids=[
        "float64",
        "float32",
        "array-of-one",
        "int64",
        "percent",
        "nan",
        "inf",
        "beyond-int64",
        "decimal",
        "fraction",
        "longdouble",
        "masked",
    ],
)
def test_numbers_of_every_library_are_numbers_in_the_file(tmp_path, value, kept):
    assert content(modeldex.log(tmp_path, {"loss": value}))["metrics"] == {"loss": kept}


def test_a_loss_that_diverged_costs_no_other_value(shop):
    shop.model("net/model.safetensors")
    modeldex.log(shop.root / "net", {"loss": float("nan"), "accuracy": 0.9})
    report = shop.crawl()
    (document,) = shop.documents().values()
    assert document["metrics"] == {"accuracy": 0.9}
    assert report.problems == ()


def test_all_that_is_wrong_is_told_at_once_and_nothing_is_written(tmp_path):
    with pytest.raises(LogRefused) as refused:
        modeldex.log(
            tmp_path,
            {
                "accuracy": "good",
                "": 1,
                "flag": True,
                "list": [1, 2],
                "array": np.array([1, 2]),
                "huge": 10**400,
                "signal": Decimal("sNaN"),
                "fine": 1,
            },
            params={"callback": print, "long": "x" * 20_000, "huge": 10**5_000},
            step="last",
            fields={"metrics": {}},
        )
    assert refused.value.reasons == (
        "metrics is given as metrics=",
        "the metric 'accuracy' is no number",
        "'' is no name of a metric",
        "the metric 'flag' is a bool, not a number",
        "the metric 'list' is a list, not a number",
        "the metric 'array' is a ndarray, not a number",
        "the metric 'huge' is no number that fits 64 bits",
        "the metric 'signal' is no number that fits 64 bits",
        "the parameter 'callback' is a builtin_function_or_method",
        "the parameter 'long' is longer than 10,000 characters",
        "the parameter 'huge' has more than 4,096 bits",
        "step is no whole number of steps",
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("step", [True, -1, 2**63, 1.5], ids=str)
def test_what_is_no_number_of_steps_is_refused(tmp_path, step):
    with pytest.raises(LogRefused, match="step is no whole number of steps"):
        modeldex.log(tmp_path, {"loss": 1.0}, step=step)


def test_halves_of_characters_and_numbers_of_numpy_cost_nothing_else(tmp_path):
    """A surrogate in a name was an error of an encoder after the values had been checked, a step of NumPy no number."""
    modeldex.log(
        os.fsencode(tmp_path),
        {"größe\ud800": 1.0},
        params={"of\ud800": {"in\ud800": date(2024, 1, 2)}},
        split="te\ud800st",
        step=np.int64(3),
    )
    assert content(tmp_path / "modeldex.json") == {
        "evaluations": [{"metric": "größe?", "value": 1.0, "split": "te?st", "step": 3}],
        "hyperparameters": {"of?": {"in?": "2024-01-02"}},
    }


@pytest.mark.parametrize(
    ("there", "reason"),
    [
        ("{half", "is no JSON"),
        ("[1]", "is no JSON object"),
        ('{"evaluations": 3}', "are no list"),
        ("[" * 100_000, "is no JSON"),
        (" " * (sidecar.MAX_BYTES + 1), "has more than"),
    ],
    ids=["half", "list", "evaluations", "deep", "large"],
)
def test_a_file_that_cannot_be_added_to_stays_as_it_is(tmp_path, there, reason):
    target = tmp_path / "modeldex.json"
    target.write_text(there)
    with pytest.raises(LogRefused, match=reason):
        modeldex.log(tmp_path, {"accuracy": 0.9})
    assert target.read_text() == there
    assert list(tmp_path.iterdir()) == [target]


def test_a_sidecar_does_not_grow_without_bound(tmp_path):
    for number in range(100):
        modeldex.log(tmp_path, params={f"text{number}": "x" * 9_999})
    with pytest.raises(LogRefused, match="would grow beyond"):
        modeldex.log(tmp_path, params={f"more{number}": "x" * 9_999 for number in range(10)})
    assert (tmp_path / "modeldex.json").stat().st_size <= sidecar.MAX_BYTES


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("out/", "out/modeldex.json"),
        ("out", "out/modeldex.json"),
        ("v1.5", "v1.5/modeldex.json"),
        ("out/model.onnx", "out/model.onnx.modeldex.json"),
        ("model.bin/", "model.bin/modeldex.json"),
    ],
)
def test_what_is_not_there_yet_is_a_file_if_it_is_called_like_one(tmp_path, path, name):
    target = modeldex.log(f"{tmp_path}/{path}", {"accuracy": 0.9})
    assert target.relative_to(tmp_path).as_posix() == name


@pytest.mark.parametrize("path", ["s3://bucket/net", "", "a\0b"])
def test_what_is_no_path_is_refused(path):
    with pytest.raises(LogRefused):
        place_of(path)


def test_a_link_is_replaced_and_what_it_points_to_stays(tmp_path):
    elsewhere = tmp_path / "shared.json"
    elsewhere.write_text('{"name": "x"}')
    (tmp_path / "net").mkdir()
    (tmp_path / "net/modeldex.json").symlink_to(elsewhere)
    assert content(modeldex.log(tmp_path / "net", {"f1": 1})) == {"name": "x", "metrics": {"f1": 1}}
    assert elsewhere.read_text() == '{"name": "x"}'


def test_a_mode_that_somebody_chose_is_kept(tmp_path):
    target = modeldex.log(tmp_path, {"f1": 1})
    target.chmod(0o640)
    modeldex.log(tmp_path, {"f1": 2})
    assert target.stat().st_mode & 0o777 == 0o640


KILLED = """
import os, signal, sys
import modeldex
from modeldex import sidecar
def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)
where = sys.argv[2]
if where == "write":
    write = sidecar.os.fdopen
    def half(descriptor, mode):
        os.write(descriptor, b'{"metrics": {"f1')
        die()
    sidecar.os.fdopen = half
elif where == "renamed":
    sidecar._flush_directory = die
else:
    setattr(sidecar.os, where, die)
modeldex.log(sys.argv[1], {"f1": 2})
"""


@pytest.mark.parametrize(
    ("where", "value"),
    [("write", 1), ("fsync", 1), ("replace", 1), ("renamed", 2)],
    ids=str,
)
def test_a_writer_that_is_killed_leaves_the_old_or_the_new(tmp_path, where, value):
    modeldex.log(tmp_path, {"f1": 1})
    done = subprocess.run([sys.executable, "-c", KILLED, tmp_path, where], check=False)
    assert done.returncode == -9
    assert content(tmp_path / "modeldex.json")["metrics"] == {"f1": value}
    assert all(path.name == "modeldex.json" or is_unfinished(path.name) for path in tmp_path.iterdir())
    modeldex.log(tmp_path, {"f1": 3})
    assert [path.name for path in tmp_path.iterdir()] == ["modeldex.json"]


WRITER = """
import sys, modeldex
for number in range(25):
    modeldex.log(sys.argv[1], {f"{sys.argv[2]}{number}": number})
"""


def test_processes_and_threads_that_log_at_once_lose_nothing(tmp_path):
    processes = [subprocess.Popen([sys.executable, "-c", WRITER, tmp_path, letter]) for letter in "ab"]
    threads = [
        threading.Thread(
            target=lambda letter=letter: [modeldex.log(tmp_path, {f"{letter}{n}": n}) for n in range(25)]
        )
        for letter in "cd"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [process.wait(60) for process in processes] == [0, 0]
    assert set(content(tmp_path / "modeldex.json")["metrics"]) == {
        f"{letter}{number}" for letter in "abcd" for number in range(25)
    }


class TestWithoutLocksOfTheFileSystem:
    """Some network file systems have no flock: a lock file takes its place."""

    @pytest.fixture(autouse=True)
    def without(self, monkeypatch):
        def refused(*_):
            raise OSError(95, "Operation not supported")

        monkeypatch.setattr(sidecar.fcntl, "flock", refused)

    def test_threads_that_log_at_once_lose_nothing(self, tmp_path):
        threads = [
            threading.Thread(
                target=lambda letter=letter: [modeldex.log(tmp_path, {f"{letter}{n}": n}) for n in range(25)]
            )
            for letter in "abc"
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(content(tmp_path / "modeldex.json")["metrics"]) == 75
        assert [path.name for path in tmp_path.iterdir()] == ["modeldex.json"]

    def test_the_lock_of_a_killed_writer_is_taken_away(self, tmp_path):
        lock = tmp_path / ".modeldex.json.lock.tmp"
        lock.touch()
        os.utime(lock, (time.time() - 60, time.time() - 60))
        modeldex.log(tmp_path, {"f1": 1})
        assert [path.name for path in tmp_path.iterdir()] == ["modeldex.json"]

    def test_a_writer_that_never_ends_is_told_in_time(self, tmp_path, monkeypatch):
        monkeypatch.setattr(sidecar, "WAIT_SECONDS", 0.05)
        (tmp_path / ".modeldex.json.lock.tmp").touch()
        with pytest.raises(TimeoutError, match="other writers"):
            modeldex.log(tmp_path, {"f1": 1})
