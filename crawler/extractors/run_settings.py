"""Settings that trainers write into the directory of a run as config.yaml: Detectron2, ESPnet, torchtune, and people's own.

Source: facebookresearch/detectron2 detectron2/config/defaults.py and engine/defaults.py (`default_setup`); espnet/espnet
espnet2/tasks/abs_task.py (`config.yaml`); pytorch/torchtune torchtune/training/metric_logging.py (`torchtune_config.yaml`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from catalog.errors import Malformed
from catalog.records import Evidence, Extraction, Origin, Role
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats import properties, yamls
from crawler.formats.called_targets import tell_targets
from crawler.formats.json_values import listed, mapping, positive, text, texts
from crawler.promises import Promise
from crawler.reader import RangedReader

TORCHTUNE = "torchtune_config.yaml"
NAMES = frozenset({"config.yaml", "config.yml", TORCHTUNE})
_OF_A_TRAINING = re.compile(
    rb"^[ ]{0,4}(?:learning_rate|lr|lr0|base_lr|BASE_LR|(?:train_|per_device_train_)batch_size|(?:num_|max_|num_train_)?epochs?|max_steps"
    rb"|optim(?:izer)?(?:_conf)?|SOLVER|META_ARCHITECTURE)[ ]*:",
    re.MULTILINE,
)
"""What the settings of a training have, and those of a server or a data set have not: these have batches, too."""
_TASKS = {
    "PanopticFPN": "image-segmentation",
    "SemanticSegmentor": "image-segmentation",
    "GeneralizedRCNN": "object-detection",
    "RetinaNet": "object-detection",
    "FCOS": "object-detection",
    "CenterNet": "object-detection",
}
_HEADS = {"GeneralizedRCNN": "ROI_HEADS", "RetinaNet": "RETINANET", "SemanticSegmentor": "SEM_SEG_HEAD"}
"""Where a network of Detectron2 has its number of classes."""
_ESPNET_TASKS = {"ctc_conf": "automatic-speech-recognition", "tts_conf": "text-to-speech"}


class RunSettingsExtractor:
    """Reads the whole file. What it calls is checked; `${interpolations}` stay the text they are."""

    name = "run-settings"
    version = 1
    description = (
        "config.yaml of a training: Detectron2, ESPnet, torchtune (torchtune_config.yaml) and people's own"
    )
    reads = "every setting of a run as a hyper-parameter; of Detectron2 and ESPnet network, task, data sets, classes"
    limits = "YAML 2 MB, 400 settings, 4 levels; files without a setting of a training in the first 4 kB are nobody's"
    promises = Promise(configs=(TORCHTUNE,))
    signs = Signs(names=tuple(sorted(NAMES)))

    def claims(self, key: str, head: bytes) -> Claim | None:
        name = key.rsplit("/", 1)[-1]
        if name not in NAMES or (name != TORCHTUNE and _OF_A_TRAINING.search(head) is None):
            return None
        return Claim(format="parameters", role=Role.RUN, confidence=44)

    def extract(self, reader: RangedReader) -> Extraction:
        findings = Findings(reader, self, format=None, role=Role.RUN, origin=Origin.RUN)
        config = yamls.json_value(yamls.read(reader))
        if not isinstance(config, Mapping):
            raise Malformed("the settings are not a list of keys")
        tell_targets(findings, config)
        if "SOLVER" in config and "MODEL" in config:
            _tell_detectron(findings, config)
        elif "optim_conf" in config and ("encoder_conf" in config or "tts_conf" in config):
            _tell_espnet(findings, config)
        properties.tell_settings(findings, config, kind="yaml")
        return findings.extraction()


def _tell_detectron(findings: Findings, config: Mapping[str, Any]) -> None:
    model, solver = mapping(config.get("MODEL")), mapping(config.get("SOLVER"))
    network = text(model.get("META_ARCHITECTURE"))
    findings.say("library", "detectron2", "yaml:/MODEL", evidence=Evidence.INFERRED)
    findings.say("architecture", network, "yaml:/MODEL/META_ARCHITECTURE")
    task = _TASKS.get(network or "")
    if task == "object-detection" and model.get("MASK_ON") is True:
        task = "image-segmentation"
    elif task == "object-detection" and model.get("KEYPOINT_ON") is True:
        task = "keypoint-detection"
    findings.say("task", task, "yaml:/MODEL/META_ARCHITECTURE", evidence=Evidence.INFERRED)
    for number, dataset in enumerate(texts(mapping(config.get("DATASETS")).get("TRAIN"))):
        findings.say("datasets", dataset, f"yaml:/DATASETS/TRAIN/{number}")
    if (head := _HEADS.get(network or "")) is not None:
        classes = positive(mapping(model.get(head)).get("NUM_CLASSES"))
        findings.say("classes", classes, f"yaml:/MODEL/{head}/NUM_CLASSES", evidence=Evidence.DECLARED)
    findings.say("training.learning_rate", solver.get("BASE_LR"), "yaml:/SOLVER/BASE_LR")
    findings.say("training.batch_size", solver.get("IMS_PER_BATCH"), "yaml:/SOLVER/IMS_PER_BATCH")


def _tell_espnet(findings: Findings, config: Mapping[str, Any]) -> None:
    findings.say("library", "espnet", "yaml:/optim_conf", evidence=Evidence.INFERRED)
    for part, task in _ESPNET_TASKS.items():
        if part in config:
            findings.say("task", task, f"yaml:/{part}", evidence=Evidence.INFERRED)
            break
    for part in ("tts", "encoder", "lm"):
        if (network := text(config.get(part))) is not None:
            findings.say("architecture", network, f"yaml:/{part}", evidence=Evidence.INFERRED)
            break
    findings.say("extra.espnet.version", text(config.get("version")), "yaml:/version")
    tokens = len(listed(config.get("token_list")))
    findings.say("extra.espnet.tokens", tokens or None, "yaml:/token_list", evidence=Evidence.COUNTED)
