"""Names that a trainer or a converter left in a file are not what people call the model."""

import pytest
from fixtures.normalise import document, file, record, said, weights

from catalog.layouts.names import is_leftover, is_title_of_a_kind
from catalog.records import Origin


@pytest.mark.parametrize(
    "name",
    ["tmp", "tmpab12cd34", "checkpoint-500", "output", "model", "Model", ".", "..", "./out", "/home/me/out", "~/out",
     "C:\\\\models\\\\x", "C:/models/x", "runs/detect/train7", "main_graph", "torch_jit", "model_1", "sequential_3",
     "0123456789abcdef", "weights", "epoch-3", "500", "Lora Merged", "Safetensors", "Merged Model 16bit", "llama.cpp"],
)  # fmt: skip
def test_what_programs_make_up_is_no_name(name):
    assert is_leftover(name)


@pytest.mark.parametrize(
    "name",
    ["bert", "org/bert", "Tiny Vl 4b It", "resnet50", "yolov8n", "tmpnet-large", "v2-model", "gpt2", "t5-small", "modelx",
     "best-german-ner", "E5", "cafe"],
)  # fmt: skip
def test_what_people_call_their_models_is_one(name):
    assert not is_leftover(name)


def test_a_name_left_over_loses_to_the_path_and_a_person_s_word_does_not():
    config = file("lab/bert/config.json", said("name", "checkpoint-500", origin=Origin.CONFIG))
    made = record(config, weights("lab/bert/model.safetensors"), key="lab/bert")
    assert made.document["name"] == "bert"
    (lost,) = [item for item in made.provenance["name"].losers if item.value == "checkpoint-500"]
    assert lost.lost_because == "implausible"
    card = file("lab/bert/README.md", said("name", "output"))
    assert document(config, card, weights("lab/bert/model.safetensors"), key="lab/bert")["name"] == "output"


def test_another_embedded_name_wins_over_one_that_is_left_over():
    first = file("net/a.json", said("name", "tmp", origin=Origin.CONFIG))
    second = file("net/b.json", said("name", "owl", origin=Origin.CONFIG))
    made = document(first, second, weights("net/model.safetensors"), key="net")
    assert made["name"] == "owl"
    assert "conflict" not in made.get("flags", ())


@pytest.mark.parametrize(
    ("title", "is_of_a_kind"),
    [
        ("SentenceTransformer", True),
        ("SentenceTransformer based on org/mpnet", True),
        ("SPLADE Sparse Encoder", True),
        ("CrossEncoder based on org/mpnet", True),
        ("German SentenceTransformer", False),
        ("sparse-encoder-de", False),
    ],
)
def test_what_a_library_calls_all_its_models_in_their_cards_is_no_name(title, is_of_a_kind):
    assert is_title_of_a_kind(title) is is_of_a_kind
    card = file("lab/tickets/README.md", said("name", title, origin=Origin.CARD))
    name = record(card, weights("lab/tickets/model.safetensors")).document["name"]
    assert (name != title) is is_of_a_kind
