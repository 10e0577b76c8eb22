"""Of which checkpoint a sidecar beside several speaks where it says a step."""

from __future__ import annotations

import pytest

from catalog.layouts.steps import SIDECAR_FORMAT, position_of_subject, step_subject
from catalog.records import Extraction, Member, ObjectMeta, Role, SourceId, Subject
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
    key = "run/modeldex.json"
    subjects = tuple(Subject(id=step_subject(key, step), join_keys=()) for step in steps)
    sidecar = member(key, role=Role.SIDECAR, format_=SIDECAR_FORMAT, subjects=subjects)
    groups = group(SOURCE, [*(member(f"run/{name}.pt") for name in names), sidecar])
    return {
        model.key.removeprefix("run/").removesuffix(".pt"): {
            position[1] for bound in model.members if (position := position_of_subject(bound.subject or ""))
        }
        for model in groups
    }


@pytest.mark.parametrize(
    ("names", "steps", "told"),
    [
        (["resnet50", "resnet101"], [50], {"resnet50": {50}, "resnet101": {50}}),
        (["vit-16", "vit-32"], [16], {"vit-16": {16}, "vit-32": {16}}),
        (["model_500", "net_900"], [500], {"model_500": {500}, "net_900": {500}}),
        (["model_0500", "model_0900"], [500], {"model_0500": {500}, "model_0900": set()}),
        (["net_epoch_10", "net_epoch_20"], [10], {"net_epoch_10": {10}, "net_epoch_20": set()}),
        (["model_0500", "best"], [500], {"model_0500": {500}, "best": set()}),
    ],
)
def test_a_number_is_a_position_only_where_names_count(names, steps, told):
    """What was measured at step 50 was said of `resnet50`, and not of `resnet101` beside it."""
    assert steps_of(names, steps) == told
