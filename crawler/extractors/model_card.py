"""Model cards: the front matter of README.md, the results it reports, and its first paragraph."""

from __future__ import annotations

import contextlib
import itertools
import re
from collections.abc import Iterable, Mapping
from typing import Any

from catalog.errors import ExtractError, LimitExceeded, Malformed
from catalog.layouts.companions import COMPANION
from catalog.normalise.metrics import headline_name, read_metric_name
from catalog.records import Evidence, Extraction, Origin, Role
from catalog.text import licences
from catalog.text.patterns import pattern
from catalog.text.slugs import slug
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats import front_matter, markdown, model_index, properties, tasks, yamls
from crawler.formats.json_values import leftovers, texts
from crawler.reader import RangedReader
from mappings import frameworks

MAX_CARD_BYTES = 2 * 1024 * 1024
MAX_TAGS = 500
MAX_SALVAGED_KEYS = 200
LISTS = {
    "license": "license",
    "licence": "license",
    "language": "language",
    "languages": "language",
    "tags": "tags",
    "datasets": "datasets",
    "dataset": "datasets",
}
TEXTS = {
    "license_name": "license_name",
    "license_link": "license_link",
    "library_name": "library",
    "pipeline_tag": "task",
    "model_name": "name",
    "version": "version",
    "framework": "framework",
}
SETTINGS = {
    "total_train_batch_size": "training.batch_size",
    "train_batch_size": "training.batch_size",
    "lr_scheduler_type": "training.scheduler",
    "lr_scheduler_warmup_steps": "training.warmup_steps",
    "lr_scheduler_warmup_ratio": "training.warmup_ratio",
    "training_steps": "training.steps",
    "mixed_precision_training": "training.precision",
}
PACKAGES = {"pytorch": "torch", "tensorflow": "tensorflow", "sentence-transformers": "sentence-transformers"}
HUB_MIXIN = "pytorch_model_hub_mixin"
_NO_RESULTS = frozenset({"epoch", "step", "num_input_tokens_seen", "model_preparation_time"})
"""What the Trainer lists among its results, and is none."""
_NO_BASE = pattern(r"base_model:(?:\w+:)?(?:$|[/~.\\]|[A-Za-z]:[/\\])")
"""Tags in which peft repeats where the base lay, or that there was none; `base_model` says it once."""
"""Source: huggingface_hub src/huggingface_hub/hub_mixin.py (`PyTorchModelHubMixin`), whose weights name no framework."""

RESULTS = ("model-index", "model_index", "modelIndex")
_HANDLED = frozenset(
    {*LISTS, *TEXTS, *RESULTS, "metrics", "base_model", "baseModel", "base_model_relation", "eval_results"}
)
_TOP_KEY = pattern(r"^[A-Za-z_][\w-]{0,100}:(?=\s)", re.MULTILINE)
_OPTIMIZER = pattern(r"(?:Use )?(?:OptimizerNames\.)?(\w+) (?:with|and) ")
"""The name in the sentence that the Trainer's cards have. Source: transformers src/transformers/modelcard.py."""

_NAME = pattern(r"(?:^|/)(?:readme|model[-_ ]?card)(?:\.(?:md|markdown))$", re.IGNORECASE)
_OTHER_NAME = pattern(r"\.(?:md|markdown)$", re.IGNORECASE)
_OF_A_CARD = re.compile(
    rb"^(?:license|library_name|pipeline_tag|base_model|baseModel|datasets|model_name|model-index|tags)[ \t]*:",
    re.MULTILINE,
)
"""What the front matter of any other file has, where it is the card of the model file of its name."""


class ModelCardExtractor:
    """Reads the whole card. Prose is kept as text and never searched for numbers; a README without front matter is text only.

    Source: huggingface/hub-docs modelcard.md (metadata specification).
    """

    name = "model-card"
    version = 7
    description = "Model cards (README.md with YAML front matter; NAME.md with front matter, of the model file of its name)"
    reads = "licence, task, languages, tags, data sets, base models, model-index results, first paragraph, lists of settings and of the Trainer's last evaluation"
    limits = "file 2 MB, front matter 256 kB, text 256 kB; YAML 100,000 nodes, no merge keys"
    signs = Signs(suffixes=(".md", ".markdown"))

    def claims(self, key: str, head: bytes) -> Claim | None:
        if _NAME.search(key):
            return Claim(format="model-card", role=Role.CARD, confidence=80)
        begins = head.startswith((b"---", b"\xef\xbb\xbf---"))
        if begins and _OTHER_NAME.search(key) and _OF_A_CARD.search(head.partition(b"\n---")[0]):
            return Claim(format=COMPANION, role=Role.CARD, confidence=45)
        return None

    def extract(self, reader: RangedReader) -> Extraction:
        name = None if _NAME.search(reader.key) else COMPANION
        findings = Findings(reader, self, format=name, role=Role.CARD, origin=Origin.CARD)
        if reader.size_bytes > MAX_CARD_BYTES:
            raise LimitExceeded("bytes of a model card", limit=MAX_CARD_BYTES, found=reader.size_bytes)
        card = front_matter.split(reader.take(0, reader.size_bytes))
        findings.say("all_text", _clean(card.body), "text:")
        if card.front_matter is not None:
            metadata = _metadata(findings, card.front_matter)
            if metadata is not None:
                _tell_metadata(findings, metadata)
                _tell_body(findings, card.body, described=bool(metadata.get("description")))
        return findings.extraction()


def _metadata(findings: Findings, text: str) -> Mapping[str, Any] | None:
    """The front matter's mapping; None when what stands between the lines is not metadata."""
    try:
        value = yamls.load(text)
    except Malformed as error:
        findings.failed(error)
        return _readable_keys(text)
    except LimitExceeded as error:
        findings.failed(error)
        return {}
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        findings.problem("front-matter", "the front matter is not a list of keys", "front-matter:")
        return None
    findings.told_twice(value, "front-matter:")
    return value


def _readable_keys(text: str) -> dict[str, Any]:
    """Of front matter that is not YAML as a whole, the keys that are YAML by themselves."""
    kept: dict[str, Any] = {}
    starts = [match.start() for match in _TOP_KEY.finditer(text)][:MAX_SALVAGED_KEYS]
    for start, end in itertools.pairwise([*starts, len(text)]):
        with contextlib.suppress(ExtractError):
            value = yamls.load(text[start:end])
            if isinstance(value, Mapping):
                kept.update(value)
    return kept


def _tell_metadata(findings: Findings, metadata: Mapping[str, Any]) -> None:
    for key, field in LISTS.items():
        items = _names(metadata.get(key))
        if field == "license":
            items = _holding_together(items) if len(items) > 1 else items
        for item in items:
            if not _NO_BASE.match(item):
                findings.say(field, item, _place(key))
    for key, field in TEXTS.items():
        value = metadata.get(key)
        if isinstance(value, yamls.Scalar) and not value.null:
            findings.say(field, str(value), _place(key))
    library = str(metadata.get("library_name") or "").lower()
    framework = frameworks.spellings().get(slug(library))
    if framework is not None and not framework.loader:  # a library that runs a model by itself
        findings.say("framework", framework.name, _place("library_name"), evidence=Evidence.INFERRED)
    tags = _names(metadata.get("tags"))
    if HUB_MIXIN in tags:
        findings.say("framework", "pytorch", _place("tags"), evidence=Evidence.INFERRED)
    if metadata.get("pipeline_tag") is None:
        _tell_task(findings, metadata, tags)
    _tell_base(findings, metadata)
    for key in RESULTS:
        if metadata.get(key) is not None:
            _tell_results(findings, metadata[key], key)
    names = texts([str(item) for item in _items(metadata.get("metrics")) if isinstance(item, str)])
    if names:
        findings.say("extra.declared_metrics", names, _place("metrics"))
    _tell_rest(findings, metadata)


def _holding_together(items: list[str]) -> list[str]:
    """The licences as one expression: as rivals they would contradict each other, which they do where nobody knows one of
    them.
    """
    read = [licences.licence(item) for item in items[: licences.MAX_PARTS]]
    names = list(dict.fromkeys(reading.id for reading in read))
    joined = " AND ".join(f"({name})" if " OR " in name and len(names) > 1 else name for name in names)
    all_known = len(read) == len(items) and all(reading.known for reading in read)
    return [joined] if all_known and 0 < len(joined) <= licences.MAX_EXPRESSION_CHARS else items


def _tell_task(findings: Findings, metadata: Mapping[str, Any], tags: Iterable[str]) -> None:
    """The task of a card without `pipeline_tag`: the one that its results are about, else the one among its tags."""
    for key in RESULTS:
        if metadata.get(key) is not None:
            reported = model_index.read(yamls.json_value(metadata[key]), root=key)
            some = itertools.islice(reported, model_index.MAX_RESULTS)
            named = {
                str(result.context.get("task")) for result in some if isinstance(result, model_index.Measured)
            }
            task = tasks.only_one_named(named) if len(named) == 1 else None
            if task is not None:
                findings.say("task", task, _place(key), evidence=Evidence.INFERRED)
                return
    findings.say("task", tasks.only_one_named(tags), _place("tags"), evidence=Evidence.INFERRED)


def _tell_base(findings: Findings, metadata: Mapping[str, Any]) -> None:
    relation = metadata.get("base_model_relation")
    relation = str(relation) if isinstance(relation, yamls.Scalar) and not relation.null else None
    for key in ("base_model", "baseModel"):
        for item in _names(metadata.get(key)):
            findings.say(
                "base_model.id", item, _place(key), context={"relation": relation} if relation else None
            )
    findings.say("base_model.relation", relation, _place("base_model_relation"))


def _tell_results(findings: Findings, index: Any, root: str) -> None:
    value = yamls.json_value(index)
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], Mapping):
        name = value[0].get("name")
        findings.say("name", name if isinstance(name, str) else None, _place(root, 0, "name"))
    for count, result in enumerate(model_index.read(value, root=root)):
        if count >= model_index.MAX_RESULTS:
            findings.problem("limit-exceeded", f"more than {model_index.MAX_RESULTS} results", _place(root))
            return
        if isinstance(result, model_index.Broken):
            findings.problem("model-index", f"an entry {result.reason}", _place(*result.path))
        else:
            findings.metric(result.name[:200], result.value, _place(*result.path), **result.context)


def _tell_rest(findings: Findings, metadata: Mapping[str, Any]) -> None:
    """Keys without a place of their own: by the field they name, else kept as they are."""
    for key, value in metadata.items():
        if key in _HANDLED or value is None or (isinstance(value, yamls.Scalar) and value.null):
            continue
        if isinstance(value, yamls.Scalar):
            properties.tell_property(findings, key, str(value), _place(key), block="front-matter")
        elif key in {"hyperparameters", "training_hyperparameters", "training"} and isinstance(
            value, Mapping
        ):
            for name, item, place in leftovers(yamls.json_value(value)):
                properties.tell_setting(findings, name, item, place.replace("json:", _place(key), 1))
        elif isinstance(value, list) and (field := properties.field_of(key)) is not None:
            for item in _names(value):
                findings.say(field, item, _place(key))
        else:
            for name, item, place in leftovers({key: yamls.json_value(value)}):
                findings.say(f"extra.{name}", item, place.replace("json:", "front-matter:", 1))


def _tell_body(findings: Findings, body: str, *, described: bool) -> None:
    if not described:
        findings.say(
            "description", markdown.first_paragraph(_clean(body)), "text:", evidence=Evidence.DERIVED
        )
    settings = dict(markdown.training_settings(body))
    if "total_train_batch_size" in settings and "train_batch_size" in settings:
        findings.say(
            "hyperparameters.train_batch_size", settings.pop("train_batch_size"), "text:train_batch_size"
        )
    if (named := _OPTIMIZER.match(settings.get("optimizer", ""))) is not None:
        findings.say("hyperparameters.optimizer_settings", settings["optimizer"], "text:optimizer")
        settings["optimizer"] = named[1].lower()
    for name, value in settings.items():
        place = f"text:{name}"
        if name in SETTINGS:
            findings.say(SETTINGS[name], value, place)
        else:
            properties.tell_setting(findings, name, value, place)
    _tell_evaluated(findings, body)
    for package, number in markdown.framework_versions(body):
        name = PACKAGES.get(package.lower(), package.lower())
        findings.say("dependencies", f"{name}=={number}", f"text:{package}", evidence=Evidence.INFERRED)


def _tell_evaluated(findings: Findings, body: str) -> None:
    """What the Trainer lists of its last evaluation, but for what the results in front say with their data set. A callback of
    Keras lists what was measured in training, too, by its name.
    """
    reported = {headline_name(read_metric_name(name)) for name in findings.metric_names()}
    for name, value in markdown.evaluated(body):
        understood = read_metric_name(name)
        if headline_name(understood) not in reported | _NO_RESULTS:
            findings.metric(name, value, f"text:{name}", split=understood.split or "validation")


def _items(value: Any) -> list[Any]:
    return value[:MAX_TAGS] if isinstance(value, list) else [value]


def _names(value: Any) -> list[str]:
    """The texts of a list or of one scalar; of objects their `name`, `type` or `id`."""
    names = []
    for item in _items(value):
        named = item
        if isinstance(item, Mapping):
            named = next(
                (item[key] for key in ("name", "id", "type") if isinstance(item.get(key), str)), None
            )
        if (
            isinstance(named, str)
            and str(named).strip()
            and not (isinstance(named, yamls.Scalar) and named.null)
        ):
            names.append(str(named).strip())
    return names


def _clean(body: str) -> str:
    return body.replace("\0", "").strip()


def _place(*path: str | int) -> str:
    return "front-matter:" + "".join(
        "/" + str(part).replace("~", "~0").replace("/", "~1")[:200] for part in path
    )
