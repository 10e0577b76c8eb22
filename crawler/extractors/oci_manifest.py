"""Manifests that name models by the digest of their layers: Ollama, ModelPack, KitOps and other OCI artifacts.

Source: OCI image specification 1.1 (manifest.md, annotations.md); modelpack/model-spec (docs/config.md); ollama/ollama (docs).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from catalog.records import Extraction, Origin, Role, Subject
from crawler.extractor import Claim, Findings
from crawler.formats import jsons
from crawler.formats.json_values import mapping, text
from crawler.reader import RangedReader

MAX_LAYERS = 2_000
_OLLAMA = re.compile(r"(?:^|/)manifests/(?P<registry>[^/]+)/(?P<owner>[^/]+)/(?P<name>[^/]+)/(?P<tag>[^/]+)$")
_OLLAMA_ROOT = re.compile(r"(?:^|(?<=/))(?P<root>manifests)/[^/]+/[^/]+/[^/]+/[^/]+$")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_WEIGHTS = re.compile(
    r"image\.(?:model|adapter|projector)$|model\.weight|kitops\.model|vnd\.cncf\.model\.(?!manifest|config|doc)"
)
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
    version = 2
    description = "OCI, ModelPack, KitOps and Ollama manifests"
    reads = "name and tag, annotations, the index of a layout, the ModelPack descriptor, and which blobs are the weights"
    limits = "JSON 16 MB, 2,000 layers; registries are not contacted"

    def claims(self, key: str, head: bytes) -> Claim | None:
        start = head.lstrip()[:1]
        if start != b"{":
            return None
        compact = head.replace(b" ", b"").replace(b"\n", b"")
        if b'"application/vnd.cncf.model.config' in compact or (
            b'"descriptor":{' in compact and b'"paramSize"' in compact
        ):
            return Claim(format="modelpack", role=Role.CONFIG, confidence=75)
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
        if "descriptor" in manifest and "layers" not in manifest:
            _tell_descriptor(findings, manifest)
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


def _described_elsewhere(key: str, manifest: Mapping[str, Any]) -> tuple[str, ...]:
    """Ids of what else speaks for the model of this manifest: its entry in the index, and its config blob."""
    ids = []
    folder, _, own = key.rpartition("/")
    if re.fullmatch(r"[0-9a-f]{64}", own):
        ids.append(f"oci-manifest:sha256:{own}")
    config = mapping(manifest.get("config")).get("digest")
    if isinstance(config, str) and _DIGEST.fullmatch(config):
        digest = config.removeprefix("sha256:")
        root = key[: match.start("root")] if (match := _OLLAMA_ROOT.search(key)) else None
        ids.append(f"path:{folder}/{digest}" if root is None else f"path:{root}blobs/sha256-{digest}")
    return tuple(ids)


def _tell_manifest(findings: Findings, key: str, manifest: Mapping[str, Any]) -> None:
    weights = tuple(digest for digest, kind in _layers(manifest) if _WEIGHTS.search(kind))
    if not weights:
        return
    match = _OLLAMA.search(key)
    name = match["name"] if match else None
    subject = Subject(
        id=f"oci:{key}", join_keys=weights, name=name, part_of=_described_elsewhere(key, manifest)
    )
    findings.tells_of(subject)
    if match:
        findings.say("name", f"{match['name']}:{match['tag']}", "name:", subject=subject.id)
        findings.say("version", match["tag"], "name:", subject=subject.id)
        owner = match["owner"]
        findings.say("owner", None if owner == "library" else owner, "name:", subject=subject.id)
        findings.say("extra.registry", match["registry"], "name:", subject=subject.id)
    _tell_annotations(findings, mapping(manifest.get("annotations")), subject.id)


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
