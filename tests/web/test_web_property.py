"""Whatever shape a document has, it has a row, a page and a line in every export."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from catalog.query.state import SearchState
from catalog.records import ModelId, StoredModel
from catalog.search.page_state import SearchPage
from mappings import fields
from webui.api.export import _cells, cell
from webui.html.model import model_page
from webui.html.results import results_page
from webui.rendering import dumps
from webui.text import shown
from webui.urls import Addresses

HEADS = sorted({name.partition(".")[0] for name in fields()})
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(st.characters(), max_size=12)
    | st.sampled_from(["accuracy", "missing", "2024-01-01T00:00:00Z", "critical", "\udce9", "\u202e"])
)
NAMES = st.sampled_from(
    [
        "metric",
        "value",
        "split",
        "kind",
        "severity",
        "key",
        "size_bytes",
        "id",
        "bits",
        "expected",
        "found",
        "accuracy",
        "x",
    ]
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)
DOCUMENTS = st.dictionaries(st.sampled_from(HEADS), VALUES, max_size=12)


@settings(max_examples=150, deadline=None)
@given(DOCUMENTS)
@example({"metrics": {"metric": None, "value": None}})
@example({"id": []})
@example({"id": {}, "hashes": {"weights": "a"}})
def test_every_document_has_a_page_a_row_and_a_line(document):
    model = StoredModel(id=ModelId("a" * 64), revision=1, document=document, provenance={})
    found = SearchPage(state=SearchState(), canonical_text="", total=1, page_count=1, hits=(document,))
    for page in (model_page(model, Addresses()), results_page(found, Addresses())):
        dumps(page).encode("utf-8")
    _cells(document, [(name.partition(".")[0], field) for name, field in fields().items()], ["accuracy"])


@given(st.text(st.characters()))
def test_shown_text_is_printable_and_bounded(text):
    clean = shown(text, 50)
    assert len(clean) <= 50
    clean.encode("utf-8")
    assert not any(ord(character) < 32 or 0x202A <= ord(character) <= 0x202E for character in clean)


@given(st.text(st.characters()))
def test_no_text_is_a_formula(text):
    assert not str(cell(text)).lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r"))
