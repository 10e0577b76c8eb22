"""JSON objects that trainers and mergers put as one text into the metadata of a file.

Source: ostris/ai-toolkit jobs/process/BaseSDTrainProcess.py (`training_info`); Nerogar/OneTrainer
modules/modelSaver/mixin/InternalModelSaverMixin.py and modules/util/config/TrainConfig.py (`ot_config`);
AUTOMATIC1111/stable-diffusion-webui modules/extras.py (`sd_merge_models`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from catalog.errors import ExtractError
from crawler.formats import jsons

FIELDS: Mapping[str, Mapping[str, str]] = {
    "training_info": {"step": "training.steps", "epoch": "training.epochs"},
    "ot_config": {
        "learning_rate": "training.learning_rate",
        "epochs": "training.epochs",
        "batch_size": "training.batch_size",
        "lora_rank": "adapter.rank",
        "lora_alpha": "adapter.alpha",
    },
}
"""Fields by the metadata's key and the object's own."""
MERGED = "sd_merge_models"
MAX_JSON_CHARACTERS = 4 * 1024 * 1024
MAX_MERGED = 64


def object_in(text: str | None) -> Mapping[str, Any]:
    """The object that a text is; an empty one for any other text."""
    if text is None or len(text) > MAX_JSON_CHARACTERS:
        return {}
    try:
        value = jsons.load_text(text)
    except ExtractError:
        return {}
    return value if isinstance(value, Mapping) else {}


def settings_in(metadata: Mapping[str, str]) -> Iterator[tuple[str, Any, str]]:
    """Field, value, and where it stands."""
    for key, names in FIELDS.items():
        settings = object_in(metadata.get(key))
        for name, field in names.items():
            value = settings.get(name)
            if isinstance(value, int | float) and not isinstance(value, bool):
                yield field, value, f"{key}/{name}"


def bases(metadata: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Base model, its relation, and where it stands."""
    settings = object_in(metadata.get("ot_config"))
    base = settings.get("base_model_name")
    if isinstance(base, str) and base:
        yield (
            base,
            "adapter" if settings.get("training_method") == "LORA" else "finetune",
            "ot_config/base_model_name",
        )
    for digest, model in list(object_in(metadata.get(MERGED)).items())[:MAX_MERGED]:
        base = model.get("name") if isinstance(model, Mapping) else None
        if isinstance(base, str) and base:
            yield base, "merge", f"{MERGED}/{digest[:64]}/name"
