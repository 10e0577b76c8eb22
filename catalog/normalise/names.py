"""Names in their one spelling: slugs, dtypes, frameworks, tasks, and the model's own name out of its path."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache

MAX_SLUG_CHARS = 128

_NOT_SLUG = re.compile(r"[^a-z0-9]+")
_SHARD = re.compile(r"(?i)[-_.](?:\d{2,6}-of-\d{2,6})$")
_QUANT = re.compile(
    r"(?i)[-_. ](?:i?q\d(?:[_-](?:k|xxs|xs|s|m|l|nl|\d))*(?:[_-][sml])?|(?:u[dl]-)?i?q\d_\w+|tq[12]_0|mxfp4(?:_moe)?|nvfp4"
    r"|[fi](?:nt|p|loat)?(?:4|8|16|32)|bf16|fp8|half|gptq|awq|bnb|4bit|8bit|non_ema|ema)$"
)
GENERIC_STEMS = frozenset(
    {
        "model", "pytorch_model", "tf_model", "flax_model", "adapter_model", "diffusion_pytorch_model", "weights",
        "model.weights", "checkpoint", "ckpt", "last", "best", "final", "state_dict", "saved_model", "variables",
        "consolidated", "inference", "network", "net", "data", "openvino_model", "model_quantized", "mlmodel",
        "model_state", "rust_model", "ggml-model", "adapter", "python_model", "estimator",
    }
)  # fmt: skip
GENERIC_DIRECTORIES = frozenset(
    {
        "artifacts",
        "model",
        "models",
        "weights",
        "checkpoints",
        "ckpt",
        "variables",
        "data",
        "files",
        "lightning_logs",
    }
)
SUFFIXES = re.compile(
    r"(?i)\.(?:safetensors|gguf|ggml|onnx|pth?|pt2|ckpt|bin|h5|hdf5|keras|pb|tflite|lite|mlmodel|mlpackage|joblib|pkl|pickle|skops"
    r"|ubj|cbm|npz|npy|msgpack|xml|nemo|json|txt|model|ftz|vec|pdmodel|pdparams|engine|trt|plan|tar|gz|zip|index|dduf|pte|yaml|yml)$"
)

DTYPES: Mapping[str, str] = {
    alias: canonical
    for canonical, aliases in {
        "F64": "float64 fp64 double f8 doublestorage",
        "F32": "float32 fp32 float single f4 f floatstorage full",
        "F16": "float16 fp16 half f2 halfstorage",
        "BF16": "bfloat16 bf16 bf bfloat16storage brain",
        "F8_E4M3": "float8_e4m3fn float8_e4m3fnuz float8_e4m3 f8_e4m3fn f8e4m3 fp8_e4m3 fp8 f8e4m3fn float8",
        "F8_E5M2": "float8_e5m2 float8_e5m2fnuz f8e5m2 fp8_e5m2",
        "F8_E8M0": "float8_e8m0fnu float8_e8m0 f8e8m0",
        "F4": "float4_e2m1fn_x2 float4 fp4",
        "I64": "int64 long i8 longstorage",
        "I32": "int32 int i4 intstorage",
        "I16": "int16 short i2 shortstorage",
        "I8": "int8 i1 char charstorage qint8",
        "I4": "int4",
        "U64": "uint64 u8",
        "U32": "uint32 u4",
        "U16": "uint16 u2",
        "U8": "uint8 u1 byte bytestorage quint8",
        "BOOL": "bool boolean boolstorage b1",
        "C64": "complex64 c8 cfloat",
        "C128": "complex128 c16 cdouble",
        "STR": "string str object",
    }.items()
    for alias in aliases.split()
}
CANONICAL_DTYPES = frozenset(DTYPES.values()) | {"F6_E2M3", "F6_E3M2"}

FRAMEWORKS: Mapping[str, str] = {
    "pt": "pytorch", "torch": "pytorch", "pytorch": "pytorch", "libtorch": "pytorch", "torchscript": "pytorch",
    "tf": "tensorflow", "tensorflow": "tensorflow", "tf2": "tensorflow", "tflite": "tensorflow-lite", "litert": "tensorflow-lite",
    "tfjs": "tensorflow.js", "tensorflowjs": "tensorflow.js", "tensorflow_js": "tensorflow.js",
    "sklearn": "scikit-learn", "scikit_learn": "scikit-learn", "scikitlearn": "scikit-learn", "skops": "scikit-learn",
    "flax": "flax", "jax": "jax", "mlx": "mlx", "keras": "keras", "tf_keras": "keras", "keras_hub": "keras",
    "pytorch_lightning": "pytorch-lightning", "lightning": "pytorch-lightning", "lightning_fabric": "pytorch-lightning",
    "sentence_transformers": "sentence-transformers", "xgb": "xgboost", "lgbm": "lightgbm", "lgb": "lightgbm",
    "paddle": "paddlepaddle", "paddlepaddle": "paddlepaddle", "fasttext": "fasttext", "onnxruntime": "onnx",
    "coreml": "coreml", "coremltools": "coreml", "llama_cpp": "llama.cpp", "ggml": "llama.cpp", "gguf": "llama.cpp",
    "tensorrt": "tensorrt", "trt": "tensorrt", "openvino": "openvino", "spacy": "spacy", "catboost": "catboost",
    "ultralytics": "ultralytics", "yolov5": "ultralytics", "yolov8": "ultralytics", "fastai": "fastai", "nemo": "nemo",
    "adapter_transformers": "transformers", "peft": "peft", "orbax": "jax",
}  # fmt: skip
BUILT_ON: Mapping[str, str] = {
    "diffusers": "pytorch", "sentence-transformers": "pytorch", "pytorch-lightning": "pytorch", "ultralytics": "pytorch",
    "fastai": "pytorch", "nemo": "pytorch", "speechbrain": "pytorch", "flair": "pytorch", "stable-baselines3": "pytorch",
    "open_clip": "pytorch", "setfit": "pytorch", "keras": "tensorflow", "flax": "jax", "espnet": "pytorch", "paddleocr": "paddlepaddle",
}  # fmt: skip
LOADERS = frozenset(
    {
        "transformers",
        "peft",
        "timm",
        "safetensors",
        "np",
        "numpy",
        "python-function",
        "python_function",
        "adapter-transformers",
    }
)
"""Hub libraries that load several frameworks' weights: they name the framework only when nothing else does."""

TASKS: Mapping[str, str] = {
    "seq_cls": "text-classification", "sequence_classification": "text-classification", "sentiment_analysis": "text-classification",
    "causal_lm": "text-generation", "causal_language_modeling": "text-generation", "language_modeling": "text-generation",
    "llm_v1_completions": "text-generation", "llm_v1_chat": "text-generation", "llm": "text-generation",
    "seq_2_seq_lm": "text2text-generation", "text2text_generation": "text2text-generation", "token_cls": "token-classification",
    "ner": "token-classification", "named_entity_recognition": "token-classification", "question_ans": "question-answering",
    "masked_language_modeling": "fill-mask", "detect": "object-detection", "segment": "image-segmentation",
    "classify": "image-classification", "pose": "keypoint-detection", "semantic_segmentation": "image-segmentation",
    "asr": "automatic-speech-recognition", "speech_recognition": "automatic-speech-recognition", "tts": "text-to-speech",
    "machine_translation": "translation", "llm_v1_embeddings": "feature-extraction", "embeddings": "feature-extraction",
    "text2image": "text-to-image", "txt2img": "text-to-image", "qa": "question-answering",
}  # fmt: skip
ARCHITECTURE_TASKS: tuple[tuple[str, str], ...] = (
    ("ForSequenceClassification", "text-classification"),
    ("ForTokenClassification", "token-classification"),
    ("ForQuestionAnswering", "question-answering"),
    ("ForCausalLM", "text-generation"),
    ("LMHeadModel", "text-generation"),
    ("ForMaskedLM", "fill-mask"),
    ("ForMultipleChoice", "multiple-choice"),
    ("ForImageClassification", "image-classification"),
    ("ForObjectDetection", "object-detection"),
    ("ForSemanticSegmentation", "image-segmentation"),
    ("ForInstanceSegmentation", "image-segmentation"),
    ("ForUniversalSegmentation", "image-segmentation"),
    ("ForDepthEstimation", "depth-estimation"),
    ("ForAudioClassification", "audio-classification"),
    ("ForVideoClassification", "video-classification"),
    ("ForCTC", "automatic-speech-recognition"),
    ("ForSpeechSeq2Seq", "automatic-speech-recognition"),
    ("WhisperForConditionalGeneration", "automatic-speech-recognition"),
    ("T5ForConditionalGeneration", "text2text-generation"),
    ("BartForConditionalGeneration", "text2text-generation"),
    ("PegasusForConditionalGeneration", "text2text-generation"),
    ("MarianMTModel", "translation"),
    ("StableDiffusionPipeline", "text-to-image"),
    ("StableDiffusionXLPipeline", "text-to-image"),
    ("StableDiffusion3Pipeline", "text-to-image"),
    ("FluxPipeline", "text-to-image"),
    ("DDPMPipeline", "unconditional-image-generation"),
    ("DDIMPipeline", "unconditional-image-generation"),
    ("Classifier", "tabular-classification"),
    ("Regressor", "tabular-regression"),
)
TABULAR_LIBRARIES = frozenset({"xgboost", "lightgbm", "catboost", "scikit-learn"})
CLASSIFIER_OBJECTIVES = re.compile(
    r"(?i)logistic|softmax|softprob|multiclass|binary|logloss|crossentropy|cross_entropy|multi_?class"
)
REGRESSOR_OBJECTIVES = re.compile(
    r"(?i)^(?:reg:|regression|rmse|mae|mape|huber|poisson|quantile|tweedie|gamma|survival)"
)


@lru_cache(maxsize=16_384)
def slug(text: str) -> str:
    """The name as `[a-z0-9_]+`: accents folded, everything else one underscore. A name with nothing left is hashed."""
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text)).casefold()
    folded = "".join(
        char for char in unicodedata.normalize("NFKD", folded) if not unicodedata.combining(char)
    )
    made = _NOT_SLUG.sub("_", folded).strip("_")
    if made and len(made) <= MAX_SLUG_CHARS:
        return made
    digest = hashlib.sha256(text.encode("utf-8", errors="surrogatepass")).hexdigest()[:12]
    return f"{made[: MAX_SLUG_CHARS - 13]}_{digest}" if made else f"name_{digest}"


def dtype(text: str) -> str | None:
    """The canonical dtype: FP16, half, torch.float16, <f2 → F16; GGML's own names as they are; None for other words."""
    name = text.strip()
    if name.upper() in CANONICAL_DTYPES:
        return name.upper()
    bare = (
        name.lower()
        .removeprefix("torch.")
        .removeprefix("jnp.")
        .removeprefix("np.")
        .removeprefix("tf.")
        .lstrip("<>=|")
    )
    if bare in DTYPES:
        return DTYPES[bare]
    if is_ggml_type(name.upper()):
        return name.upper()
    return None


def is_ggml_type(name: str) -> bool:
    """Whether this is a quantised type or file type of GGML: Q4_0, Q4_K_M, IQ2_XS, TQ1_0, MXFP4."""
    return bool(re.fullmatch(r"I?Q\d(?:_[A-Z0-9]+)+|TQ[12]_0|MXFP4(?:_MOE)?|NVFP4", name))


def framework(text: str) -> str:
    """The framework's usual name: pt → pytorch, sklearn → scikit-learn; others as they are, in lower case."""
    return FRAMEWORKS.get(slug(text), re.sub(r"\s+", "-", text.strip().lower()))


def library(text: str) -> str:
    """A hub library's id: lower case, without blanks."""
    return re.sub(r"\s+", "-", text.strip().lower())


def task(text: str) -> str:
    """The task as a pipeline tag: Text Classification, SEQ_CLS → text-classification."""
    name = slug(text)
    return TASKS.get(name, name.replace("_", "-"))


def task_of_architecture(architecture: str) -> str | None:
    """The task that a class name shows by its end."""
    return next((task_ for suffix, task_ in ARCHITECTURE_TASKS if architecture.endswith(suffix)), None)


def task_of_objective(objective: str) -> str | None:
    """The task that a booster's objective shows: multi:softprob → tabular-classification."""
    if CLASSIFIER_OBJECTIVES.search(objective):
        return "tabular-classification"
    return "tabular-regression" if REGRESSOR_OBJECTIVES.search(objective) else None


def stem(name: str) -> str:
    """A file's base name without its format suffixes and its shard number."""
    shorter = SUFFIXES.sub("", name)
    while shorter != name and shorter:
        name, shorter = shorter, SUFFIXES.sub("", shorter)
    return _SHARD.sub("", name) or name


def without_quantization(name: str) -> str:
    """The stem without a trailing quantisation or variant word: llama-3-8b.Q4_K_M → llama-3-8b."""
    shorter = _QUANT.sub("", name)
    return shorter if len(shorter) > 1 else name


def is_machine_name(name: str) -> bool:
    """A directory that a program named: a long hexadecimal id, a number, or a word that every model uses."""
    return name.lower() in GENERIC_DIRECTORIES or bool(
        re.fullmatch(r"(?:m-)?[0-9a-f]{16,64}|[0-9a-f-]{36}|\d+|version_\d+", name.lower())
    )


def is_generic(name: str) -> bool:
    """A stem that every model uses says nothing about this one."""
    return stem(name).lower() in GENERIC_STEMS or bool(
        re.fullmatch(r"(?:checkpoint|epoch|step)[-_=]?\d+.*|\d+", stem(name).lower())
    )


def model_name(path: str, *, is_file: bool) -> str | None:
    """What the path calls the model: the file's stem, or the nearest directory that is not a word like `model`."""
    parts = [part for part in path.strip("/").split("/") if part not in {"", ".", ".."}]
    if not parts:
        return None
    last = without_quantization(stem(parts[-1])) if is_file else parts[-1]
    generic = is_generic(parts[-1]) if is_file else is_machine_name(last)
    for part in reversed(parts[:-1]) if generic else ():
        if not is_machine_name(part):
            return part
    return last
