"""Trainings of nnU-Net: what `dataset.json`, `plans.json` and the validation of each fold say of the networks of the folds.

Source: MIC-DKFZ/nnUNet documentation/dataset_format.md, nnunetv2/utilities/plans_handling/plans_handler.py (`inherits_from`),
nnunetv2/evaluation/evaluate_predictions.py (`save_summary_json`), nnunetv2/training/nnUNetTrainer/nnUNetTrainer.py (`run_training`
ends with the validation of `checkpoint_final.pth`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from catalog.layouts.nnunet import training_of
from catalog.records import Evidence, Extraction, Origin, Role
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats import jsons
from crawler.formats.json_values import leftovers, listed, mapping, number, pointer, text
from crawler.promises import Promise
from crawler.reader import RangedReader

DATASET = "dataset.json"
PLANS = "plans.json"
SUMMARY = "summary.json"
FINAL = "checkpoint_final.pth"
MAX_LABELS = 100
MAX_LABEL_CHARACTERS = 200
MAX_ANCESTORS = 8
"""Of a configuration; nnU-Net's own have one."""
_MARKS = {
    DATASET: (b'"channel_names"', b'"labels"'),
    PLANS: (b'"plans_name"', b'"dataset_name"'),
}
_VALIDATION = re.compile(r"(?P<fold>(?:.*/)?fold_(?:\d+|all))/validation/summary\.json")
_IGNORED = "ignore"
"""The label of what no class was given to."""
_MEASURES = ("Dice", "IoU")
_SETTINGS = ("batch_size", "patch_size", "spacing", "batch_dice")
_SHOWN = frozenset({*_SETTINGS, "architecture", "UNet_class_name", "inherits_from"})


class NnunetExtractor:
    """Reads the whole of each file."""

    name = "nnunet"
    version = 1
    description = "dataset.json, plans.json and fold_N/validation/summary.json of a training of nnU-Net v2"
    reads = "task, data set, labels, channels, settings of the configuration that was trained, Dice and IoU of the validation"
    limits = "JSON 16 MB, 100 labels by name; the licence of the data set is not that of the model"
    promises = Promise(configs=(PLANS,))
    signs = Signs(names=(DATASET, PLANS, SUMMARY))

    def claims(self, key: str, head: bytes) -> Claim | None:
        directory, _, name = key.rpartition("/")
        claim = Claim(format="nnunet", role=Role.CONFIG, confidence=85)
        if name == SUMMARY:
            is_summary = b'"foreground_mean"' in head or b'"metric_per_case"' in head
            return claim if is_summary and _VALIDATION.fullmatch(key) else None
        marks = _MARKS.get(name)
        is_training = not directory or training_of(directory) is not None
        return claim if marks and is_training and all(mark in head for mark in marks) else None

    def extract(self, reader: RangedReader) -> Extraction:
        origin = Origin.RUN if reader.name == SUMMARY else Origin.CONFIG
        findings = Findings(reader, self, format=None, role=Role.CONFIG, origin=origin)
        document = jsons.read_object(reader)
        findings.look_for_templates(document, "json:")
        if reader.name == SUMMARY:
            _tell_validation(findings, document, reader.key)
        elif reader.name == PLANS:
            _tell_plans(findings, document)
        else:
            _tell_dataset(findings, document)
        return findings.extraction()


def _tell_dataset(findings: Findings, document: Mapping[str, Any]) -> None:
    """What was segmented. All else of the file, as its licence, is about the images."""
    findings.say("library", "nnunet", "json:", evidence=Evidence.INFERRED)
    findings.say("task", "image-segmentation", "json:", evidence=Evidence.INFERRED)
    labels = [label for label in mapping(document.get("labels")) if label != _IGNORED]
    findings.say("classes", len(labels) or None, pointer("labels"), evidence=Evidence.COUNTED)
    shown = [label[:MAX_LABEL_CHARACTERS] for label in labels[:MAX_LABELS]]
    findings.say("extra.labels", shown or None, pointer("labels"))
    channels = [text(name) for name in list(mapping(document.get("channel_names")).values())[:MAX_LABELS]]
    findings.say(
        "extra.nnunet.channels", [name for name in channels if name] or None, pointer("channel_names")
    )
    for name, value, place in leftovers(document, {"labels", "channel_names"}):
        findings.say(f"extra.nnunet.dataset.{name}", value, place)


def _tell_plans(findings: Findings, plans: Mapping[str, Any]) -> None:
    findings.say("library", "nnunet", pointer("plans_name"), evidence=Evidence.INFERRED)
    findings.say("datasets", text(plans.get("dataset_name")), pointer("dataset_name"))
    findings.say("extra.nnunet.plans", text(plans.get("plans_name")), pointer("plans_name"))
    training = training_of(findings.directory)
    if training is None:
        return
    findings.say("extra.nnunet.configuration", training.configuration, "name:", origin=Origin.FILENAME)
    configurations = mapping(plans.get("configurations"))
    configuration = _with_ancestors(configurations, training.configuration)
    place = ("configurations", training.configuration)
    for key in _SETTINGS:
        findings.say(f"hyperparameters.{key}", configuration.get(key), pointer(*place, key))
    network = text(mapping(configuration.get("architecture")).get("network_class_name"))
    network = network or text(configuration.get("UNet_class_name"))
    findings.say("architecture", network and network.rpartition(".")[2], pointer(*place))
    for name, value, _ in leftovers(configuration, _SHOWN):
        findings.say(f"extra.nnunet.{name}", value, pointer(*place, *name.split(".")))


def _with_ancestors(configurations: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The settings of a configuration above those that it inherits."""
    chain: list[Mapping[str, Any]] = []
    following: str | None = name
    while following is not None and len(chain) < MAX_ANCESTORS:
        chain.append(mapping(configurations.get(following)))
        following = text(chain[-1].get("inherits_from"))
    return {key: value for settings in reversed(chain) for key, value in settings.items()}


def _tell_validation(findings: Findings, document: Mapping[str, Any], key: str) -> None:
    """Scores of the fold that was held out, over all labels but the background."""
    match = _VALIDATION.fullmatch(key)
    if match is None:
        return
    fold = match["fold"]
    findings.joins(f"path:{fold}/{FINAL}")
    training = training_of(fold.rpartition("/")[0])
    dataset = training.dataset if training is not None else None
    for name, value in mapping(document.get("foreground_mean")).items():
        place = pointer("foreground_mean", name)
        if name not in _MEASURES:
            findings.say(f"extra.nnunet.foreground_mean.{name}", _finite(value), place)
        elif (score := _finite(value)) is not None:
            findings.metric(name, score, place, split="validation", dataset=dataset)
    for label, means in list(mapping(document.get("mean")).items())[:MAX_LABELS]:
        dice = _finite(mapping(means).get("Dice"))
        findings.say(
            f"extra.nnunet.dice.{label[:MAX_LABEL_CHARACTERS]}", dice, pointer("mean", label, "Dice")
        )
    cases = len(listed(document.get("metric_per_case")))
    findings.say("extra.nnunet.validation_cases", cases or None, pointer("metric_per_case"))


def _finite(value: Any) -> float | int | None:
    score = number(value)
    return score if score is not None and math.isfinite(score) else None
