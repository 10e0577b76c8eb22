"""Files that the libraries themselves wrote, and what those libraries say of them: each was once told otherwise.

`real-files.tar.xz` was written by Keras 3.15, dill 0.4, cloudpickle, JAX, hmmlearn, statsmodels 0.14, river, gensim 4, scikit-learn
1.9, coremltools 9, NNCF with OpenVINO 2026.4, Orbax, H2O 3.46, Spark 4.3, MLX, ONNX Runtime's quantizer, implicit, CRFsuite,
Vowpal Wabbit 9, CatBoost 1.2, torch 2.15 with torchao, HQQ and DeepSpeed, fastai 2, Stable-Baselines3 2,
spaCy 3.8 and TensorFlow.js 4; large weights were replaced by zeros, and a binary model of H2O was cut to 4 kB.
"""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from catalog.settings import Settings
from catalog.store import open_store
from crawler.crawl import crawl
from crawler.sources.local import LocalSource

FILES = Path(__file__).with_name("real-files.tar.xz")
DENSE = 16 * 32 + 32 + 32 * 4 + 4
LAYERS = 2 * 256 * 256
LINEAR = 64 * 128 + 64
MLX = 64 * 128 + 128 + 128 * 64 + 64
ONNX = 16 * 32 + 32 + 32 * 4 + 4
LSTM = 4 * 8 * (8 + 8) + 2 * 4 * 8
PERCEPTRON = 16 * 16 + 16 + 16 * 4 + 4
HQQ = 2 * 128 * 64 + 64 + 128
NORM = 64

MODELS = {
    "keras/int8/dense.keras": {
        "parameters": DENSE,
        "precision": "I8",
        "quantization.bits": 8,
        "quantization.method": "keras",
    },
    "keras/int4/dense.keras": {"parameters": DENSE, "precision": "I4", "quantization.bits": 4},
    "keras/float8/dense.keras": {
        "parameters": DENSE,
        "precision": "F32",
        "training.precision": "F8_E4M3",
        "quantization": None,
    },
    "keras/bfloat16/dense.keras": {"parameters": 15, "precision": "BF16"},
    "pickles/lr_dill.pkl": {
        "architecture": "LogisticRegression",
        "classes": 2,
        "features": 5,
        "risk_severity": "info",
    },
    "pickles/wrapped_cloud.pkl": {"parameters": None},
    "pickles/params_jax.pkl": {"framework": "jax", "parameters": 67, "risk_severity": None},
    "pickles/hmm.pkl": {"architecture": "GaussianHMM", "parameters": None, "risk_severity": "info"},
    "pickles/arima.pkl": {"architecture": "ARIMAResultsWrapper", "status": "ok", "risk_severity": "medium"},
    "pickles/river.pkl": {"framework": "river", "architecture": "Pipeline", "risk_severity": "medium"},
    "pickles/sentiment.joblib": {
        "task": "text-classification",
        "classes": 2,
        "architecture": "SGDClassifier",
    },
    "pickles/rf_lz4.joblib": {
        "status": "ok",
        "risk_severity": "info",
        "architecture": "RandomForestClassifier",
        "framework": "scikit-learn",
    },
    "gensim/lda": {"architecture": "LdaModel", "framework": "gensim"},
    "gensim/lsi": {"architecture": "LsiModel", "parameters": None},
    "gensim/vectors": {"parameters": 5 * 12, "embedding_dimension": 12},
    "gensim/apart": {"architecture": "Word2Vec", "parameters": None},
    "coreml/int8.mlpackage": {"parameters": LINEAR, "precision": "I8", "quantization.bits": 8},
    "coreml/int4.mlpackage": {"parameters": LINEAR, "precision": "I4", "quantization.bits": 4},
    "coreml/pal4.mlpackage": {"parameters": LINEAR, "precision": "U4", "quantization.bits": 4},
    "coreml/forest.mlmodel": {
        "task": "tabular-classification",
        "trees": 4,
        "origin_framework": "scikit-learn",
    },
    "coreml/network.mlmodel": {
        "parameters": LINEAR,
        "precision": "I8",
        "outputs": [{"name": "out", "dtype": "F32"}],
    },
    "openvino/ptq": {"parameters": LAYERS, "precision": "I8"},
    "openvino/int4_asym": {"parameters": LAYERS, "precision": "U4", "quantization.group_size": 64},
    "orbax/state": {"parameters": 67, "framework": "jax"},
    "h2o/churn_gbm.zip": {
        "architecture": "Gradient Boosting Machine",
        "framework_version": "3.46.0.7",
        "trees": 6,
        "classes": 2,
        "features": 5,
        "hyperparameters.max_depth": 3,
        "risks": None,
    },
    "h2o/iso.zip": {"architecture": "Isolation Forest", "trees": 4},
    "h2o/binary/churn_gbm": {"framework": "h2o", "status": "opaque"},
    "spark/forest": {
        "architecture": "RandomForestClassificationModel",
        "trees": 4,
        "classes": 2,
        "features": 5,
    },
    "spark/search": {"architecture": "CrossValidatorModel", "framework_version": "4.3.0"},
    "mlx/eight": {"parameters": MLX, "precision": "MXFP8 (MLX)"},
    "mlx/four": {"parameters": MLX, "precision": "NVFP4 (MLX)"},
    "onnx/dynamic.onnx": {"parameters": ONNX, "quantization.scheme": "dynamic"},
    "onnx/static.onnx": {"parameters": ONNX, "quantization.scheme": "QDQ"},
    "onnx/operators.onnx": {"parameters": ONNX},
    "onnx/lstm.onnx": {"parameters": LSTM},
    "onnx/lstm_dynamic.onnx": {"parameters": LSTM, "quantization.scheme": "dynamic"},
    "torch/pt2e.pt2": {"parameters": PERCEPTRON, "precision": "I8", "quantization.method": "pt2e"},
    "torch/hqq8": {"parameters": HQQ + NORM, "precision": "U8", "quantization.bits": 8},
    "torch/hqq4": {"parameters": HQQ + NORM, "precision": "U4", "quantization.method": "hqq"},
    "torch/hqq3": {"parameters": HQQ + NORM, "precision": "U3", "quantization.bits": 3},
    "torch/hqqold1": {"parameters": HQQ, "precision": "U1", "quantization.bits": 1},
    "torch/fastai/stage-1.pth": {"parameters": 83, "framework": "pytorch", "risk_severity": "medium"},
    "torch/ppo_cartpole.zip": {
        "parameters": 107,
        "risk_severity": "info",
        "framework": "stable-baselines3",
        "framework_version": "2.9.2",
        "model_type": "ppo",
        "training.epochs": None,
    },
    "torch/deepspeed/zero1/global_step1": {"parameters": PERCEPTRON, "name": "zero1-global_step1"},
    "tfjs/web": {"parameters": 99, "framework": "tensorflow.js", "architecture": "Sequential"},
    "spacy/en_shop": {
        "name": "en_shop",
        "version": "1.2.3",
        "license": "mit",
        "task": "token-classification",
        "parameters": None,
        "risks": None,
    },
    "others/als.npz": {"parameters": 35 * 4, "precision": "F32"},
    "others/ner.crfsuite": {"framework": "crfsuite", "status": "opaque"},
    "others/click.model": {"framework": "vowpal-wabbit", "status": "opaque"},
    "catboost/cat.mlmodel": {"trees": 8, "owner": None, "version": None, "description": None},
}
HOLDS_CODE = {"pickles/wrapped_cloud.pkl"}
"""A class that cloudpickle wrote with its code, which loading runs."""


@pytest.fixture(scope="module")
def documents(tmp_path_factory):
    root = tmp_path_factory.mktemp("real")
    with tarfile.open(FILES) as archive:
        archive.extractall(root / "models", filter="data")
    settings = Settings(home=root / "home")
    with open_store(settings, write=True) as store:
        report = crawl(store, LocalSource(root / "models"), settings)
        models = {name_of(model.document): model.document for model in store.records.iterate()}
    assert report.counts["failed"] == 0, report.unread
    return models


def name_of(document):
    """Its path; of models that share a directory with others, the name as well."""
    path = document["path"]
    return f"{path}/{document['name']}" if path in {"gensim", "openvino"} else path


def value_at(document, field):
    value = document
    for part in field.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def test_each_of_them_is_one_model(documents):
    assert sorted(documents) == sorted(MODELS)


@pytest.mark.parametrize("place", sorted(MODELS))
def test_models_say_what_their_library_says(documents, place):
    said = {field: value_at(documents[place], field) for field in MODELS[place]}
    assert said == MODELS[place]


def test_none_is_high_but_what_holds_code(documents):
    high = {place for place, document in documents.items() if document.get("risk_severity") == "high"}
    assert high == HOLDS_CODE
