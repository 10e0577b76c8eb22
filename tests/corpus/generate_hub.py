"""Writes the small safetensors, GGUF, configuration and card files of tests/corpus/data/hub with what the libraries read back.

Written with safetensors 0.8.0, gguf 0.19.0, huggingface_hub, transformers (no torch) and numpy as VERSIONS in truth.json
say: python tests/corpus/generate_hub.py
"""

import importlib.metadata
import json
from pathlib import Path

import gguf
import numpy as np
from huggingface_hub import EvalResult, ModelCard, ModelCardData
from safetensors import safe_open
from safetensors.numpy import save_file
from transformers import BertConfig, GPTQConfig, LlamaConfig, LlavaConfig

DATA = Path(__file__).resolve().parent / "data" / "hub"
PACKAGES = ("safetensors", "gguf", "huggingface_hub", "transformers", "numpy")
rng = np.random.default_rng(5)


def safetensors_files():
    tensors = {
        "encoder.weight": rng.random((8, 16)).astype(np.float32),
        "encoder.bias": np.zeros(8, np.float16),
        "steps": np.array(7, np.int64),
        "mask": np.array([True, False]),
        "empty": np.zeros((0, 4), np.float32),
    }
    save_file(
        tensors,
        DATA / "mixed.safetensors",
        {"format": "np", "accuracy": "94.5%", "parameters": "12M", "team": "vision"},
    )
    lora = {}
    for layer in range(2):
        stem = f"lora_unet_down_blocks_{layer}_attentions_0_to_q"
        lora[f"{stem}.lora_down.weight"] = rng.random((4, 16)).astype(np.float16)
        lora[f"{stem}.lora_up.weight"] = rng.random((16, 4)).astype(np.float16)
        lora[f"{stem}.alpha"] = np.array(2, np.float16)
    save_file(lora, DATA / "watercolour-lora.safetensors", KOHYA)
    for number in (1, 2):
        part = {f"layers.{number}.weight": rng.random((4, 4)).astype(np.float32)}
        save_file(part, DATA / f"model-0000{number}-of-00002.safetensors", {"format": "pt"})
    index = {
        "metadata": {"total_size": 128, "total_parameters": 32},
        "weight_map": {
            f"layers.{number}.weight": f"model-0000{number}-of-00002.safetensors" for number in (1, 2)
        },
    }
    (DATA / "model.safetensors.index.json").write_text(json.dumps(index, indent=2, sort_keys=True) + "\n")


KOHYA = {
    "format": "pt",
    "modelspec.title": "Watercolour",
    "modelspec.architecture": "stable-diffusion-xl-v1-base/lora",
    "modelspec.author": "A. Painter",
    "modelspec.date": "2024-03-01T10:00:00",
    "modelspec.license": "CreativeML Open RAIL++-M",
    "modelspec.resolution": "1024x1024",
    "modelspec.tags": "watercolour, painting",
    "ss_network_module": "networks.lora",
    "ss_network_dim": "4",
    "ss_network_alpha": "2",
    "ss_learning_rate": "0.0001",
    "ss_num_epochs": "10",
    "ss_steps": "1200",
    "ss_max_train_steps": "1600",
    "ss_total_batch_size": "2",
    "ss_optimizer": "bitsandbytes.optim.adamw.AdamW8bit(weight_decay=0.1)",
    "ss_lr_scheduler": "cosine",
    "ss_seed": "42",
    "ss_unet_lr": "0.0001",
    "ss_text_encoder_lr": "None",
    "ss_sd_model_name": "sd_xl_base_1.0.safetensors",
    "ss_base_model_version": "sdxl_base_v1-0",
    "ss_training_started_at": "1709280000.5",
    "ss_training_finished_at": "1709287200.25",
    "ss_tag_frequency": json.dumps(
        {"10_paint": {"watercolour": 40, "tree": 3}, "5_sea": {"watercolour": 2, "sea": 9}}
    ),
    "ss_dataset_dirs": json.dumps({"10_paint": {"n_repeats": 10, "img_count": 40}}),
}


def read_safetensors(name):
    with safe_open(DATA / name, "np") as file:
        slices = {key: file.get_slice(key) for key in file.keys()}  # noqa: SIM118 - not a dict
        return {
            "metadata": file.metadata(),
            "tensors": {key: [part.get_dtype(), part.get_shape()] for key, part in slices.items()},
            "elements": sum(int(np.prod(part.get_shape())) for part in slices.values()),
        }


def gguf_file(name, *, endian=gguf.GGUFEndian.LITTLE, adapter=False):
    writer = gguf.GGUFWriter(DATA / name, "llama", endianess=endian)
    writer.add_name("Tiny Tales")
    writer.add_version("1.10")
    writer.add_author("Example team")
    writer.add_license("apache-2.0")
    writer.add_size_label("15K")
    writer.add_tags(["stories", "tiny"])
    writer.add_languages(["en", "no"])
    writer.add_base_model_count(1)
    writer.add_base_model_name(0, "Llama 3.1 8B")
    writer.add_base_model_organization(0, "Meta Llama")
    writer.add_base_model_repo_url(0, "https://huggingface.co/meta-llama/Llama-3.1-8B")
    writer.add_context_length(2048)
    writer.add_embedding_length(256)
    writer.add_block_count(1)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q4_K_M)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list([f"<token {number}>" for number in range(400)])
    writer.add_token_scores([0.5] * 400)
    writer.add_chat_template("{% for m in messages %}{{ m['content'] }}{% endfor %}")
    if adapter:
        writer.add_type(gguf.GGUFType.ADAPTER)
        writer.add_string("adapter.type", "lora")
        writer.add_float32("adapter.lora.alpha", 16.0)
        writer.add_tensor("blk.0.attn_q.weight.lora_a", np.zeros((4, 256), np.float32))
        writer.add_tensor("blk.0.attn_q.weight.lora_b", np.zeros((256, 4), np.float32))
    else:
        writer.add_tensor("token_embd.weight", rng.random((4, 256)).astype(np.float16))
        writer.add_tensor("output_norm.weight", np.ones(256, np.float32))
        for kind in ("Q4_K", "Q6_K", "Q8_0", "IQ4_NL", "MXFP4", "TQ1_0"):
            quantized = getattr(gguf.GGMLQuantizationType, kind)
            block, size = gguf.GGML_QUANT_SIZES[quantized]
            data = np.zeros((2, 256 // block * size), np.uint8)
            writer.add_tensor(f"blk.0.{kind.lower()}.weight", data, raw_dtype=quantized)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def read_gguf(name):
    reader = gguf.GGUFReader(DATA / name)
    counts = {}
    for tensor in reader.tensors:
        counts[tensor.tensor_type.name] = counts.get(tensor.tensor_type.name, 0) + int(tensor.n_elements)
    keys = [key for key in reader.fields if not key.startswith("GGUF.")]
    return {"elements": counts, "tensors": len(reader.tensors), "keys": sorted(keys)}


def configs():
    bert = BertConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64, vocab_size=200
    )
    bert.architectures = ["BertForSequenceClassification"]
    bert.id2label = {0: "negative", 1: "positive"}
    save(bert, "bert-config.json")
    scaling = {
        "rope_type": "yarn",
        "factor": 4.0,
        "original_max_position_embeddings": 4096,
        "rope_theta": 10000.0,
    }
    llama = LlamaConfig(
        hidden_size=64,
        num_hidden_layers=3,
        max_position_embeddings=4096,
        rope_scaling=scaling,
        dtype="bfloat16",
    )
    llama.architectures = ["LlamaForCausalLM"]
    llama.quantization_config = GPTQConfig(bits=4, group_size=128, desc_act=True).to_dict()
    save(llama, "llama-gptq-config.json")
    llava = LlavaConfig(
        text_config=LlamaConfig(hidden_size=64, num_hidden_layers=5, max_position_embeddings=1024)
    )
    llava.architectures = ["LlavaForConditionalGeneration"]
    save(llava, "llava-config.json")


def save(config, name):
    (DATA / name).write_text(config.to_json_string())


def card():
    results = [
        EvalResult(task_type="text-classification", dataset_type="imdb", dataset_name="IMDb", dataset_split="test",
                   metric_type="accuracy", metric_value=0.9312, metric_name="Accuracy"),
        EvalResult(task_type="text-classification", dataset_type="imdb", dataset_name="IMDb", dataset_split="test",
                   metric_type="f1", metric_value="92.7 ± 0.4", metric_name="F1 Macro", verified=True, verify_token="x"),
        EvalResult(task_type="text-generation", dataset_type="HuggingFaceH4/ifeval", dataset_name="IFEval (0-Shot)",
                   metric_type="acc_norm", metric_value=8.73, source_name="Open LLM Leaderboard",
                   source_url="https://huggingface.co/spaces/open-llm-leaderboard/open_llm_leaderboard"),
    ]  # fmt: skip
    data = ModelCardData(
        language=["en", "no"], license="other", license_name="example-1.0", license_link="LICENSE", library_name="transformers",
        pipeline_tag="text-classification", tags=["sentiment"], datasets=["imdb"], metrics=["accuracy"],
        base_model="google-bert/bert-base-uncased", model_name="sentiment-nordic", eval_results=results,
    )  # fmt: skip
    body = "# Sentiment\n\n<!-- written by hand -->\n\nTells whether a **review** is positive, in English or [Norwegian](x).\n"
    ModelCard(f"---\n{data}\n---\n\n{body}").save(DATA / "README.md")


def read_card():
    loaded = ModelCard.load(DATA / "README.md").data
    return {
        "license": loaded.license,
        "results": [[r.metric_type, r.metric_value, r.dataset_type] for r in loaded.eval_results],
    }


if __name__ == "__main__":
    DATA.mkdir(parents=True, exist_ok=True)
    safetensors_files()
    gguf_file("tales-Q4_K_M.gguf")
    gguf_file("tales-big-endian.gguf", endian=gguf.GGUFEndian.BIG)
    gguf_file("tales-lora.gguf", adapter=True)
    configs()
    card()
    truth = {
        "versions": {package: importlib.metadata.version(package) for package in PACKAGES},
        "safetensors": {
            name: read_safetensors(name) for name in ("mixed.safetensors", "watercolour-lora.safetensors")
        },
        "gguf": {
            name: read_gguf(name)
            for name in ("tales-Q4_K_M.gguf", "tales-big-endian.gguf", "tales-lora.gguf")
        },
        "card": read_card(),
    }
    (DATA / "truth.json").write_text(json.dumps(truth, indent=1, sort_keys=True) + "\n")
