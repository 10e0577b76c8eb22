"""What stands for one entry of an MLflow server: its JSON, under a word that says what it is, always in the same order."""

from __future__ import annotations

import json
from typing import Any

MARK = b'{"mlflow":'
"""How every body begins."""
RUN, LOGGED_MODEL, REGISTERED, VERSION = "run", "logged-model", "registered", "version"
KINDS = (RUN, LOGGED_MODEL, REGISTERED, VERSION)


def body_of(kind: str, server: str, **parts: Any) -> bytes:
    """The bytes of an entry. Lists of objects have no order in MLflow's answers: equal entries give equal bytes."""
    rest = _dumped(_ordered({"server": server, **parts}))
    return MARK + f'"{kind}",{rest[1:]}'.encode("utf-8", "replace")


def kind_of(head: bytes) -> str | None:
    """What a body with this beginning is; None for other bytes."""
    if not head.startswith(MARK):
        return None
    return next((kind for kind in KINDS if head.startswith(MARK + f'"{kind}",'.encode())), None)


def _ordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _ordered(item) for name, item in value.items()}
    if isinstance(value, list):
        items = [_ordered(item) for item in value]
        return sorted(items, key=_dumped) if all(isinstance(item, dict) for item in items) else items
    return value


def _dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
