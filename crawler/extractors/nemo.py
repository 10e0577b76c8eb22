"""NeMo archives: a tar of model_config.yaml and a torch checkpoint.

Source: NVIDIA/NeMo, nemo/core/connectors/save_restore_connector.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from catalog.errors import ExtractError, LimitExceeded
from catalog.records import Extraction, FileStatus, Origin, Role
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats import tars, torch_zip, yamls
from crawler.formats.called_targets import tell_targets
from crawler.formats.json_values import leftovers, mapping, text
from crawler.formats.pickle_risks import tell_risks
from crawler.formats.torch_files import refuse, tell_pickled_model
from crawler.formats.zips import open_zip
from crawler.promises import Container, Promise
from crawler.reader import RangedReader, bytes_reader

CONFIG = "model_config.yaml"
WEIGHTS = "model_weights.ckpt"
_NEMO_CLASS = re.compile(rb"(?m)^(?:target:\s*nemo\.|nemo_version:)")
MAX_CONFIG_BYTES = 2 * 1024 * 1024
MAX_WEIGHTS_BYTES = 64 * 1024 * 1024  # of a gzipped archive, where they have to be inflated into memory
SETTINGS = frozenset(
    {"target", "nemo_version", "optim", "train_ds", "validation_ds", "test_ds", "tokenizer", "labels"}
)


class NemoExtractor:
    """Reads the configuration, and the checkpoint's pickle symbolically."""

    name = "nemo"
    version = 7
    description = "NeMo (`.nemo`, and unpacked: model_config.yaml)"
    reads = "class, NeMo version, optimizer and data settings, parameters of the checkpoint inside"
    limits = "10,000 members; of a gzipped archive 64 MB of weights; `${}` stays text"
    promises = Promise(
        formats={".nemo": "nemo"},
        containers=(Container(folders=("context", "weights"), marked_in="weights"),),
    )
    signs = Signs(names=(CONFIG,), suffixes=(".nemo",))

    def claims(self, key: str, head: bytes) -> Claim | None:
        if key.rpartition("/")[2] == CONFIG and _NEMO_CLASS.search(head):
            return Claim(format="nemo", role=Role.CONFIG, confidence=80)
        if not key.lower().endswith(".nemo"):
            return None
        known = tars.begins_tar(head) or head.startswith(tars.GZIP_MAGIC)
        return Claim(format="nemo", role=Role.WEIGHTS, confidence=95) if known else None

    def extract(self, reader: RangedReader) -> Extraction:
        unpacked = reader.name == CONFIG
        role, origin = (Role.CONFIG, Origin.CONFIG) if unpacked else (Role.WEIGHTS, Origin.EMBEDDED)
        findings = Findings(reader, self, format="nemo", role=role, origin=origin)
        findings.say("framework", "nemo", "name:")
        if unpacked:
            _tell_config(findings, reader.take(0, min(reader.size_bytes, MAX_CONFIG_BYTES)))
            return findings.extraction()
        if reader.head().startswith(tars.GZIP_MAGIC):
            _tell_compressed(findings, reader)
            return findings.extraction()
        ranks = 0
        for member in tars.members(reader):
            if not member.regular:
                continue
            if member.name.endswith(CONFIG):
                _tell_config(findings, reader.take(member.start, member.end))
            elif member.name.endswith(WEIGHTS):
                _tell_weights(findings, tars.member_reader(reader, member), member.name)
                ranks += 1
        _leave_uncounted(findings, ranks)
        return findings.extraction()


def _tell_compressed(findings: Findings, reader: RangedReader) -> None:
    """A gzip stream has to be inflated from its beginning: what lies beyond the limits stays unknown."""
    ranks = 0
    try:
        for name, data in tars.gzip_members(reader, {CONFIG: MAX_CONFIG_BYTES, WEIGHTS: MAX_WEIGHTS_BYTES}):
            if name.endswith(CONFIG):
                _tell_config(findings, data)
            else:
                _tell_weights(findings, bytes_reader(reader.key, data), name)
                ranks += 1
    except LimitExceeded as error:
        findings.status = FileStatus.PARTIAL
        findings.problem(error.code, f"a gzipped archive: its weights are not counted ({error})")
    _leave_uncounted(findings, ranks)


def _leave_uncounted(findings: Findings, ranks: int) -> None:
    """One rank's share is not the model, and what several ranks cut between them nobody can tell from their shapes.

    Source: NVIDIA/NeMo nemo/collections/nlp/parts/nlp_overrides.py (`mp_rank_00/model_weights.ckpt` of each rank).
    """
    if ranks > 1 and findings.tensors is not None:
        findings.tensors = replace(findings.tensors, complete=False)
        findings.problem("ranks-not-counted", f"the weights of {ranks} ranks: together they are not counted")


def _tell_config(findings: Findings, data: bytes) -> None:
    try:
        config = mapping(yamls.json_value(yamls.load(data)))
    except ExtractError as error:
        findings.failed(error)
        return
    tell_targets(findings, config)
    target = text(config.get("target"))
    findings.say("architecture", target.rpartition(".")[2] if target else None, "yaml:/target")
    findings.say("framework_version", text(config.get("nemo_version")), "yaml:/nemo_version")
    labels = config.get("labels")
    findings.say("classes", len(labels) if isinstance(labels, list) else None, "yaml:/labels")
    _tell_optimizer(findings, mapping(config.get("optim")))
    training = mapping(config.get("train_ds"))
    findings.say("training.batch_size", training.get("batch_size"), "yaml:/train_ds/batch_size")
    for name, value, pointer in leftovers(config, SETTINGS):
        findings.say(f"extra.{name}", value, pointer.replace("json:", "yaml:", 1))


def _tell_optimizer(findings: Findings, optimizer: Mapping[str, Any]) -> None:
    fields = {"name": "optimizer", "lr": "learning_rate", "weight_decay": "weight_decay"}
    for key, field in fields.items():
        findings.say(f"training.{field}", optimizer.get(key), f"yaml:/optim/{key}")
    schedule = mapping(optimizer.get("sched"))
    findings.say("training.scheduler", text(schedule.get("name")), "yaml:/optim/sched/name")
    findings.say("training.warmup_steps", schedule.get("warmup_steps"), "yaml:/optim/sched/warmup_steps")


def _tell_weights(findings: Findings, weights: RangedReader, name: str) -> None:
    try:
        container = torch_zip.find_object(open_zip(weights))
        pickles = container.read_pickle(container.data)
    except ExtractError as error:
        refuse(findings, str(error), member=name)
        return
    tell_risks(findings, pickles, member=name, torchscript=False)
    if pickles:
        tell_pickled_model(
            findings,
            pickles[0],
            stored_bytes=container.storages(),
            read_storage=container.read_storage,
            little_endian=container.little_endian(),
        )
