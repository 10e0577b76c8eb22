"""spaCy pipelines: meta.json and config.cfg of a model directory."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from catalog.errors import ExtractError, LimitExceeded
from catalog.records import Evidence, Extraction, Origin, Reference, Role
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats import jsons
from crawler.formats.json_values import leftovers, mapping, number, pointer, positive, text, texts
from crawler.formats.siblings import sibling
from crawler.promises import Container, Promise
from crawler.reader import RangedReader

MAX_CONFIG_BYTES = 1024 * 1024
MAX_LINES = 20_000
MAX_PER_TYPE = 500
TASKS = (
    ("ner", "token-classification"),
    ("spancat", "token-classification"),
    ("textcat", "text-classification"),
    ("textcat_multilabel", "text-classification"),
    ("tagger", "token-classification"),
    ("parser", "token-classification"),
    ("morphologizer", "token-classification"),
)
FIELDS = {
    "version": "version",
    "description": "description",
    "author": "owner",
    "license": "license",
    "lang": "language",
}
SETTINGS = {
    ("training.optimizer", "learn_rate"): "training.learning_rate",
    ("training.optimizer.learn_rate", "initial_rate"): "training.learning_rate",
    ("training.optimizer.learn_rate", "warmup_steps"): "training.warmup_steps",
    ("training.optimizer", "@optimizers"): "training.optimizer",
    ("training.optimizer", "L2"): "training.weight_decay",
    ("training", "seed"): "training.seed",
    ("system", "seed"): "training.seed",
}
_KNOWN = frozenset(
    {
        *FIELDS,
        "name",
        "spacy_version",
        "performance",
        "accuracy",
        "pipeline",
        "labels",
        "sources",
        "requirements",
    }
)
_LOWER_BOUND = re.compile(r">=\s*([\w.]+)")
_WITH_WEIGHTS = re.compile(r"^\[components\.([\w-]{1,100})\.model\]\s*$", re.MULTILINE)
"""A component with a model of its own keeps its weights in `COMPONENT/model`. Source: spacy/pipeline/trainable_pipe.pyx."""
_SECTION = re.compile(r"^\[([\w.-]{1,200})\]\s*$")
_VALUE = re.compile(r"^([\w@*.-]{1,200})\s*=\s*(.{0,4000})$")


class SpacyExtractor:
    """Reads both files whole. Scores are fractions; `speed` is words per second.

    Source: explosion/spaCy website/docs/api/data-formats.mdx (meta.json, config).
    """

    name = "spacy"
    version = 3
    description = "spaCy pipelines (meta.json, config.cfg)"
    reads = "language, licence, components, labels, scores, sources, training settings, which files are its weights"
    limits = "JSON 16 MB; config.cfg 1 MB, 20,000 lines"
    promises = Promise(containers=(Container(files=("meta.json", "config.cfg")),))
    signs = Signs(names=("meta.json", "config.cfg"))

    def claims(self, key: str, head: bytes) -> Claim | None:
        name = key.rsplit("/", 1)[-1]
        if (
            name == "meta.json"
            and b'"lang"' in head
            and (b'"spacy_version"' in head or b'"pipeline"' in head)
        ):
            return Claim(format="spacy", role=Role.INDEX, confidence=90)
        if name == "config.cfg" and (b"[nlp]" in head or b"[paths]" in head or b"[system]" in head):
            return Claim(format="spacy", role=Role.CONFIG, confidence=85)
        return None

    def extract(self, reader: RangedReader) -> Extraction:
        if reader.name == "config.cfg":
            findings = Findings(reader, self, format=None, role=Role.CONFIG, origin=Origin.CONFIG)
            _tell_config(findings, reader)
            return findings.extraction()
        findings = Findings(reader, self, format="spacy", role=Role.INDEX, origin=Origin.EMBEDDED)
        meta = jsons.read_object(reader)
        _tell_identity(findings, meta)
        _tell_pipeline(findings, meta)
        _tell_performance(findings, mapping(meta.get("performance") or meta.get("accuracy")))
        for name, value, place in leftovers(meta, _KNOWN):
            findings.say(f"extra.spacy.{name}", value, place)
        return findings.extraction()


def _tell_identity(findings: Findings, meta: Mapping[str, Any]) -> None:
    for key, field in FIELDS.items():
        findings.say(field, text(meta.get(key)), pointer(key))
    language, name = text(meta.get("lang")), text(meta.get("name"))
    findings.say("name", f"{language}_{name}" if language and name else name, pointer("name"))
    findings.say("framework", "spacy", pointer("spacy_version"))
    findings.say("library", "spacy", pointer("spacy_version"))
    findings.say("model_type", "spacy", pointer("spacy_version"))
    wanted = text(meta.get("spacy_version"))
    if wanted is not None:
        findings.say(
            "dependencies",
            f"spacy{wanted}" if wanted[0] in "<>=~!" else f"spacy=={wanted}",
            pointer("spacy_version"),
        )
        bound = _LOWER_BOUND.search(wanted)
        findings.say(
            "framework_version",
            bound[1] if bound else wanted,
            pointer("spacy_version"),
            evidence=Evidence.INFERRED,
        )
    for index, requirement in enumerate(texts(meta.get("requirements"))):
        findings.say("dependencies", requirement, pointer("requirements", index))


def _tell_pipeline(findings: Findings, meta: Mapping[str, Any]) -> None:
    components = texts(meta.get("pipeline"))
    if components:
        findings.say("extra.spacy.pipeline", components[:64], pointer("pipeline"))
    for component in dict.fromkeys([*texts(meta.get("components")), *components]):
        # config.cfg says which of them have weights and must have the file
        if (place := sibling(f"{component}/model")) is not None and place.count("/") == 1:
            findings.refers_to(Reference(name=place, relation="component"))
    task = next((task for component, task in TASKS if component in components), None)
    findings.say("task", task, pointer("pipeline"), evidence=Evidence.INFERRED)
    for component, labels in list(mapping(meta.get("labels")).items())[:50]:
        if names := texts(labels):
            findings.say(f"extra.spacy.labels.{component[:100]}", names[:64], pointer("labels", component))
    vectors = mapping(meta.get("vectors"))
    findings.say(
        "embedding_dimension",
        positive(vectors.get("width")),
        pointer("vectors", "width"),
        evidence=Evidence.DECLARED,
    )
    sources = meta.get("sources")
    for index, source in enumerate(sources[:100] if isinstance(sources, list) else []):
        named = text(source) or text(mapping(source).get("name"))
        findings.say("data_sources", named, pointer("sources", index))


def _tell_performance(findings: Findings, scores: Mapping[str, Any]) -> None:
    for name, value in list(scores.items())[:1_000]:
        if number(value) is not None:
            findings.metric(name[:200], value, pointer("performance", name), block="spacy")
        elif isinstance(value, Mapping):
            for label, part in list(value.items())[:MAX_PER_TYPE]:
                for kind, item in list(mapping(part).items())[:10]:
                    if number(item) is not None:
                        findings.metric(
                            f"{name}/{label}/{kind}"[:200],
                            item,
                            pointer("performance", name, label, kind),
                            block="spacy",
                        )


def _tell_config(findings: Findings, reader: RangedReader) -> None:
    if reader.size_bytes > MAX_CONFIG_BYTES:
        raise LimitExceeded("bytes of a configuration", limit=MAX_CONFIG_BYTES, found=reader.size_bytes)
    text_ = reader.take(0, reader.size_bytes).decode(errors="replace")
    for component in dict.fromkeys(_WITH_WEIGHTS.findall(text_)):
        findings.refers_to(Reference(name=f"{component}/model", relation="data"))
    for section, key, value in _settings(text_):
        place = f"cfg:/{section}/{key}"
        field = SETTINGS.get((section, key))
        if field is not None:
            findings.say(field, value, place)
        elif section == "training" or section.startswith("training.optimizer"):
            findings.say(f"hyperparameters.{section}.{key}", value, place)


def _settings(config: str) -> Iterator[tuple[str, str, Any]]:
    """(section, key, value) of an INI-like file whose values are JSON; `${references}` are left out."""
    section = ""
    for line in config.splitlines()[:MAX_LINES]:
        if header := _SECTION.match(line):
            section = header[1]
        elif (setting := _VALUE.match(line)) and "${" not in setting[2]:
            value = _json(setting[2].strip())
            if value is not None and not isinstance(value, (list, Mapping)):
                yield section, setting[1], value


def _json(text_: str) -> Any:
    try:
        return jsons.load_text(text_)
    except ExtractError:
        return text_
