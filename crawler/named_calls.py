"""What a text file has its loader import, call or fetch, whichever extractor read it, or none.

Configurations are settings to one program and instructions to another: `yaml.load` runs Python's tags, jsonpickle its own
keys, Hydra `_target_`, Transformers the code that `auto_map` names, Keras a Lambda, and XML parsers fetch entities. Names are
judged by the allow-list of pickles.

Source: yaml/pyyaml lib/yaml/constructor.py `UnsafeConstructor`; jsonpickle/jsonpickle jsonpickle/tags.py;
facebookresearch/hydra hydra/_internal/instantiate/_instantiate2.py; huggingface/transformers
src/transformers/dynamic_module_utils.py; W3C XML 1.0, 4.2.2 External Entities.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from typing import Any

from catalog.errors import ExtractError, LimitExceeded
from catalog.records import Extraction, Origin, Risk, Role, Severity
from crawler.extractor import Findings, Named
from crawler.formats import jsons, keras_config, yamls
from crawler.formats.called_targets import mappings_of, tell_targets
from crawler.formats.pickle_names import Verdict, judged_call
from crawler.formats.pickle_risks import CODE_EXECUTION, STRUCTURE, UNCHECKED
from crawler.reader import RangedReader
from crawler.sniffing import Nobody

MAX_TEXT_BYTES = 2 * 1024 * 1024
MAX_UNCLAIMED_BYTES = 64 * 1024
"""Of a file that nobody reads, what is looked at beyond its first bytes."""
MAX_PROLOGUE_BYTES = 64 * 1024
REMOTE_CODE = "remote-code"

_JSON = re.compile(r"\.(?:json|jinja2?)$", re.IGNORECASE)
_YAML = re.compile(r"(?:\.ya?ml|(?:^|/)MLmodel)$", re.IGNORECASE)
_XML = re.compile(r"\.(?:xml|pmml)$", re.IGNORECASE)
_MARKS = (
    *(b"_target_", b'"py/', b"auto_map", b"trust_remote_code", b'"class_name"'),
    *(b"python/", b"yaml.org,2002:python", b"%TAG"),
)
_DISGUISES = {
    _JSON: re.compile(rb"\\u00(?:2[fF]|[4-7])|py\\/"),
    _YAML: re.compile(rb"\\(?:x|u00|U000000)(?:2[fF]|[4-7])|\\\r?\n|%(?:2[fF]|[4-7][0-9a-fA-F])"),
}
"""Letters, `_` and `/` of a mark written as escapes, which no writer of settings does."""
_WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_TAG = "tag:yaml.org,2002:python/"
_IMPORTING_TAGS = {"object/apply": True, "object/new": True, "object": False, "name": False, "module": False}
"""Kinds of tags that import what they name, and whether they call it with what stands below."""
_PICKLED_KEYS = frozenset({"py/object", "py/type", "py/function", "py/repr"})
_CALLING_KEYS = frozenset({"py/reduce", "py/newargs", "py/newargsex", "py/initargs"})


def with_named_calls(extraction: Extraction, extractor: Named, reader: RangedReader) -> Extraction:
    """The extraction with the risks of what the text names; as it is where it names nothing of the kind."""
    risks = _risks_of(reader, extractor, MAX_TEXT_BYTES)
    known = {risk.kind for risk in extraction.risks}
    more = [risk for risk in risks if risk.kind not in known or risk.kind == CODE_EXECUTION]
    more = [risk for risk in more if risk not in extraction.risks]
    return replace(extraction, risks=(*extraction.risks, *more)) if more else extraction


def unclaimed_risks(reader: RangedReader) -> tuple[Risk, ...]:
    """What a small text file runs that no extractor claims. Its entities and its settings of other programs are nobody's."""
    if _XML.search(str(reader.key)):
        return ()
    risks = _risks_of(reader, Nobody(), MAX_UNCLAIMED_BYTES)
    return tuple(risk for risk in risks if risk.kind != REMOTE_CODE)


def _risks_of(reader: RangedReader, extractor: Named, most: int) -> tuple[Risk, ...]:
    """The risks of a text file of up to so many bytes; none of a larger one, and of other files."""
    kind = _kind_of(reader.name)
    if kind is None or reader.size_bytes > most:
        return ()
    findings = Findings(reader, extractor, format=None, role=Role.CONFIG, origin=Origin.RUN)
    with suppress(ExtractError):  # its own extractor says what is wrong with it
        data = reader.take(0, reader.size_bytes)
        plain = _utf8(data)
        if kind is _XML:
            _tell_entities(findings, plain)
        elif any(mark in plain for mark in _MARKS) or _DISGUISES[kind].search(plain):
            try:
                if kind is _YAML:
                    _tell_tags(findings, data)
                    for document in yamls.documents_of(data):  # a loader has each before a fault behind it
                        _tell_named(findings, yamls.json_value(document))
                else:
                    _tell_named(findings, jsons.load(data))
            except LimitExceeded as error:
                findings.risk(UNCHECKED, Severity.MEDIUM, f"Not checkable: it may name code. {error}")
    return findings.risks


@lru_cache(maxsize=1024)
def _kind_of(name: str) -> re.Pattern[str] | None:
    """How a text of this name is written. A crawl meets the same names in every directory."""
    return next((kind for kind in (_JSON, _YAML, _XML) if kind.search(name)), None)


def _utf8(data: bytes) -> bytes:
    """The text in the encoding of the marks; as it is where it is in UTF-8 already."""
    if data.startswith(_WIDE):
        return data.decode("utf-16", "replace").encode("utf-8", "replace")
    if b"\0" in data[:4]:  # JSON may be of any width without a mark of it
        return data.replace(b"\0", b"")
    return data


def _tell_entities(findings: Findings, data: bytes) -> None:
    start = data.find(b"<!DOCTYPE", 0, MAX_PROLOGUE_BYTES)
    declared = data[start:MAX_PROLOGUE_BYTES] if start >= 0 else b""
    opening = declared.partition(b">")[0]
    if b"<!ENTITY" in declared or b"SYSTEM" in opening or b"PUBLIC" in opening:
        detail = "A document type with entities: parsers fetch what it names, or grow beyond all bounds"
        findings.risk(STRUCTURE, Severity.MEDIUM, detail)


def _tell_tags(findings: Findings, data: bytes) -> None:
    for tag in dict.fromkeys(yamls.tags(data)):
        kind, _, name = tag.removeprefix(_TAG).partition(":")
        if tag.startswith(_TAG) and kind in _IMPORTING_TAGS:
            calls = _IMPORTING_TAGS[kind]
            module, _, last = name.rpartition(".") if kind != "module" else (name, "", "__init__")
            _tell(findings, module or "builtins", last, f"The tag !!python/{kind} has {{}}", called=calls)


def _tell_named(findings: Findings, value: Any) -> None:
    """Everything in a JSON value, or one like it, that names code."""
    tell_targets(findings, value, keys=("_target_",))
    mappings = list(mappings_of(findings, value))
    is_pickled = any(not _CALLING_KEYS.isdisjoint(node) for node in mappings)
    for node in mappings:
        for key in sorted(_PICKLED_KEYS & node.keys()):
            name = node[key]
            if isinstance(name, str):
                module, _, last = name.rpartition(".")
                called = is_pickled or key == "py/repr"
                _tell(findings, module or "builtins", last, f"{key} of jsonpickle has {{}}", called=called)
        if isinstance(node.get("auto_map"), Mapping) and node["auto_map"]:
            findings.risk(REMOTE_CODE, Severity.MEDIUM, "auto_map runs Python of the repository")
        trusts = node.get("trust_remote_code")
        if trusts is True or (isinstance(trusts, str) and trusts in {"true", "True"}):
            findings.risk(REMOTE_CODE, Severity.MEDIUM, "trust_remote_code has Python of the repository run")
    if any("class_name" in node and "config" in node for node in mappings):
        keras_config.tell_risks(findings, value)


def _tell(findings: Findings, module: str, name: str, sentence: str, *, called: bool) -> None:
    verdict = judged_call(module, name, called=called, filled=called)
    if verdict < Verdict.UNKNOWN:
        return
    severity = Severity.HIGH if verdict is Verdict.DANGEROUS else Severity.MEDIUM
    what = f"{module}.{name}"[:300]
    findings.risk(CODE_EXECUTION, severity, sentence.format(f"{what} {'called' if called else 'imported'}"))
