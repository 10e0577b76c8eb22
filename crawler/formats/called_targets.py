"""Names in a configuration that its framework imports and calls with what stands beside them.

Source: facebookresearch/hydra hydra/_internal/instantiate/_instantiate2.py; NVIDIA/NeMo nemo/core/classes/common.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from catalog.records import Severity
from crawler.extractor import Findings
from crawler.formats.pickle_names import Verdict, judged
from crawler.formats.pickle_risks import CODE_EXECUTION

MAX_NODES = 20_000
MAX_TOLD = 50
_OWN = ("nemo.", "torch.nn.", "torch.optim.", "hydra.")
_KEYS = ("_target_", "target")
_RESOLVERS = re.compile(r"hydra\.utils\.get_\w+")
"""What imports the name that stands beside it under `path`."""


def tell_targets(findings: Findings, config: Any, *, keys: Sequence[str] = _KEYS) -> None:
    """A risk for each name under these keys that is neither a class of a known library nor of the framework itself."""
    named: set[str] = set()
    waiting, looked_at = [config], 0
    while waiting and looked_at < MAX_NODES and len(named) < MAX_TOLD:
        node = waiting.pop()
        looked_at += 1
        if isinstance(node, Mapping):
            waiting.extend(node.values())
            for key in keys:
                name = node.get(key)
                if isinstance(name, str) and "." in name and name not in named:
                    named.add(name)
                    _tell(findings, key, name)
                    path = node.get("path")
                    if _RESOLVERS.fullmatch(name) and isinstance(path, str):
                        _tell(findings, f"{key}, path", path)
        elif isinstance(node, list):
            waiting.extend(node)


def _tell(findings: Findings, key: str, name: str) -> None:
    module, _, last = name.rpartition(".")
    verdict = judged(module, last, called=True)
    if verdict <= Verdict.KNOWN or (verdict is Verdict.UNKNOWN and name.startswith(_OWN)):
        return
    severity = Severity.HIGH if verdict is Verdict.DANGEROUS else Severity.MEDIUM
    findings.risk(CODE_EXECUTION, severity, f"The configuration has {name[:300]} called ({key})")
