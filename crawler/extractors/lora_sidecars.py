"""What people's tools keep beside a LoRA or checkpoint: title, base model, trigger words, notes.

Source: willmiao/ComfyUI-Lora-Manager py/utils/models.py (`NAME.metadata.json`), Civitai's model-version API as helpers save it
(`NAME.civitai.info`), AUTOMATIC1111/stable-diffusion-webui extensions-builtin/Lora/ui_edit_user_metadata.py (`NAME.json`),
rgthree/rgthree-comfy py/server/utils_info.py (`NAME.safetensors.rgthree-info.json`), BlafKing/sd-civitai-browser-plus
(`NAME.api_info.json`), mcmonkeyprojects/SwarmUI src/Text2Image/T2IModelHandler.cs (`NAME.swarm.json`), vladmandic/sdnext
modules/civitai (a whole model of Civitai with its versions as `NAME.json`).
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from typing import Any

from catalog.layouts.companions import noted_file
from catalog.records import Extraction, Origin, Role
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats import jsons
from crawler.formats.json_values import leftovers, listed, mapping, pointer, text, texts
from crawler.reader import RangedReader

MAX_WORDS = 200
_MANAGER, _CIVITAI, _CONNECTED = ".metadata.json", ".civitai.info", ".cm-info.json"
_RGTHREE, _BROWSER, _SWARM = ".rgthree-info.json", ".api_info.json", ".swarm.json"
_SURE = (_CIVITAI, _CONNECTED, _RGTHREE, _BROWSER, _SWARM)
_MODELSPEC = "modelspec."
_OF_MODELSPEC = {
    "title": "title",
    "author": "owner",
    "description": "description",
    "architecture": "architecture",
    "license": "license",
    "date": "created_at",
}
_LONG_OF_MODELSPEC = frozenset({"thumbnail", "preview_image"})
"""Pictures as text."""
_OF_CIVITAI = (b'"modelVersions"', b'"allowNoCredit"', b'"allowCommercialUse"')
"""What a model has in Civitai's REST interface, and its versions have not."""
_WEBUI_MARKS = (b'"activation text"', b'"sd version"', b'"preferred weight"', b'"negative text"')
_WHOLE = frozenset(
    {
        "CHECKPOINT",
        "VAE",
        "UPSCALER",
        "DIFFUSION_MODEL",
        "DIFFUSION MODEL",
        "UNET",
        "CONTROLNET",
        "CONTROL NET",
        "DETECTION",
        "TEXTENCODER",
    }
)
"""Types of files that hold a network of their own. Source: Civitai's REST reference, `type` of models."""
_TAG = re.compile(r"<[^<>]{0,1000}>")
_TAG_WITHIN_LINE = re.compile(
    r"</?(?:a|b|i|u|s|em|strong|span|code|mark|sub|sup)(?:\s[^<>]{0,1000})?>", re.IGNORECASE
)
"""Of words within a line: `<b>fox</b>.` is `fox.`."""


class LoraSidecarsExtractor:
    """Reads the whole file. Downloads, ratings, sizes and preferred weights are kept, and measure nothing."""

    name = "lora-sidecars"
    version = 5
    description = (
        "NAME.metadata.json (LoRA Manager), NAME.civitai.info, NAME.api_info.json (Civitai Browser), NAME.cm-info.json (Stability"
        " Matrix), NAME.swarm.json (SwarmUI), FILE.rgthree-info.json (rgthree), NAME.json (webui, SD.Next) beside a model file"
    )
    reads = "title, version, base model, description, notes, trigger words, tags, creator"
    limits = "JSON 16 MB"
    signs = Signs(suffixes=(".json", _CIVITAI))

    def claims(self, key: str, head: bytes) -> Claim | None:
        name = key.rsplit("/", 1)[-1].lower()
        sure = name.endswith(_SURE) or (name.endswith(_MANAGER) and b'"file_name"' in head)
        plain = name.endswith(".json") and any(mark in head for mark in (*_WEBUI_MARKS, *_OF_CIVITAI))
        if (sure or plain) and head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{":
            return Claim(format="lora-sidecar", role=Role.CONFIG, confidence=75 if sure else 55)
        return None

    def extract(self, reader: RangedReader) -> Extraction:
        findings = Findings(reader, self, format="lora-sidecar", role=Role.CONFIG, origin=Origin.CARD)
        value = jsons.read_object(reader)
        name = reader.name.lower()
        if name.endswith(_CONNECTED):
            _tell_connected(findings, value)
        elif name.endswith(_MANAGER):
            _tell_manager(findings, value)
        elif name.endswith(_RGTHREE):
            _tell_rgthree(findings, value)
        elif name.endswith(_SWARM):
            _tell_modelspec(findings, value)
        elif "modelVersions" in value:
            _tell_civitai_model(findings, value, noted_file(reader.name))
        elif name.endswith((_CIVITAI, _BROWSER)):
            _tell_civitai(findings, value, ())
        else:
            _tell_webui(findings, value)
        return findings.extraction()


def _tell_manager(findings: Findings, value: Mapping[str, Any]) -> None:
    civitai = mapping(value.get("civitai"))
    findings.say("title", text(value.get("model_name")), pointer("model_name"))
    findings.say("description", _plain(value.get("modelDescription")), pointer("modelDescription"))
    kind = mapping(civitai.get("model")).get("type") or value.get("sub_type") or value.get("model_type")
    _tell_base(findings, text(value.get("base_model")), pointer("base_model"), kind=kind)
    findings.say("all_text", text(value.get("notes")), pointer("notes"))
    findings.say("extra.notes", text(value.get("notes")), pointer("notes"))
    for index, tag in enumerate(texts(value.get("tags"))[:MAX_WORDS]):
        findings.say("tags", tag, pointer("tags", index))
    _tell_civitai(
        findings,
        civitai,
        ("civitai",),
        title=not value.get("model_name"),
        base=not value.get("base_model"),
        described=bool(value.get("modelDescription")),
    )
    for name, item, place in leftovers({key: value[key] for key in ("sha256", "usage_tips") if key in value}):
        findings.say(f"extra.lora_manager.{name}", item, place)


def _tell_civitai(
    findings: Findings,
    value: Mapping[str, Any],
    path: tuple[str | int, ...],
    *,
    title: bool = True,
    base: bool = True,
    described: bool = False,
) -> None:
    model = mapping(value.get("model"))
    if title:
        findings.say("title", text(model.get("name")), pointer(*path, "model", "name"))
    findings.say("version", text(value.get("name")), pointer(*path, "name"))
    findings.say("adapter.type", _adapter(model), pointer(*path, "model", "type"))
    if base:
        _tell_base(
            findings, text(value.get("baseModel")), pointer(*path, "baseModel"), kind=model.get("type")
        )
    about = _plain(model.get("description"))
    findings.say("description", about, pointer(*path, "model", "description"))
    # A version's own words tell what changed; they describe the model only where nothing else does.
    field = "description" if about is None and not described else "extra.version_description"
    findings.say(field, _plain(value.get("description")), pointer(*path, "description"))
    for index, tag in enumerate(texts(model.get("tags"))[:MAX_WORDS]):
        findings.say("tags", tag, pointer(*path, "model", "tags", index))
    creator = text(mapping(value.get("creator")).get("username"))
    findings.say("owner", creator, pointer(*path, "creator", "username"))
    words = texts(value.get("trainedWords"))[:MAX_WORDS]
    _tell_trigger_words(findings, ", ".join(words), pointer(*path, "trainedWords"))
    for key in ("id", "modelId"):
        if isinstance(value.get(key), int):
            findings.say(f"extra.civitai.{key}", value[key], pointer(*path, key))


def _tell_civitai_model(findings: Findings, value: Mapping[str, Any], file: str) -> None:
    """A whole model: what it is, and of its versions the one that has the file of this name, or the only one."""
    versions = [(place, item) for place, item in enumerate(listed(value["modelVersions"])) if mapping(item)]
    fitting = [each for each in versions if file in _files_of(each[1])] or versions
    findings.say("title", text(value.get("name")), pointer("name"))
    findings.say("description", _plain(value.get("description")), pointer("description"))
    findings.say("adapter.type", _adapter(value), pointer("type"))
    creator = text(mapping(value.get("creator")).get("username"))
    findings.say("owner", creator, pointer("creator", "username"))
    for index, tag in enumerate(texts(value.get("tags"))[:MAX_WORDS]):
        findings.say("tags", tag, pointer("tags", index))
    if len(fitting) == 1:
        place, version = fitting[0]
        shown = {**version, "model": {"type": value.get("type")}}
        _tell_civitai(findings, shown, ("modelVersions", place), described=bool(value.get("description")))
    elif fitting:
        findings.problem(
            "ambiguous",
            f"which of its {len(fitting)} versions the file is, nothing says",
            pointer("modelVersions"),
        )


def _files_of(version: Mapping[str, Any]) -> Iterator[str]:
    for item in listed(version.get("files")):
        if (name := text(mapping(item).get("name"))) is not None:
            yield name
            yield name.rpartition(".")[0]


def _tell_rgthree(findings: Findings, value: Mapping[str, Any]) -> None:
    findings.say("title", text(value.get("name")), pointer("name"))
    _tell_base(findings, text(value.get("baseModel")), pointer("baseModel"), kind=value.get("type"))
    findings.say("adapter.type", _adapter(value), pointer("type"))
    words = [mapping(item).get("word") for item in listed(value.get("trainedWords"))[:MAX_WORDS]]
    _tell_trigger_words(findings, ", ".join(texts(words)), pointer("trainedWords"))
    findings.say("all_text", text(value.get("userNote")), pointer("userNote"))
    findings.say("extra.notes", text(value.get("userNote")), pointer("userNote"))
    for index, link in enumerate(texts(value.get("links"))[:MAX_WORDS]):
        findings.say("extra.links", link, pointer("links", index))


def _tell_modelspec(findings: Findings, value: Mapping[str, Any]) -> None:
    """Source: Stability-AI/ModelSpec."""
    for key, item in value.items():
        word, content = key.removeprefix(_MODELSPEC), text(item)
        if content is None or not key.startswith(_MODELSPEC) or word in _LONG_OF_MODELSPEC:
            continue
        if word == "trigger_phrase":
            _tell_trigger_words(findings, content, pointer(key))
        elif word == "tags":
            for tag in content.split(",")[:MAX_WORDS]:
                findings.say("tags", tag.strip(), pointer(key))
        else:
            shown = _plain(content) if word == "description" else content
            findings.say(_OF_MODELSPEC.get(word, f"extra.modelspec.{word[:MAX_WORDS]}"), shown, pointer(key))


def _tell_connected(findings: Findings, value: Mapping[str, Any]) -> None:
    """Source: LykosAI/StabilityMatrix, Models/ConnectedModelInfo.cs."""
    findings.say("title", text(value.get("ModelName")), pointer("ModelName"))
    findings.say("version", text(value.get("VersionName")), pointer("VersionName"))
    findings.say("description", _plain(value.get("ModelDescription")), pointer("ModelDescription"))
    findings.say(
        "extra.version_description", _plain(value.get("VersionDescription")), pointer("VersionDescription")
    )
    _tell_base(findings, text(value.get("BaseModel")), pointer("BaseModel"), kind=value.get("ModelType"))
    findings.say("adapter.type", _adapter({"type": value.get("ModelType")}), pointer("ModelType"))
    for index, tag in enumerate(texts(value.get("Tags"))[:MAX_WORDS]):
        findings.say("tags", tag, pointer("Tags", index))
    words = ", ".join(texts(value.get("TrainedWords"))[:MAX_WORDS])
    _tell_trigger_words(findings, words, pointer("TrainedWords"))


def _tell_webui(findings: Findings, value: Mapping[str, Any]) -> None:
    findings.say("description", text(value.get("description")), pointer("description"))
    # Checkpoints have notes of this form, too: which of both it is, the file itself says.
    kind = "lora" if value.get("activation text") or "preferred weight" in value else None
    _tell_base(findings, text(value.get("sd version")), pointer("sd version"), kind=kind)
    _tell_trigger_words(findings, text(value.get("activation text")), pointer("activation text"))
    findings.say("all_text", text(value.get("notes")), pointer("notes"))
    for key in ("notes", "negative text", "preferred weight"):
        if isinstance(value.get(key), (str, int, float)) and value[key]:
            findings.say(f"extra.{key}", value[key], pointer(key))


def _tell_trigger_words(findings: Findings, words: str | None, place: str) -> None:
    findings.say("extra.trigger_words", words or None, place)
    findings.say("all_text", words or None, place)


def _tell_base(findings: Findings, base: str | None, place: str, *, kind: Any) -> None:
    """`kind` is what the tool calls the file: whole checkpoints are no adapters of their base."""
    if base and base.lower() not in {"unknown", "other"}:
        adapts = (text(kind) or "lora").upper() not in _WHOLE
        findings.say("base_model.id", base, place, context={"relation": "adapter"} if adapts else {})


def _adapter(model: Mapping[str, Any]) -> str | None:
    kind = (text(model.get("type")) or "").upper()
    return kind if kind in {"LORA", "LOCON", "DORA", "LYCORIS"} else None


def _plain(value: Any) -> str | None:
    """The text of a description, which Civitai keeps as HTML."""
    words = text(value)
    if words is None:
        return None
    bare = html.unescape(_TAG.sub(" ", _TAG_WITHIN_LINE.sub("", words)))
    return " ".join(bare.split()) or None
