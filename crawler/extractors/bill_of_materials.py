"""Bills of materials that describe a model, and Croissant, which describes a data set.

Source: CycloneDX 1.6 (modelCard), SPDX 3.0 (AI profile), https://docs.mlcommons.org/croissant/.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from catalog.records import Extraction, Origin, Role
from crawler.extractor import Claim, Findings
from crawler.formats import jsons
from crawler.formats.json_values import mapping, text
from crawler.reader import RangedReader

SUFFIXES = (".cdx.json", ".bom.json", ".spdx.json", ".spdx3.json", ".aibom.json")
NAMES = frozenset({"bom.json", "sbom.json", "aibom.json", "mlbom.json", "croissant.json", "metadata.json"})


class BillOfMaterialsExtractor:
    """Reads the whole JSON flat: no context of JSON-LD is fetched, no schema is needed."""

    name = "bill-of-materials"
    version = 1
    description = "CycloneDX ML-BOM, SPDX 3 AI, Croissant"
    reads = (
        "identity, licence, task, architecture, metrics, hyper-parameters; a Croissant file names a data set"
    )
    limits = "JSON 16 MB; the bill's own timestamp is not the model's date"

    def claims(self, key: str, head: bytes) -> Claim | None:
        name = key.rsplit("/", 1)[-1].lower()
        if name not in NAMES and not name.endswith(SUFFIXES):
            return None
        kind = _kind(head)
        return None if kind is None else Claim(format=kind, role=Role.CONFIG, confidence=85)

    def extract(self, reader: RangedReader) -> Extraction:
        findings = Findings(reader, self, format=None, role=Role.CONFIG, origin=Origin.PACKAGE)
        value = jsons.read_object(reader)
        _READERS[_kind(reader.head()) or "cyclonedx"](findings, value)
        return findings.extraction()


def _kind(head: bytes) -> str | None:
    if b'"CycloneDX"' in head:
        return "cyclonedx"
    if b"spdx.org/rdf/3" in head or b"ai_AIPackage" in head:
        return "spdx"
    return "croissant" if b"mlcommons.org/croissant" in head or b'"sc:Dataset"' in head else None


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in value[:5_000] if isinstance(item, dict)] if isinstance(value, list) else []


def _tell_cyclonedx(findings: Findings, bom: Mapping[str, Any]) -> None:
    main = mapping(mapping(bom.get("metadata")).get("component"))
    found = [
        ("json:/metadata/component", main),
        *((f"json:/components/{n}", c) for n, c in enumerate(_objects(bom.get("components")))),
    ]
    models = [(place, part) for place, part in found if part.get("type") == "machine-learning-model"]
    if len(models) > 1:
        findings.problem(
            "ambiguous",
            f"{len(models)} models in one bill of materials; only the first is read",
            models[1][0],
        )
    for place, component in models[:1]:
        _tell_component(findings, component, place)


def _tell_component(findings: Findings, component: Mapping[str, Any], place: str) -> None:
    for key, field in (
        ("name", "name"),
        ("version", "version"),
        ("description", "description"),
        ("author", "owner"),
        ("publisher", "owner"),
    ):
        findings.say(field, text(component.get(key)), f"{place}/{key}")
    findings.say("owner", text(mapping(component.get("supplier")).get("name")), f"{place}/supplier/name")
    for number, entry in enumerate(_objects(component.get("licenses"))):
        licence = mapping(entry.get("license"))
        said = text(licence.get("id")) or text(entry.get("expression")) or text(licence.get("name"))
        findings.say("license", said, f"{place}/licenses/{number}")
    for number, tag in enumerate(component.get("tags") or []):
        findings.say("tags", text(tag), f"{place}/tags/{number}")
    card = mapping(component.get("modelCard"))
    _tell_model_parameters(
        findings, mapping(card.get("modelParameters")), f"{place}/modelCard/modelParameters"
    )
    metrics = _objects(mapping(card.get("quantitativeAnalysis")).get("performanceMetrics"))
    for number, metric in enumerate(metrics):
        name, pointer = (
            text(metric.get("type")),
            f"{place}/modelCard/quantitativeAnalysis/performanceMetrics/{number}",
        )
        if name:
            findings.metric(
                name,
                metric.get("value"),
                pointer,
                dataset=text(metric.get("slice")),
                block="cyclonedx",
                source="bill of materials",
            )
    use = mapping(card.get("considerations")).get("useCases")
    findings.say(
        "use_case",
        text(use[0]) if isinstance(use, list) and use else None,
        f"{place}/modelCard/considerations/useCases/0",
    )


def _tell_model_parameters(findings: Findings, parameters: Mapping[str, Any], place: str) -> None:
    for key, field in (
        ("task", "task"),
        ("architectureFamily", "model_type"),
        ("modelArchitecture", "architecture"),
    ):
        findings.say(field, text(parameters.get(key)), f"{place}/{key}")
    approach = mapping(parameters.get("approach"))
    findings.say("extra.learning_approach", text(approach.get("type")), f"{place}/approach/type")
    for number, dataset in enumerate(_objects(parameters.get("datasets"))):
        findings.say("datasets", text(dataset.get("name")), f"{place}/datasets/{number}/name")


def _tell_spdx(findings: Findings, document: Mapping[str, Any]) -> None:
    for number, element in enumerate(_objects(document.get("@graph"))):
        if element.get("type") == "ai_AIPackage":
            _tell_package(findings, element, f"json:/@graph/{number}")
            return


def _tell_package(findings: Findings, package: Mapping[str, Any], place: str) -> None:
    told = {
        "name": "name",
        "software_packageVersion": "version",
        "description": "description",
        "summary": "title",
        "releaseTime": "released_at",
        "builtTime": "created_at",
        "ai_informationAboutTraining": "extra.information_about_training",
        "ai_informationAboutApplication": "use_case",
        "ai_safetyRiskAssessment": "extra.safety_risk_assessment",
    }
    for key, field in told.items():
        findings.say(field, text(package.get(key)), f"{place}/{key}")
    for key, field in (
        ("ai_typeOfModel", "extra.type_of_model"),
        ("ai_domain", "tags"),
        ("ai_modelDataPreprocessing", "preprocessing"),
    ):
        values = package.get(key)
        for number, value in enumerate(values if isinstance(values, list) else [values]):
            findings.say(field, text(value), f"{place}/{key}/{number}")
    for number, entry in enumerate(_objects(package.get("ai_hyperparameter"))):
        name = text(entry.get("key"))
        if name:
            findings.say(f"hyperparameters.{name}", entry.get("value"), f"{place}/ai_hyperparameter/{number}")
    for number, entry in enumerate(_objects(package.get("ai_metric"))):
        name = text(entry.get("key"))
        if name:
            findings.metric(
                name,
                entry.get("value"),
                f"{place}/ai_metric/{number}",
                block="spdx",
                source="bill of materials",
            )


def _tell_croissant(findings: Findings, dataset: Mapping[str, Any]) -> None:
    """A data set that lies beside a model is one it has to do with; its licence and dates are its own."""
    findings.say("datasets", text(dataset.get("name")), "json:/name")
    findings.say("extra.dataset_license", text(dataset.get("license")), "json:/license")
    findings.say("extra.dataset_url", text(dataset.get("url")), "json:/url")


_READERS: Mapping[str, Callable[[Findings, Mapping[str, Any]], None]] = {
    "cyclonedx": _tell_cyclonedx,
    "spdx": _tell_spdx,
    "croissant": _tell_croissant,
}
