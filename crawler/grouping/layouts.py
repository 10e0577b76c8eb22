"""How trainers, hubs and people lay out files on disk, whatever their formats."""

from __future__ import annotations

import re

from catalog.layouts.variants import COPIES
from catalog.records import Role
from catalog.text.patterns import pattern

HUB_SNAPSHOT = pattern(
    r"(?:^|/)models--(?:(?P<owner>[^/]+?)--)?(?P<name>[^/]+)/snapshots/(?P<revision>[^/]+)$"
)

"""One revision in a cache of the Hugging Face hub. Source: huggingface_hub, file_download."""
HUB_REPOSITORY = pattern(r"(?:^|/)(?P<repository>models--[^/]+)/(?P<part>blobs|snapshots)/")
CHECKPOINT_DIRECTORY = pattern(
    r"^(checkpoint|step|epoch|iter|global_step)[-_]?\d+(?:_universal)?$", re.IGNORECASE
)
SHELVES_OF_STEPS = frozenset({"checkpoints", "checkpoint", "ckpt", "ckpts"})
"""Where directories that are called by a number alone are the steps of a run. Source: huggingface/nanotron, orbax."""
FOLD_DIRECTORY = pattern(
    r"^(?:fold[-_]?(?:\d+|all)|seed[-_]?\d+|release|default|(?:final|best|last|latest|merged)(?:[-_](?:model|checkpoint|ckpt))?"
    r"|(?:model|checkpoint)[-_](?:final|best|last|latest|merged)"
    r"|b?f(?:p|loat)?(?:8|16|32)|u?int[48]|[2-8](?:[._]\d{1,3})?[-_]?(?:bits?|bpw)(?:[-_]h\d)?|onnx|openvino|coreml|tflite|flax|tf|tensorflow|pytorch|torch|tensorrt|trt)$",
    re.IGNORECASE,
)
"""One of several trainings of what the directory above is called (nnU-Net), Megatron's name for what is published, PEFT's
for an adapter that nobody named, and what people call the end of a run, or one of its exports.
"""
DATED_DIRECTORY = pattern(r"^(19|20)\d\d([-_.]?)(0\d|1[0-2])\2[0-3]\d([T_ -][\d_.:hms-]*Z?)?$")
"""A day, perhaps with a time: one version of what the directory above is called."""

SIDECAR = pattern(r"^(?P<target>.+)\.modeldex\.(ya?ml|json)$")
PROJECTOR = pattern(r"^(mmproj|mtp)([-_.].*)?\.gguf$|.*[-_.]mmproj([-_.].*)?\.gguf$", re.IGNORECASE)

TRAINING_STATE = pattern(
    r"^((optimizer|scheduler|recipe_state|scaler|sampler|dl_state_dict|rng_state|random_states|custom_checkpoint)(_\d+)?"
    r"|training_args|trainer_state|loss_state|.*zero_pp_rank_\d+_mp_rank_\d+_optim_states"
    r"|(optim|extra_state)_world_size_\d+_rank_\d+|distrib_optim|tp-\d+-of-\d+_dp-\d+-of-\d+_pp-\d+-of-\d+)\.(pt|pth|bin|pkl|safetensors)$|^optimizer\.ckpt$|^[^/]+\.(?:pdopt|pdstates|states)$|^feats_stats\.npz$"
)
"""What a trainer writes beside the weights to go on later. Source: transformers Trainer, accelerate save_state, DeepSpeed
engine.py (`_get_zero_ckpt_name`); verl checkpoint/fsdp_checkpoint_manager.py; Megatron-LM `distrib_optim.pt`;
huggingface/nanotron serialize/random.py; PaddlePaddle/PaddleDetection utils/checkpoint.py (`.pdopt`, `.pdstates`); PaddlePaddle/PaddleOCR ppocr/utils/save_load.py
(`.states`); espnet/espnet espnet2/main_funcs/collect_stats.py, which measures the inputs once for all trainings."""
STATE_OF_PART = pattern(
    r"^(?:lr_?)?(?:scheduler|optimi[sz]er|scaler|sampler|annealing)[-_][\w.-]{1,80}\.(?:pt|pth|bin|pkl|ckpt)$",
    re.IGNORECASE,
)
"""The state of what trains one part of a network, called after both; one with tensors of its own may be a model of that name.
Source: speechbrain/speechbrain utils/checkpoints.py (`CKPT+…/scheduler_model.ckpt`), huggingface/nanotron serialize."""
INDEX_OF_DOWNLOADS = pattern(r"^\.(?:msc|mdl)$")
"""What ModelScope pickles beside a model that it downloaded. Source: modelscope/modelscope hub/utils/caching.py
(`MODEL_INDEX_FILE`, `MODEL_META_FILE_NAME`)."""
STATE_OF_MARIAN = pattern(r"^.+\.npz\.optimizer\.npz$")
"""What Marian goes on from, beside `NAME.npz`. Source: marian-nmt/marian-dev src/training/graph_group.cpp (`save`)."""
STATE_DIRECTORY = pattern(r"^(?P<stem>.+)-state$")
"""What kohya's trainers go on from, called after the file beside. Source: kohya-ss/sd-scripts library/train_util.py
(`EPOCH_STATE_NAME`, `LAST_STATE_NAME`)."""
HEAD = pattern(r"^(?:model_head\.(?:pkl|skops|joblib)|medusa_lm_head\.(?:pt|safetensors)|speakers\.pth)$")
"""What classifies above an encoder, drafts above a model, or is spoken with. Source: huggingface/setfit modeling.py
(`MODEL_HEAD_NAME`); FasterDecoding/Medusa medusa/model/medusa_model.py; coqui-ai/TTS TTS/tts/utils/managers.py."""
SHARDED_MODEL = pattern(r"^pytorch_model_fsdp_\d+$")
DEEPSPEED_STATE = pattern(r"^(?:global_step\d+(?:_universal)?|pytorch_model_fsdp_\d+)$")
"""A checkpoint of DeepSpeed or FSDP: state where the whole weights lie beside it, the model elsewhere. Source: DeepSpeed
engine.py, `save_checkpoint`, and checkpoint/ds_to_universal.py; accelerate utils/fsdp_utils.py, `save_fsdp_model`."""
OPTIMIZER_STATE = pattern(r"^optim(?:izer)?(?:_\d+)?$")
"""What only an optimizer goes on from, in a directory of its own. Source: accelerate utils/fsdp_utils.py, `save_fsdp_optimizer`."""

BESIDE_MODELS = frozenset({Role.AUXILIARY, Role.RUN, Role.DATA, Role.CONFIG})
"""Roles of files that are no model by themselves."""
UNPICKLED = (".pt", ".pth", ".bin", ".pkl", ".pickle", ".pdopt", ".pdparams", ".info", ".ckpt", ".joblib")
"""Files beside a model that trainers unpickle when they go on."""
ADAPTER = pattern(r"^adapter_(?:(?:model|config)\.(?:safetensors|bin|json)|\d+\.(?:pt|safetensors))$")
WHOLE_MODEL = pattern(
    r"^(?:model|pytorch_model|tf_model|flax_model|consolidated)(?:[-.]\d+(?:-of-\d+)?)?\.(?:safetensors|bin|h5|msgpack|pth)$"
    r"|^(?:ft-model-\d+-of-\d+\.safetensors|hf_model_\d{4}_\d+\.pt|meta_model_\d+\.pt)$"
    r"|^(?:model|pytorch_model)\.(?:safetensors|bin)\.index\.json$"
)
"""Names that libraries give the weights of a whole model, or their index, beside which an adapter is a leftover.

Source: transformers modeling_utils.py; pytorch/torchtune training/checkpointing (`ft-model`, `hf_model`, `adapter_{epoch}.pt`).
"""

ORIGINAL_DIRECTORY = "original"
"""The weights as they were before they were converted, with a configuration of their own (`params.json`, gpt-oss's
`config.json`): they are those above all the same.
"""
ALTERNATIVE_DIRECTORIES = frozenset(
    {
        "onnx",
        "openvino",
        ORIGINAL_DIRECTORY,
        "coreml",
        "tflite",
        "flax",
        "tf",
        "gguf",
        "safetensors",
        "pytorch",
        "saved_model",
        "mlx",
    }
)
"""Sub-directories in which repositories keep the same weights in another format."""

SIDE_DIRECTORIES = frozenset(
    {
        ".eval_results",
        "eval_results",
        "eval",
        "evals",
        "evaluation",
        "dvclive",
        "evaluations",
        "evalplus_results",
        "lighteval_results",
        "lm_eval",
        "lm_eval_results",
        "results",
        "metrics",
        "logs",
        "log",
        "tb_logs",
        "wandb",
        ".hydra",
        "hydra",
        "config",
        "configs",
        "conf",
        "tokenizer",
        "additional_chat_templates",
        "reports",
    }
)
"""Sub-directories in which tools keep what they say of the model beside. Source: huggingface.co/docs/hub (`.eval_results`),
hydra.cc (`.hydra`), wandb, dvclive, transformers `additional_chat_templates`; the rest are people's habits, and hold no model.
"""

LOG_DIRECTORIES = frozenset({"runs", "tensorboard", "tb", "tensorboard_logs", "lightning_logs"})
"""In which writers of logs keep them, and in which there may be models of other runs: they speak for the model beside them where
the log is of one run alone. Source: torch.utils.tensorboard and transformers (`runs/DATE_HOST`)."""

RUN_DIRECTORY = pattern(r"(?:^|/)(?P<version>version_\d+)/(?:checkpoints/)?[^/]*$")
"""One run of a Lightning trainer. Source: lightning, loggers (`lightning_logs/version_N`)."""
STATES_OF_SETTINGS = {
    "hparams.yaml": "checkpoints",
    "args.yaml": "weights",
    "opt.yaml": "weights",
    "hyp.yaml": "weights",
}
"""Where the states of a run lie below the directory with its settings. Source: lightning, loggers and ModelCheckpoint;
ultralytics/ultralytics engine/trainer.py (`save_dir`, `wdir`); ultralytics/yolov5 train.py."""
FIRST_RUN = "version_0"
VERSION_DIRECTORY = pattern(
    r"^(?:\d{1,14}(?:\.orbax-checkpoint-tmp(?:-\d+)?)?|[vV]\d+(?:[._]\d+)*|\d+(?:\.\d+)+)$"
)
"""One version of what the directory above is called. Source: Triton and TensorFlow Serving, `NAME/VERSION/…`; Orbax, which
calls the directory of a step so until it is written."""
STATES_BELOW_SETTINGS = {
    "config.pbtxt": VERSION_DIRECTORY,
    "torchtune_config.yaml": pattern(r"^epoch_\d+$"),
    "plans.json": pattern(r"^fold_(?:\d+|all)$"),
    "dataset.json": pattern(r"^fold_(?:\d+|all)$"),
}
"""What the directories are called that a file is about, which stands beside them: versions of a served model, epochs of a run,
folds of a training. Source: triton-inference-server/server docs/user_guide/model_repository.md; pytorch/torchtune
training/metric_logging.py (`save_config`); MIC-DKFZ/nnUNet nnunetv2/utilities/file_path_utilities.py (`get_output_folder`)."""
TAGGED_DIRECTORY = pattern(r"^(?P<name>[^:]+):(?P<version>v\d+)$")
"""One version of an artifact. Source: wandb/wandb sdk/artifacts/artifact.py (`artifacts/NAME:vN`)."""
PUBLISHER = pattern(
    r"(?:^|/)(?:\.?lm-?studio/(?:[^/]+/)*?models|\.lmstudio/hub/models)/(?P<owner>[^/]+)/[^/]+/(?:[^/]+/)?[^/]+$"
    r"|(?:^|/)(?P<publisher>[^/]+)/[^/]+(?-i:-GGUF)/(?:[^/]+/)?[^/]+$",
    re.IGNORECASE,
)
"""LM Studio keeps `PUBLISHER/REPOSITORY/FILE.gguf`; elsewhere repositories that end as most of the hub's do are told, and
people's own `my-gguf/` are not. Source: lmstudio.ai/docs (import models)."""
RUN_POSITION = pattern(
    r"(?:^|[-_.=])(?:(?:best|last|latest|final|epoch|step|iter(?:ation)?|ep|e|checkpoint|ckpt)(?=[-_.=\d]|$)|\d+(?:\.\d+)*(?=[-_.=]|$))"
    r"|(?<=[a-z])\d+$"
)
"""What the name of one state of a run has more than the name of the run."""
BEGINS_WITH_POSITION = pattern(
    r"(?:best|last|latest|final|epoch|step|iter(?:ation)?|checkpoint|ckpt)[-_.=\d]"
)
END_OF_RUN = pattern(r"(?:^|[-_.])(?:final|last|latest|end)(?:[-_.]|$)")
EPOCH_AT_END = pattern(r"^(?P<name>.+?)-(?P<version>\d{6}|step\d{8}|e\d{1,4}|epoch[-_]?\d{1,6})$")
"""States of one run beside its result. Source: kohya-ss/sd-scripts, library/train_util.py (`EPOCH_FILE_NAME`, `STEP_FILE_NAME`)."""
WITHOUT_COPY = pattern(rf"[-_.](?:{'|'.join(COPIES)})(?=[-_.]|$)", re.IGNORECASE)
"""Words of a graph that is made of the others of its network: `decoder_with_past_model`, `decoder_model_merged`."""
KERAS_EPOCH = pattern(
    r"(?:^|[._-]|epoch)(?P<epoch>\d{1,5})(?:-\d{1,3}\.\d{1,6})?(?:\.weights)?\.(?:keras|h5|hdf5)$",
    re.IGNORECASE,
)
"""The epoch in the name of a checkpoint of Keras, `weights.12-0.35.hdf5`. Source: keras-team/keras callbacks/model_checkpoint.py."""
ARRAY = ".npy"
"""Arrays that a program saves beside the object that they are of."""
PARTS_OF_OBJECTS = (".id2word", ".state", ".projection", ".wv", ".trainables", ".docvecs", ".vocabulary")
"""Objects that gensim saves beside the one that holds them: `lda.model.state`.

Source: piskvorky/gensim gensim/models (`save` of LdaModel, LsiModel and, before 4.0, Word2Vec).
"""
EXPORT_DIRECTORY = pattern(
    r"^(?P<stem>.+?)(?:_(?:int8|fp16|half))?_(?:openvino|saved|ncnn|paddle|web|rknn|imx|axelera|executorch)_model$"
)
"""Another format of the checkpoint beside it. Source: ultralytics/ultralytics engine/exporter.py (`best_openvino_model/`)."""
GRAPHS = (".onnx", ".ort", ".tflite", ".rknn")
GRAPH_PART = pattern(
    r"^(?P<before>(?:.*[-_.])?)(?P<part>encoder|decoder|joiner)(?:_joint)?(?P<after>(?:[-_.].*)?)$",
    re.IGNORECASE,
)
"""One graph of a network that is exported in parts. Source: k2-fsa/sherpa-onnx (transducers, Whisper); NVIDIA/NeMo
core/classes/exportable.py (`encoder-NAME.onnx`, `decoder_joint-NAME.onnx`)."""
DRAFTER_DIRECTORY = pattern(
    r"^(?:draft(?:er)?(?:[-_]model)?|assistant(?:[-_]model)?|speculator|eagle\d?|medusa)$", re.IGNORECASE
)
"""A small model beside the one for which it drafts tokens: a model of its own, called after both."""
