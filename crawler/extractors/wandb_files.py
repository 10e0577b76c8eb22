"""Files that Weights & Biases leaves in a run's directory: summary, configuration, metadata."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from catalog.errors import Malformed
from catalog.records import Extraction, Origin, Role
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats import jsons, properties, yamls
from crawler.formats.json_values import leftovers, mapping, number, pointer, text
from crawler.reader import RangedReader

MAX_VALUES = 5_000
MAX_LEVELS = 4
_RUN = re.compile(r"(?:^|/)(?:offline-)?run-(?:\d{8}_\d{6}-)?([a-z0-9]{6,12})/files/[^/]+$")
_MEDIA = frozenset(
    {
        "histogram",
        "image-file",
        "images/separated",
        "table-file",
        "graph-file",
        "audio-file",
        "video-file",
        "plotly-file",
    }
)


class WandbFilesExtractor:
    """Reads the whole of each small file. Host names, mail addresses and command lines are left out.

    Source: wandb/wandb wandb/sdk/wandb_summary.py, wandb/sdk/lib/config_util.py, core/internal/runmetadata.
    """

    name = "wandb-files"
    version = 3
    description = "wandb-summary.json, wandb-metadata.json and config.yaml of Weights & Biases"
    reads = "last metrics, settings, start and end, git commit"
    limits = "JSON 16 MB, YAML 2 MB, 5,000 values"
    signs = Signs(names=("wandb-summary.json", "wandb-metadata.json", "config.yaml"))

    def claims(self, key: str, head: bytes) -> Claim | None:
        name = key.rsplit("/", 1)[-1]
        if name in {"wandb-summary.json", "wandb-metadata.json"}:
            return Claim(format="wandb", role=Role.RUN, confidence=85)
        if name == "config.yaml" and (
            b"wandb_version" in head or b"_wandb:" in head or ("wandb/" in key and _RUN.search(key))
        ):
            return Claim(format="wandb", role=Role.RUN, confidence=85)
        return None

    def extract(self, reader: RangedReader) -> Extraction:
        findings = Findings(reader, self, format=None, role=Role.RUN, origin=Origin.RUN)
        match = _RUN.search(str(reader.key))
        findings.say("run_id", match and match[1], "name:")
        if reader.name == "wandb-summary.json":
            _tell_summary(findings, jsons.read_object(reader))
        elif reader.name == "wandb-metadata.json":
            _tell_metadata(findings, jsons.read_object(reader))
        else:
            config = yamls.json_value(yamls.read(reader))
            if not isinstance(config, Mapping):
                raise Malformed("the run's configuration is not a list of keys")
            _tell_config(findings, config)
        return findings.extraction()


def _tell_summary(findings: Findings, summary: Mapping[str, Any]) -> None:
    findings.say("trained_at", number(summary.get("_timestamp")), pointer("_timestamp"))
    runtime = number(summary.get("_runtime")) or number(mapping(summary.get("_wandb")).get("runtime"))
    findings.say("training.duration_seconds", runtime, pointer("_runtime"))
    for key in ("epoch", "train/epoch"):
        if (epoch := number(summary.get(key))) is not None:
            findings.say("training.epochs", epoch, pointer(key))
            break
    findings.say("extra.wandb.step", number(summary.get("_step")), pointer("_step"))
    step = number(summary.get("_step"))
    count = _tell_values(findings, summary, (), step, 0)
    if count >= MAX_VALUES:
        findings.problem("limit-exceeded", f"more than {MAX_VALUES} values; the rest is left out")


def _tell_values(
    findings: Findings, values: Mapping[str, Any], path: tuple[str, ...], step: float | None, count: int
) -> int:
    for name, value in values.items():
        if count >= MAX_VALUES:
            return count
        if name.startswith("_") or (isinstance(value, Mapping) and str(value.get("_type")) in _MEDIA):
            continue
        here = (*path, name)
        if isinstance(value, Mapping) and len(here) < MAX_LEVELS:
            count = _tell_values(findings, value, here, step, count)
        elif number(value) is not None or value in ("NaN", "Infinity", "-Infinity"):
            count += 1
            _tell_number(findings, here, value, step)
        elif isinstance(value, str):
            count += 1
            findings.say(f"extra.wandb.{'.'.join(here)[:200]}", value, pointer(*here))
    return count


def _tell_number(findings: Findings, path: tuple[str, ...], value: Any, step: float | None) -> None:
    """`epoch` and `train/global_step` are places in the run; the rest are metrics."""
    last = path[-1].rsplit("/", 1)[-1]
    if last in {"epoch", "global_step"}:
        findings.say("training.epochs" if last == "epoch" else "training.steps", value, pointer(*path))
    elif last in {"learning_rate", "lr"} or last.startswith("lr-"):
        findings.say(f"extra.wandb.last_{'.'.join(path)[:200]}", value, pointer(*path))
    else:
        findings.metric("/".join(path)[:200], value, pointer(*path), block="wandb", step=step)


def _tell_metadata(findings: Findings, metadata: Mapping[str, Any]) -> None:
    findings.say("training_started_at", text(metadata.get("startedAt")), pointer("startedAt"))
    git = mapping(metadata.get("git"))
    findings.say("code_version", text(git.get("commit")), pointer("git", "commit"))
    findings.say("extra.wandb.git_remote", text(git.get("remote")), pointer("git", "remote"))
    findings.say("owner", text(metadata.get("username")), pointer("username"))
    for key in ("program", "python", "gpu", "gpu_count", "cpu_count", "os", "codePath"):
        value = metadata.get(key)
        if isinstance(value, (str, int, float)):
            findings.say(f"extra.wandb.{key}", value, pointer(key))


def _tell_config(findings: Findings, config: Mapping[str, Any]) -> None:
    """Each setting is `{desc, value}`; `_wandb` and `wandb_version` are the tool's own."""
    for key, entry in config.items():
        if key in {"_wandb", "wandb_version"}:
            continue
        value = entry["value"] if isinstance(entry, Mapping) and "value" in entry else entry
        for name, item, place in leftovers({key: value}):
            properties.tell_setting(findings, name, item, place.replace("json:", "yaml:", 1))
    version = text(
        mapping(mapping(mapping(config.get("_wandb")).get("value")).get("cli_version")).get("value")
    )
    findings.say("extra.wandb.version", version, "yaml:/_wandb/value/cli_version")
