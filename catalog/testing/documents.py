"""Varied, realistic model documents: seeded, as many as asked for, and alike on every machine.

They hold what makes engines differ: missing values, ties, several spellings of one keyword, CJK and accents, long-tail
metrics, evaluations on several data sets, dates before 1970, numbers at the edge of 64 bits, free hyper-parameters.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

TASKS = (
    "text-classification",
    "text-generation",
    "image-classification",
    "token-classification",
    "Fill-Mask",
    "ner",
)
FRAMEWORKS = ("PyTorch", "pytorch", "tensorflow", "onnx", "jax", "scikit-learn")
FORMATS = ("safetensors", "gguf", "onnx", "pickle", "keras")
LICENSES = ("Apache-2.0", "MIT", "cc-by-4.0", "other", "llama3.1")
ARCHITECTURES = ("BertForSequenceClassification", "LlamaForCausalLM", "ResNet", "T5", "XGBClassifier")
PRECISIONS = ("F32", "F16", "BF16", "Q4_K_M", "I8")
LANGUAGES = ("en", "de", "zh", "fr", "pt-BR")
TAGS = ("nlp", "vision", "Été", "production", "demo model", "中文", 'a,b:"c"', "c++")
FAMILIES = (
    "bert-base",
    "RoBERTa_large",
    "resnet50",
    "ResNet-50",
    "llama-3.1",
    "中文模型",
    "Café",
    "gpt4",
    "t5",
    "mixtral 8x7B",
)
SUFFIXES = ("v2.1", "finetuned", "tune", "imagenet", "uncased", "cased", "GGUF", "emotion", "")
DATASETS = ("ImageNet", "imagenet", "MNIST", "glue", "squad_v2", "CoNLL-2003")
METRICS = ("accuracy", "f1", "loss", "wer", "perplexity", "ap_class_17", "odd_metric")
SPLITS = ("test", "validation", "train")
OWNERS = tuple(f"team-{number}" for number in range(37))
WORDS = [
    "a",
    "small",
    "model",
    "for",
    "news",
    "sentiment",
    "trained",
    "on",
    "reviews",
    "with",
    "early",
    "stopping",
    "and",
    "label",
    "smoothing",
    "fine-tuned",
    "encoder",
    "decoder",
    "attention",
    "layer",
    "data",
    "naïve",
    "über",
    "straße",
    "模型",
    "训练",
    "model",
]
EPOCH = datetime(2023, 12, 31, 23, 59, 59, 999000, tzinfo=UTC)


def documents(count: int, *, seed: int = 1) -> Iterator[dict[str, Any]]:
    """`count` documents, each determined by the seed and its own number."""
    return (document(number, seed=seed) for number in range(count))


def document(number: int, *, seed: int = 1) -> dict[str, Any]:
    """One document. Absent fields are left out, as in the store."""
    dice = random.Random(f"{seed}:{number}")  # noqa: S311 - reproducible, not secret
    model_id = hashlib.sha256(f"{seed}\0{number}".encode()).hexdigest()
    document: dict[str, Any] = {
        "id": model_id,
        "source": dice.choice(("models", "bucket")),
        "revision": 1,
        "status": "ok",
    }
    document |= _identity(dice, number)
    document |= _weights(dice)
    document |= _training(dice)
    document |= _evaluation(dice)
    document |= _dates(dice, number)
    document["path"] = f"{document['source']}/{number % 100}/{document['name']}"
    document["uri"] = f"file:///{document['path']}"
    document["files"] = [
        {"key": f"{document['path']}/model.{document['format'][0]}", "size_bytes": dice.randrange(10**9)}
    ]
    document["file_names"] = [f"model.{document['format'][0]}", "config.json"]
    return document


def _maybe(dice: random.Random, chance: float, value: Any) -> Any:
    return value if dice.random() < chance else None


def _kept(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, [], {})}


def _identity(dice: random.Random, number: int) -> dict[str, Any]:
    name = "-".join(part for part in (dice.choice(FAMILIES), dice.choice(SUFFIXES), str(number % 50)) if part)
    text = " ".join(dice.choices(WORDS, k=dice.randint(5, 40)))
    return _kept(
        {
            "name": name,
            "title": _maybe(dice, 0.5, f"{name} {dice.choice(WORDS)}"),
            "version": _maybe(dice, 0.4, f"{dice.randint(0, 3)}.{dice.randint(0, 12)}"),
            "description": _maybe(dice, 0.7, text[:120]),
            "all_text": f"{name} {text}",
            "task": _maybe(dice, 0.9, dice.choice(TASKS)),
            "framework": _maybe(dice, 0.9, dice.choice(FRAMEWORKS)),
            "architecture": _maybe(dice, 0.7, dice.choice(ARCHITECTURES)),
            "format": dice.sample(FORMATS, dice.randint(1, 2)),
            "license": _maybe(dice, 0.8, dice.choice(LICENSES)),
            "language": dice.sample(LANGUAGES, dice.randint(0, 3)),
            "tags": dice.sample(TAGS, dice.randint(0, 4)),
            "owner": _maybe(dice, 0.9, dice.choice(OWNERS)),
        }
    )


def _weights(dice: random.Random) -> dict[str, Any]:
    parameters = _maybe(dice, 0.85, int(10 ** dice.uniform(3, 12)) if dice.random() < 0.7 else 7_000_000_000)
    size = parameters * 2 if parameters else dice.choice((0, 1, 2**53 + 1, 2**63 - 2, 1000))
    return _kept(
        {
            "parameters": parameters,
            "size_bytes": size,
            "precision": _maybe(dice, 0.8, dice.choice(PRECISIONS)),
            "precision_mix": _maybe(dice, 0.5, round(dice.random(), 2)),
            "quantization": _kept(
                {
                    "method": _maybe(dice, 0.2, dice.choice(("gptq", "awq"))),
                    "bits": _maybe(dice, 0.2, dice.choice((4, 8, 4.5))),
                }
            ),
            "context_length": _maybe(dice, 0.5, dice.choice((512, 2048, 4096, 131072))),
            "complete": _maybe(dice, 0.9, dice.random() < 0.8),
            "shards": _maybe(dice, 0.2, {"expected": 3, "found": dice.randint(1, 3)}),
            "risk_kinds": dice.sample(
                ("code-execution", "secret", "unchecked"), dice.choice((0, 0, 0, 1, 2))
            ),
        }
    )


def _training(dice: random.Random) -> dict[str, Any]:
    return _kept(
        {
            "training": _kept(
                {
                    "learning_rate": _maybe(dice, 0.5, dice.choice((5e-5, 2e-5, 1e-3, 0.1))),
                    "batch_size": _maybe(dice, 0.5, dice.choice((8, 16, 32))),
                    "epochs": _maybe(dice, 0.4, float(dice.randint(1, 20))),
                    "optimizer": _maybe(dice, 0.4, dice.choice(("AdamW", "SGD"))),
                    "seed": _maybe(dice, 0.3, dice.choice((-1, 0, 42))),
                }
            ),
            "hyperparameters": _kept(
                {
                    "dropout": _maybe(dice, 0.4, dice.choice((0.1, 0.2, 1.0))),
                    "fp16": _maybe(dice, 0.3, dice.random() < 0.5),
                    "lr_schedule": _maybe(dice, 0.4, dice.choice(("Linear", "cosine"))),
                    "betas": _maybe(dice, 0.2, [0.9, 0.999]),
                }
            ),
            "extra": _kept(
                {
                    "mlflow_user": _maybe(dice, 0.3, dice.choice(("ada", "Bob"))),
                    "nested": {"depth": dice.randint(0, 3)},
                }
            ),
            "datasets": dice.sample(DATASETS, dice.randint(0, 2)),
            "base_model": [{"id": dice.choice(("google/bert", "meta/llama")), "relation": "finetune"}]
            if dice.random() < 0.4
            else [],
        }
    )


def _evaluation(dice: random.Random) -> dict[str, Any]:
    evaluations = [_one_evaluation(dice) for _ in range(dice.choice((0, 0, 1, 2, 4)))]
    metrics = {row["metric"]: row["value"] for row in evaluations if "value" in row}
    return _kept({"evaluations": evaluations, "metrics": metrics, "metric_names": sorted(metrics)})


def _one_evaluation(dice: random.Random) -> dict[str, Any]:
    metric = dice.choice(METRICS)
    value = round(dice.random(), 2) if metric != "perplexity" else round(dice.uniform(-3, 300), 1)
    return _kept(
        {
            "metric": metric,
            "raw_name": dice.choice((metric, f"eval_{metric}")),
            "value": _maybe(dice, 0.95, value),
            "raw_value": str(value),
            "dataset": _maybe(dice, 0.8, dice.choice(DATASETS)),
            "split": _maybe(dice, 0.7, dice.choice(SPLITS)),
            "source": _maybe(dice, 0.5, dice.choice(("card", "trainer_state"))),
        }
    )


def _dates(dice: random.Random, number: int) -> dict[str, Any]:
    edges = (
        EPOCH,
        EPOCH + timedelta(milliseconds=1),
        datetime(2024, 1, 1, tzinfo=UTC),
        datetime(1965, 5, 4, 3, tzinfo=UTC),
    )
    chosen = (
        dice.choice(edges)
        if dice.random() < 0.2
        else datetime(2021, 1, 1, tzinfo=UTC) + timedelta(seconds=dice.randrange(10**8))
    )
    trained = _maybe(dice, 0.6, chosen.isoformat().replace("+00:00", "Z"))
    created = _maybe(
        dice, 0.8, (datetime(2020, 1, 1, tzinfo=UTC) + timedelta(hours=number % 5000)).isoformat()
    )
    return _kept(
        {
            "trained_at": trained,
            "created_at": created,
            "best_date": trained or created,
            "date_source": "trained_at" if trained else "created_at" if created else None,
        }
    )
