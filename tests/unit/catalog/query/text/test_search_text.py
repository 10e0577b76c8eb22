"""One table of spellings: what a text means, and how it is written canonically."""

from datetime import UTC, datetime

import pytest

from catalog.query.nodes import (
    All,
    And,
    Exists,
    Match,
    Nested,
    Not,
    Or,
    Phrase,
    Prefix,
    Range,
    Term,
    Terms,
    Wildcard,
)
from catalog.query.request import SortKey
from catalog.query.text.search_text import parse
from catalog.query.text.targets import ListedVocabulary

NOW = datetime(2026, 11, 24, 22, 30, tzinfo=UTC)


def day(year, month=1, date=1):
    return datetime(year, month, date, tzinfo=UTC)


ACCURACY = Range(field="metrics.accuracy", gt=0.9)
IMAGENET = (Term("evaluations.metric", "accuracy"), Term("evaluations.dataset", "imagenet"))
GPL = Or((Term("license_parts", "gpl"), Prefix("license_parts", "gpl-")))

READ = [
    # words
    ("", All(), ""),
    ("*", All(), ""),
    ("bert base", And((Match("bert"), Match("base"))), "bert base"),
    ("bert AND base", And((Match("bert"), Match("base"))), "bert base"),
    ("bert OR base", Or((Match("bert"), Match("base"))), "bert OR base"),
    ("a b OR c", Or((And((Match("a"), Match("b"))), Match("c"))), "a b OR c"),
    ("(a OR b) c", And((Or((Match("a"), Match("b"))), Match("c"))), "(a OR b) c"),
    ("-bert", Not(Match("bert")), "-bert"),
    ("!bert", Not(Match("bert")), "-bert"),
    ("NOT bert", Not(Match("bert")), "-bert"),
    ("-(a b)", Not(And((Match("a"), Match("b")))), "-(a b)"),
    ("NOT NOT bert", Match("bert"), "bert"),
    ('"exact phrase"', Phrase("exact phrase"), '"exact phrase"'),
    ("“exact phrase”", Phrase("exact phrase"), '"exact phrase"'),
    ("bert*", Or((Prefix("name", "bert"), Match("bert", ("name",), "prefix"))), "bert*"),
    ("C++", Match("C++"), "C++"),
    ("vision and language", And((Match("vision"), Match("language"))), "vision language"),
    ('vision "and" language', And((Match("vision"), Match("and"), Match("language"))), 'vision "and" language'),
    ("task:ner and task:pos", And((Term("task", "ner"), Term("task", "pos"))), "task:ner task:pos"),
    ("task:ner or task:pos", Or((Term("task", "ner"), Term("task", "pos"))), "task:ner OR task:pos"),
    ("模型", Match("模型"), "模型"),
    # words of a field
    ("task:ner", Term("task", "ner"), "task:ner"),
    ("TASK:ner", Term("task", "ner"), "task:ner"),
    ("pipeline_tag:ner", Term("task", "ner"), "task:ner"),
    ("task: ner", Term("task", "ner"), "task:ner"),
    ("task=ner", Term("task", "ner"), "task:ner"),
    ("task!=ner", Not(Term("task", "ner")), "-task:ner"),
    ("tag:a,b", Terms("tags", ("a", "b")), "tags:[a, b]"),
    ("tag:[a, b]", Terms("tags", ("a", "b")), "tags:[a, b]"),
    ('tag:["a b", c]', Terms("tags", ("a b", "c")), 'tags:["a b", c]'),
    ('tag:"a, b"', Term("tags", "a, b"), 'tags:"a, b"'),
    ('tag:"a,b:\\"c\\""', Term("tags", 'a,b:"c"'), 'tags:"a,b:\\"c\\""'),
    ("framework:py*", Prefix("framework", "py"), "framework:py*"),
    ("framework:*", Exists("framework"), "has:framework"),
    ("license:gpl", GPL, "license:gpl"),
    ("-license:gpl", Not(GPL), "-license:gpl"),
    ('license:"gpl"', Term("license", "gpl"), 'license:"gpl"'),
    ("precision:FP16", Term("precision", "F16"), "precision:F16"),
    ("dtype:torch.bfloat16", Term("precision", "BF16"), "precision:BF16"),
    # tokens
    ("context>8000", Range(field="context_length", gt=8000), "context>8000"),
    ("context:4000..8000", Range(field="context_length", gte=4000, lte=8000), "context:4k..8000"),
    ("context<=1M", Range(field="context_length", lte=1_048_576), "context<=1M"),
    ("context>8k,<9k", And((Range(field="context_length", gt=8192), Range(field="context_length", lt=9000))), "context>8k context<9k"),
    *[
        (
            text,
            Or((Term("layers", 6), Range(field="layers", gte=12, lte=24), Term("layers", 48))),
            "layers:6 OR layers:12..24 OR layers:48",
        )
        for text in ("layers:6,12-24,48", "layers:6,12..24,48")
    ],
    (
        "context:2048,4096-8192,16384",
        Or(
            (
                Term("context_length", 2048),
                Range(field="context_length", gte=4096, lte=8192),
                Term("context_length", 16384),
            )
        ),
        "context:2048 OR context:4.096k..8192 OR context:16384",
    ),
    ("accuracy:0,8-0,9", Range(field="metrics.accuracy", gte=0.8, lte=0.9), "accuracy:0.8..0.9"),
    ("params: 1,5 - 2,5 B", Range(field="parameters", gte=1_500_000_000, lte=2_500_000_000), "parameters:1.5B..2.5B"),
    ("context:8ki", Range(field="context_length", gte=7680, lt=8704), "context:8ki"),
    ("name:bert", Match("bert", ("name",)), "name:bert"),
    ('name:"bert base"', Phrase("bert base", ("name",)), 'name:"bert base"'),
    ("name=bert-base", Term("name", "bert-base"), "name=bert-base"),
    ("name:bert*", Prefix("name", "bert"), "name:bert*"),
    ("complete:no", Term("complete", value=False), "complete:false"),
    ("is:duplicate", Term("flags", "duplicate"), "is:duplicate"),
    ("is:archived", Term("status", "archived"), "status:archived"),
    ("has:accuracy", Exists("metrics.accuracy"), "has:accuracy"),
    ("has:metrics", Exists("metric_names"), "has:metrics"),
    ("has:loss", Exists("metrics.loss"), "has:metrics.loss"),
    ("missing:loss", Not(Exists("metrics.loss")), "missing:metrics.loss"),
    ("has:training.loss", Exists("training.loss"), "has:training.loss"),
    ("loss:focal", Term("training.loss", "focal"), "training.loss:focal"),
    ("missing:license", Not(Exists("license")), "missing:license"),
    ("-has:license", Not(Exists("license")), "missing:license"),
    ("-missing:license", Exists("license"), "has:license"),
    ("params.lora_r:8", Term("hyperparameters.lora_r", 8), "hyperparameters.lora_r:8"),
    ("s3://bucket/key", Prefix("uri", "s3://bucket/key"), "s3://bucket/key"),
    # numbers
    ("params>7B", Range(field="parameters", gt=7_000_000_000), "parameters>7B"),
    ("params > 7B", Range(field="parameters", gt=7_000_000_000), "parameters>7B"),
    ("params:>7B", Range(field="parameters", gt=7_000_000_000), "parameters>7B"),
    ("params ≥ 7e9", Range(field="parameters", gte=7_000_000_000), "parameters>=7B"),
    ("params:7B..70B", Range(field="parameters", gte=7_000_000_000, lte=70_000_000_000), "parameters:7B..70B"),
    ("params:1M..<20M", Range(field="parameters", gte=10**6, lt=2 * 10**7), "parameters:1M..<20M"),
    ("params:7B..*", Range(field="parameters", gte=7_000_000_000), "parameters>=7B"),
    ("params:..7B", Range(field="parameters", lte=7_000_000_000), "parameters<=7B"),
    ("params:7B", Range(field="parameters", gte=6_500_000_000, lt=7_500_000_000), "parameters:7B"),
    ("params:7.0B", Range(field="parameters", gte=6_950_000_000, lt=7_050_000_000), "parameters:7.0B"),
    ("params:7241732096", Term("parameters", 7_241_732_096), "parameters:7241732096"),
    ("params:1,000,000", Term("parameters", 1_000_000), "parameters:1000000"),
    ("size<2GB", Range(field="size_bytes", lt=2_000_000_000), "size<2GB"),
    ("size<4GiB", Range(field="size_bytes", lt=4 * 1024**3), "size<4294967296"),
    ("context:>=32k", Range(field="context_length", gte=32_000), "context>=32k"),
    ("lr<1e-3", Range(field="training.learning_rate", lt=0.001), "learning_rate<0.001"),
    ("params.lr < 0.001", Range(field="training.learning_rate", lt=0.001), "learning_rate<0.001"),
    ("params!=7B", Not(Range(field="parameters", gte=6_500_000_000, lt=7_500_000_000)), "-parameters:7B"),
    # metrics
    ("accuracy > 0.9", ACCURACY, "accuracy>0.9"),
    ("accuracy>0.9", ACCURACY, "accuracy>0.9"),
    ("accuracy>90%", ACCURACY, "accuracy>0.9"),
    ("accuracy>90", ACCURACY, "accuracy>0.9"),
    ("acc > .9", ACCURACY, "accuracy>0.9"),
    ("acc@1 > 0.9", ACCURACY, "accuracy>0.9"),
    ("metrics.accuracy > 0.9", ACCURACY, "accuracy>0.9"),
    ("`top-1` > 0.9", ACCURACY, "accuracy>0.9"),
    ("top-5>0.9", Range(field="metrics.accuracy_top5", gt=0.9), "accuracy_top5>0.9"),
    ("accuracy:80..90", Range(field="metrics.accuracy", gte=0.8, lte=0.9), "accuracy:0.8..0.9"),
    ("f1:0.8..*", Range(field="metrics.f1", gte=0.8), "f1>=0.8"),
    ("accuracy:93%", Range(field="metrics.accuracy", gte=0.925, lt=0.935), "accuracy:0.93"),
    ("bleu>30", Range(field="metrics.bleu", gt=30.0), "bleu>30"),
    ("wer<10%", Range(field="metrics.wer", lt=0.1), "wer<0.1"),
    ("wer<2", Range(field="metrics.wer", lt=2.0), "wer<2"),
    ("precision>0.9", Range(field="metrics.precision", gt=0.9), "precision>0.9"),
    ("loss<0.3", Range(field="metrics.loss", lt=0.3), "loss<0.3"),
    ("accuracy@imagenet > 0.9", Nested("evaluations", And((*IMAGENET, Range(field="evaluations.value", gt=0.9)))), "accuracy@imagenet>0.9"),
    ("accuracy@ILSVRC/ImageNet>0.9", Nested("evaluations", And((*IMAGENET, Range(field="evaluations.value", gt=0.9)))), "accuracy@imagenet>0.9"),
    ("has:accuracy@imagenet", Nested("evaluations", And(IMAGENET)), "has:accuracy@imagenet"),
    # dates
    ("after:2023", Range(field="best_date", gte=day(2024)), "after:2023"),
    ("since:2023", Range(field="best_date", gte=day(2023)), "since:2023"),
    ("before:2023", Range(field="best_date", lt=day(2023)), "before:2023"),
    ("until:2023", Range(field="best_date", lt=day(2024)), "until:2023"),
    ("in:2023", Range(field="best_date", gte=day(2023), lt=day(2024)), "in:2023"),
    ("on:2023-12-31", Range(field="best_date", gte=day(2023, 12, 31), lt=day(2024)), "in:2023-12-31"),
    ("date:2023..2024-05", Range(field="best_date", gte=day(2023), lt=day(2024, 6)), "date:2023..2024-05"),
    ("created:>2023-04", Range(field="created_at", gte=day(2023, 5)), "created>2023-04"),
    ("trained:2023", Range(field="trained_at", gte=day(2023), lt=day(2024)), "trained:2023"),
    ("date:march-2024", Range(field="best_date", gte=day(2024, 3), lt=day(2024, 4)), "in:2024-03"),
    ('date:"5 March 2024"', Range(field="best_date", gte=day(2024, 3, 5), lt=day(2024, 3, 6)), "in:2024-03-05"),
    ("after:-30d", Range(field="best_date", gte=datetime(2026, 10, 25, 22, 30, tzinfo=UTC)), "after:-30d"),
    ("since:2023-05-01T10:00+02:00", Range(field="best_date", gte=datetime(2023, 5, 1, 8, tzinfo=UTC)), "since:2023-05-01T08:00Z"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "query", "canonical"), READ, ids=[row[0] or "nothing" for row in READ])
def test_text_means_this_and_is_written_so(text, query, canonical):
    parsed = parse(text, now=NOW)
    assert parsed.query == query
    assert parsed.canonical == canonical
    assert parse(canonical, now=NOW).query == query


SENTENCES = [
    ("accuracy > 0.9 after 2023", "accuracy>0.9 after:2023"),
    ("models trained after 2023 with >90% accuracy", "after:2023 accuracy>0.9"),
    ("show me models with more than 90% accuracy", "accuracy>0.9"),
    ("at least 0.8 f1", "f1>=0.8"),
    ("90%+ accuracy", "accuracy>=0.9"),
    ("accuracy of at least 90%", "accuracy>=0.9"),
    ("accuracy over 90%", "accuracy>0.9"),
    ("accuracy between 0.8 and 0.9", "accuracy:0.8..0.9"),
    ("mean squared error below 0.1", "mse<0.1"),
    ("smaller than 2 GB", "size<2GB"),
    ("between 1B and 8B parameters", "parameters:1B..8B"),
    ("more than 7 billion parameters", "parameters>7B"),
    ("llama 7B", "llama parameters:7B"),
    ("more than 12 layers", "layers>12"),
    ("released since May 2024", "released>=2024-05"),
    ("created before 2024-05-01", "created<2024-05-01"),
    ("in the last 30 days", "since:-30d"),
    ("trained last month", "since:-1mo"),
    ("from 2022 to 2024", "date:2022..2024"),
    ("without a license", "missing:license"),
    ("newest models", "sort:-date"),
    ("best accuracy", "sort:-accuracy"),
    ("sorted by size", "sort:size"),
    ("bert in pytorch", "bert framework:pytorch"),
    ("models by google", "owner:google"),
    ("trained on squad", "datasets:squad"),
]
KNOWN = ListedVocabulary(
    metrics={"accuracy": 1_204, "f1": 37},
    values={
        "framework": {"pytorch": 9, "onnx": 2},
        "owner": {"google": 3},
        "datasets": {"squad": 1, "rajpurkar/squad": 2},
        "task": {"token-classification": 5, "text-classification": 7},
        "language": {"en": 4},
    },
    complete=frozenset({"framework", "task", "language", "metric_names"}),
)


def test_a_metric_that_only_its_owner_knows_is_looked_for_in_the_list_of_all_names():
    """Of hundreds of metrics a model has the usual ones as fields: `has:` found none of the others."""
    reported = Term("metric_names", "ap_class_7")
    assert parse("has:metrics.ap_class_7", now=NOW).query == reported
    assert (
        parse("has:ap_class_7", vocabulary=ListedVocabulary(metrics={"ap_class_7": 1}), now=NOW).query
        == reported
    )
    assert parse("missing:metrics.ap_class_7", now=NOW).query == Not(reported)


def test_a_name_beyond_those_that_the_vocabulary_lists_may_be_a_metric():
    listed = {f"ap_class_{number}": 1 for number in range(9)}
    truncated = ListedVocabulary(metrics=listed)
    assert parse("has:zebra_recall", vocabulary=truncated, now=NOW).query == Term(
        "metric_names", "zebra_recall"
    )
    (problem,) = parse("zebra_recall > 0.1", vocabulary=truncated, now=NOW).problems
    assert problem.message.startswith("zebra_recall is none of the 9 most frequent metrics.")
    whole = ListedVocabulary(metrics=listed, complete=frozenset({"metric_names"}))
    assert parse("has:zebra_recall", vocabulary=whole, now=NOW).query == All()
    (problem,) = parse("zebra_recall > 0.1", vocabulary=whole, now=NOW).problems
    assert problem.message.startswith("No model reports zebra_recall.")


@pytest.mark.parametrize(("text", "canonical"), SENTENCES)
def test_sentence_is_read_by_visible_rules(text, canonical):
    parsed = parse(text, vocabulary=KNOWN, now=NOW)
    assert parsed.canonical == canonical
    assert parsed.rewritten or "accuracy > 0.9" in text
    assert parse(parsed.literal, vocabulary=KNOWN, now=NOW).rewritten == ""


@pytest.mark.parametrize(
    "text",
    [
        "models",
        "attention with heads",
        '"after 2023"',
        "in pytorch",
        "by nobody",
        "after midnight",
        "map reduce",
        "over 9000",
    ],
)
def test_words_that_no_rule_reads_stay_words(text):
    parsed = parse(text, now=NOW)
    assert parsed.rewritten == ""
    assert parsed.conditions
    assert all(condition.kind == "text" for condition in parsed.conditions)


PROBLEMS = [
    ("acuracy>0.9", "unknown-metric", "accuracy>0.9", "acuracy"),
    ("taks:ner", "unknown-field", "task:ner", "taks"),
    ("framework:pytroch", "unknown-value", "framework:pytorch", "pytroch"),
    ("language:code-mixed", "unknown-value", None, "code-mixed"),
    ("language:non-english", "unknown-value", None, "non-english"),
    ("params:70B..7B", "reversed-range", "params:7B..70B", "70B..7B"),
    ("date:2024..2022", "reversed-range", "date:2022..2024", "2024..2022"),
    ("date:03/04/2023", "ambiguous-date", "date:2023-03-04", "03/04/2023"),
    ("after:soon", "not-a-date", None, "soon"),
    ("params:many", "not-a-number", None, "many"),
    ("complete:maybe", "not-a-boolean", "complete:true", "maybe"),
    ("task>ner", "not-ordered", "task:ner", "task>ner"),
    ("task:", "no-value", None, "task:"),
    ("sort:acuracy", "not-sortable", "sort:accuracy", "acuracy"),
    ("sort:description", "not-sortable", None, "description"),
    ("is:duplicat", "unknown-value", "is:duplicate", "duplicat"),
    ("is:movd", "unknown-value", "is:moved", "movd"),
    ("has:licence_nmae", "unknown-field", None, "licence_nmae"),
    ("(bert", "open-bracket", "(bert)", "("),
    ("bert)", "stray-bracket", "bert", ")"),
    ('"bert', "open-quote", '"bert"', '"bert'),
    ("bert OR", "dangling-operator", None, "OR"),
    ("files:x", "not-searchable", None, "files"),
    ("last_seen<2020", "not-searchable", None, "last_seen"),
    ("has:last_seen", "not-searchable", None, "last_seen"),
    ("sort:-last_seen", "not-sortable", None, "-last_seen"),
]


@pytest.mark.parametrize(("text", "code", "fix", "span"), PROBLEMS, ids=[row[0] for row in PROBLEMS])
def test_doubt_is_a_value_with_its_place_and_a_way_to_mend_it(text, code, fix, span):
    parsed = parse(text, vocabulary=KNOWN, now=NOW)
    problem = next(one for one in parsed.problems if one.code == code)
    assert text[problem.start : problem.end] == span
    if fix is not None:
        assert fix in [suggestion.text for suggestion in problem.suggestions]
        mended = parse(fix, vocabulary=KNOWN, now=NOW)
        assert not [one for one in mended.problems if one.code == code]


@pytest.mark.parametrize("text", ["last_seen<2020", "has:last_seen", "sort:-last_seen"])
def test_what_no_index_holds_says_what_finds_the_missing(text):
    """An order by `last_seen` said that there is no such field, though pages show it."""
    (problem,) = [
        one for one in parse(text, vocabulary=KNOWN, now=NOW).problems if "Last seen" in one.message
    ]
    assert "is:missing" in problem.message


def test_unknown_metric_offers_the_known_one_with_its_count():
    problem = parse("acuracy>0.9", vocabulary=KNOWN, now=NOW).problems[0]
    assert problem.suggestions[0].label == "accuracy (1,204)"


def test_percent_is_said_when_no_sign_was_written():
    assert [problem.code for problem in parse("accuracy > 90", now=NOW).problems] == ["read-as-percent"]
    assert not parse("accuracy > 90%", now=NOW).problems


SORTS = [
    ("sort:accuracy", [SortKey(field="metrics.accuracy", descending=True)], "sort:-accuracy"),
    ("sort:-accuracy", [SortKey(field="metrics.accuracy", descending=True)], "sort:-accuracy"),
    ("sort:loss", [SortKey(field="metrics.loss", descending=False)], "sort:loss"),
    ("sort:wer,name", [SortKey(field="metrics.wer"), SortKey(field="name_order")], "sort:wer,name"),
    ("sort:-loss", [SortKey(field="metrics.loss", descending=True)], "sort:-loss"),
    ("sort:accuracy-asc", [SortKey(field="metrics.accuracy")], "sort:accuracy-asc"),
    ("sort:size-desc", [SortKey(field="size_bytes", descending=True)], "sort:-size"),
    ("sort:date", [SortKey(field="best_date", descending=True)], "sort:-date"),
    ("sort:date-asc", [SortKey(field="best_date")], "sort:date-asc"),
    ("sort:params", [SortKey(field="parameters")], "sort:parameters"),
    ("sort:relevance", [SortKey(field="_score", descending=True)], "sort:score"),
]


@pytest.mark.parametrize(("text", "keys", "canonical"), SORTS, ids=[row[0] for row in SORTS])
def test_sort_is_best_first_by_the_direction_of_its_metric(text, keys, canonical):
    parsed = parse(text, now=NOW)
    assert list(parsed.sort) == keys
    assert parsed.canonical == canonical
    assert parse(canonical, now=NOW).sort == parsed.sort


def test_chips_say_what_a_condition_comes_to():
    parsed = parse("after:2023 params:7B", now=NOW)
    assert parsed.conditions[0].explanation == "trained or created from 1 Jan 2024 (UTC)"
    assert parsed.conditions[1].explanation == "about 6.5B to 7.5B"


def test_data_set_is_found_by_its_name_without_the_owner():
    parsed = parse("datasets:squad", vocabulary=KNOWN, now=NOW)
    assert parsed.query == Terms("datasets", ("squad", "rajpurkar/squad"))


def test_a_flag_that_only_a_strangers_extractor_sets_can_be_asked_for():
    vocabulary = ListedVocabulary(values={"flags": {"distilled": 3}})
    parsed = parse("is:distilled", vocabulary=vocabulary, now=NOW)
    assert (parsed.query, parsed.problems) == (Term("flags", "distilled"), ())
    assert [problem.code for problem in parse("is:distilled", now=NOW).problems] == ["unknown-value"]


def test_address_with_more_parameters_than_are_read_stays_words():
    """It ended the search with an error."""
    understood = parse(f"/api/search?q=bert{'&a=b' * 300}", now=NOW)
    assert isinstance(understood.query, Phrase)


@pytest.mark.parametrize("text", ["base:*llama*", "license:*gpl*", "-dataset:*squad*", 'owner LIKE "%a, b%"'])
def test_a_pattern_is_looked_for_where_nobody_knows_the_values(text):
    """It became any value: the search widened, and grants, webhooks and programs were refused it."""
    parsed = parse(text)
    assert not parsed.problems
    assert any(isinstance(node, Wildcard) for node in (parsed.query, getattr(parsed.query, "clause", None)))
    assert parse(parsed.canonical).query == parsed.query
