"""A model's page: every value says where it comes from, and nothing that the document holds is left out."""

import pytest
from fixtures.normalise import file, record, said, tally, weights
from fixtures.shelf import MemoryStore, model_documents

from catalog.records import ModelId, Role, StoredModel
from catalog.text.natural import natural_key
from mappings import fields
from webui.html.model import model_page
from webui.urls import Addresses

DOCUMENTS = model_documents()


def page_of(**document):
    whole = {"id": "a" * 64, "name": "tiny", **document}
    return model_page(
        StoredModel(id=ModelId("a" * 64), revision=1, document=whole, provenance={}), Addresses()
    )


def shown_fields(page):
    return {row.field for section in page.sections for row in section.rows}


def test_every_field_of_the_table_has_its_place_on_the_page():
    """A new row of the table shows up without a change here."""
    values = {
        "keyword": "x",
        "name": "x",
        "text": "x",
        "long": 7,
        "double": 0.5,
        "boolean": True,
        "date": "2024-01-01T00:00:00Z",
    }
    missing = []
    for field in fields().values():
        if field.page == "apart" or field.type not in values:
            continue
        value = [values[field.type]] if field.list else values[field.type]
        head, _, rest = field.name.partition(".")
        document = {head: {rest: value} if rest else value}
        if field.name not in shown_fields(page_of(**document)):
            missing.append(field.name)
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=range(len(DOCUMENTS)))
def test_every_value_has_an_account_of_itself(document):
    page = model_page(MemoryStore(DOCUMENTS, []).get(document["id"]), Addresses())
    rows = [row for section in page.sections for row in section.rows]
    assert all(row.why.winners or row.why.derived for row in rows)
    assert all(row.why is not None or row.source for row in page.evaluations)


def test_a_headline_says_what_was_done_to_it_and_what_lost():
    page = model_page(MemoryStore(DOCUMENTS, []).get(DOCUMENTS[0]["id"]), Addresses())
    why = next(row.why for row in page.evaluations if row.metric == "accuracy" and row.headline)
    assert why.conflict
    assert (why.winners[0].file, why.winners[0].pointer, why.winners[0].raw) == (
        "models/x/README.md",
        "/model-index/0",
        "93.12",
    )
    assert "percent ÷ 100" in why.winners[0].changes
    assert (why.losers[0].value, why.losers[0].lost_because) == (
        "0.91",
        "a source of higher rank says otherwise",
    )


def test_every_evaluation_leads_to_its_place_and_data_sets_stand_as_people_count():
    """Values that are no headline named the reader of their file, and data set 10 stood before data set 2."""
    values = {"part-10": 0.7, "part-2": 0.8, "part-1": 0.9, "part-3": 0.8}
    card = file(
        "model/README.md",
        *(
            said("metrics.accuracy", value, pointer=f"json:/{name}", dataset=name, split="test")
            for name, value in values.items()
        ),
        role=Role.CARD,
    )
    made = record(card, weights("model/model.safetensors", tally(10)))
    stored = StoredModel(id=ModelId("a" * 64), revision=1, document=made.document, provenance=made.provenance)
    first, *others = model_page(stored, Addresses()).evaluations
    assert [row.dataset for row in others] == sorted(values.keys() - {first.dataset}, key=natural_key)
    assert {row.dataset: row.why.winners[0].pointer for row in (first, *others)} == {
        name: f"/{name}" for name in values
    }


def test_a_value_that_is_no_number_is_shown_as_it_was_written():
    page = page_of(evaluations=[{"metric": "accuracy", "raw_name": "acc", "raw_value": "NaN"}])
    assert [(row.value.text, row.raw) for row in page.evaluations] == [("NaN", "acc = NaN")]


def test_a_value_on_training_data_is_a_headline_of_its_own():
    page = page_of(
        metrics={"train_loss": 0.1, "loss": 0.2},
        evaluations=[
            {"metric": "loss", "value": 0.1, "split": "train"},
            {"metric": "loss", "value": 0.2, "split": "test"},
        ],
    )
    assert [(row.value.text, row.headline) for row in page.evaluations] == [("0.1", True), ("0.2", True)]


def test_the_worst_risk_comes_first():
    risks = [{"kind": "a", "severity": word} for word in ("low", "critical", "info", "high")]
    assert [risk.severity for risk in page_of(risks=risks).risks] == ["critical", "high", "low", "info"]


def test_five_thousand_evaluations_are_counted_and_some_are_shown():
    rows = [{"metric": f"ap_class_{number}", "value": 0.5} for number in range(5_000)]
    page = page_of(evaluations=rows)
    assert len(page.evaluations) + page.more_evaluations == 5_000


def test_a_document_of_the_wrong_shapes_still_has_a_page():
    page = page_of(
        metrics=[1], evaluations={"metric": None}, files="x", risks=7, training=["x"], base_model="y", shards=[], extra=None,
        best_date=12, parameters="many", size_bytes=float("nan"), inputs={"name": 1, "shape": "s"}, dtypes=3,
    )  # fmt: skip
    assert page.name == "tiny"


def test_undecodable_text_anywhere_has_a_page_and_json():
    """A lone surrogate comes from a file name that is not UTF-8, or from an escape in somebody's JSON."""
    from webui.rendering import dumps

    odd = "caf\udce9"
    page = page_of(
        name=odd, task=odd, tags=[odd], license=odd, extra={odd: odd}, datasets=[odd], files=[{"key": odd}]
    )
    dumps(page).encode("utf-8")
    assert "⟨U+DCE9⟩" in page.name
    assert all(tag.url.isascii() for tag in page.tags)
