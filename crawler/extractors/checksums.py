"""Checksum files beside models: `model.safetensors.sha256`, SHA256SUMS.

Source: GNU coreutils, sha256sum output modes.
"""

from __future__ import annotations

import re

from catalog.records import Evidence, Extraction, Origin, Role, Subject
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.reader import RangedReader

READ_BYTES = 1024 * 1024
MAX_LINES = 10_000
SUFFIX = ".sha256"
LISTS = frozenset({"sha256sums", "sha256sums.txt", "sha256sum.txt", "checksums.sha256"})
_LINE = re.compile(r"(?P<hash>[0-9a-fA-F]{64})(?:[ \t]+[*]?(?P<name>\S.*))?$")
_TAGGED = re.compile(r"SHA256 ?\((?P<name>.+)\) ?= ?(?P<hash>[0-9a-fA-F]{64})$")


class ChecksumsExtractor:
    """Reads lines; a name with a directory in it is taken only if it stays below the list's own directory."""

    name = "checksums"
    version = 1
    description = "`*.sha256`, SHA256SUMS"
    reads = "the declared SHA-256 of each file named"
    limits = "1 MB, 10,000 lines; the hash is not recomputed"
    signs = Signs(names=LISTS, suffixes=(SUFFIX,))

    def claims(self, key: str, head: bytes) -> Claim | None:  # noqa: ARG002 - the name decides
        name = key.rsplit("/", 1)[-1].lower()
        if name not in LISTS and not name.endswith(SUFFIX):
            return None
        return Claim(format="sha256", role=Role.AUXILIARY, confidence=70)

    def extract(self, reader: RangedReader) -> Extraction:
        findings = Findings(reader, self, format=None, role=Role.AUXILIARY, origin=Origin.LISTING)
        directory = reader.key[: -len(reader.name)]
        named_by_file = None if reader.name.lower() in LISTS else reader.name[: -len(SUFFIX)]
        lines = reader.read(0, READ_BYTES).decode("utf-8", errors="replace").splitlines()
        for number, line in enumerate(lines[:MAX_LINES], start=1):
            match = _TAGGED.match(line.strip()) or _LINE.match(line.strip())
            if match is None:
                continue
            name = (match["name"] or named_by_file or "").removeprefix("./")
            parts = name.split("/")
            if not name or name.startswith("/") or ".." in parts or "\\" in name:
                continue
            target = f"{directory}{name}"
            subject = Subject(id=f"sha256-of:{target}", join_keys=(f"path:{target}",), name=name)
            findings.tells_of(subject)
            findings.say(
                "content_hash",
                match["hash"].lower(),
                f"line:{number}",
                evidence=Evidence.DECLARED,
                context={"file": target},
                subject=subject.id,
            )
        return findings.extraction()
