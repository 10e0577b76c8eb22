"""Licences by one identifier: SPDX in lower case, as model hubs write them, or the hubs' own (`llama3.1`, `gemma`).

SPDX identifiers are compared without regard to case. Source: SPDX specification 3.0, annex B.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

MAX_EXPRESSION_CHARS = 200

HUB_IDS = frozenset(
    {
        "llama2", "llama3", "llama3.1", "llama3.2", "llama3.3", "llama4", "gemma", "openrail", "openrail++", "creativeml-openrail-m",
        "bigscience-openrail-m", "bigscience-bloom-rail-1.0", "bigcode-openrail-m", "deepfloyd-if-license", "apple-amlr", "apple-ascl",
        "cc", "unknown", "other", "gpl", "lgpl", "agpl", "bsd", "gpl-2.0", "gpl-3.0", "lgpl-2.1", "lgpl-3.0", "agpl-3.0", "proprietary", "h-research", "intel-research", "fair-noncommercial-research-license", "etalab-2.0", "grok2-community",
    }
)  # fmt: skip
ALIASES: Mapping[str, str] = {
    "apache": "apache-2.0", "apache2": "apache-2.0", "apache 2": "apache-2.0", "apache 2.0": "apache-2.0", "apache2.0": "apache-2.0",
    "apache license": "apache-2.0", "apache license 2.0": "apache-2.0", "apache license, version 2.0": "apache-2.0",
    "apache license version 2.0": "apache-2.0", "apache software license": "apache-2.0", "mit license": "mit", "the mit license": "mit",
    "bsd 3-clause": "bsd-3-clause", "bsd-3": "bsd-3-clause", "new bsd": "bsd-3-clause", "bsd license": "bsd-3-clause",
    "bsd 2-clause": "bsd-2-clause", "bsd-2": "bsd-2-clause", "bsd-3-clause-clear": "bsd-3-clause-clear",
    "gpl-3.0-only": "gpl-3.0", "gpl-3": "gpl-3.0", "gplv3": "gpl-3.0", "gpl v3": "gpl-3.0", "gpl-3.0": "gpl-3.0",
    "gpl-2.0-only": "gpl-2.0", "agpl-3.0-only": "agpl-3.0", "lgpl-3.0-only": "lgpl-3.0", "lgpl-2.1-only": "lgpl-2.1", "gnu gpl v3": "gpl-3.0", "gpl-2.0": "gpl-2.0", "gplv2": "gpl-2.0", "agpl-3.0": "agpl-3.0",
    "agplv3": "agpl-3.0", "lgpl-3.0": "lgpl-3.0", "lgpl-2.1": "lgpl-2.1",
    "cc-by-4": "cc-by-4.0", "cc by 4.0": "cc-by-4.0", "cc-by-sa": "cc-by-sa-4.0", "cc by-sa 4.0": "cc-by-sa-4.0",
    "cc by-nc 4.0": "cc-by-nc-4.0", "cc by-nc-sa 4.0": "cc-by-nc-sa-4.0", "cc-by-nc-4.0": "cc-by-nc-4.0", "cc0": "cc0-1.0",
    "public domain": "cc0-1.0", "mpl": "mpl-2.0", "eupl": "eupl-1.2", "isc license": "isc", "unlicense": "unlicense", "wtfpl": "wtfpl",
    "zlib": "zlib", "llama 2": "llama2", "llama 3": "llama3", "llama 3.1": "llama3.1", "llama-3.1": "llama3.1", "llama 3.2": "llama3.2",
    "llama 3.3": "llama3.3", "bigscience-bloom-rail": "bigscience-bloom-rail-1.0", "proprietary": "proprietary",
}  # fmt: skip


@lru_cache(maxsize=4096)
def licence(text: str) -> tuple[str, bool]:
    """The identifier of a licence text, and whether it is one (SPDX or the hub's); else the text as it is."""
    written = " ".join(text.split())
    folded = written.lower().strip(" .")
    if folded in HUB_IDS:
        return folded, True
    if folded in ALIASES:
        return ALIASES[folded], True
    if not folded or len(folded) > MAX_EXPRESSION_CHARS or not re.fullmatch(r"[\w.+\-() ]+", folded):
        return written, False
    expression = _spdx(written)
    return (_lowered(expression), True) if expression else (written, False)


def _lowered(expression: str) -> str:
    """The expression's identifiers in lower case, by the spelling that hubs use; its operators stay capitals."""
    words = re.split(r"(\bAND\b|\bOR\b|\bWITH\b|[() ]+)", expression)
    return "".join(
        word if word in {"AND", "OR", "WITH"} else ALIASES.get(word.lower(), word.lower()) for word in words
    )


@lru_cache(maxsize=1)
def _licensing() -> object:
    import license_expression  # noqa: PLC0415 - builds an automaton of 2,000 names, 0.3 s that only a crawl pays

    return license_expression.get_spdx_licensing()


def _spdx(text: str) -> str | None:
    licensing = _licensing()
    try:
        parsed = licensing.parse(text, validate=True)  # type: ignore[attr-defined] # the library has no types
        return str(parsed) if parsed is not None else None
    except Exception:  # noqa: BLE001 - the parser raises its own and its dependency's errors for texts that are no expressions
        return None
