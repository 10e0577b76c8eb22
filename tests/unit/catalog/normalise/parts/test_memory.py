"""Memory of a model: its weights as they are stored, and the keys and values of a context."""

import pytest
from fixtures.normalise import file, record, said, tally, tensors
from fixtures.normalise import weights as weights_file

from catalog.records import Role


def weights(*tallies, key="m/model.safetensors", size=1_000):
    return weights_file(key, summary=tensors(*tallies), size=size)


def config(**values):
    fields = {
        "layers": values.pop("layers", None),
        "context_length": values.pop("context", None),
        "architecture": values.pop("architecture", "LlamaForCausalLM"),
        "embedding_dimension": values.pop("hidden", None),
        "model_type": values.pop("model_type", None),
        **{f"extra.{name}": value for name, value in values.items()},
    }
    statements = [said(name, value) for name, value in fields.items() if value is not None]
    return file("m/config.json", *statements, format="hf-config", role=Role.CONFIG)


def memory(*files):
    document = record(*files).document
    return document.get("memory_bytes"), document.get("kv_bytes_per_token")


# What is known of real models, from their config.json and technical reports.
@pytest.mark.parametrize(
    ("settings", "per_token"),
    [
        ({"layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8, "hidden": 4_096}, 131_072),
        ({"layers": 28, "num_attention_heads": 28, "num_key_value_heads": 4, "head_dim": 128, "hidden": 3_584}, 57_344),
        ({"layers": 12, "n_head": 12, "hidden": 768, "architecture": "GPT2LMHeadModel"}, 36_864),
        ({"layers": 27, "num_attention_heads": 16, "kv_lora_rank": 512, "qk_rope_head_dim": 64, "hidden": 2_048}, 31_104),
        (
            {
                "layers": 34, "text_config_num_attention_heads": 8, "text_config_num_key_value_heads": 4,
                "text_config_head_dim": 256, "architecture": "Gemma3ForConditionalGeneration",
            },
            139_264,
        ),
    ],
    ids=["llama-3.1-8b", "qwen2.5-7b", "gpt2", "deepseek-v2-lite", "gemma-3-4b"],
)  # fmt: skip
def test_a_token_of_context_takes_what_heads_and_layers_say(settings, per_token):
    assert memory(weights(tally(1_000, dtype="BF16")), config(**settings))[1] == per_token


def test_memory_is_the_weights_by_their_true_dtypes_and_the_cache_of_the_context():
    settings = {"layers": 2, "num_attention_heads": 4, "hidden": 64, "context": 4_096}
    total, per_token = memory(weights(tally(1_000, dtype="BF16"), tally(10)), config(**settings))
    assert per_token == 2 * 2 * 4 * 16 * 2
    assert total == 1_000 * 2 + 10 * 4 + 4_096 * per_token


def test_a_long_context_is_counted_to_eight_thousand_tokens():
    settings = {"layers": 1, "num_attention_heads": 1, "hidden": 1, "context": 131_072}
    assert memory(weights(tally(8, dtype="F16")), config(**settings))[0] == 16 + 8_192 * 4


def test_packed_weights_take_the_bytes_that_they_are_packed_into():
    statements = (said("quantization.method", "gptq"), said("quantization.bits", 4))
    packed = weights(tally(1_000, dtype="I32", suffix="qweight", logical=8_000), size=5_000)
    total, _ = memory(packed, file("m/quantize_config.json", *statements))
    assert total == 5_000


@pytest.mark.parametrize(
    "settings",
    [
        {"layers": 12, "num_attention_heads": 12, "hidden": 768, "architecture": "BertForMaskedLM"},
        {"layers": 12, "num_attention_heads": 12, "hidden": 768, "architecture": "BertLMHeadModel"},
        {"layers": 48, "hidden": 2_048, "architecture": "MambaForCausalLM"},
        {"num_attention_heads": 12, "hidden": 768},
        {"layers": 12, "num_attention_heads": 12, "num_key_value_heads": "(12 × integer)", "hidden": 768},
        {"layers": 12, "num_attention_heads": 0, "hidden": 768},
        {"layers": 12, "num_attention_heads": -4, "num_key_value_heads": 2**70, "hidden": 768},
    ],
    ids=["encoder", "encoder with a head", "no attention", "no layers", "list", "zero", "nonsense"],
)
def test_cache_that_nothing_proves_is_not_guessed(settings):
    assert memory(weights(tally(1_000, dtype="F16")), config(**settings)) == (2_000, None)


def test_adapter_has_no_memory_of_its_own():
    files = (
        weights(tally(100), key="m/adapter_model.safetensors"),
        file("m/adapter_config.json", said("adapter.type", "LORA"), format="peft", role=Role.CONFIG),
    )
    assert memory(*files) == (None, None)


def test_estimate_says_how_it_was_made():
    settings = {"layers": 2, "num_attention_heads": 4, "hidden": 64, "context": 4_096}
    provenance = record(weights(tally(1_000, dtype="BF16")), config(**settings)).provenance
    raw = provenance["memory_bytes"].winners[0].observation.raw
    assert raw == "2,000 bytes of weights + 4,096 tokens × 512 bytes of keys and values"
    assert provenance["kv_bytes_per_token"].winners[0].observation.raw == (
        "2 × 2 layers × 4 heads × 16 numbers × 2 bytes"
    )
