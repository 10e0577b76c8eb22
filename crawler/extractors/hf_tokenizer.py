"""tokenizer_config.json, chat templates and the files of a tokenizer: length limit, class, template risks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from catalog.errors import LimitExceeded
from catalog.records import Evidence, Extraction, Origin, Role, Severity
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats import jsons
from crawler.formats.context_length import MAX_CONTEXT
from crawler.formats.json_values import leftovers, mapping, pointer, positive, text
from crawler.reader import RangedReader

TEMPLATE_NAMES = ("chat_template.jinja", "chat_template.json")
MAX_TEMPLATE_FILE_BYTES = 1024 * 1024
_KNOWN = frozenset(
    {"model_max_length", "chat_template", "tokenizer_class", "added_tokens_decoder", "auto_map"}
)


class HfTokenizerExtractor:
    """Reads the configuration; templates are searched for code that reaches beyond its data, never rendered."""

    name = "hf-tokenizer"
    version = 3
    description = "tokenizer_config.json and chat_template files"
    reads = "tokenizer class, longest input, risks of chat templates"
    limits = "JSON 16 MB; templates 1 MB"
    signs = Signs(names=("tokenizer_config.json", *TEMPLATE_NAMES), suffixes=(".jinja", ".jinja2", ".j2"))

    def claims(self, key: str, head: bytes) -> Claim | None:  # noqa: ARG002 - the exact name decides
        name = key.rsplit("/", 1)[-1]
        if name == "tokenizer_config.json" or name in TEMPLATE_NAMES:
            return Claim(format="hf-tokenizer", role=Role.CONFIG, confidence=80)
        if name.endswith(
            (".jinja", ".jinja2", ".j2")
        ):  # additional_chat_templates/NAME.jinja, template_chatml.jinja
            return Claim(format="hf-tokenizer", role=Role.CONFIG, confidence=40)
        return None

    def extract(self, reader: RangedReader) -> Extraction:
        findings = Findings(reader, self, format=None, role=Role.CONFIG, origin=Origin.CONFIG)
        if reader.name.endswith((".jinja", ".jinja2", ".j2")):
            if reader.size_bytes > MAX_TEMPLATE_FILE_BYTES:
                raise LimitExceeded(
                    "bytes of a template", limit=MAX_TEMPLATE_FILE_BYTES, found=reader.size_bytes
                )
            template = reader.take(0, reader.size_bytes).decode(errors="replace")
            _check_template(findings, template, "text:")
            return findings.extraction()
        config = mapping(jsons.read(reader))
        findings.look_for_templates(config, "json:")
        _tell_templates(findings, config.get("chat_template"))
        if reader.name == "tokenizer_config.json":
            _tell_config(findings, config)
        return findings.extraction()


def _tell_config(findings: Findings, config: Mapping[str, Any]) -> None:
    longest = positive(config.get("model_max_length"))
    if longest is not None and longest < MAX_CONTEXT:
        findings.say("context_length", longest, pointer("model_max_length"), evidence=Evidence.DECLARED)
    findings.say("extra.tokenizer_class", text(config.get("tokenizer_class")), pointer("tokenizer_class"))
    if isinstance(config.get("auto_map"), Mapping) and config["auto_map"]:
        detail = "auto_map runs Python of the repository for the tokenizer"
        findings.risk("remote-code", Severity.MEDIUM, detail)
    for name, value, place in leftovers(config, _KNOWN):
        if isinstance(value, (str, bool, int, float)):
            findings.say(f"extra.tokenizer.{name}", value, place)


def _tell_templates(findings: Findings, value: Any) -> None:
    """One template, or a list of named ones."""
    if isinstance(value, str):
        _check_template(findings, value, pointer("chat_template"))
    elif isinstance(value, list):
        for index, entry in enumerate(value[:50]):
            if isinstance(entry, Mapping) and isinstance(entry.get("template"), str):
                _check_template(findings, entry["template"], pointer("chat_template", index, "template"))
    elif isinstance(value, Mapping):
        for name, entry in list(value.items())[:50]:
            if isinstance(entry, str):
                _check_template(findings, entry, pointer("chat_template", name))


def _check_template(findings: Findings, template: str, place: str) -> None:
    findings.look_for_templates(template, place)
    if template.strip():
        findings.say("extra.chat_template", template, place)
