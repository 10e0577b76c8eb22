"""Model cards: the front matter of README.md, the results it reports, and its first paragraph."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest
from fixtures.extraction import all_values_of, extract, values_of

from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.model_card import ModelCardExtractor
from crawler.extractors.modeldex_sidecar import ModeldexSidecarExtractor

DATA = Path(__file__).parents[3] / "corpus" / "data" / "hub"


class TestModelCard(ExtractorSuite):
    extractor = ModelCardExtractor
    expected: ClassVar = {
        "license": "other",
        "license_name": "example-1.0",
        "language": "no",
        "task": "text-classification",
        "name": "sentiment-nordic",
        "metrics.accuracy": 0.9312,
        "metrics.F1 Macro": "92.7 ± 0.4",
        "metrics.acc_norm": 8.73,
        "description": "Tells whether a review is positive, in English or Norwegian.",
    }

    def sample(self):
        return Sample(key="sentiment/README.md", data=(DATA / "README.md").read_bytes())


def test_a_tag_that_names_no_base_is_none():
    """What peft writes where it was told of no base, or of one on a disk."""
    card = (
        "---\ntags:\n- 'base_model:adapter:'\n- base_model:adapter:/scratch/out/base\n- lora\n"
        "- base_model:adapter:org/base\n---\n"
    )
    seen = extract(ModelCardExtractor, "lora/README.md", card.encode()).observations
    assert [item.raw for item in seen if item.field == "tags"] == ["lora", "base_model:adapter:org/base"]


@pytest.mark.parametrize(
    ("extractor", "key", "text"),
    [
        (
            ModelCardExtractor,
            "net/README.md",
            "---\nlicense: mit\nlicense: apache-2.0\nlicense: apache-2.0\n---\n",
        ),
        (ModeldexSidecarExtractor, "net/modeldex.yaml", "license: mit\nlicense: apache-2.0\n"),
        (ModeldexSidecarExtractor, "net/modeldex.json", '{"license": "mit", "license": "apache-2.0"}'),
    ],
)
def test_a_key_that_stands_twice_is_told(extractor, key, text):
    """Of two licences one was left out, and nobody knew."""
    extraction = extract(extractor, key, text.encode())
    assert [seen.raw for seen in extraction.observations if seen.field == "license"] == ["apache-2.0"]
    assert [problem.message for problem in extraction.problems] == [
        "the key 'license' stands twice; the last one counts"
    ]


LICENCES = {
    "[mit, apache-2.0]": ["mit AND apache-2.0"],
    "[mit OR gpl-3.0, apache-2.0]": ["(mit OR gpl-3.0) AND apache-2.0"],
    '["Apache License, Version 2.0", mit]': ["apache-2.0 AND mit"],
    "[mit, mit]": ["mit"],
    "[mit, terms of our own]": ["mit", "terms of our own"],
}


@pytest.mark.parametrize("listed", LICENCES)
def test_licences_in_a_list_hold_together(listed):
    """They contradicted each other, and `license:mit` did not find the model. Joined by a comma a choice among them was none,
    and terms that nobody knows were lost beside one that is known.
    """
    card = f"---\nlicense: {listed}\n---\n# Net\n".encode()
    assert all_values_of(extract(ModelCardExtractor, "net/README.md", card))["license"] == LICENCES[listed]


EVALUATED = """---
license: mit
model-index:
- name: tiny
  results:
  - task: {{type: text-classification}}
    dataset: {{name: emotion, type: emotion, split: validation}}
    metrics: [{{name: Accuracy, type: accuracy, value: 0.9245}}]
---
<details><summary>See axolotl config</summary>

</details>

This model is a fine-tuned version of [x](https://example.org/x) on an unknown dataset.
{sentence}
- Loss: 0.2153
- Accuracy: 0.9245
- Train Accuracy: 0.97
- Gen Len: 12
- Epoch: 2
- note: none of 3
- F1: 0.5
"""


def _evaluations(sentence):
    extraction = extract(ModelCardExtractor, "m/README.md", EVALUATED.format(sentence=sentence).encode())
    told = [item for item in extraction.observations if item.field.startswith("metrics.")]
    return extraction, {(item.field, item.raw, item.context.get("split")) for item in told}


def test_what_the_trainer_lists_of_its_last_evaluation_is_read():
    """Most cards that the Trainer writes have no other numbers: their `model-index` is empty where it does not know the data set."""
    extraction, told = _evaluations("It achieves the following results on the evaluation set:")
    assert told == {
        ("metrics.accuracy", 0.9245, "validation"),
        ("metrics.Loss", "0.2153", "validation"),
        ("metrics.Train Accuracy", "0.97", "train"),
        ("metrics.Gen Len", "12", "validation"),
    }
    description = values_of(extraction)["description"]
    assert description == "This model is a fine-tuned version of x on an unknown dataset."


@pytest.mark.parametrize(
    "sentence",
    [
        "The base model achieves the following results on the evaluation set:",
        "It achieves the following results on the test set:",
        "> It achieves the following results on the evaluation set:",
    ],
    ids=["another model", "another set", "a quotation"],
)
def test_lists_behind_other_sentences_say_no_metric(sentence):
    assert _evaluations(sentence)[1] == {("metrics.accuracy", 0.9245, "validation")}
