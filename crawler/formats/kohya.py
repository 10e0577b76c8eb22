"""Training metadata that kohya's scripts write into LoRA files: `ss_*` keys, all values as text.

Source: kohya-ss/sd-scripts train_network.py (`metadata`), library/train_util.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from crawler.formats.metadata_objects import object_in

FIELDS = {
    "ss_output_name": "name",
    "ss_training_comment": "description",
    "ss_learning_rate": "training.learning_rate",
    "ss_epoch": "training.epochs",
    "ss_steps": "training.steps",
    "ss_total_batch_size": "training.batch_size",
    "ss_optimizer": "training.optimizer",
    "ss_lr_scheduler": "training.scheduler",
    "ss_lr_warmup_steps": "training.warmup_steps",
    "ss_seed": "training.seed",
    "ss_mixed_precision": "training.precision",
    "ss_loss_type": "training.loss",
    "ss_training_started_at": "training_started_at",
    "ss_training_finished_at": "trained_at",
    "ss_network_dim": "adapter.rank",
    "ss_network_alpha": "adapter.alpha",
}
FALLBACKS = {
    "training.epochs": "ss_num_epochs",  # what was planned: the files of a run all have it
    "training.steps": "ss_max_train_steps",
    "training.batch_size": "ss_batch_size_per_device",
}
SETTINGS = frozenset(
    {
        "ss_unet_lr",
        "ss_text_encoder_lr",
        "ss_text_encoder_lr1",
        "ss_text_encoder_lr2",
        "ss_clip_skip",
        "ss_noise_offset",
    }
    | {"ss_gradient_accumulation_steps", "ss_gradient_checkpointing", "ss_max_grad_norm", "ss_min_snr_gamma"}
    | {"ss_network_dropout", "ss_network_args", "ss_optimizer_args", "ss_resolution", "ss_max_token_length"}
    | {"ss_num_train_images", "ss_num_reg_images", "ss_prior_loss_weight", "ss_caption_dropout_rate"}
    | {
        "ss_adaptive_noise_scale",
        "ss_multires_noise_discount",
        "ss_multires_noise_iterations",
        "ss_scale_weight_norms",
    }
    | {"ss_num_epochs", "ss_max_train_steps", "ss_batch_size_per_device"}
)
LARGE = frozenset(
    {"ss_tag_frequency", "ss_dataset_dirs", "ss_datasets", "ss_reg_dataset_dirs", "ss_bucket_info"}
)
MAX_TAGS = 50


def is_empty(text: str) -> bool:
    """Kohya writes Python's None as text."""
    return text.strip() in {"", "None", "null", "{}", "[]"}


def top_tags(metadata: Mapping[str, str]) -> list[str]:
    """The 50 most frequent caption tags over all data sets."""
    counts: Counter[str] = Counter()
    for frequencies in object_in(metadata.get("ss_tag_frequency")).values():
        if isinstance(frequencies, Mapping):
            counts.update({tag: n for tag, n in frequencies.items() if isinstance(n, int) and 0 < n < 2**40})
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [tag.strip() for tag, _ in ranked[:MAX_TAGS] if tag.strip()]


def dataset_folders(metadata: Mapping[str, str]) -> Iterator[str]:
    """The folders of training images, by their own names."""
    for name in list(object_in(metadata.get("ss_dataset_dirs")))[:MAX_TAGS]:
        if tail := name.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]:
            yield tail


def adapter_type(metadata: Mapping[str, str]) -> str | None:
    """The kind of adapter that `ss_network_module` names."""
    module = metadata.get("ss_network_module", "").lower()
    kinds = {
        "networks.lora": "LORA",
        "lycoris.kohya": "LYCORIS",
        "networks.dylora": "DYLORA",
        "networks.oft": "OFT",
    }
    for prefix, kind in kinds.items():
        if module.startswith(prefix):
            return kind
    return module.rsplit(".", 1)[-1].upper() or None
