"""What a kind of risk is called in a few words, and which grades of it a person is warned of in a list."""

from __future__ import annotations

RISK_WORDS = {
    "code-execution": "runs code",
    "remote-code": "runs code of its own",
    "lambda-layer": "runs code in a layer",
    "unchecked": "not checked",
    "secret": "holds a secret",
    "template-injection": "hostile template",
    "path-traversal": "writes elsewhere",
}
WARNED_OF = frozenset({"medium", "high", "critical"})


def risk_words(kind: str) -> str:
    return RISK_WORDS.get(kind) or kind.replace("-", " ")
