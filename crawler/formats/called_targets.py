"""Names in a configuration that its framework imports and calls with what stands beside them.

Source: facebookresearch/hydra hydra/_internal/instantiate/_instantiate2.py; NVIDIA/NeMo nemo/core/classes/common.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from catalog.records import Severity
from crawler.extractor import Findings
from crawler.formats.pickle_names import Verdict, judged
from crawler.formats.pickle_risks import CODE_EXECUTION, UNCHECKED

MAX_NODES = 200_000
"""Mappings and lists that are looked at; what JSON and YAML are read with is no more."""
MAX_TOLD = 50
_OWN = ("nemo.", "torch.nn.", "torch.optim.", "hydra.")
_KEYS = ("_target_", "target")
_RESOLVERS = re.compile(r"hydra\.utils\.get_\w+")
"""What imports the name that stands beside it under `path`."""


def tell_targets(findings: Findings, config: Any, *, keys: Sequence[str] = _KEYS) -> None:
    """A risk for each name under these keys that is neither a class of a known library nor of the framework itself."""
    named: set[str] = set()
    risky = 0
    for node in mappings_of(findings, config):
        for key in keys:
            name = node.get(key)
            if not isinstance(name, str) or "." not in name:
                continue
            path = node.get("path")
            if name not in named:
                named.add(name)
                risky += _tell(findings, key, name)
            if isinstance(path, str) and path not in named and _RESOLVERS.fullmatch(name):
                named.add(path)
                risky += _tell(findings, f"{key}, path", path)
        if risky >= MAX_TOLD:
            return


def mappings_of(findings: Findings, value: Any) -> Iterator[Mapping[str, Any]]:
    """Every mapping in a value of JSON or YAML, and a risk where there are more than are looked at."""
    waiting, looked_at = [value], 0
    while waiting:
        if looked_at >= MAX_NODES:
            detail = f"Not checkable: more than {MAX_NODES:,} mappings and lists in a configuration"
            findings.risk(UNCHECKED, Severity.MEDIUM, detail)
            return
        node = waiting.pop()
        looked_at += 1
        if isinstance(node, Mapping):
            yield node
            waiting.extend(item for item in node.values() if isinstance(item, (Mapping, list)))
        elif isinstance(node, list):
            waiting.extend(item for item in node if isinstance(item, (Mapping, list)))


def _tell(findings: Findings, key: str, name: str) -> bool:
    """Whether there was a risk to tell."""
    module, _, last = name.rpartition(".")
    verdict = judged(module, last, called=True)
    if verdict <= Verdict.KNOWN or (verdict is Verdict.UNKNOWN and name.startswith(_OWN)):
        return False
    severity = Severity.HIGH if verdict is Verdict.DANGEROUS else Severity.MEDIUM
    findings.risk(CODE_EXECUTION, severity, f"The configuration has {name[:300]} called ({key})")
    return True
