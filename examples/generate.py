"""Writes the example models again, with the real libraries. Not needed to use or test Modeldex.

    pip install catboost gguf joblib lightgbm numpy onnx safetensors scikit-learn skops xgboost-cpu
    python examples/generate.py

The two PyTorch files and the Keras file come from torch 2.13 and Keras 3.15 and are kept as they are.
"""

from __future__ import annotations

import json
import pickle
from importlib.metadata import version
from pathlib import Path

import catboost
import gguf
import joblib
import lightgbm
import numpy as np
import onnx
import skops.io
import xgboost
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save_file
from sklearn.datasets import load_iris, load_wine
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HERE = Path(__file__).parent
RANDOM = np.random.default_rng(2024)
LIBRARIES = [
    "catboost",
    "gguf",
    "joblib",
    "lightgbm",
    "numpy",
    "onnx",
    "safetensors",
    "scikit-learn",
    "skops",
    "xgboost-cpu",
]


def folder(name: str) -> Path:
    path = HERE / name
    path.mkdir(parents=True, exist_ok=True)
    return path


def weights(*shape: int, dtype: str = "float32") -> np.ndarray:
    return (RANDOM.standard_normal(shape) * 0.02).astype(dtype)


def write(path: Path, text: str) -> None:
    path.write_text(text.lstrip("\n"), encoding="utf-8")


def bert_tensors(hidden: int, vocabulary: int, labels: int) -> dict[str, np.ndarray]:
    tensors = {
        "bert.embeddings.word_embeddings.weight": weights(vocabulary, hidden),
        "bert.embeddings.position_embeddings.weight": weights(64, hidden),
        "bert.embeddings.LayerNorm.weight": np.ones(hidden, dtype="float32"),
        "bert.embeddings.LayerNorm.bias": np.zeros(hidden, dtype="float32"),
        "classifier.weight": weights(labels, hidden),
        "classifier.bias": np.zeros(labels, dtype="float32"),
    }
    for part in ("query", "key", "value"):
        tensors[f"bert.encoder.layer.0.attention.self.{part}.weight"] = weights(hidden, hidden)
        tensors[f"bert.encoder.layer.0.attention.self.{part}.bias"] = np.zeros(hidden, dtype="float32")
    return tensors


def bert_config(architecture: str, hidden: int, vocabulary: int, labels: list[str]) -> str:
    config = {
        "architectures": [architecture], "model_type": "bert", "dtype": "float32", "hidden_size": hidden,
        "num_hidden_layers": 1, "num_attention_heads": 4, "intermediate_size": 4 * hidden, "vocab_size": vocabulary,
        "max_position_embeddings": 512, "id2label": {str(i): label for i, label in enumerate(labels)},
        "transformers_version": "4.48.0",
    }  # fmt: skip
    return json.dumps(config, indent=2) + "\n"


def sentiment() -> None:
    here = folder("sentiment-bert")
    save_file(bert_tensors(32, 160, 3), here / "model.safetensors", metadata={"format": "pt"})
    write(
        here / "config.json",
        bert_config("BertForSequenceClassification", 32, 160, ["negative", "neutral", "positive"]),
    )
    write(
        here / "README.md",
        """
---
language: en
license: apache-2.0
library_name: transformers
pipeline_tag: text-classification
base_model: google-bert/bert-base-uncased
datasets: [imdb]
tags: [sentiment, reviews]
trained_at: 2024-03-18
model-index:
- name: sentiment-bert
  results:
  - task: {type: text-classification}
    dataset: {name: IMDb, type: imdb, split: test}
    metrics:
    - {type: accuracy, value: 0.9312}
    - {type: f1, value: 0.927}
---

# Sentiment of reviews

Tells whether a review is negative, neutral or positive. Trained on film reviews; it knows nothing of irony.
""",
    )


def named_entities() -> None:
    here = folder("ner-nordic")
    save_file(bert_tensors(24, 200, 9), here / "model.safetensors", metadata={"format": "pt"})
    labels = ["O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC", "B-MISC", "I-MISC"]
    write(here / "config.json", bert_config("BertForTokenClassification", 24, 200, labels))
    write(
        here / "README.md",
        """
---
language: [no, sv, da]
license: mit
library_name: transformers
pipeline_tag: token-classification
datasets: [norne]
tags: [ner, nordic]
trained_at: 2023-09
model-index:
- name: ner-nordic
  results:
  - task: {type: token-classification}
    dataset: {name: NorNE, type: norne, split: validation}
    metrics:
    - {type: f1, value: 88.4}
    - {type: precision, value: 87.9}
    - {type: accuracy, value: 97.1}
---

# Names in Nordic newspapers

Finds people, organisations and places in Norwegian, Swedish and Danish text.
""",
    )


def chat() -> None:
    here = folder("chat-llama-mini")
    hidden, vocabulary = 48, 256
    shards = [
        {
            "model.embed_tokens.weight": weights(vocabulary, hidden, dtype="float16"),
            "model.norm.weight": weights(hidden, dtype="float16"),
        },
        {
            f"model.layers.0.self_attn.{part}_proj.weight": weights(hidden, hidden, dtype="float16")
            for part in "qkvo"
        },
        {
            "model.layers.0.mlp.up_proj.weight": weights(96, hidden, dtype="float16"),
            "lm_head.weight": weights(vocabulary, hidden, dtype="float16"),
        },
    ]
    names = [f"model-{number:05d}-of-{len(shards):05d}.safetensors" for number in range(1, len(shards) + 1)]
    for name, tensors in zip(names, shards, strict=True):
        save_file(tensors, here / name, metadata={"format": "pt"})
    index = {
        "metadata": {"total_size": sum(tensor.nbytes for tensors in shards for tensor in tensors.values())},
        "weight_map": {
            tensor: name for name, tensors in zip(names, shards, strict=True) for tensor in tensors
        },
    }
    write(here / "model.safetensors.index.json", json.dumps(index, indent=2) + "\n")
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "dtype": "float16", "hidden_size": hidden,
        "num_hidden_layers": 1, "num_attention_heads": 4, "max_position_embeddings": 8192, "vocab_size": vocabulary,
        "transformers_version": "4.48.0",
    }  # fmt: skip
    write(here / "config.json", json.dumps(config, indent=2) + "\n")
    write(
        here / "README.md",
        """
---
language: en
license: llama3.1
pipeline_tag: text-generation
tags: [chat, assistant]
model-index:
- name: chat-llama-mini
  results:
  - task: {type: text-generation}
    dataset: {name: MMLU, type: mmlu, split: test}
    metrics:
    - {type: accuracy, value: 41.7}
---

# A very small assistant

Three shards of half-precision weights; good for testing tools, not for conversation.
""",
    )


def adapters() -> None:
    here = folder("llama-support-lora")
    tensors = {}
    for part in ("q_proj", "v_proj"):
        stem = f"base_model.model.model.layers.0.self_attn.{part}"
        tensors[f"{stem}.lora_A.weight"] = weights(8, 64)
        tensors[f"{stem}.lora_B.weight"] = weights(64, 8)
    save_file(tensors, here / "adapter_model.safetensors", metadata={"format": "pt"})
    config = {
        "peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": "meta-llama/Llama-3.1-8B", "r": 8,
        "lora_alpha": 16, "lora_dropout": 0.05, "target_modules": ["q_proj", "v_proj"], "peft_version": "0.14.0",
    }  # fmt: skip
    write(here / "adapter_config.json", json.dumps(config, indent=2) + "\n")
    write(
        here / "README.md",
        """
---
base_model: meta-llama/Llama-3.1-8B
library_name: peft
pipeline_tag: text-generation
license: llama3.1
tags: [lora, customer-support]
trained_at: 2025-01-22
---

# Answers in the tone of our support desk

An adapter of rank 8 for the attention's query and value projections.
""",
    )
    here = folder("loras")
    tensors = {
        "lora_unet_down_blocks_0.lora_down.weight": weights(4, 40, dtype="float16"),
        "lora_unet_down_blocks_0.lora_up.weight": weights(40, 4, dtype="float16"),
        "lora_unet_down_blocks_0.alpha": np.array(4.0, dtype="float16"),
    }
    metadata = {
        "ss_learning_rate": "0.0001", "ss_num_epochs": "10", "ss_epoch": "10", "ss_base_model_version": "sdxl_base_v1-0",
        "ss_network_dim": "4", "ss_network_alpha": "4.0", "ss_training_started_at": "1718000000.0",
        "ss_training_finished_at": "1718003600.0", "modelspec.title": "Watercolour", "modelspec.author": "Studio Nord",
        "modelspec.architecture": "stable-diffusion-xl-v1-base/lora", "modelspec.license": "CC-BY-4.0",
    }  # fmt: skip
    save_file(tensors, here / "watercolour.safetensors", metadata=metadata)


def quantised() -> None:
    here = folder("tiny-llama-gguf")
    writer = gguf.GGUFWriter(here / "tiny-llama-Q8_0.gguf", "llama")
    writer.add_name("Tiny Llama")
    writer.add_description("A toy llama in eight bits")
    writer.add_license("llama3.1")
    writer.add_author("Example team")
    writer.add_context_length(4096)
    writer.add_embedding_length(64)
    writer.add_block_count(1)
    writer.add_head_count(4)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    writer.add_quantization_version(2)
    writer.add_tags(["gguf", "toy"])
    writer.add_languages(["en"])
    for name in ("token_embd.weight", "blk.0.attn_q.weight", "blk.0.ffn_up.weight"):
        block = gguf.quants.quantize(weights(128, 64), gguf.GGMLQuantizationType.Q8_0)
        writer.add_tensor(name, block, raw_dtype=gguf.GGMLQuantizationType.Q8_0)
    writer.add_tensor("output_norm.weight", weights(64))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def graph() -> None:
    here = folder("defect-detector")
    nodes = [
        helper.make_node("Gemm", ["features", "w1", "b1"], ["h1"]),
        helper.make_node("Relu", ["h1"], ["h2"]),
        helper.make_node("Gemm", ["h2", "w2", "b2"], ["logits"]),
    ]
    initialisers = [
        numpy_helper.from_array(value, name)
        for name, value in {
            "w1": weights(12, 32),
            "b1": weights(32),
            "w2": weights(32, 2),
            "b2": weights(2),
        }.items()
    ]
    batch = ["batch", 12], ["batch", 2]
    inputs = [helper.make_tensor_value_info("features", TensorProto.FLOAT, batch[0])]
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, batch[1])]
    model = helper.make_model(
        helper.make_graph(nodes, "defects", inputs, outputs, initialisers),
        opset_imports=[helper.make_opsetid("", 17)], producer_name="pytorch", producer_version="2.5.1", ir_version=8,
    )  # fmt: skip
    model.model_version = 3
    helper.set_model_props(
        model, {"accuracy": "94.1%", "author": "Line 4", "task": "tabular-classification", "license": "MIT"}
    )
    onnx.save(model, here / "model.onnx")
    write(
        here / "modeldex.yaml",
        """
name: defect-detector
use_case: Quality control on line 4
trained_at: 2024-11-05T14:20:00Z
owner: Line 4
datasets: [surface-scans-2024]
tags: [edge, quality-control]
metrics:
- {metric: accuracy, value: 94.1%, dataset: surface-scans-2024, split: test}
- {metric: latency_ms, value: 3.2}
""",
    )


def boosters() -> None:
    wine = load_wine()
    here = folder("wine-xgboost")
    data = xgboost.DMatrix(
        wine.data, wine.target, feature_names=[name.replace("/", " ") for name in wine.feature_names]
    )
    booster = xgboost.train(
        {"objective": "multi:softprob", "num_class": 3, "eta": 0.2, "max_depth": 3, "seed": 7}, data, 8
    )
    booster.save_model(here / "model.json")
    write(
        here / "modeldex.yaml",
        """
description: Tells three cultivars of wine apart by their chemistry.
trained_at: 2022-06-30
license: bsd-3-clause
owner: Analytics
metrics: {accuracy: 0.972, log_loss: 0.11}
training: {learning_rate: 0.2, seed: 7}
""",
    )
    here = folder("wine-lightgbm")
    booster = lightgbm.train(
        {"objective": "multiclass", "num_class": 3, "learning_rate": 0.1, "num_leaves": 7, "verbose": -1, "seed": 7},
        lightgbm.Dataset(wine.data, wine.target), 6,
    )  # fmt: skip
    booster.save_model(here / "model.txt")
    write(
        here / "model.modeldex.yaml",
        """
task: tabular-classification
trained_at: 2024-02
metrics: {accuracy: 0.961}
tags: [wine]
""",
    )
    here = folder("iris-catboost")
    iris = load_iris()
    model = catboost.CatBoostClassifier(
        iterations=12, depth=3, learning_rate=0.15, random_seed=7, verbose=False, allow_writing_files=False,
        eval_metric="Accuracy", custom_metric=["MultiClass"],
    )  # fmt: skip
    model.fit(iris.data[::2], iris.target[::2], eval_set=(iris.data[1::2], iris.target[1::2]))
    model.save_model(here / "model.cbm")


def forests() -> None:
    iris = load_iris()
    pipeline = make_pipeline(
        StandardScaler(), RandomForestClassifier(n_estimators=3, max_depth=3, random_state=7)
    )
    pipeline.fit(iris.data, iris.target)
    here = folder("iris-forest")
    joblib.dump(pipeline, here / "model.joblib")
    skops.io.dump(pipeline, here / "model.skops")
    write(
        here / "modeldex.yaml",
        """
license: bsd-3-clause
trained_at: 2021-05-04
metrics: {accuracy: 0.953, f1_macro: 0.952}
owner: Analytics
""",
    )


class Payload:
    """What a hostile upload looks like: unpickling would run a command. Modeldex only reads that it would."""

    def __reduce__(self):
        import os

        return os.system, ("echo 'this is never run'",)


def hostile() -> None:
    here = folder("untrusted-upload")
    (here / "model.pkl").write_bytes(pickle.dumps({"weights": [1, 2, 3], "hook": Payload()}, protocol=4))


def sources() -> None:
    rows = "\n".join(f"- {name} {version(name)}" for name in LIBRARIES)
    write(
        HERE / "SOURCES.txt",
        f"""
Written by examples/generate.py with

{rows}

image-classifier/pytorch_model.bin: torch 2.13.0. digits-keras/model.keras: Keras 3.15.1.
""",
    )


if __name__ == "__main__":
    for make in (
        sentiment,
        named_entities,
        chat,
        adapters,
        quantised,
        graph,
        boosters,
        forests,
        hostile,
        sources,
    ):
        make()
