"""Configurations of transformers, timm, PEFT, diffusers, sentence-transformers and quantisers."""

import json
from pathlib import Path

import pytest

from catalog import plugins
from crawler.extractors.diffusers import DiffusersPipelineExtractor
from crawler.extractors.hf_config import HfConfigExtractor
from crawler.extractors.hf_sidecars import HfSidecarsExtractor
from crawler.extractors.hf_trainer import HfTrainerExtractor
from crawler.extractors.peft_adapter import PeftAdapterExtractor
from crawler.extractors.sentence_transformers import SentenceTransformersExtractor
from crawler.formats import context_length, quantization
from crawler.reader import bytes_reader
from mappings import tasks

DATA = Path(__file__).parents[3] / "corpus" / "data" / "hub"


def said(extractor, name, value):
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    extraction = extractor().extract(bytes_reader(name, data))
    found = {}
    for observation in extraction.observations:
        found.setdefault(observation.field, []).append(observation.raw)
    return found, extraction


@pytest.mark.parametrize(
    ("config", "tokens"),
    [
        ({"max_position_embeddings": 4096}, 4096),
        ({"max_position_embeddings": 4096, "rope_scaling": {"factor": 4.0, "type": "linear"}}, 4096),
        (
            {
                "max_position_embeddings": 4096,
                "rope_scaling": {"factor": 4.0, "original_max_position_embeddings": 4096},
            },
            16384,
        ),
        (
            {
                "max_position_embeddings": 131072,
                "rope_scaling": {"factor": 8.0, "original_max_position_embeddings": 8192},
            },
            131072,
        ),
        ({"n_positions": 1024, "n_ctx": 512}, 1024),
        ({"max_seq_len": 2048}, 2048),
        ({"max_position_embeddings": -1, "seq_length": 77}, 77),
        ({"max_position_embeddings": True}, None),
        ({"max_position_embeddings": 10**30}, None),
        ({}, None),
    ],
)
def test_context_length_follows_the_keys_in_order(config, tokens):
    found = context_length.read(config)
    assert (found and found[0]) == tokens


def test_multimodal_configuration_speaks_through_its_text_model():
    found, _ = said(HfConfigExtractor, "llava/config.json", (DATA / "llava-config.json").read_bytes())
    assert found["context_length"] == [1024]
    assert found["layers"] == [5]
    assert found["embedding_dimension"] == [64]
    assert found["task"] == ["image-text-to-text"]


def test_labels_become_classes_and_names():
    found, _ = said(HfConfigExtractor, "bert/config.json", (DATA / "bert-config.json").read_bytes())
    assert found["classes"] == [2]
    assert found["extra.labels"] == [["negative", "positive"]]
    assert found["task"] == ["text-classification"]


def test_auto_map_is_remote_code_with_the_classes_named():
    _, extraction = said(
        HfConfigExtractor, "config.json", {"model_type": "x", "auto_map": {"AutoModel": "modeling_x.XModel"}}
    )
    assert [risk.kind for risk in extraction.risks] == ["remote-code"]
    assert "modeling_x.XModel" in extraction.risks[0].detail


@pytest.mark.parametrize(
    ("name", "base"),
    [
        ("google-bert/bert-base-uncased", ["google-bert/bert-base-uncased"]),
        ("org/mine", None),
        ("./output/checkpoint-500", None),
        ("/home/me/model", None),
        ("output/run", None),
        ("bert-base-uncased", None),
        ("C:/models/x", None),
    ],
)
def test_name_or_path_is_a_base_only_if_it_is_another_repository(name, base):
    found, _ = said(
        HfConfigExtractor, "models/mine/config.json", {"model_type": "bert", "_name_or_path": name}
    )
    assert found.get("base_model.id") == base


def test_timm_configuration_is_read_by_its_keys():
    config = {"architecture": "resnet50", "num_classes": 1000, "num_features": 2048,
              "pretrained_cfg": {"tag": "a1_in1k", "license": "apache-2.0", "input_size": [3, 224, 224]}}  # fmt: skip
    found, _ = said(HfConfigExtractor, "config.json", config)
    assert found["architecture"] == ["resnet50"]
    assert found["library"] == ["timm"]
    assert found["name"] == ["resnet50.a1_in1k"]
    assert found["classes"] == [1000]


QUANTIZERS = {
    "gptq": ({"quant_method": "gptq", "bits": 4, "group_size": 128}, {"method": "gptq", "bits": 4, "group_size": 128}),
    "gptq by its keys": ({"bits": 4, "group_size": -1, "desc_act": False}, {"method": "gptq", "bits": 4}),
    "awq": ({"quant_method": "awq", "bits": 4, "group_size": 64, "version": "gemm"}, {"method": "awq", "bits": 4, "group_size": 64, "scheme": "gemm"}),
    "awq by its keys": ({"w_bit": 4, "q_group_size": 128, "zero_point": True}, {"method": "awq", "bits": 4, "group_size": 128}),
    "bitsandbytes 4": ({"load_in_4bit": True, "bnb_4bit_quant_type": "nf4"}, {"method": "bitsandbytes", "bits": 4, "scheme": "nf4"}),
    "bitsandbytes 8": ({"quant_method": "bitsandbytes", "load_in_8bit": True}, {"method": "bitsandbytes", "bits": 8}),
    "fp8": ({"quant_method": "fp8", "fmt": "e4m3", "activation_scheme": "dynamic"}, {"method": "fp8", "bits": 8, "scheme": "e4m3"}),
    "mxfp4": ({"quant_method": "mxfp4"}, {"method": "mxfp4", "bits": 4}),
    "mlx": ({"group_size": 64, "bits": 4}, {"method": "mlx", "bits": 4, "group_size": 64}),
    "hqq": ({"quant_method": "hqq", "nbits": 3}, {"method": "hqq", "bits": 3}),
    "torchao": ({"quant_method": "torchao", "quant_type": "int4_weight_only"}, {"method": "torchao", "bits": 4, "scheme": "int4_weight_only"}),
    "compressed-tensors": (
        {"quant_method": "compressed-tensors", "format": "pack-quantized", "config_groups": {"group_0": {"weights": {"num_bits": 4, "group_size": 128}}}},
        {"method": "compressed-tensors", "bits": 4, "group_size": 128, "scheme": "pack-quantized"},
    ),
    "modelopt": (
        {"producer": {"name": "modelopt"}, "quantization": {"quant_algo": "NVFP4", "group_size": 16}},
        {"method": "modelopt", "bits": 4, "group_size": 16, "scheme": "NVFP4"},
    ),
    "compressed-tensors in two widths": (
        {"quant_method": "compressed-tensors", "config_groups": {"a": {"weights": {"num_bits": 2, "group_size": 32}}, "b": {"weights": {"num_bits": 4, "group_size": 32}}}},
        {"method": "compressed-tensors", "group_size": 32},
    ),
    "mlx in two widths": (
        {"group_size": 64, "bits": 4, "model.embed_tokens": {"group_size": 64, "bits": 6}},
        {"method": "mlx", "bits": 4, "group_size": 64},
    ),
    "mlx in two group sizes": ({"group_size": 64, "bits": 4, "lm_head": {"group_size": 32, "bits": 8}}, {"method": "mlx", "extra.layer_widths": "4/64 8/32"}),
    "nothing": ({"something": 1}, {}),
}  # fmt: skip


@pytest.mark.parametrize(("config", "expected"), QUANTIZERS.values(), ids=QUANTIZERS)
def test_quantisation_is_read_in_every_shape(config, expected):
    assert {
        field.removeprefix("quantization."): value for field, value, _ in quantization.read(config)
    } == expected


@pytest.mark.parametrize("name", ["quantize_config.json", "quant_config.json"])
def test_quantiser_file_stands_for_itself(name):
    found, _ = said(HfSidecarsExtractor, name, QUANTIZERS["gptq"][0])
    assert found["quantization.method"] == ["gptq"]


def test_preprocessing_steps_are_said_in_words():
    config = {
        "do_resize": True,
        "size": {"height": 224, "width": 224},
        "do_normalize": True,
        "do_rescale": False,
        "sampling_rate": 16000,
    }
    found, _ = said(HfSidecarsExtractor, "preprocessor_config.json", config)
    assert found["preprocessing"] == ["resize 224x224", "normalize", "audio at 16000 Hz"]


def test_vocabulary_is_named_and_never_read():
    extraction = HfSidecarsExtractor().extract(bytes_reader("tokenizer.json", b"[" * 1_000_000))
    assert (extraction.role, extraction.bytes_read) == ("auxiliary", 0)


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("meta-llama/Llama-3.1-8B", "meta-llama/Llama-3.1-8B"),
        ("/home/me/models/llama-8b/", "llama-8b"),
        ("./base", "base"),
    ],
)
def test_base_of_an_adapter_is_a_name_never_a_folder(base, expected):
    found, _ = said(
        PeftAdapterExtractor,
        "adapter_config.json",
        {"peft_type": "LORA", "r": 8, "base_model_name_or_path": base},
    )
    assert found["base_model.id"] == [expected]


@pytest.mark.parametrize(
    ("component", "risk"),
    [
        (["diffusers", "UNet2DModel"], False),
        (["transformers", "CLIPTextModel"], False),
        (["stable_diffusion", "StableDiffusionSafetyChecker"], False),
        ([None, None], False),
        (["my_pipeline", "Thing"], True),
        (["os", "system"], True),
    ],
)
def test_component_of_another_library_is_remote_code(component, risk):
    _, extraction = said(
        DiffusersPipelineExtractor, "model_index.json", {"_class_name": "X", "unet": component}
    )
    assert bool(extraction.risks) is risk


def test_last_dense_layer_decides_over_pooling():
    pooled, pooling = said(
        SentenceTransformersExtractor, "m/1_Pooling/config.json", {"word_embedding_dimension": 768}
    )
    dense, layer = said(
        SentenceTransformersExtractor, "m/2_Dense/config.json", {"in_features": 768, "out_features": 512}
    )
    assert pooled["embedding_dimension"] == [768]
    assert dense["embedding_dimension"] == [512]
    assert [o.evidence for o in pooling.observations if o.field == "embedding_dimension"] == ["derived"]
    assert [o.evidence for o in layer.observations if o.field == "embedding_dimension"] == ["explicit"]


def test_best_checkpoint_s_evaluation_is_the_headline():
    state = {
        "best_model_checkpoint": "out/checkpoint-20", "best_metric": 0.9, "epoch": 3.0, "global_step": 30,
        "log_history": [
            {"step": 10, "eval_accuracy": 0.8}, {"step": 20, "eval_accuracy": 0.9, "learning_rate": 1e-4},
            {"step": 30, "eval_accuracy": 0.85, "eval_f1": 0.7},
        ],
    }  # fmt: skip
    found, extraction = said(HfTrainerExtractor, "trainer_state.json", state)
    assert found["metrics.eval_accuracy"] == [0.9]
    assert found["metrics.eval_f1"] == [0.7]
    (best,) = [o for o in extraction.observations if o.field == "metrics.eval_accuracy"]
    assert best.context == {"split": "validation", "step": 20, "block": "trainer", "primary": True}


@pytest.mark.parametrize(
    ("name", "task"),
    [
        ("BertForSequenceClassification", "text-classification"),
        ("TFBertForTokenClassification", "token-classification"),
        ("FlaxGPT2LMHeadModel", "text-generation"),
        ("WhisperForConditionalGeneration", "automatic-speech-recognition"),
        ("ViTForImageClassification", "image-classification"),
        ("BertModel", None),
    ],
)
def test_task_is_read_off_the_class(name, task):
    assert tasks.of_architecture(name) == task


@pytest.mark.parametrize(
    ("key", "head", "winner"),
    [
        ("m/config.json", b'{"architectures": ["X"], "model_type": "x"}', "hf-config"),
        ("m/unet/config.json", b'{"_class_name": "UNet2DModel"}', "diffusers-component"),
        ("m/1_Pooling/config.json", b'{"pooling_mode": "mean"}', "sentence-transformers"),
        ("m/model_index.json", b'{"_class_name": "P"}', "diffusers-pipeline"),
        ("m/README.md", b"---\n", "model-card"),
        ("m/.eval_results/a.yaml", b"- ", "eval-results"),
        ("m/model.modeldex.yml", b"name: x", "modeldex-sidecar"),
        ("m/model.safetensors.index.json", b'{"weight_map": {}}', "weights-index"),
    ],
)
def test_the_best_of_several_claims_wins(key, head, winner):
    claims = [
        (claim.confidence, name)
        for name, kind in plugins.load_all("extractor")
        if (claim := kind().claims(key, head))
    ]
    assert max(claims)[1] == winner


def test_key_without_a_name_is_kept_as_unnamed():
    found, _ = said(HfConfigExtractor, "config.json", {"": 5})
    assert found == {"extra.unnamed": [5]}
