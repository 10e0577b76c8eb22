"""Of which checkpoint a sidecar beside several speaks where it says a step."""

from __future__ import annotations

import pytest

from catalog.layouts.steps import SIDECAR_FORMAT, position_of_subject, step_subject, stray_steps
from catalog.records import Extraction, Member, ObjectMeta, Role, SourceId, Subject
from crawler.grouping.draft import Draft
from crawler.grouping.groups import group

SOURCE = SourceId("file:///models")


def member(key, *, role=Role.WEIGHTS, format_="pt", subjects=()):
    extraction = Extraction(
        key=key, extractor="test", extractor_version=1, format=format_, role=role, subjects=subjects
    )
    return Member(
        object=ObjectMeta(source=SOURCE, key=key, size_bytes=1, change_token="1"), extraction=extraction
    )


def steps_of(names, steps):
    """The steps that each of the models is told of by the sidecar beside them."""
    return {
        model.key.removeprefix("run/").removesuffix(".pt"): {
            position[1] for bound in model.members if (position := position_of_subject(bound.subject or ""))
        }
        for model in beside_sidecar([f"{name}.pt" for name in names], steps)
    }


def beside_sidecar(names, steps):
    key = "run/modeldex.json"
    subjects = tuple(Subject(id=step_subject(key, step), join_keys=()) for step in steps)
    sidecar = member(key, role=Role.SIDECAR, format_=SIDECAR_FORMAT, subjects=subjects)
    weights = [member(f"run/{name}", format_=name.rpartition(".")[2]) for name in names]
    return group(SOURCE, [*weights, sidecar])


@pytest.mark.parametrize(
    ("names", "steps", "told"),
    [
        (["resnet50", "resnet101"], [50], {"resnet50": {50}, "resnet101": {50}}),
        (["vit-16", "vit-32"], [16], {"vit-16": {16}, "vit-32": {16}}),
        (["model_500", "net_900"], [500], {"model_500": {500}, "net_900": {500}}),
        (["model_0500", "model_0900"], [500], {"model_0500": {500}, "model_0900": set()}),
        (["net_epoch_10", "net_epoch_20"], [10], {"net_epoch_10": {10}, "net_epoch_20": set()}),
        (["model_0500", "best"], [500], {"model_0500": {500}, "best": set()}),
        (["model_0500", "best"], [500, 700, 900], {"model_0500": {500}, "best": {700, 900}}),
        (["model_0500", "best", "last"], [500, 700], {"model_0500": {500}, "best": {700}, "last": {700}}),
        (
            ["model_0500", "best", "last"],
            [500, 700, 900],
            {"model_0500": {500}, "best": set(), "last": set()},
        ),
        (["net", "net_ema"], [50, 60], {"net": {50, 60}}),
    ],
)
def test_a_number_is_a_position_only_where_names_count(names, steps, told):
    """What was measured at step 50 was said of `resnet50`, and not of `resnet101` beside it."""
    assert steps_of(names, steps) == told


def test_quantisations_of_one_network_share_the_values_of_all_its_steps():
    models = beside_sidecar(["net-Q4_K_M.gguf", "net-Q8_0.gguf"], [50, 60])
    assert [sum("@step=" in (bound.subject or "") for bound in model.members) for model in models] == [2, 2]


def test_quarters_are_no_quantisations_of_one_network():
    models = beside_sidecar(["sales-q1.safetensors", "sales-q2.safetensors"], [100, 300])
    assert not any("@step=" in (bound.subject or "") for model in models for bound in model.members)


def test_values_of_many_steps_beside_many_checkpoints_without_one_are_told_once_of_each(monkeypatch):
    """Each of 150 checkpoints was bound to each of 2,000 values: 50 seconds, and not one of them was certain."""
    calls = []
    bind = Draft.bind
    monkeypatch.setattr(Draft, "bind", lambda draft, bound: calls.append(bound) or bind(draft, bound))

    def cost(models, steps):
        calls.clear()
        names = [f"net{chr(97 + number // 26)}{chr(97 + number % 26)}.pt" for number in range(models)]
        grouped = beside_sidecar(names, range(steps))
        said = [[stray_steps(bound.subject or "") for bound in model.members] for model in grouped]
        assert [[words for words in words_of if words] for words_of in said] == [
            [f"0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and {steps - 10} others"]
        ] * models
        return len(calls)

    assert cost(30, 200) <= 2 * cost(15, 100)
