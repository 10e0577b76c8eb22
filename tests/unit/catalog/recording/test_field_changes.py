"""What may be done to which field, and what is said of it by hand after several changes."""

import pytest

from catalog.errors import EditRefused
from catalog.recording import field_changes
from catalog.recording.field_changes import (
    MAX_CHANGES,
    MAX_REASONS,
    Action,
    FieldChange,
    checked_changes,
    editable,
    state_after,
    takes_words,
    typed_value,
)
from catalog.records import EditKind, EditState
from mappings import fields

NONE = EditState()


def merged(add=(), remove=()):
    value = {name: list(words) for name, words in (("add", add), ("remove", remove)) if words}
    return EditState(kind=EditKind.MERGE, value=value)


@pytest.mark.parametrize(
    ("before", "changes", "after"),
    [
        (NONE, [("add", ["a"])], merged(["a"])),
        (NONE, [("add", ["a"]), ("add", ["A", "b"])], merged(["a", "b"])),
        (NONE, [("remove", ["a"])], merged([], ["a"])),
        (merged(["a"]), [("remove", ["A"])], merged([], ["A"])),
        (merged([], ["a"]), [("add", ["a"])], merged(["a"])),
        (EditState(value=["a"]), [("add", ["b"])], EditState(value=["a", "b"])),
        (EditState(value=["a", "b"]), [("remove", ["B"])], EditState(value=["a"])),
        (EditState(value=["a"]), [("remove", ["a"])], EditState(kind=EditKind.EMPTY)),
        (EditState(kind=EditKind.EMPTY), [("add", ["a"])], EditState(value=["a"])),
        (EditState(kind=EditKind.EMPTY), [("remove", ["a"])], EditState(kind=EditKind.EMPTY)),
        (EditState(value=["a"]), [("give back", None)], NONE),
        (merged(["a"]), [("set", ["z"])], EditState(value=["z"])),
        (NONE, [("empty", None)], EditState(kind=EditKind.EMPTY)),
    ],
    ids=[
        "add", "add-twice", "remove", "take-away-what-was-added", "add-what-was-taken-away", "add-to-a-set-list",
        "remove-from-a-set-list", "remove-the-last", "add-to-an-empty-one", "remove-from-an-empty-one", "give-back",
        "set", "empty",
    ],
)  # fmt: skip
def test_what_is_said_by_hand_after_changes(before, changes, after):
    made = [FieldChange(field="tags", action=Action(action), value=words) for action, words in changes]
    assert state_after(before, checked_changes(made) if len(made) == 1 else made) == after


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (FieldChange(field="license", action=Action.ADD, value="mit"), "license holds one value"),
        (FieldChange(field="base_model.id", action=Action.ADD, value="a/b"), "base_model.id holds one value"),
        (FieldChange(field="extra.x", action=Action.REMOVE, value="a"), "extra.x holds one value"),
        (FieldChange(field="tags", action=Action.ADD, value=[]), "tags cannot be"),
        (FieldChange(field="parameters", action=Action.EMPTY), "parameters is measured"),
        (FieldChange(field="tags", value=["x"] * 2_000), "tags cannot hold 2,000 values"),
        (FieldChange(field="extra.moved_to", value="f" * 64), "extra.moved_to is said by Modeldex"),
        (FieldChange(field="extra.Moved To", value="f" * 64), "extra.Moved To is said by Modeldex"),
    ],
    ids=["one-value", "entries", "free", "nothing", "measured", "many", "the-stores", "the-stores-spelled"],
)
def test_what_cannot_be_done_is_refused_by_the_name_of_the_field(change, told):
    with pytest.raises(EditRefused) as refused:
        checked_changes([change])
    assert told in str(refused.value)


def test_a_field_is_changed_once_but_words_may_come_and_go():
    coming = FieldChange(field="tags", action=Action.ADD, value=["a"])
    going = FieldChange(field="tags", action=Action.REMOVE, value=["b"])
    assert len(checked_changes([coming, going])) == 2
    with pytest.raises(EditRefused, match="tags is changed twice"):
        checked_changes([coming, FieldChange(field="tags", value=["c"])])


def test_words_are_kept_as_documents_spell_them():
    (change,) = [FieldChange(field="language", action=Action.ADD, value=["EN", "german"])]
    assert state_after(NONE, [change]).value["add"][0] == "en"


def test_every_field_that_is_counted_or_derived_is_refused_and_notes_and_tags_are_not():
    names = {field.name for field in editable()}
    assert {"notes", "tags", "license", "description", "owner"} <= names
    measured = {row.name for row in fields().values() if row.rule in {"counted", "derived"}}
    assert measured
    assert names.isdisjoint(measured)
    assert takes_words("tags")
    assert not takes_words("notes")


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("tags", "a, b", ["a", "b"]),
        ("tags", '["a,b"]', ["a,b"]),
        ("license", "[x]", "[x]"),
        ("extra.x", "[1, 2]", [1, 2]),
        ("notes", "a, b", "a, b"),
    ],
)
def test_lists_are_typed_with_commas_or_as_json(name, text, value):
    assert typed_value(name, text) == value


def test_more_changes_than_a_model_could_hold_are_refused_in_one_sentence():
    changes = [FieldChange(field=f"extra.a{number}", value=1) for number in range(MAX_CHANGES + 1)]
    with pytest.raises(EditRefused, match=r"10,001 fields are changed, at most 10,000") as refused:
        checked_changes(changes)
    assert len(refused.value.reasons) == 1
    assert len(checked_changes(changes[1:])) == MAX_CHANGES


def test_what_was_meant_is_looked_for_of_the_first_unknown_names_alone(monkeypatch):
    """A body of half a megabyte of them took a minute."""
    looked_up = []
    plain = field_changes.nearest
    monkeypatch.setattr(
        field_changes,
        "nearest",
        lambda *words, **named: (looked_up.append(words[0]), plain(*words, **named))[1],
    )
    with pytest.raises(EditRefused) as refused:
        checked_changes([FieldChange(field=f"acuracy{number}", value=1) for number in range(500)])
    assert len(looked_up) == MAX_REASONS
    assert refused.value.reasons[-1] == "what comes behind these was not looked at"
