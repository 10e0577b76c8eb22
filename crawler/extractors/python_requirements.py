"""What a model needs installed: requirements.txt, conda.yaml, python_env.yaml.

Source: PEP 508; pip's requirements file format; mlflow/mlflow, mlflow/utils/virtualenv.py (python_env.yaml).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from catalog.errors import LimitExceeded
from catalog.records import Extraction, Origin, Role
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats import yamls
from crawler.formats.json_values import listed, mapping, text
from crawler.reader import RangedReader

MAX_FILE_BYTES = 256 * 1024
MAX_REQUIREMENTS = 1_000
NAMES = frozenset({"requirements.txt", "conda.yaml", "conda.yml", "python_env.yaml"})
_REQUIREMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\s*(?:\[[^\]]*\])?\s*(?:[<>=!~;@ ].*)?$")
_CREDENTIALS = re.compile(r"://[^/@\s]+@")


class PythonRequirementsExtractor:
    """Reads the whole of a small text file."""

    name = "python-requirements"
    version = 1
    description = "requirements.txt, conda.yaml, python_env.yaml"
    reads = "dependencies as PEP 508 requirements, the Python version"
    limits = "256 kB, 1,000 requirements; options and included files are not followed"
    signs = Signs(names=NAMES)

    def claims(self, key: str, head: bytes) -> Claim | None:  # noqa: ARG002 - the exact name decides
        if key.rsplit("/", 1)[-1] not in NAMES:
            return None
        return Claim(format="requirements", role=Role.AUXILIARY, confidence=60)

    def extract(self, reader: RangedReader) -> Extraction:
        if reader.size_bytes > MAX_FILE_BYTES:
            raise LimitExceeded("bytes of a requirements file", limit=MAX_FILE_BYTES, found=reader.size_bytes)
        findings = Findings(reader, self, format=None, role=Role.AUXILIARY, origin=Origin.PACKAGE)
        if reader.name == "requirements.txt":
            lines = reader.take(0, reader.size_bytes).decode("utf-8", errors="replace").splitlines()
            requirements: Iterator[tuple[str, str]] = (
                (line, f"line:{number}") for number, line in enumerate(lines, start=1)
            )
        else:
            requirements = _environment(findings, mapping(yamls.read(reader)))
        for number, (line, pointer) in enumerate(requirements):
            if number >= MAX_REQUIREMENTS:
                findings.problem("limit-exceeded", f"more than {MAX_REQUIREMENTS} requirements", pointer)
                break
            findings.say("dependencies", _requirement(line), pointer)
        return findings.extraction()


def _environment(findings: Findings, environment: Any) -> Iterator[tuple[str, str]]:
    """conda.yaml keeps pip's list inside its own; python_env.yaml has two plain lists."""
    findings.say("extra.python_version", text(environment.get("python")), "yaml:/python")
    for number, entry in enumerate(listed(environment.get("dependencies"))):
        pointer = f"yaml:/dependencies/{number}"
        if isinstance(entry, str):
            yield _conda(entry), pointer
        elif isinstance(entry, dict):
            for place, line in enumerate(listed(entry.get("pip"))):
                yield str(line), f"{pointer}/pip/{place}"


def _conda(entry: str) -> str:
    """`python=3.11` is conda's spelling of an exact version; a reference to another file says nothing."""
    return re.sub(r"(?<![<>=!~])=(?![=])", "==", entry, count=1)


def _requirement(line: str) -> str | None:
    """The requirement of a line without comment; None for options, file references and text that is none."""
    line = re.sub(r"(?:^|\s)#.*$", "", line).strip()
    if not line or line.startswith("-") or not _REQUIREMENT.fullmatch(line):
        return None
    return _CREDENTIALS.sub("://", line)[:300]
