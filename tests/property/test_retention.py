"""For any catalog and policy: what is kept is kept, and what a plan says it frees is what it frees."""

from __future__ import annotations

import os
import random
from collections import Counter
from pathlib import Path

import pytest
from fixtures.retention import Yard, opened
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.recording.authorship import Authorship
from catalog.recording.edits import edit_model
from catalog.retention.policy import ANY

SERIES = ("ant", "bee", "cat", "dog")
STAGES = ("production", "archived", "shadow")
MODELS = 28

policies = st.fixed_dictionaries(
    {
        "models": st.sampled_from(["has:name", "name:ant,bee", "-name:dog", "f1 > 0.5", "tag:red"]),
        "per": st.sampled_from(["series", "all"]),
        "keep": st.fixed_dictionaries(
            {},
            optional={
                "newest": st.integers(0, 4),
                "best": st.lists(
                    st.fixed_dictionaries(
                        {"number": st.integers(1, 3), "metric": st.just("f1")},
                        optional={"direction": st.sampled_from(["up", "down"])},
                    ),
                    max_size=2,
                ),
                "stages": st.lists(st.sampled_from([*STAGES, ANY]), max_size=2),
                "aliases": st.booleans(),
            },
        ),
        "protect": st.fixed_dictionaries({"tags": st.lists(st.sampled_from(["red", "green"]), max_size=2)}),
    }
)


@pytest.fixture(scope="module")
def stock(tmp_path_factory):
    """Models of four series with stages, tags, metrics, bases, copies and second names of files."""
    folder, draw = tmp_path_factory.mktemp("retention"), random.Random(7)
    root = folder / "models"
    root.mkdir()
    with opened(folder) as parts:
        yard = Yard(str(root), *parts)
        for number in range(MODELS):
            name = draw.choice(SERIES)
            said = {"tags": draw.sample(["red", "green", "blue"], draw.randint(0, 2))}
            if draw.random() < 0.7:
                said["evaluations"] = [{"metric": "f1", "value": round(draw.random(), 2), "dataset": "mnist"}]
            if draw.random() < 0.3:
                said["base_model"] = f"org/{draw.choice(SERIES)}-{draw.randrange(MODELS)}"
            yard.model(name, number, **said)
        folders = sorted(root.iterdir())
        for number in range(8):
            one, other = draw.sample(folders, 2)
            place = other / "model.safetensors" if number % 2 else other / f"second-{number}.txt"
            place.unlink(missing_ok=True)
            os.link(one / "model.safetensors", place)
        yard.declare(writable=True, deletable=True)
        yard.crawl()
        for model in list(yard.store.records.iterate())[::5]:
            stage = draw.choice(STAGES)
            edit_model(
                yard.store,
                model.id,
                expected=model.revision,
                values={"stage": stage},
                by=Authorship(made_by="ada"),
                beside=True,
            )
        yield yard


@settings(max_examples=25)
@given(policy=policies)
def test_whatever_the_policy_what_must_stay_stays_and_the_sum_is_right(stock, policy):
    plan = stock.plan(**policy)
    documents = {model.id: model.document for model in stock.store.records.iterate()}
    rows = list(stock.store.retention.models(plan.id))
    going = {row.model for row in rows if row.goes}
    series = {
        name: [model for model, document in documents.items() if document["name"] == name] for name in SERIES
    }
    for members in series.values():
        last = max((version_of(documents[model]) for model in members), default=0)
        assert not members or {model for model in members if version_of(documents[model]) == last} - going
    keep, protect = policy["keep"], policy["protect"]
    bases = {
        entry["id"].rpartition("/")[2]
        for document in documents.values()
        for entry in document.get("base_model", ())
    }
    for model in going:
        document = documents[model]
        assert not set(protect["tags"]) & set(document.get("tags", ()))
        assert document.get("stage") is None or not kept_stage(document["stage"], keep.get("stages", [ANY]))
        assert f"{document['name']}-{document.get('version')}" not in bases
    counted = Counter(
        documents[row.model]["name"] for row in rows if not row.goes and row.line["rule"] == "newest"
    )
    assert all(number <= keep.get("newest", 0) for number in counted.values()) or policy["per"] == "all"
    assert plan.header["bytes"] == freed_on_disk(stock, plan)


def version_of(document):
    return int(document.get("version") or 0)


def kept_stage(stage, wanted):
    return stage in wanted or (ANY in wanted and stage != "archived")


def freed_on_disk(stock, plan):
    """What deleting just these names frees: the files of which no name is left."""
    root = Path(stock.address)
    leaving = {root / row.key for row in stock.store.retention.objects(plan.id)}
    sizes, left = {}, set()
    for path in root.rglob("*"):
        if path.is_file():
            status = path.stat()
            sizes[status.st_ino] = status.st_size
            if path not in leaving:
                left.add(status.st_ino)
    return sum(size for inode, size in sizes.items() if inode not in left)


def test_what_a_plan_says_it_frees_is_what_a_deletion_frees(stock):
    """The last test here: it deletes for good."""
    root = Path(stock.address)

    def on_disk():
        return sum(
            {path.stat().st_ino: path.stat().st_size for path in root.rglob("*") if path.is_file()}.values()
        )

    plan, before = stock.plan(keep={"newest": 1}, action="delete"), on_disk()
    done = stock.apply(plan)
    assert done.left == {}
    assert done.bytes == plan.header["bytes"] == before - on_disk() > 0
