"""The settings that Marian keeps as a text among the arrays of its models.

Source: marian-nmt/marian-dev src/common/io.cpp (`addMetaToItems`, `getYamlFromModel`): an array of bytes that ends with a zero.
"""

from __future__ import annotations

from catalog.errors import ExtractError
from catalog.records import Evidence
from crawler.extractor import Findings
from crawler.formats import yamls
from crawler.formats.json_values import leftovers, mapping, positive, text

SETTINGS = "special:model.yml"
"""The name of the array."""
MAX_SETTINGS_BYTES = 1024 * 1024
_TRANSLATES = frozenset({"amun", "nematus", "s2s", "transformer", "multi-s2s", "multi-transformer"})
"""Types that have an encoder and a decoder; the others are models of a language."""


def tell_marian(findings: Findings, written: bytes) -> None:
    """What the settings say; those that are no YAML are a problem of the file."""
    place = f"zip:{SETTINGS}"
    findings.say("framework", "marian", place, evidence=Evidence.INFERRED)
    try:
        settings = mapping(yamls.json_value(yamls.load(written.split(b"\0", 1)[0])))
    except ExtractError as error:
        findings.failed(error)
        return
    kind = text(settings.get("type"))
    findings.say("framework_version", text(settings.get("version")), f"{place}/version")
    findings.say("model_type", kind, f"{place}/type")
    findings.say("embedding_dimension", positive(settings.get("dim-emb")), f"{place}/dim-emb")
    if kind in _TRANSLATES:
        findings.say("task", "translation", f"{place}/type", evidence=Evidence.INFERRED)
    for name, value, pointer in leftovers(settings, {"type", "version", "dim-emb"}):
        findings.say(f"extra.marian.{name}", value, place + pointer.removeprefix("json:"))
