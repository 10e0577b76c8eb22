"""A model of which nothing can be made is one with a problem, whoever makes it."""

from dataclasses import replace
from datetime import UTC, datetime

from catalog.recording.making import Task, make_of_filled, make_of_outlines
from catalog.records import Extraction, Group, Member, ObjectKey, ObjectMeta, Role, SourceId

NOW = datetime(2024, 1, 1, tzinfo=UTC)
SOURCE = SourceId("file:///models")
META = ObjectMeta(source=SOURCE, key=ObjectKey("a/x.bin"), size_bytes=4, change_token="1")
UNMAKEABLE = Extraction(
    key=META.key,
    extractor="duo",
    extractor_version=1,
    format="duo",
    role=Role.WEIGHTS,
    tensors_digest="no number",
)


def task():
    member = Member(object=META, extraction=UNMAKEABLE)
    group = Group(source=SOURCE, key=META.key, kind="file", members=(member,), name_hint="x")
    return Task(group=group, bodies={}, signature="s", edits=(), now=NOW, moved_from=None)


def test_what_breaks_over_outlines_and_over_models_of_shared_files_costs_one_model():
    """What stood in an outline, too, and a model that shares a file with others, ended the crawl of all files."""
    for change in (make_of_outlines(task(), "it broke"), make_of_filled(task())):
        document = change.record.document
        assert (document["name"], document["format"], document["status"]) == ("x", ["duo"], "unreadable")
        assert "no record could be made of what it says" in document["problems"][0]["message"]
    assert make_of_filled(task()).group == task().group
    whole = replace(task().group.members[0], extraction=replace(UNMAKEABLE, tensors_digest=None))
    good = replace(task(), group=replace(task().group, members=(whole,)))
    assert "problems" not in make_of_filled(good).record.document
