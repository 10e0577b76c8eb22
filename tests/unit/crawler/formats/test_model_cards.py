"""Model cards: front matter, results in old and broken spellings, prose."""

import pytest

from crawler.extractors.eval_results import EvalResultsExtractor
from crawler.extractors.model_card import ModelCardExtractor
from crawler.formats import front_matter, markdown
from crawler.reader import bytes_reader


def read(text, name="README.md"):
    data = text if isinstance(text, bytes) else text.encode()
    return ModelCardExtractor().extract(bytes_reader(name, data))


def said(extraction, field):
    return [observation.raw for observation in extraction.observations if observation.field == field]


def card(front, body="# T\n"):
    return read(f"---\n{front}\n---\n{body}")


@pytest.mark.parametrize(
    ("data", "front", "body"),
    [
        (b"---\na: 1\n---\nhi", "a: 1\n", "hi"),
        (b"\xef\xbb\xbf---\na: 1\n---\nhi", "a: 1\n", "hi"),
        (b"\r\n\r\n---\r\na: 1\r\n---\r\n- hi", "a: 1\r\n", "- hi"),
        (b"---\ra: 1\r---\rhi", "a: 1\r", "hi"),
        (b"--- \na: 1\n---", "a: 1\n", ""),
        (b"---\n---\nhi", "", "hi"),
        (b"# x\n---\na: 1\n---\n", None, "# x\n---\na: 1\n---\n"),
        (b"---\na: 1\n", None, "---\na: 1\n"),
        (b"----\na: 1\n---\n", None, "----\na: 1\n---\n"),
        (b"", None, ""),
    ],
    ids=[
        "plain",
        "BOM",
        "CRLF and blank lines",
        "CR",
        "trailing space",
        "empty",
        "not at the start",
        "no end",
        "four",
        "empty file",
    ],
)
def test_front_matter_stands_between_the_first_lines(data, front, body):
    assert front_matter.split(data) == front_matter.Card(front_matter=front, body=body)


def test_readme_without_front_matter_is_text_only():
    extraction = read("# magika\n\nDetects file types. accuracy: 99%\n")
    assert {observation.field for observation in extraction.observations} == {"all_text"}


def test_rule_at_the_start_of_prose_is_no_front_matter():
    extraction = read("---\njust a line of text\n---\nMore text here.\n")
    assert [problem.code for problem in extraction.problems] == ["front-matter"]
    assert said(extraction, "all_text") == ["More text here."]


def test_front_matter_that_is_no_yaml_costs_only_the_broken_key():
    extraction = card("license: mit\ntitle: a: b: c\ntags: [x, y]\nlanguage:\n- en\n bad indent: [")
    assert said(extraction, "license") == ["mit"]
    assert said(extraction, "tags") == ["x", "y"]
    assert [problem.code for problem in extraction.problems] == ["malformed"]
    assert extraction.status == "partial"


def test_lists_and_single_values_are_read_alike():
    extraction = card(
        "license: mit\nlanguage: [en, no, zh-Hant]\ntags: nlp\ndatasets:\n- imdb\n- {name: sst2}\n- null\nlibrary_name:"
    )
    assert said(extraction, "language") == ["en", "no", "zh-Hant"]
    assert said(extraction, "tags") == ["nlp"]
    assert said(extraction, "datasets") == ["imdb", "sst2"]
    assert said(extraction, "library") == []


def test_base_models_carry_their_relation():
    extraction = card("base_model:\n- org/a\n- org/b\nbase_model_relation: merge")
    assert said(extraction, "base_model.id") == ["org/a", "org/b"]
    assert {o.context.get("relation") for o in extraction.observations if o.field == "base_model.id"} == {
        "merge"
    }


def test_unknown_keys_go_to_the_field_they_name_or_are_kept():
    extraction = card(
        "trained_at: 2024-05\nparameters: 7B\nmy_key: x\nco2_eq_emissions: {emissions: 1.5, source: y}\nwidget:\n- text: hello"
    )
    assert said(extraction, "trained_at") == ["2024-05"]
    assert said(extraction, "parameters") == ["7B"]
    assert said(extraction, "extra.my_key") == ["x"]
    assert said(extraction, "extra.co2_eq_emissions.emissions") == [1.5]
    assert said(extraction, "extra.widget") == ["(1 values)"]


BROKEN_INDEX = """model-index:
- name: m
  results:
  - task: {type: t}
    dataset: {type: d}
    metrics: [{type: accuracy, value: 0.9}, {type: f1}, {value: 3}, nonsense]
  - nonsense
  - metrics: [{type: recall, value: 0.8}]
  - task: {type: t}
"""


def test_broken_entries_of_a_model_index_cost_only_themselves():
    extraction = card(BROKEN_INDEX)
    assert said(extraction, "metrics.accuracy") == [0.9]
    assert said(extraction, "metrics.recall") == [0.8]
    assert [problem.code for problem in extraction.problems] == ["model-index"] * 5
    assert extraction.problems[0].pointer == "front-matter:/model-index/0/results/0/metrics/1"


@pytest.mark.parametrize("key", ["model-index", "model_index"])
def test_old_spelling_with_a_single_metric_is_read(key):
    front = f"{key}:\n- name: m\n  results:\n  - task: {{name: T, type: t}}\n    dataset: {{name: glue, type: glue, args: sst2}}\n    metric: {{name: Accuracy, type: accuracy, value: 91.5}}"
    extraction = card(front)
    (metric,) = [o for o in extraction.observations if o.field == "metrics.accuracy"]
    assert metric.raw == 91.5
    assert metric.context["dataset"] == "glue"
    assert metric.context["config"] == "sst2"
    assert metric.context["primary"] is True


@pytest.mark.parametrize(
    ("metric", "field", "raw"),
    [
        ("{type: f1, name: F1 Macro, value: 0.8}", "metrics.F1 Macro", 0.8),
        ("{type: f1, args: {average: macro}, value: 0.8}", "metrics.f1_macro", 0.8),
        ("{type: accuracy, name: Test Accuracy, value: 0.8}", "metrics.accuracy", 0.8),
        ("{type: accuracy, value: 20.0 ± 1.2}", "metrics.accuracy", "20.0 ± 1.2"),
        ("{type: wer, value: '12.5'}", "metrics.wer", "12.5"),
        ("{name: Rouge1, value: 41.2}", "metrics.Rouge1", 41.2),
        ("{accuracy: 0.7}", "metrics.accuracy", 0.7),
        ("{type: accuracy, value: .nan}", "metrics.accuracy", ".nan"),
    ],
)
def test_metric_is_named_as_exactly_as_its_entry_allows(metric, field, raw):
    extraction = card(
        f"model-index:\n- name: m\n  results:\n  - dataset: {{type: d}}\n    metrics:\n    - {metric}"
    )
    assert said(extraction, field) == [raw]


def test_leaderboard_block_is_marked_as_a_writer_of_percent():
    front = (
        "model-index:\n- name: m\n  results:\n  - dataset: {type: bbh}\n    source: {name: Open LLM Leaderboard, url: u}\n"
        "    metrics: [{type: acc_norm, value: 0.53}]\n  - dataset: {type: own}\n    metrics: [{type: accuracy, value: 0.91}]"
    )
    contexts = {o.field: o.context for o in card(front).observations if o.field.startswith("metrics.")}
    assert contexts["metrics.acc_norm"]["percent_writer"] is True
    assert contexts["metrics.acc_norm"]["block"] != contexts["metrics.accuracy"]["block"]
    assert "percent_writer" not in contexts["metrics.accuracy"]


BODIES = {
    "a plain one": ("# T\n\nA tiny classifier.\n", "A tiny classifier."),
    "behind badges": ("[![b](x)](y) ![i](z)\n\n# T\n\n<p align='center'><img src='x'></p>\n\nReads *tables* well.\n", "Reads tables well."),
    "behind boilerplate": ("<!-- auto -->\n\n[More Information Needed]\n\nThis modelcard aims to be a base template for new models.\n\nReal words here.", "Real words here."),
    "not a list, table or code": ("- a list item\n- more\n\n|a|b|\n|-|-|\n\n```\nimport this thing\n```\n\nAt last, prose.", "At last, prose."),
    "a heading glued to it": ("# T\nThe words below a heading.", "The words below a heading."),
    "links": ("See [the paper](http://x/(y)) and [code][1] for it.", "See the paper and code for it."),
    "nothing": ("# T\n\n[More Information Needed]\n", None),
}  # fmt: skip


@pytest.mark.parametrize(("body", "expected"), BODIES.values(), ids=BODIES)
def test_description_is_the_first_paragraph_that_says_something(body, expected):
    assert markdown.first_paragraph(body) == expected


def test_description_of_the_front_matter_wins():
    assert said(card("description: Mine.", "# T\n\nThe body has words.\n"), "description") == ["Mine."]


TRAINER_BODY = """# run

### Training hyperparameters

The following hyperparameters were used during training:
- learning_rate: 2e-05
- train_batch_size: 16
- seed: 42
- optimizer: Use adamw_torch with betas=(0.9,0.999) and epsilon=1e-08
- lr_scheduler_type: linear
- num_epochs: 3.0

### Training results

- accuracy: 0.99

### Framework versions

- Transformers 4.45.0
- Pytorch 2.4.0+cu121
"""


def test_settings_of_a_trainer_s_card_are_read_and_its_prose_is_not():
    extraction = card("license: mit", TRAINER_BODY)
    assert said(extraction, "training.learning_rate") == ["2e-05"]
    assert said(extraction, "training.batch_size") == ["16"]
    assert said(extraction, "training.seed") == ["42"]
    assert said(extraction, "training.epochs") == ["3.0"]
    assert said(extraction, "training.scheduler") == ["linear"]
    assert said(extraction, "dependencies") == ["transformers==4.45.0", "torch==2.4.0+cu121"]
    assert not any(observation.field.startswith("metrics.") for observation in extraction.observations)


def test_card_that_is_not_utf_8_is_still_read():
    assert said(read(b"---\nlicense: mit\nname: caf\xe9\n---\nx"), "license") == ["mit"]


def test_long_body_is_cut_at_256_kilobytes():
    assert len(said(card("a: b", "x" * 400_000), "all_text")[0]) == 256 * 1024


def test_result_without_data_set_costs_only_itself():
    data = b"- {dataset: {id: a/b, task_id: t}, value: 0.5, date: 2025-01-01}\n- {value: 3}\n- {dataset: {id: c}}\n"
    extraction = EvalResultsExtractor().extract(bytes_reader("m/.eval_results/x.yaml", data))
    assert said(extraction, "metrics.t score") == [0.5]
    assert [problem.code for problem in extraction.problems] == ["eval-results", "eval-results"]
    assert extraction.observations[0].context["evaluated_at"] == "2025-01-01"


def test_front_matter_without_one_readable_key_leaves_the_prose():
    extraction = card("{[ \x07 : :", "# Net\n\nA net that sees.\n")
    assert said(extraction, "description") == ["A net that sees."]


RESULT = "  - task: {{type: {}}}\n    dataset: {{name: d, type: d}}\n    metrics: [{{type: accuracy, value: 0.9}}]\n"


@pytest.mark.parametrize(
    ("front", "task"),
    [
        ("model-index:\n- name: m\n  results:\n" + RESULT.format("summarization"), ["summarization"]),
        ("model-index:\n- name: m\n  results:\n" + RESULT.format("Retrieval"), []),
        (
            "model-index:\n- name: m\n  results:\n"
            + RESULT.format("summarization")
            + RESULT.format("translation"),
            [],
        ),
        ("tags: [summarization, nlp]", ["summarization"]),
        ("tags: [summarization, translation]", []),
        ("pipeline_tag: translation\ntags: [summarization]", ["translation"]),
    ],
    ids=["of its results", "no pipeline tag", "two", "of its tags", "two tags", "stated"],
)
def test_task_of_a_card_without_pipeline_tag_is_the_one_that_it_names(front, task):
    assert said(card(front), "task") == task


def test_optimizer_of_a_trainer_s_card_is_its_name_and_the_sentence_is_kept():
    extraction = card("license: mit", TRAINER_BODY)
    assert said(extraction, "training.optimizer") == ["adamw_torch"]
    sentence = "Use adamw_torch with betas=(0.9,0.999) and epsilon=1e-08"
    assert said(extraction, "hyperparameters.optimizer_settings") == [sentence]


def test_weights_pushed_by_the_hub_s_mixin_are_pytorch_s():
    assert said(card("tags: [pytorch_model_hub_mixin]\nlibrary_name: some-library"), "framework") == [
        "pytorch"
    ]
