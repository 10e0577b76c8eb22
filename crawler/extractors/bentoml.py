"""model.yaml of BentoML's model store: name, version, framework and what was noted when the model was saved.

Source: bentoml/BentoML src/bentoml/_internal/models/model.py (`ModelInfo`, the store's `NAME/VERSION/model.yaml`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from catalog.records import Extraction, Origin, Role
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats import yamls
from crawler.formats.json_values import leftovers, mapping, number, text
from crawler.promises import Container, Promise
from crawler.reader import RangedReader

MAX_ENTRIES = 500
_KNOWN = frozenset(
    {
        "name",
        "version",
        "module",
        "labels",
        "options",
        "metadata",
        "creation_time",
        "context",
        "signatures",
        "api_version",
    }
)


class BentomlExtractor:
    """Reads the whole file. What people noted as `metadata` are metrics where the metric's name is a known one."""

    name = "bentoml"
    version = 1
    description = "BentoML's model store (model.yaml)"
    reads = "name and version, framework, when it was saved, labels, metadata, signatures"
    limits = "YAML 2 MB"
    promises = Promise(containers=(Container(files=("model.yaml",), reader="bentoml"),))
    signs = Signs(names=("model.yaml",))

    def claims(self, key: str, head: bytes) -> Claim | None:
        is_named = key.rsplit("/", 1)[-1] == "model.yaml"
        if is_named and (b"bentoml_version" in head or b"module: bentoml" in head):
            return Claim(format="bentoml", role=Role.CONFIG, confidence=85)
        return None

    def extract(self, reader: RangedReader) -> Extraction:
        findings = Findings(reader, self, format=None, role=Role.CONFIG, origin=Origin.REGISTRY)
        info = mapping(yamls.json_value(yamls.read(reader)))
        for key, field in (
            ("name", "name"),
            ("version", "version"),
            ("creation_time", "created_at"),
            ("module", "extra.module"),
        ):
            findings.say(field, _word(info.get(key)), f"yaml:/{key}")
        for key, value in list(mapping(info.get("labels")).items())[:MAX_ENTRIES]:
            findings.say("tags", f"{key}:{value}"[:200], f"yaml:/labels/{key}")
        _tell_context(findings, mapping(info.get("context")))
        for key, value in list(mapping(info.get("metadata")).items())[:MAX_ENTRIES]:
            if number(value) is not None:
                findings.metric(str(key)[:200], value, f"yaml:/metadata/{key}", block="bentoml")
            else:
                findings.say(f"extra.{key}", _plain(value), f"yaml:/metadata/{key}")
        if signatures := [str(name)[:200] for name in mapping(info.get("signatures"))][:MAX_ENTRIES]:
            findings.say("extra.signatures", signatures, "yaml:/signatures")
        for name, value, place in leftovers(info, _KNOWN):
            findings.say(f"extra.{name}", value, place.replace("json:", "yaml:", 1))
        return findings.extraction()


def _tell_context(findings: Findings, context: Mapping[str, Any]) -> None:
    framework = text(context.get("framework_name"))
    findings.say("framework", framework, "yaml:/context/framework_name")
    for library, version in list(mapping(context.get("framework_versions")).items())[:MAX_ENTRIES]:
        place = f"yaml:/context/framework_versions/{library}"
        findings.say("dependencies", f"{library}=={version}"[:200], place)
    findings.say(
        "extra.bentoml_version", _word(context.get("bentoml_version")), "yaml:/context/bentoml_version"
    )
    findings.say("extra.python_version", _word(context.get("python_version")), "yaml:/context/python_version")


def _word(value: Any) -> str | None:
    """A scalar as text: a version that looks like a number is none."""
    return str(value)[:500] if isinstance(value, str | int | float) and not isinstance(value, bool) else None


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | bool) else None
