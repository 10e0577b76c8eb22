"""Which metric, data set and split a field of an edit is about, whatever signs they are written with."""

import pytest

from catalog.access.edits_in_force import edits_in_force
from catalog.errors import EditRefused
from catalog.recording import metric_edits
from catalog.recording.authorship import Authorship
from catalog.recording.edits import edit_model
from catalog.recording.field_changes import Action, changes_of, checked_changes
from catalog.recording.metric_edits import field_of, observed, parts_of
from catalog.recording.restoring import restoring_changes

NAMES = ["accuracy", "recall@5", "map@0.5", "a@b", "50%", "a#b@c", "%40", "@", "f1@", "bleu@%5"]


@pytest.mark.parametrize("metric", NAMES)
def test_a_field_is_read_as_it_was_written(metric):
    for dataset in (None, "imagenet", "2024", "test", "5", "k", "0.5", "@x", "Ä%", *NAMES):
        for split in (None, "test", *NAMES):
            field = field_of(metric, dataset=dataset, split=split)
            assert parts_of(field) == (metric, dataset, split), field


@pytest.mark.parametrize(
    ("field", "parts"),
    [
        ("metrics.recall@5", ("recall@5", None, None)),
        ("metrics.map@0.5:0.95", ("map@0.5:0.95", None, None)),
        ("metrics.recall@5@msmarco#test", ("recall@5", "msmarco", "test")),
        ("metrics.precision@10#test", ("precision@10", None, "test")),
        ("metrics.f1@conll2003", ("f1", "conll2003", None)),
        ("metrics.f1@test", ("f1", "test", None)),
        ("metrics.f1@@2003", ("f1", "2003", None)),
        ("metrics.f1@#test", ("f1", None, "test")),
        ("metrics.f1", ("f1", None, None)),
        ("metrics.@x", ("", "x", None)),
    ],
)
def test_a_number_behind_the_name_is_no_data_set(field, parts):
    assert parts_of(field) == parts


def test_the_observation_of_an_edit_tells_the_data_set_and_the_step():
    seen = observed("metrics.f1@a%23b#dev", {"value": 0.5, "step": 3})
    about = {"dataset": "a#b", "split": "dev", "step": 3}
    assert seen == ("metrics.f1", 0.5, {"block": "edit", "field": "metrics.f1@a%23b#dev", **about})


@pytest.mark.parametrize(
    ("field", "usual"),
    [
        ("metrics.Accuracy", "metrics.accuracy"),
        ("metrics.f1 ", "metrics.f1"),
        ("metrics.recall@5@MSMARCO#Dev", "metrics.recall_at_5@MSMARCO#Dev"),
        ("metrics.map@0.5", "metrics.map50"),
        ("metrics.eval_loss", "metrics.validation_loss"),
        ("metrics.train_acc", "metrics.train_accuracy"),
        ("metrics.Accuracy (%)", "metrics.Accuracy (%25)"),
        ("metrics.acc_stderr", "metrics.acc_stderr"),
        ("metrics.acc,strict-match", "metrics.acc,strict-match"),
        ("metrics.My Score", "metrics.my_score"),
        ("metrics.得点", "metrics.得点"),
        ("metrics.@x", "metrics.@x"),
        ("extra.My Score", "extra.My Score"),
    ],
)
def test_a_metric_has_one_field_whatever_its_spelling(field, usual):
    assert metric_edits.usual_field(field) == usual
    assert metric_edits.usual_field(usual) == usual


def test_two_spellings_are_one_change_and_two_numbers_are_refused():
    same = checked_changes(changes_of({"metrics.acc": 0.5, "metrics.Accuracy": 0.5}))
    assert [(change.field, change.value) for change in same] == [("metrics.accuracy", 0.5)]
    with pytest.raises(EditRefused, match=r"metrics\.accuracy is changed twice"):
        checked_changes(changes_of({"metrics.acc": 0.5, "metrics.Accuracy": 0.6}))


@pytest.fixture
def net(shop):
    """One model whose card reports two numbers, crawled."""
    shop.model("net/model.safetensors")
    shop.put("net/README.md", card(0.9))
    shop.crawl()
    (model,) = shop.store.records.iterate()
    return model.id


def card(accuracy):
    return f"""---
model-index:
- name: net
  results:
  - task: {{type: text-classification}}
    dataset: {{name: D, type: d, split: test}}
    metrics:
    - {{type: accuracy, value: {accuracy}}}
    - {{type: f1, value: 0.7}}
---
# Net
"""


def tell(shop, model, clear=(), **values):
    fields = {f"metrics.{name}": value for name, value in values.items()}
    revision = shop.store.records.get(model).revision
    edit_model(shop.store, model, expected=revision, values=fields, clear=clear, by=Authorship(made_by="me"))
    return shop.store.records.get(model)


def test_a_metric_told_under_another_spelling_is_the_same_edit(shop, net):
    assert tell(shop, net, Accuracy=0.5).document["metrics"]["accuracy"] == 0.5
    model = tell(shop, net, acc=0.6)
    assert model.document["metrics"]["accuracy"] == 0.6
    model = tell(shop, net, clear=["metrics.ACC"])
    assert (model.document["metrics"]["accuracy"], model.document.get("flags")) == (0.9, None)


def test_an_edit_is_in_no_conflict_with_the_file_that_it_overrides(shop, net):
    model = tell(shop, net, **{"accuracy@d#test": 0.5})
    assert model.document["metrics"]["accuracy"] == 0.5
    assert (model.document["flags"], model.document.get("problems")) == (["edited"], None)


@pytest.mark.parametrize(
    ("told", "later", "contradicted"),
    [
        (["acc"], 0.9, False),
        (["Accuracy"], 0.95, True),
        (["accuracy@d#test"], 0.95, False),
        (["accuracy@x"], 0.9, False),
        (["val_accuracy"], 0.95, False),
        (["train_acc"], 0.95, False),
    ],
    ids=["as-before", "another", "of-a-data-set", "of-another-data-set", "of-a-split", "of-training"],
)
def test_files_contradict_what_was_said_of_the_model_as_such(shop, net, told, later, contradicted):
    model = tell(shop, net, **dict.fromkeys(told, 0.5))
    assert model.document["flags"] == ["edited"]
    shop.put("net/README.md", card(later))
    shop.crawl(reread=True)
    model = shop.store.records.get(net)
    assert ("contradicted" in model.document["flags"]) == contradicted
    (edit,) = edits_in_force(model.provenance)
    assert edit.contradicted == contradicted
    assert edit.edited == metric_edits.usual_field(f"metrics.{told[0]}")
    assert "flags" not in tell(shop, net, clear=[edit.edited]).document


def test_each_split_that_was_told_of_is_listed(shop, net):
    """The second of two edits of one metric on different splits was in force, and stood in no list of edits."""
    model = tell(shop, net, **{"accuracy@squad#test": 0.9, "accuracy@squad#validation": 0.95})
    listed = {edit.edited: edit.value for edit in edits_in_force(model.provenance)}
    assert listed == {"metrics.accuracy@squad#test": 0.9, "metrics.accuracy@squad#validation": 0.95}


def test_a_split_of_which_files_say_nothing_is_listed_beside_what_they_say(shop, net):
    shop.put("net/README.md", card(0.97))
    shop.crawl()
    model = tell(shop, net, **{"accuracy@squad#validation": 0.95})
    assert [edit.edited for edit in edits_in_force(model.provenance)] == ["metrics.accuracy@squad#validation"]


def test_what_a_file_says_too_is_known_when_something_else_is_told(shop, net):
    before = tell(shop, net, accuracy=0.9)
    assert tell(shop, net, accuracy=0.9).revision == before.revision
    assert tell(shop, net, accuracy=0.5).document["flags"] == ["edited"]
    assert tell(shop, net, **{"accuracy@d#test": 0.9}, accuracy=0.6).document["flags"] == ["edited"]


def test_a_restored_model_has_the_metrics_that_were_told_then(shop, net):
    tell(shop, net, accuracy=0.5, **{"f1@x#dev": "61 %", "val_loss": {"value": 0.2, "step": 7}})
    then = shop.store.records.get(net)
    tell(shop, net, accuracy=0.6, bleu=0.3, **{"accuracy@d": 0.4}, clear=["metrics.f1@x#dev"])
    present = shop.store.records.get(net)
    changes, kept = restoring_changes(then.document, present)
    edit_model(shop.store, net, expected=present.revision, changes=changes, by=Authorship(made_by="me"))
    restored = shop.store.records.get(net)
    assert (restored.document["metrics"], kept) == (then.document["metrics"], [])
    assert [entry["value"] for entry in restored.document["evaluations"]] == [
        entry["value"] for entry in then.document["evaluations"]
    ]
    assert restoring_changes(then.document, restored) == ([], [])


def test_a_restored_model_has_its_files_numbers_and_those_that_differ_are_told(shop, net):
    first = shop.store.records.get(net)
    tell(shop, net, accuracy=0.5)
    changes, kept = restoring_changes(first.document, shop.store.records.get(net))
    assert [(change.field, change.action) for change in changes] == [("metrics.accuracy", Action.GIVE_BACK)]
    assert kept == []
    shop.put("net/README.md", card(0.91).replace("0.7", "0.8"))
    shop.crawl()
    changes, kept = restoring_changes(first.document, shop.store.records.get(net))
    assert len(changes) == 1
    assert {"metrics.accuracy", "metrics.f1", "evaluations"} <= set(kept)
