"""Why each model stays or goes."""

import dataclasses
import hashlib
import json
import os
import secrets
import time
from datetime import timedelta
from pathlib import Path

import pytest
from fixtures.retention import Yard, opened
from sqlalchemy import update

from catalog import plugins
from catalog.access.principals import Principal
from catalog.errors import NotAllowed, UserError
from catalog.query.nodes import Term
from catalog.recording.authorship import Authorship
from catalog.recording.edits import edit_model
from catalog.retention.planning import now
from catalog.retention.proposals import Kind, proposals
from catalog.settings.loading import load_settings
from catalog.store.tables import objects, revisions
from crawler.addresses import open_source
from crawler.crawl import crawl
from crawler.formats.mlflow_entries import body_of
from crawler.registry import Registry
from crawler.retention.unfinished_files import look_for_unfinished
from crawler.sources.local import LocalSource


@pytest.fixture
def series(yard):
    """Six versions with a metric on two data sets, and one model that is made from the first."""
    for version in range(1, 7):
        evaluations = [
            {"metric": "f1", "value": 0.5 + version / 100, "dataset": "mnist"},
            {"metric": "f1", "value": 0.9 - version / 100, "dataset": "conll2003"},
        ]
        yard.model("net", version, evaluations=evaluations, created_at=f"2024-0{version}-01")
    yard.declare(writable=True, deletable=True)
    yard.crawl()
    return yard


def change(yard, version, **values):
    model = next(row for row in yard.store.records.iterate() if row.document.get("version") == str(version))
    edit_model(yard.store, model.id, expected=model.revision, values=values, by=Authorship(made_by="ada"))


def test_each_rule_keeps_what_it_names_and_says_so(series):
    change(series, 1, stage="production")
    change(series, 2, stage="archived")
    change(series, 3, aliases=["champion"])
    change(series, 4, tags=["precious"])
    assert series.reasons(series.plan(protect={"tags": ["Precious"]})) == {
        "net-1": "stage",
        "net-2": "none",
        "net-3": "alias",
        "net-4": "tag",
        "net-5": "none",
        "net-6": "newest",
    }


@pytest.mark.parametrize(
    ("best", "kept"),
    [
        ({"number": 2, "metric": "f1", "dataset": "conll2003"}, {"net-1", "net-2"}),
        ({"number": 1, "metric": "F1", "dataset": "MNIST"}, {"net-6"}),
        ({"number": 1, "metric": "f1", "dataset": "conll2003", "direction": "down"}, {"net-6"}),
        ({"number": 1, "metric": "f1", "dataset": " CoNLL2003"}, {"net-1"}),
    ],
    ids=["one data set", "another", "the other way", "in other letters"],
)
def test_the_best_are_kept_by_a_metric_on_a_data_set(series, best, kept):
    rules = series.reasons(series.plan(keep={"best": best}))
    assert {name for name, rule in rules.items() if rule == "best"} == kept
    assert rules["net-6"] in {"best", "last"}  # the last version never goes


def test_a_search_and_age_keep_and_a_moment_decides(series):
    rules = series.reasons(
        series.plan(protect={"queries": ["version:2"]}, older_than="12h", age_by="created_at")
    )
    assert (rules["net-2"], rules["net-1"]) == ("protected", "none")
    assert set(series.reasons(series.plan(older_than="12h")).values()) == {"age", "newest"}


def test_what_another_model_is_made_from_stays(series):
    series.model("child", 1, base_model="org/net-3")
    series.crawl()
    rules = series.reasons(series.plan(models="name:net"))
    assert (rules["net-3"], rules["net-2"]) == ("needed", "none")


def test_checkpoints_are_of_the_series_of_their_run(yard):
    for step in (5, 10, 20):
        yard.put(f"run/checkpoint-{step}/model.safetensors", weights(step))
        yard.put(f"run/checkpoint-{step}/config.json", b'{"model_type": "bert"}')
    yard.declare(writable=True)
    yard.crawl()
    plan = yard.plan(keep={"newest": 1})
    kept = {row.line["name"] for row in yard.store.retention.models(plan.id, goes=False)}
    assert kept == {"run-checkpoint-20"}
    yard.put("run/model.safetensors", weights(30))
    yard.put("run/config.json", b'{"model_type": "bert"}')
    yard.crawl()
    plan = yard.plan(keep={})
    assert {row.line["name"] for row in yard.store.retention.models(plan.id, goes=False)} == {"run"}
    kinds = {kind.kind: kind for kind in proposals(yard.store.retention)}
    assert kinds[Kind.CHECKPOINT].number == 3


def weights(value):
    from fixtures.crawling import safetensors

    return safetensors(fill=float(value))


def test_the_same_policy_at_the_same_moment_has_the_same_hash_and_another_has_not(series):
    plan = series.plan()
    policy = series.plan().header["policy"]
    assert plan.sha256 != series.plan(keep={"newest": 2}).sha256
    from catalog.retention.policy import policy_of

    assert series.planner.hash_now(plan, policy_of(policy)) == plan.sha256


def test_a_search_that_is_not_understood_makes_no_plan(series):
    with pytest.raises(UserError, match="models"):
        series.plan(models="accuracy > banana")
    assert series.store.retention.plans(10) == []


def test_who_does_not_see_everything_makes_no_plan(series):
    from catalog.access.opening import open_catalog

    part = Principal(id="bob", name="bob", scope=Term("tags", "prod"))
    with open_catalog(series.settings, part) as catalog, pytest.raises(NotAllowed):
        dataclasses.replace(series.planner, catalog=catalog).make(policy_of_all(), at=now())


def policy_of_all():
    from catalog.retention.policy import read_policy

    return read_policy({"name": "x", "models": "has:name"})


def test_copies_and_unfinished_files_are_proposed_with_what_shows_it(series):
    root = Path(series.address)
    series.put("copy/model.safetensors", (root / "net-1/model.safetensors").read_bytes())
    (root / "name").mkdir()
    os.link(root / "net-2/model.safetensors", root / "name" / "model.safetensors")
    series.put("down/big.safetensors.incomplete", b"half")
    series.put("down/new.safetensors.incomplete", b"still written")
    old = time.time() - 3 * 86_400
    os.utime(root / "down/big.safetensors.incomplete", (old, old))
    series.crawl(hash_weights=True)
    assert look_for_unfinished(series.store, series.settings, at=now()) == []
    kinds = {kind.kind: kind for kind in proposals(series.store.retention)}
    (copy,) = kinds[Kind.COPY].largest
    assert "the same weights are in" in copy.evidence
    (file,) = kinds[Kind.UNFINISHED].largest
    assert (file.path, file.bytes) == ("down/big.safetensors.incomplete", 4)


SEALED = ("base_model", "tags", "metrics")


def test_sensitive_values_keep_as_others_do_and_a_lost_key_makes_no_plan(tmp_path):
    key = tmp_path / "key"
    key.write_text(secrets.token_hex(32))
    (tmp_path / "models").mkdir()
    home = tmp_path / "home"
    home.mkdir()
    (home / "modeldex.toml").write_text(
        f'[encryption]\nkey = "file:{key}"\nsensitive = {json.dumps(SEALED)}\n'
    )
    settings = load_settings(home=str(home))
    with opened(tmp_path, settings) as parts:
        yard = Yard(str(tmp_path / "models"), *parts)
        for version, values in enumerate(
            ({"stage": "production"}, {"aliases": ["champion"]}, {"tags": ["precious"]}, {}, {}, {}, {}),
            start=1,
        ):
            yard.model("net", version, metrics={"f1": 0.9 if version == 4 else 0.1}, **values)
        yard.model("child", 1, base_model="org/net-5")
        yard.declare(writable=True)
        yard.crawl()
        policy = {"protect": {"tags": ["precious"]}, "keep": {"newest": 1, "best": {"metric": "f1"}}}
        plan = yard.plan(models="name:net", **policy)
        assert yard.reasons(plan) == {
            "net-1": "stage",
            "net-2": "alias",
            "net-3": "tag",
            "net-4": "best",
            "net-5": "needed",
            "net-6": "none",
            "net-7": "newest",
        }
        told = " ".join(row.line["reason"] for row in yard.store.retention.models(plan.id))
        assert not [word for word in ("precious", "0.9", "child") if word in told]
    moved = home.rename(
        tmp_path / "moved"
    )  # a vault is kept for as long as the process is there, by its home
    key.write_text(secrets.token_hex(32))
    with opened(tmp_path, load_settings(home=str(moved))) as parts:
        yard = Yard(str(tmp_path / "models"), *parts)
        with pytest.raises(UserError, match=r"is unreadable: key .* nobody knows what keeps it"):
            yard.plan()


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"4d" * 32 + b"\nsize 123456789\n"


def test_what_has_no_weights_here_takes_the_place_of_no_model(yard):
    for name, version in (("net", 1), ("net", 2), ("other", 1), ("other", 2)):
        yard.model(name, version, metrics={"f1": 0.5})
    for number, data in ((3, POINTER), (4, b"")):
        yard.put(f"net-{number}/model.safetensors", data)
        sidecar = {"name": "net", "version": str(number), "metrics": {"f1": 0.9}}
        yard.put(f"net-{number}/modeldex.yaml", json.dumps(sidecar).encode())
    yard.put("reg/modeldex.yaml", b"name: other\nversion: 3\n")
    yard.declare(writable=True)
    yard.crawl()
    for keep, rule in (({}, "last"), ({"newest": 1}, "newest"), ({"best": {"metric": "f1"}}, "best")):
        rules = yard.reasons(yard.plan(models="name:net", keep=keep))
        assert (rules["net-2"], rules.get("net-1", "none")) == (rule, rule if rule == "best" else "none")
    assert yard.reasons(yard.plan(keep={}))["other-2"] == "last"


def test_a_model_is_needed_by_any_way_of_naming_it_and_by_models_that_may_come_back(yard):
    for version in range(1, 7):
        yard.model("net", version)
    yard.model("own", 1, base_model=["hub/twice", "lab/twice", "third/twice"])
    yard.model("twice", 1, base_model=["hub/twice", "lab/twice"])
    yard.model("twice", 2)
    for key, base in (("net-1/adapter", ".."), ("lora", "../net-2/."), ("windows", "D:\\models\\net-3")):
        yard.put(f"{key}/adapter_model.safetensors", weights(len(key)))
        config = {"peft_type": "LORA", "r": 8, "base_model_name_or_path": base}
        yard.put(f"{key}/adapter_config.json", json.dumps(config).encode())
    yard.model("away", 1, base_model="net-4")
    yard.declare(writable=True)
    yard.crawl()
    for path in (Path(yard.address) / "away-1").iterdir():
        path.unlink()
    yard.crawl()
    assert yard.statuses()["away-1"] == "missing"
    rules = yard.reasons(yard.plan(models="name:net OR name:twice"))
    needed = {name for name, rule in rules.items() if rule == "needed"}
    assert needed == {"net-1", "net-2", "net-3", "net-4", "twice-1"}
    assert rules["net-5"] == "none"
    (model,) = (row.id for row in yard.store.records.iterate() if row.document["name"] == "own")
    with yard.store.engine.begin() as connection:
        connection.execute(update(revisions).where(revisions.c.model == model).values(document=b"{"))
    with pytest.raises(UserError, match=r"own .* is damaged"):
        yard.plan()


@pytest.mark.parametrize(
    ("best", "told"),
    [
        ({"metric": "accuracy"}, "reports accuracy, so"),
        ({"metric": "f1", "dataset": "conll2004"}, "reports f1@conll2004, so (?s:.*)'conll2003'"),
        ({"metric": "f1", "dataset": "mnist", "split": "dev"}, r"reports f1@mnist \(dev\), so"),
    ],
    ids=["metric", "data set", "split"],
)
def test_a_rule_that_no_model_meets_makes_no_plan(series, best, told):
    with pytest.raises(UserError, match=told):
        series.plan(keep={"best": best})


def test_of_a_year_or_a_month_its_end_counts(yard):
    at = now() - timedelta(hours=1)
    for version, date in enumerate(
        (f"{at:%Y}", f"{at:%Y-%m}", f"{at:%Y-%m-%d}", f"{at.year - 2}", "2020-01"), start=1
    ):
        yard.model("net", version, trained_at=date)
    yard.model("net", 6)
    yard.declare(writable=True)
    yard.crawl()
    rules = yard.reasons(yard.plan(older_than="1h", age_by="trained_at", keep={}))
    assert [rules[f"net-{version}"] for version in range(1, 6)] == ["age", "age", "age", "none", "none"]


def test_no_plan_is_made_over_files_that_another_source_lists(series):
    series.plan()
    (row,) = series.store.sources.all()
    outer = open_source(str(Path(series.address).parent), series.settings, row.definition)
    crawl(
        series.store, outer, series.settings, registry=Registry([plugins.load("extractor", "safetensors")()])
    )
    with (
        series.store.engine.begin() as connection
    ):  # as in a bucket, where nothing says that two names are one object
        connection.execute(update(objects).values(file_identity=None))
    with pytest.raises(UserError, match=r"lies within .* gone in both"):
        series.plan(models="version:1 OR version:2")


def sizes_of(yard, plan):
    """By name and version of each model that goes, the bytes that this frees."""
    return {
        f"{row.line['name']}-{yard.document(row.model).get('version')}": row.line["bytes"]
        for row in yard.store.retention.models(plan.id, goes=True)
    }


def test_bytes_that_a_name_outside_or_the_target_of_a_link_holds_are_not_freed(yard, tmp_path):
    """A second name that no source lists, and a link to what none lists, counted as if nothing were left of them."""
    for version in range(1, 5):
        yard.model("net", version)
    root = Path(yard.address)
    weights = "model.safetensors"
    os.link(root / "net-1" / weights, tmp_path / "copied-by-a-backup.bin")
    annexed = root / ".git/annex/objects" / weights
    annexed.parent.mkdir(parents=True)
    (root / "net-2" / weights).rename(annexed)
    (root / "net-2" / weights).symlink_to(annexed)
    yard.declare(writable=True, deletable=True)
    yard.crawl()
    plan = yard.plan(action="delete")
    said = {version: (root / f"net-{version}/modeldex.yaml").stat().st_size for version in (1, 2, 3)}
    whole = said[3] + (root / "net-3" / weights).stat().st_size
    assert sizes_of(yard, plan) == {"net-1": said[1], "net-2": said[2], "net-3": whole}
    assert yard.apply(plan).left == {}
    assert annexed.exists()
    assert not (root / "net-2" / weights).is_symlink()


@pytest.mark.parametrize("link", ["net-3/README.md", "elsewhere/read.txt"], ids=["of a model", "of none"])
def test_a_file_to_which_a_link_leads_that_stays_stays_with_its_model(yard, link):
    """The link led nowhere afterwards."""
    for version in (1, 2, 3):
        yard.model("net", version)
        yard.put(f"net-{version}/README.md", f"# Net {version}\n".encode())
    place = Path(yard.address) / link
    place.parent.mkdir(exist_ok=True)
    place.unlink(missing_ok=True)
    place.symlink_to("../net-1/README.md")
    yard.declare(writable=True)
    yard.crawl()
    plan = yard.plan()
    assert yard.reasons(plan) == {"net-1": "shared", "net-2": "none", "net-3": "newest"}
    yard.apply(plan)
    assert place.read_text() == "# Net 1\n"


def test_of_several_that_share_a_file_the_same_one_is_told_in_every_process(yard):
    """It was whichever a set had first, so that the plan had another hash when it was to be carried out."""
    names = ("ant", "bee", "cat", "dog", "eel")
    for version in (1, 2):
        yard.model("net", version)
    root = Path(yard.address)
    for name in names:
        yard.model(name, 1)
        (root / f"{name}-1/model.safetensors").unlink()
        os.link(root / "net-1/model.safetensors", root / f"{name}-1/model.safetensors")
    yard.declare(writable=True)
    yard.crawl()
    rows = {
        row.line["name"]: row
        for row in yard.store.retention.models(yard.plan().id)
        if row.line["version"] == "1"
    }
    told = max(rows[name].model for name in names)
    assert rows["net"].line["reason"] == f"it shares a file with {told[:12]}, which stays"


@pytest.fixture
def named_elsewhere(yard, tmp_path):
    """Versions of which two are in a registry of another source, in production and archived, and three objects of a remote, two
    of which files of that source name.
    """
    for version in range(1, 5):
        yard.model("net", version)
    digests = []
    for number in range(3):
        data = weights(number)
        digests.append(hashlib.md5(data).hexdigest())
        yard.put(f"remote/files/md5/{digests[-1][:2]}/{digests[-1][2:]}", data)
    other = tmp_path / "other"
    for number, digest in enumerate(digests[:2]):
        (other / f"release-{number}").mkdir(parents=True)
        (other / f"release-{number}/stored.safetensors.dvc").write_text(
            f"outs:\n- md5: {digest}\n  hash: md5\n  path: stored.safetensors\n"
        )
    for version, stage in ((1, "Production"), (2, "Archived")):
        entry = {
            "name": f"registered-{version}",
            "version": "7",
            "source": (Path(yard.address) / f"net-{version}/model.safetensors").as_uri(),
            "current_stage": stage,
        }
        (other / f"entry-{version}").mkdir()
        (other / f"entry-{version}/entry.json").write_bytes(body_of("version", "x", version=entry))
    yard.declare(writable=True)
    yard.crawl()
    names = ("safetensors", "dvc", "git-references", "mlflow-entries")
    registry = Registry([plugins.load("extractor", name)() for name in names])
    crawl(yard.store, LocalSource(other), yard.settings, registry=registry)
    return yard


def test_what_is_kept_or_named_in_another_source_stays(named_elsewhere):
    """A version that a registry has in production went, since a registry gives no stage to who it knows by address alone; and an
    object that a file of a repository names went when a later one had its name.
    """
    plan = named_elsewhere.plan(models="has:name")
    lines = [
        (named_elsewhere.document(row.model)["path"].partition("/")[0], row.line)
        for row in named_elsewhere.store.retention.models(plan.id)
    ]
    rules = {folder: line["rule"] for folder, line in lines if folder.startswith("net-")}
    assert rules == {"net-1": "needed", "net-2": "none", "net-3": "none", "net-4": "newest"}
    (kept,) = (line["reason"] for folder, line in lines if folder == "net-1")
    assert kept.startswith("it is the weights of an entry elsewhere: registered-1 (")
    assert kept.endswith(") is in stage production")
    stored = sorted(line["rule"] for folder, line in lines if folder == "remote")
    assert stored == ["needed", "newest", "newest"]
