"""Bills of materials that describe a model, and Croissant, which describes a data set.

Source: CycloneDX 1.6 (modelCard), SPDX 3.0 (AI profile), https://docs.mlcommons.org/croissant/.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from catalog.records import Extraction, Origin, Role
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats import jsons
from crawler.formats.json_values import listed, mapping, text
from crawler.reader import RangedReader

SUFFIXES = (".cdx.json", ".bom.json", ".spdx.json", ".spdx3.json", ".aibom.json")
NAMES = frozenset({"bom.json", "sbom.json", "aibom.json", "mlbom.json", "croissant.json", "metadata.json"})
AMBIGUOUS_NAMES = frozenset({"croissant.json", "metadata.json"})
_SHA256 = re.compile(r"[0-9a-f]{64}")


class BillOfMaterialsExtractor:
    """Reads the whole JSON flat: no context of JSON-LD is fetched, no schema is needed."""

    name = "bill-of-materials"
    version = 2
    names_hashes = True
    description = "CycloneDX ML-BOM, SPDX 3 AI, Croissant"
    reads = "identity, hash, licence, task, architecture, data sets, metrics, hyper-parameters; a Croissant file names a data set"
    limits = "JSON 16 MB; the bill's own timestamp is not the model's date"
    signs = Signs(names=NAMES, suffixes=SUFFIXES)

    def claims(self, key: str, head: bytes) -> Claim | None:
        name = key.rsplit("/", 1)[-1].lower()
        if name not in NAMES and not name.endswith(SUFFIXES):
            return None
        kind = _kind(head)
        if kind is None and name not in AMBIGUOUS_NAMES and head.lstrip()[:1] == b"{":
            # CycloneDX's own library for Python writes `bomFormat` behind all components.
            return Claim(format="cyclonedx", role=Role.CONFIG, confidence=60)
        return None if kind is None else Claim(format=kind, role=Role.CONFIG, confidence=85)

    def extract(self, reader: RangedReader) -> Extraction:
        findings = Findings(reader, self, format=None, role=Role.CONFIG, origin=Origin.PACKAGE)
        value = jsons.read_object(reader)
        kind = "cyclonedx" if value.get("bomFormat") == "CycloneDX" else _kind(reader.head())
        if kind is not None:
            findings.format = kind
            _READERS[kind](findings, value)
        return findings.extraction()


def _kind(head: bytes) -> str | None:
    if re.search(rb'"bomFormat"\s*:\s*"CycloneDX"', head):
        return "cyclonedx"
    if b"spdx.org/rdf/3" in head or b"ai_AIPackage" in head:
        return "spdx"
    return "croissant" if b"mlcommons.org/croissant" in head or b'"sc:Dataset"' in head else None


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in value[:5_000] if isinstance(item, dict)] if isinstance(value, list) else []


def _tell_cyclonedx(findings: Findings, bom: Mapping[str, Any]) -> None:
    main = mapping(mapping(bom.get("metadata")).get("component"))
    components = [
        ("json:/metadata/component", main),
        *((f"json:/components/{n}", c) for n, c in enumerate(_objects(bom.get("components")))),
    ]
    models = [(place, part) for place, part in components if part.get("type") == "machine-learning-model"]
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
    for key in ("supplier", "manufacturer"):
        findings.say("owner", text(mapping(component.get(key)).get("name")), f"{place}/{key}/name")
    for number, author in enumerate(_objects(component.get("authors"))[:1]):
        findings.say("owner", text(author.get("name")), f"{place}/authors/{number}/name")
    for entry in _objects(component.get("hashes")):
        if entry.get("alg") == "SHA-256":
            _say_hash(findings, entry.get("content"), f"{place}/hashes")
    for number, entry in enumerate(_objects(component.get("licenses"))):
        licence = mapping(entry.get("license"))
        licence_text = text(licence.get("id")) or text(entry.get("expression")) or text(licence.get("name"))
        findings.say("license", licence_text, f"{place}/licenses/{number}")
    for number, tag in enumerate(listed(component.get("tags"))):
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


def _say_hash(findings: Findings, value: Any, place: str) -> None:
    """The bytes that the bill is about: it speaks for the model that has them, wherever that is."""
    if isinstance(value, str) and _SHA256.fullmatch(value.lower()):
        findings.say("extra.declared_sha256", value.lower(), place)
        findings.joins(f"sha256:{value.lower()}")


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
    graph = _objects(document.get("@graph"))
    packages = [
        (number, element) for number, element in enumerate(graph) if element.get("type") == "ai_AIPackage"
    ]
    if len(packages) > 1:
        message = f"{len(packages)} models in one bill of materials; only the first is read"
        findings.problem("ambiguous", message, f"json:/@graph/{packages[1][0]}")
    for number, package in packages[:1]:
        _tell_package(findings, package, f"json:/@graph/{number}")
        _tell_relations(findings, package, graph)


def _identity(element: Mapping[str, Any]) -> str | None:
    return text(element.get("spdxId")) or text(element.get("@id"))


def _tell_relations(findings: Findings, package: Mapping[str, Any], graph: list[Mapping[str, Any]]) -> None:
    """What the elements beside the model's own are to it: its data sets, its licence, its makers."""
    elements = {identity: element for element in graph if (identity := _identity(element)) is not None}
    for number, relation in enumerate(graph):
        if relation.get("from") != _identity(package) or relation.get("from") is None:
            continue
        field, key = _RELATIONS.get(str(relation.get("relationshipType")), (None, ""))
        if field is None:
            continue
        targets = relation.get("to")
        for target in targets if isinstance(targets, list) else [targets]:
            name = text(mapping(elements.get(str(target))).get(key))
            findings.say(field, name, f"json:/@graph/{number}/to")
    for key in ("suppliedBy", "originatedBy"):
        makers = package.get(key)
        for maker in makers if isinstance(makers, list) else [makers]:
            findings.say("owner", text(mapping(elements.get(str(maker))).get("name")), f"json:/{key}")


_RELATIONS: Mapping[str, tuple[str, str]] = {
    "trainedOn": ("datasets", "name"),
    "testedOn": ("extra.evaluation_dataset", "name"),
    "hasDeclaredLicense": ("license", "simplelicensing_licenseExpression"),
    "hasConcludedLicense": ("license", "simplelicensing_licenseExpression"),
}


def _tell_package(findings: Findings, package: Mapping[str, Any], place: str) -> None:
    fields_of_keys = {
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
    for key, field in fields_of_keys.items():
        findings.say(field, text(package.get(key)), f"{place}/{key}")
    for key, field in (
        ("ai_typeOfModel", "extra.type_of_model"),
        ("ai_domain", "tags"),
        ("ai_modelDataPreprocessing", "preprocessing"),
    ):
        values = package.get(key)
        for number, value in enumerate(values if isinstance(values, list) else [values]):
            findings.say(field, text(value), f"{place}/{key}/{number}")
    for entry in _objects(package.get("verifiedUsing")):
        if entry.get("algorithm") == "sha256":
            _say_hash(findings, entry.get("hashValue"), f"{place}/verifiedUsing")
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
    licence = dataset.get("license")
    licence = licence[0] if isinstance(licence, list) and licence else licence
    findings.say("extra.dataset_license", text(licence), "json:/license")
    findings.say("extra.dataset_url", text(dataset.get("url")), "json:/url")


_READERS: Mapping[str, Callable[[Findings, Mapping[str, Any]], None]] = {
    "cyclonedx": _tell_cyclonedx,
    "spdx": _tell_spdx,
    "croissant": _tell_croissant,
}
