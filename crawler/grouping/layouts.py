"""How trainers, hubs and people lay out files on disk, whatever their formats."""

from __future__ import annotations

import re

HUB_SNAPSHOT = re.compile(r"(?:^|/)models--(?:[^/]+--)?(?P<name>[^/]+)/snapshots/[^/]+$")
"""One revision in a cache of the Hugging Face hub. Source: huggingface_hub, file_download."""
CHECKPOINT_DIRECTORY = re.compile(r"^(checkpoint|step|epoch|iter|global_step)[-_]?\d+$", re.IGNORECASE)
DATED_DIRECTORY = re.compile(r"^(19|20)\d\d([-_.]?)(0\d|1[0-2])\2[0-3]\d([T_ -][\d_.:hms-]*Z?)?$")
"""A day, perhaps with a time: one version of what the directory above is called."""

SIDECAR = re.compile(r"^(?P<target>.+)\.modeldex\.(ya?ml|json)$")
PROJECTOR = re.compile(r"^(mmproj|mtp)[-_.].*\.gguf$|.*[-_.]mmproj[-_.].*\.gguf$", re.IGNORECASE)

TRAINING_STATE = re.compile(
    r"^(optimizer|scheduler|scaler|rng_state(_\d+)?|random_states_\d+|training_args|trainer_state|loss_state)\.(pt|pth|bin|pkl|safetensors)$"
)
"""What a trainer writes beside the weights to go on later. Source: transformers Trainer, accelerate save_state."""

ALTERNATIVE_DIRECTORIES = frozenset(
    {
        "onnx",
        "openvino",
        "original",
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
