"""Manifests that name models by the digest of their layers: Ollama, ModelPack, KitOps and other OCI artifacts.

Source: OCI image specification 1.1 (manifest.md, annotations.md); modelpack/model-spec (docs/config.md); ollama/ollama (docs).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from catalog.records import Evidence, Extraction, Origin, Reference, Role, Subject
from catalog.text.patterns import pattern
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats import jsons
from crawler.formats.json_values import mapping, text, texts
from crawler.reader import RangedReader

MAX_LAYERS = 10_000
"""Ollama's safetensors models have a layer for each tensor, those with experts the most."""
MAX_SPOKEN = 50
_WORDS = (b"application/vnd.", b"paramSize", b"model_format")
"""Every document that is claimed by its first bytes has one of them there."""
_OLLAMA = pattern(r"(?:^|/)manifests/(?P<registry>[^/]+)/(?P<owner>[^/]+)/(?P<name>[^/]+)/(?P<tag>[^/]+)$")
_OLLAMA_ROOT = pattern(r"(?:^|(?<=/))(?P<root>manifests)/[^/]+/[^/]+/[^/]+/[^/]+$")
_DIGEST = pattern(r"sha256:[0-9a-f]{64}")
_MODEL = pattern(
    r"image\.(?:model|tensor)$|model\.weight(?!\.config)|kitops\.model|docker\.ai\.(?:gguf|safetensors)"
    r"|vnd\.cncf\.model\.(?!manifest|config|doc|weight|code|dataset)"
)
"""Media types of the layers that are the model."""
_ADAPTER = pattern(r"image\.adapter$|docker\.ai\.lora")
_PROJECTOR = pattern(r"image\.projector$|docker\.ai\.mmproj")
_SPOKEN = pattern(r"image\.(?:json|license)$|model\.weight\.config|docker\.ai\.license|vnd\.cncf\.model\.doc")
"""Layers that say something of the model: its configurations, and the text of its licence."""
_OF_A_PERSON = pattern(r"image\.(?:system|messages)$")
"""Layers that who makes a model of another one adds; the weights stay the other's."""
BASE = "oci-weights:"
"""In front of the digest of weights: the subject of what they are called by those who name them."""
ANNOTATIONS = {
    "title": "name",
    "version": "version",
    "description": "description",
    "licenses": "license",
    "authors": "owner",
    "vendor": "owner",
    "created": "created_at",
    "revision": "code_version",
    "source": "extra.source_url",
    "url": "extra.url",
}


class OciManifestExtractor:
    """Reads the whole manifest; layers are other objects of the same storage, bound by their digest."""

    name = "oci-manifest"
    version = 4
    description = "OCI, ModelPack, KitOps and Ollama manifests"
    reads = "name and tag, annotations, the index of a layout, the ModelPack descriptor, and which blobs are the weights"
    limits = "JSON 16 MB, 10,000 layers; registries are not contacted"
    signs = Signs(beginnings=(b"{",))

    def claims(self, key: str, head: bytes) -> Claim | None:
        start = head.lstrip()[:1]
        if start != b"{":
            return None
        if key.rpartition("/")[2] == "models.json" and b'"models"' in head and b"sha256:" in head:
            return Claim(format="oci-manifest", role=Role.CONFIG, confidence=75)
        if not any(
            word in head for word in _WORDS
        ):  # as in nearly every JSON: what follows copies the head twice
            return None
        compact = head.replace(b" ", b"").replace(b"\n", b"")
        if b'"application/vnd.cncf.model.config' in compact or (
            b'"descriptor":{' in compact and b'"paramSize"' in compact
        ):
            return Claim(format="modelpack", role=Role.CONFIG, confidence=75)
        if b'"model_format":' in compact and b'"model_family":' in compact:
            return Claim(format="ollama", role=Role.CONFIG, confidence=75)
        manifest = (
            b'"layers":[' in compact or b".manifest.v1+json" in compact or b".manifest.v2+json" in compact
        )
        if manifest and (b"application/vnd." in compact) and b'"digest":"sha256:' in compact:
            return Claim(
                format="oci-manifest", role=Role.CONFIG, confidence=85 if _OLLAMA.search(key) else 75
            )
        return None

    def extract(self, reader: RangedReader) -> Extraction:
        findings = Findings(reader, self, format=None, role=Role.CONFIG, origin=Origin.REGISTRY)
        manifest = jsons.read_object(reader)
        if "model_format" in manifest and "layers" not in manifest:
            _tell_ollama_config(findings, manifest)
        elif "descriptor" in manifest and "layers" not in manifest:
            _tell_descriptor(findings, manifest)
        elif isinstance(manifest.get("models"), list):
            _tell_docker_models(findings, manifest["models"])
        elif isinstance(manifest.get("manifests"), list):
            _tell_index(findings, manifest["manifests"])
        else:
            _tell_manifest(findings, reader.key, manifest)
        return findings.extraction()


def _tell_index(findings: Findings, manifests: list[Any]) -> None:
    """The names that a layout's index gives its manifests: each is about the model of that manifest."""
    for number, entry in enumerate(manifests[:MAX_LAYERS]):
        digest, annotations = mapping(entry).get("digest"), mapping(mapping(entry).get("annotations"))
        if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
            continue
        subject = Subject(id=f"oci-manifest:{digest}", join_keys=())
        findings.tells_of(subject)
        named = text(annotations.get("org.opencontainers.image.ref.name"))
        name, colon, tag = (named or "").rpartition("/")[2].rpartition(":")
        pointer = f"json:/manifests/{number}/annotations"
        findings.say("name", name if colon else None, pointer, subject=subject.id)
        findings.say("version", tag or None, pointer, subject=subject.id)


def _tell_docker_models(findings: Findings, models: list[Any]) -> None:
    """The tags that Docker Model Runner gives the manifests of its store. Source: docker/model-runner, store `models.json`."""
    for number, entry in enumerate(models[:MAX_LAYERS]):
        digest, tags = mapping(entry).get("id"), mapping(entry).get("tags")
        if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
            continue
        subject = Subject(id=f"oci-manifest:{digest}", join_keys=())
        findings.tells_of(subject)
        called = [tag for tag in map(text, tags if isinstance(tags, list) else []) if tag]
        for place, tag in enumerate(called[:MAX_SPOKEN]):
            pointer = f"json:/models/{number}/tags/{place}"
            path, _, name = tag.rpartition("/")
            findings.say("tags", name, pointer, subject=subject.id)
            if place == 0:
                findings.say("name", name, pointer, subject=subject.id)
                findings.say("version", name.partition(":")[2] or None, pointer, subject=subject.id)
                findings.say("owner", path.rpartition("/")[2] or None, pointer, subject=subject.id)


def _described_elsewhere(key: str, manifest: Mapping[str, Any]) -> tuple[str, ...]:
    """Ids of what else speaks for the model of this manifest: its entry in the index, and its config blob."""
    ids = []
    folder, _, own = key.rpartition("/")
    if re.fullmatch(r"[0-9a-f]{64}", own):
        ids.append(f"oci-manifest:sha256:{own}")
    config = mapping(manifest.get("config")).get("digest")
    spoken = [digest for digest, kind in _layers(manifest) if _SPOKEN.search(kind)]
    root = key[: match.start("root")] if (match := _OLLAMA_ROOT.search(key)) else None
    for named in [config, *spoken[:MAX_SPOKEN]]:
        if isinstance(named, str) and _DIGEST.fullmatch(named):
            digest = named.removeprefix("sha256:")
            beside = f"{folder}/{digest}" if folder else digest
            ids.append(f"path:{beside}" if root is None else f"path:{root}blobs/sha256-{digest}")
    return tuple(dict.fromkeys(ids))


def _tell_manifest(findings: Findings, key: str, manifest: Mapping[str, Any]) -> None:
    layers = _layers(manifest)
    model, adapters, projectors = (
        list(dict.fromkeys(digest for digest, kind in layers if form.search(kind)))
        for form in (_MODEL, _ADAPTER, _PROJECTOR)
    )
    if not model and not adapters:
        return
    bases = model if adapters else []
    if adapters:  # what is made of another model is what is added to it
        model = []
    match = _OLLAMA.search(key)
    name = match["name"] if match else None
    subject = Subject(
        id=f"oci:{key}",
        join_keys=tuple(adapters) or _join_keys(model),
        name=name,
        part_of=(*_described_elsewhere(key, manifest), *(f"{BASE}{digest}" for digest in bases)),
    )
    findings.tells_of(subject)
    for digests, relation in ((model, "layer"), ([] if adapters else projectors, "part")):
        for digest in digests:
            findings.refers_to(Reference(name=digest, relation=relation))
    if match:
        is_derived = any(_OF_A_PERSON.search(kind) for _, kind in layers)
        evidence = Evidence.DECLARED if is_derived else Evidence.EXPLICIT
        called = f"{match['name']}:{match['tag']}"
        if not is_derived:
            _tell_as_base(findings, model, called)
        findings.say("name", called, "name:", subject=subject.id, evidence=evidence)
        findings.say("version", match["tag"], "name:", subject=subject.id, evidence=evidence)
        findings.say("tags", called, "name:", subject=subject.id)
        owner = match["owner"]
        findings.say("owner", None if owner == "library" else owner, "name:", subject=subject.id)
        findings.say("extra.registry", match["registry"], "name:", subject=subject.id)
    _tell_annotations(findings, mapping(manifest.get("annotations")), subject.id)


def _tell_as_base(findings: Findings, model: Sequence[str], called: str) -> None:
    """What the weights are called, for what is made of them: an adapter's manifest names them by their digest alone."""
    for digest in model if len(model) == 1 else ():
        subject = Subject(id=f"{BASE}{digest}", join_keys=())
        findings.tells_of(subject)
        findings.say("base_model.id", called, "name:", subject=subject.id, context={"relation": "adapter"})


def _join_keys(model: Sequence[str]) -> tuple[str, ...]:
    """One blob is found by its digest; several are found together, for one of them may be in other models, too."""
    if len(model) == 1:
        return (model[0],)
    return (f"layers:{hashlib.sha256(' '.join(sorted(model)).encode()).hexdigest()}",)


def _layers(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    layers = manifest.get("layers")
    blobs = []
    for layer in layers[:MAX_LAYERS] if isinstance(layers, list) else []:
        digest, kind = mapping(layer).get("digest"), mapping(layer).get("mediaType")
        if isinstance(digest, str) and isinstance(kind, str) and _DIGEST.fullmatch(digest):
            blobs.append((digest, kind))
    return blobs


def _tell_annotations(findings: Findings, annotations: Mapping[str, Any], subject: str) -> None:
    for key, value in annotations.items():
        short = key.removeprefix("org.opencontainers.image.").removeprefix("org.cncf.model.")
        field = ANNOTATIONS.get(short) if short != key else f"extra.{key}"
        findings.say(field or f"extra.{short}", text(value), f"json:/annotations/{key}", subject=subject)


def _tell_ollama_config(findings: Findings, config: Mapping[str, Any]) -> None:
    """What Ollama itself says of a model: `model_type` is its size in words, `file_type` its quantisation."""
    for key, field in (("model_family", "model_type"), ("model_type", "parameters"), ("file_type", "precision"),
                       ("model_format", "extra.declared_format"), ("capabilities", "extra.capabilities")):  # fmt: skip
        value = config.get(key)
        words = texts(value) if isinstance(value, list) else text(value)
        findings.say(field, words or None, f"json:/{key}", evidence=Evidence.DECLARED)


def _tell_descriptor(findings: Findings, config: Mapping[str, Any]) -> None:
    descriptor, model = mapping(config.get("descriptor")), mapping(config.get("config"))
    for key, field in (("name", "name"), ("version", "version"), ("title", "title"), ("description", "description"),
                       ("createdAt", "created_at"), ("sourceURL", "extra.source_url"), ("family", "model_type")):  # fmt: skip
        findings.say(field, text(descriptor.get(key)), f"json:/descriptor/{key}")
    for key, field in (("licenses", "license"), ("authors", "owner")):
        values = descriptor.get(key)
        for number, value in enumerate(values[:20] if isinstance(values, list) else []):
            findings.say(field, text(value), f"json:/descriptor/{key}/{number}")
    for key, field in (("architecture", "architecture"), ("precision", "precision"), ("quantization", "quantization.method"),
                       ("paramSize", "parameters"), ("format", "extra.declared_format")):  # fmt: skip
        findings.say(field, text(model.get(key)), f"json:/config/{key}")
