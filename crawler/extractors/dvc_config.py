"""DVC's own settings (`.dvc/config`): where the objects of a repository are kept.

Source: treeverse/dvc, dvc/config.py and config_schema.py; the file is one of configobj, with `['remote "NAME"']` sections.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from catalog.errors import LimitExceeded
from catalog.records import Extraction, Origin, Role, Subject
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats import dvc
from crawler.reader import RangedReader

MAX_FILE_BYTES = 256 * 1024
MAX_REMOTES = 100
_KEY = re.compile(r"^(?P<repository>(?:[^/]+/)*)\.dvc/config$")
_SECTION = re.compile(r"""\[\s*(?:core|['"]?remote\s+["'](?P<remote>[^"']+)["']\s*['"]?)\s*\]""")
_OTHER = re.compile(r"\[.*\]")


class DvcConfigExtractor:
    """Reads the names and addresses of remotes, and which one is the default; keys and passwords are passed over."""

    name = "dvc-config"
    version = 1
    description = "DVC settings (`.dvc/config`)"
    reads = "the default remote and its address, for the outputs of the repository"
    limits = "256 kB, 100 remotes; config.local is not read, remotes are not contacted"
    signs = Signs(names=("config",))

    def claims(self, key: str, head: bytes) -> Claim | None:
        if _KEY.match(key) is None or not head.lstrip().startswith((b"[", b"#", b";")):
            return None
        return Claim(format="dvc", role=Role.AUXILIARY, confidence=85)

    def extract(self, reader: RangedReader) -> Extraction:
        if reader.size_bytes > MAX_FILE_BYTES:
            raise LimitExceeded("bytes of DVC settings", limit=MAX_FILE_BYTES, found=reader.size_bytes)
        findings = Findings(reader, self, format="dvc", role=Role.AUXILIARY, origin=Origin.RUN)
        match = _KEY.match(reader.key)
        lines = reader.take(0, reader.size_bytes).decode("utf-8", "replace").splitlines()
        values = dict(_values(lines))
        default = values.get(("", "remote"))
        address = values.get((default, "url")) if default else None
        if match is None or address is None:
            return findings.extraction()
        subject = dvc.repository(match["repository"].rstrip("/"))
        findings.tells_of(Subject(id=subject, join_keys=()))
        findings.say("extra.dvc_remote_name", default, "ini:/core/remote", subject=subject)
        findings.say("extra.dvc_remote_url", address, f"ini:/remote {default}/url", subject=subject)
        return findings.extraction()


def _values(lines: list[str]) -> Iterator[tuple[tuple[str, str], str]]:
    """(remote, name) -> value; of `[core]` the remote is empty. The last of a name counts, as in configobj the only one."""
    section: str | None = None
    remotes = 0
    for line in lines:
        text = line.strip()
        if (match := _SECTION.fullmatch(text)) is not None:
            section = match["remote"] or ""
            remotes += 1
            if remotes > MAX_REMOTES:
                return
        elif _OTHER.fullmatch(text):
            section = None
        elif section is not None and not text.startswith(("#", ";")):
            name, equals, value = text.partition("=")
            if equals:
                yield (section, name.strip()), value.strip().strip("\"'")
