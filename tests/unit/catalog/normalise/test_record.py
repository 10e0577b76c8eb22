from __future__ import annotations

import json
import random
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from fixtures.normalise import NOW, SOURCE, codes, document, file, record, reported, said, tally, weights
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.normalise.record import normalise
from catalog.records import (
    Evidence,
    FileStatus,
    Group,
    Member,
    Observation,
    Origin,
    Problem,
    Reference,
    Risk,
    Role,
    Severity,
)
from mappings import fields


@pytest.mark.parametrize("export", ["pmml", "onnx"])
def test_an_export_beside_a_booster_takes_nothing_from_it(export: str) -> None:
    """A readable model of CatBoost was opaque, and one of PMML or ONNX, because its export lay beside it."""
    made = document(
        file(
            "churn/m.cbm",
            said("framework", "catboost", origin=Origin.EMBEDDED),
            format="catboost",
            role=Role.WEIGHTS,
        ),
        file(
            f"churn/m.{export}",
            said("framework", export, origin=Origin.EMBEDDED),
            format=export,
            role=Role.WEIGHTS,
            status=FileStatus.OPAQUE,
        ),
    )
    assert (made["status"], made["framework"], made["format"]) == ("ok", "catboost", ["catboost", export])


def test_a_transformers_model_is_described_whole() -> None:
    made = document(
        file(
            "model/README.md",
            said("license", "apache-2.0"),
            said("library", "transformers"),
            said("task", "text-classification"),
            said("tags", ["nlp", "sentiment", "nlp"]),
            said("language", "en"),
            said("datasets", ["imdb"]),
            said("base_model.id", "google-bert/bert-base-uncased"),
            *reported({"accuracy": 0.9312, "f1": 0.927}, dataset="imdb", split="test"),
            role=Role.CARD,
        ),
        file(
            "model/config.json", said("architecture", "BertForSequenceClassification", origin=Origin.CONFIG)
        ),
        weights("model/model.safetensors", tally(41_155)),
    )
    assert made["name"] == "model"
    assert made["license"] == "apache-2.0"
    assert made["framework"] == "transformers"
    assert made["tags"] == ["nlp", "sentiment"]
    assert made["metrics"] == {"accuracy": 0.9312, "f1": 0.927}
    assert made["base_model"] == [{"id": "google-bert/bert-base-uncased"}]
    assert (made["parameters"], made["precision"], made["complete"], made["status"]) == (
        41_155,
        "F32",
        True,
        "ok",
    )
    assert made["total_bytes"] == made["size_bytes"] + 2_000
    assert [entry["key"] for entry in made["files"]] == [
        "model/README.md",
        "model/config.json",
        "model/model.safetensors",
    ]


def test_every_name_in_the_document_is_in_the_table_of_fields() -> None:
    made = document(
        weights("model/a.safetensors", modified=datetime(2024, 1, 1, tzinfo=UTC), sha256="ab" * 32),
        file(
            "model/c.json",
            said("adapter.type", "lora"),
            said("trained_at", "2024"),
            said("hyperparameters.x", 1),
            said("unheard_of", 3),
        ),
        file(
            "model/w.onnx",
            role=Role.WEIGHTS,
            format="onnx",
            risks=(Risk(kind="unchecked", severity=Severity.LOW, detail="x", key="k"),),
        ),
    )
    known = {name.partition(".")[0] for name in fields()}
    assert set(made) <= known
    assert made["extra"]["unheard_of"] == 3
    assert made["content_hash"] == "ab" * 32
    assert {"adapter", "unchecked"} <= set(made["flags"])


@pytest.mark.parametrize(
    ("field", "statements", "winner"),
    [
        ("license", {Origin.CARD: "mit", Origin.EMBEDDED: "apache-2.0"}, "mit"),
        ("architecture", {Origin.CONFIG: "A", Origin.EMBEDDED: "B"}, "B"),
        ("name", {Origin.EMBEDDED: "embedded", Origin.CARD: "card", Origin.EDIT: "edited"}, "edited"),
        ("architecture", {Origin.EDIT: "edited", Origin.EMBEDDED: "B"}, "edited"),
        ("training.seed", {Origin.CARD: 1, Origin.RUN: 2}, 2),
    ],
)
def test_the_rule_of_the_field_decides(field: str, statements: dict[Origin, Any], winner: Any) -> None:
    members = [
        file(f"model/{origin}.json", said(field, raw, origin=origin)) for origin, raw in statements.items()
    ]
    provenance = record(*members).provenance[field]
    assert provenance.winners[0].value == winner
    assert {
        loser.lost_because for loser in provenance.losers if loser.observation.extractor != "listing"
    } == {"rank"}


def test_the_nearest_run_tells_the_learning_rate() -> None:
    made = document(
        file("params.yaml", said("training.learning_rate", 0.1, origin=Origin.RUN), distance=-1),
        file("model/args.json", said("training.learning_rate", 0.2, origin=Origin.RUN)),
    )
    assert made["training"]["learning_rate"] == 0.2


def test_a_card_of_a_parent_says_licence_and_tags_only() -> None:
    made = document(
        file(
            "README.md",
            said("license", "mit"),
            said("task", "summarization"),
            *reported({"accuracy": 0.9}),
            distance=-1,
        ),
        file("a/b/c/README.md", said("license", "apache-2.0"), distance=-3),
        weights("model/x.safetensors"),
    )
    assert made["license"] == "mit"
    assert not {"task", "metrics"} & set(made)


def test_an_inferred_value_loses_to_a_stated_one() -> None:
    made = document(
        file(
            "model/a.safetensors",
            said("framework", "pytorch", origin=Origin.EMBEDDED, evidence=Evidence.INFERRED),
        ),
        file("model/MLmodel", said("framework", "sklearn", origin=Origin.CONFIG)),
    )
    assert made["framework"] == "scikit-learn"


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ("diffusers", "diffusers"),
        ("transformers", "pytorch"),
        ("sentence-transformers", "sentence-transformers"),
    ],
)
def test_the_more_specific_library_is_the_framework(stated: str, expected: str) -> None:
    made = document(
        file("model/a.safetensors", said("framework", "pt", origin=Origin.EMBEDDED)),
        file("model/index.json", said("framework", stated, origin=Origin.CONFIG)),
    )
    assert made["framework"] == expected


def test_licences_that_differ_are_a_conflict() -> None:
    made = record(
        file("model/README.md", said("license", "mit")),
        file("model/LICENSE", said("license", "Apache-2.0", origin=Origin.PACKAGE)),
    )
    assert made.document["license"] == "mit"
    assert made.provenance["license"].conflict
    assert "license-conflict" in codes(made.document)


def test_a_licence_and_the_address_beside_it_that_names_another_are_a_conflict() -> None:
    text = "Apache-2.0 (https://opensource.org/licenses/MIT)"
    made = record(file("model/README.md", said("license", text)))
    assert made.document["license"] == "apache-2.0"
    assert made.provenance["license"].winners[0].observation.raw == text
    assert made.provenance["license"].losers[0].value == "mit"
    assert "license-conflict" in codes(made.document)


def test_several_licences_of_a_card_all_hold() -> None:
    made = document(file("model/README.md", said("license", ["mit", "Apache 2.0"])))
    assert made["license"] == "mit AND apache-2.0"


def test_a_value_that_cannot_be_converted_is_a_problem_and_stays_visible() -> None:
    made = record(file("model/a.json", said("context_length", "very long", pointer="json:/n_ctx")))
    assert "context_length" not in made.document
    (problem,) = made.document["problems"]
    assert (problem["code"], problem["pointer"]) == ("value-unreadable", "json:/n_ctx")
    (loser,) = made.provenance["context_length"].losers
    assert (loser.observation.raw, loser.lost_because) == ("very long", "not-a-number")


def test_a_field_that_modeldex_makes_cannot_be_stated() -> None:
    made = document(file("model/modeldex.yaml", said("status", "gone", origin=Origin.SIDECAR)))
    assert made["status"] == "ok"
    assert codes(made) == ["field-is-derived"]


def test_settings_find_their_fields_and_stay_searchable_by_their_own_names() -> None:
    made = document(
        file(
            "model/params.yaml",
            said("hyperparameters.train.lr", "0.05", origin=Origin.RUN),
            said("hyperparameters.dropout", 0.1),
        )
    )
    assert made["training"]["learning_rate"] == 0.05
    assert made["hyperparameters"] == {"dropout": 0.1, "train_lr": 0.05}


@pytest.mark.parametrize("name", ["validation.batch_size", "server.batch_size", "data.seed"])
def test_a_setting_of_something_else_is_not_how_the_model_was_trained(name: str) -> None:
    """The batch of a validation, or of a server, and the seed that splits the data became those of the training."""
    made = document(file("model/config.yaml", said(f"hyperparameters.{name}", 7, origin=Origin.RUN)))
    assert "training" not in made
    assert made["hyperparameters"] == {name.replace(".", "_"): 7}


def test_a_setting_that_is_a_word_stays_a_hyper_parameter() -> None:
    stated = file("model/m.pkl", said("training.learning_rate", "constant", origin=Origin.EMBEDDED))
    own_name = file("model/n.pkl", said("hyperparameters.random_state", "auto", origin=Origin.EMBEDDED))
    made = document(stated, own_name)
    assert made["hyperparameters"] == {"learning_rate": "constant", "random_state": "auto"}
    assert "training" not in made
    assert codes(made) == []


def test_a_batch_per_device_is_multiplied_only_when_all_factors_are_known() -> None:
    per_device = said(
        "hyperparameters.per_device_train_batch_size",
        8,
        origin=Origin.RUN,
        pointer="json:/per_device_train_batch_size",
    )
    accumulation = said("hyperparameters.gradient_accumulation_steps", 4, origin=Origin.RUN)
    devices = said("hyperparameters.world_size", 2, origin=Origin.RUN)
    assert document(file("model/a.json", per_device, accumulation))["training"]["batch_size"] == 8
    assert document(file("model/a.json", per_device, accumulation, devices))["training"]["batch_size"] == 64


def test_secrets_appear_nowhere_in_a_record() -> None:
    made = record(
        file(
            "model/params.yaml",
            said("hyperparameters.hub_token", "hunter2hunter2"),
            said("extra.config", {"db": {"password": "hunter2"}, "url": "postgres://me:hunter2@host/db"}),
            said("description", "use hf_abcdefghijklmnopqrstuvwxyz0123456789 to load"),
            said("extra.output_dir", "/home/anna/models/x"),
            said("hyperparameters.pad_token", "<pad>"),
        )
    )
    everything = json.dumps(made.document) + repr(made.provenance)
    for secret in ("hunter2", "hf_abc", "anna"):
        assert secret not in everything
    assert made.document["risk_kinds"] == ["secret"]
    assert made.document["hyperparameters"]["pad_token"] == "<pad>"
    assert made.document["extra"]["output_dir"] == "~/models/x"


def test_hostile_text_is_made_harmless_and_bounded() -> None:
    made = document(
        file(
            "model/a.json",
            said("description", "ok\x1b[31m \u202eevil\x00 " + "x" * 100_000),
            said("tags", [f"tag{n}" for n in range(5_000)]),
        ),
    )
    assert made["description"].startswith("ok evil x")
    assert len(made["description"]) <= 8_192
    assert len(made["tags"]) == 500


def test_an_adapter_is_never_its_base_model() -> None:
    made = document(
        file(
            "lora/adapter_config.json",
            said("adapter.type", "LORA", origin=Origin.CONFIG),
            said("base_model.id", "meta-llama/Llama-3.1-8B", origin=Origin.CONFIG, relation="adapter"),
        ),
        weights("lora/adapter_model.safetensors", tally(2048)),
        key="lora",
    )
    assert (made["parameters"], made["parameters_scope"]) == (2048, "adapter")
    assert made["base_model"] == [{"id": "meta-llama/Llama-3.1-8B", "relation": "adapter"}]
    assert made["flags"] == ["adapter"]


def test_optimizer_and_averages_are_not_parameters() -> None:
    made = document(
        weights(
            "m/last.ckpt", tally(100), tally(200, part="optimizer"), tally(100, part="ema"), format="pytorch"
        ),
        key="m",
    )
    assert made["parameters"] == 100


def test_an_average_counts_where_the_live_weights_are_gone() -> None:
    assert (
        document(weights("m/last.ckpt", tally(100, part="ema"), format="pytorch"), key="m")["parameters"]
        == 100
    )


def test_external_data_belongs_to_the_size_and_its_absence_is_said() -> None:
    graph = weights(
        "m/model.onnx",
        tally(1000),
        format="onnx",
        size=500,
        references=(Reference(name="model.onnx_data", relation="data"),),
    )
    data = file("m/model.onnx_data", role=Role.DATA, size=4_000)
    assert document(graph, data, key="m")["size_bytes"] == 4_500
    made = document(graph, key="m")
    assert made["complete"] is False
    assert "missing-file" in codes(made)


def test_a_count_that_a_budget_ended_is_an_estimate() -> None:
    from fixtures.normalise import tensors

    made = document(
        weights("m/model.onnx", format="onnx", summary=tensors(tally(10), complete=False), size=4_210_000),
        key="m",
    )
    assert (made["parameters"], made["parameters_source"]) == (1_100_000, "estimated")


def test_a_pointer_is_a_pointer_with_the_size_of_what_it_points_to() -> None:
    made = document(
        file(
            "m/model.safetensors",
            said("size_bytes", 5_000_000, origin=Origin.EMBEDDED, evidence=Evidence.DECLARED),
            role=Role.WEIGHTS,
            status=FileStatus.POINTER,
            size=130,
        ),
        key="m",
    )
    assert (made["status"], made["flags"], made["size_bytes"]) == ("pointer", ["pointer"], 5_000_000)


def test_risks_and_problems_of_all_files_are_listed_worst_first() -> None:
    made = document(
        file(
            "m/a.bin",
            role=Role.WEIGHTS,
            risks=(Risk(kind="unchecked", severity=Severity.LOW, detail="a", key="m/a.bin"),),
        ),
        file(
            "m/b.bin",
            role=Role.WEIGHTS,
            risks=(Risk(kind="code-execution", severity=Severity.HIGH, detail="os.system", key="m/b.bin"),),
            problems=(Problem(code="malformed", message="x"),),
        ),
        key="m",
    )
    assert [risk["kind"] for risk in made["risks"]] == ["code-execution", "unchecked"]
    assert made["risk_severity"] == "high"
    assert made["risk_kinds"] == ["code-execution", "unchecked"]
    assert codes(made) == ["malformed"]


@pytest.mark.parametrize(("dtype", "method"), [("Q8_0", "Q8_0"), ("I8", "int8"), ("F8_E4M3", "fp8")])
def test_what_the_tensors_show_is_the_quantization(dtype: str, method: str) -> None:
    made = document(weights("m/model.x", tally(100, dtype=dtype)), key="m")
    assert made["quantization"]["method"] == method


def test_only_the_subject_of_the_group_speaks() -> None:
    seen = [
        Observation(
            field="training.seed",
            raw=number,
            pointer="x",
            key="r.db",
            extractor="t",
            extractor_version=1,
            origin=Origin.RUN,
            subject=subject,
        )
        for number, subject in ((1, "run-a"), (2, "run-b"), (3, None))
    ]
    member = file("r.db", role=Role.RUN)
    assert member.extraction is not None
    member = replace(
        member, subject="run-b", extraction=replace(member.extraction, observations=tuple(seen[:2]))
    )
    made = normalise(Group(source=SOURCE, key="r", kind="run", members=(member,)), now=NOW)
    assert made.document["training"]["seed"] == 2


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
field_names = st.one_of(
    st.sampled_from(sorted(fields())),
    st.text(max_size=12).map(lambda name: f"metrics.{name}"),
    st.text(max_size=12).map(lambda name: f"extra.{name}"),
    st.sampled_from(
        [
            "metrics.acc",
            "metrics.f1,none",
            "hyperparameters.lr",
            "hyperparameters",
            "extra",
            "metrics",
            "training",
        ]
    ),
    st.text(max_size=12),
)
contexts = st.dictionaries(
    st.sampled_from(
        [
            "dataset",
            "split",
            "step",
            "block",
            "source",
            "primary",
            "evaluated_at",
            "uncertainty",
            "config",
            "unit",
            "relation",
            "history",
        ]
    ),
    json_values,
    max_size=3,
)
observations = st.builds(
    lambda context, *args, **named: replace(said(*args, **named), context=context),
    contexts,
    field_names,
    json_values,
    pointer=st.text(max_size=12),
    origin=st.sampled_from(Origin),
    evidence=st.sampled_from(Evidence),
    unit=st.sampled_from([None, None, "%", "ms", "GB"]),
)
tallies = st.builds(
    tally,
    st.integers(min_value=0, max_value=2**62),
    dtype=st.sampled_from(["F32", "BF16", "I32", "U8", "Q4_K", "I64", "X9"]),
    part=st.sampled_from(["model", "buffer", "optimizer", "ema", "constant", "auxiliary"]),
    suffix=st.sampled_from(["weight", "qweight", "weight_packed", "blocks"]),
)
names = st.sampled_from(
    [
        "m/model.safetensors",
        "m/model-00001-of-00003.safetensors",
        "m/a.onnx",
        "m/b.onnx",
        "m/x/c.bin",
        "README.md",
        "m/\udcff.bin",
    ]
)


@st.composite
def members(draw: st.DrawFn) -> list[Member]:
    made = []
    for key in draw(st.lists(names, max_size=4, unique=True)):
        says = draw(st.lists(observations, max_size=6))
        if draw(st.booleans()):
            made.append(
                weights(
                    key,
                    *draw(st.lists(tallies, min_size=1, max_size=3)),
                    size=draw(st.integers(min_value=0, max_value=2**50)),
                )
            )
        else:
            made.append(
                file(key, *says, role=draw(st.sampled_from(Role)), status=draw(st.sampled_from(FileStatus)))
            )
    return made


@settings(max_examples=100, deadline=None)
@given(members(), st.randoms(use_true_random=False))
def test_normalising_is_total_and_the_order_of_members_does_not_matter(
    found: list[Member], order: random.Random
) -> None:
    first = record(*found, key="m")
    shuffled = list(found)
    order.shuffle(shuffled)
    assert record(*shuffled, key="m") == first
    json.dumps(first.document, allow_nan=False, ensure_ascii=False).encode("utf-8")


@pytest.mark.parametrize(
    ("stated", "shown"),
    [
        ("/data/models/mistral-base/", "mistral-base"),
        ("./out/bert", "bert"),
        ("C:\\models\\bert", "bert"),
        (f"/root/.cache/huggingface/hub/models--org--net/snapshots/{'a' * 40}", "org/net"),
        ("~/.cache/huggingface/hub/models--bert-base", "bert-base"),
        ("/root/.cache/modelscope/hub/models/org/net2___5", "org/net2.5"),
        ("google-bert/bert-base-uncased", "google-bert/bert-base-uncased"),
        ("https://huggingface.co/google-bert/bert-base-uncased", "google-bert/bert-base-uncased"),
    ],
)
def test_a_base_model_in_a_folder_of_the_trainer_s_machine_is_its_last_part(stated: str, shown: str) -> None:
    """An adapter of a model in the hub's cache had a revision as its base."""
    made = document(file("m/README.md", said("base_model.id", stated), role=Role.CARD))
    assert [base["id"] for base in made["base_model"]] == [shown]


@pytest.mark.parametrize(
    ("card", "shown"),
    [
        ("org/Net-8B", {"org/Net-8B"}),
        (["org/Net-8B", "other/net-8b"], {"org/Net-8B", "other/net-8b", "net-8b"}),
        ("org/Net-7B", {"org/Net-7B", "net-8b"}),
    ],
)
def test_a_folder_of_the_base_that_the_card_names_is_that_base(card, shown) -> None:
    """What peft writes of a base on a disk was a second one, and the adapter one of neither."""
    made = document(
        file("m/README.md", said("base_model.id", card), role=Role.CARD),
        file(
            "m/adapter_config.json",
            said("base_model.id", "/mnt/models/net-8b", origin=Origin.CONFIG, relation="adapter"),
            role=Role.CONFIG,
        ),
        weights("m/adapter_model.safetensors", tally(1)),
        key="m",
    )
    assert {base["id"] for base in made["base_model"]} == shown
    assert {base.get("relation") for base in made["base_model"]} - {None} == {"adapter"}


def test_weights_that_are_cut_off_make_the_model_partial_whatever_became_of_its_alternatives() -> None:
    cut = weights("m/net.safetensors", tally(210))
    cut = replace(cut, extraction=replace(cut.extraction, status=FileStatus.PARTIAL))
    broken = weights("m/net.pt", tally(0))
    broken = replace(
        broken, extraction=replace(broken.extraction, tensors=None, status=FileStatus.UNREADABLE)
    )
    assert document(cut, broken)["status"] == "partial"


@pytest.mark.parametrize("raw", [0, -1, "-1", 20_000])
def test_a_limit_is_no_result(raw) -> None:
    made = document(
        file("model/a.ckpt", said("hyperparameters.max_epochs", raw), said("hyperparameters.max_steps", raw))
    )
    assert "training" not in made
    assert set(made["hyperparameters"]) == {"max_epochs", "max_steps"}


def test_two_metrics_do_not_fold_into_one() -> None:
    made = document(file("model/meta.json", said("metrics.tag_acc", 0.97), said("metrics.pos_acc", 0.95)))
    assert made["metrics"] == {"tag_accuracy": 0.97, "pos_accuracy": 0.95}


def test_a_secret_in_the_name_of_a_file_is_said_and_the_file_still_found() -> None:
    made = record(file("hf_abcdefghijklmnopqrstuvwxyz0123456789/model.safetensors", said("description", "x")))
    assert made.document["file_names"] == ["model.safetensors"]
    (risk,) = made.document["risks"]
    assert (risk["kind"], risk["file"].partition("_")[0], "its name" in risk["detail"]) == (
        "secret",
        "hf",
        True,
    )
