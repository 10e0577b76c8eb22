"""Licences as SPDX identifiers where they have one, the hub's own ids where those are what people search for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

MAX_EXPRESSION_CHARS = 200

HUB_IDS = frozenset(
    {
        "llama2", "llama3", "llama3.1", "llama3.2", "llama3.3", "llama4", "gemma", "openrail", "openrail++", "creativeml-openrail-m",
        "bigscience-openrail-m", "bigscience-bloom-rail-1.0", "bigcode-openrail-m", "deepfloyd-if-license", "apple-amlr", "apple-ascl",
        "cc", "unknown", "other", "h-research", "intel-research", "fair-noncommercial-research-license", "etalab-2.0", "grok2-community",
    }
)  # fmt: skip
ALIASES: Mapping[str, str] = {
    "apache": "Apache-2.0", "apache2": "Apache-2.0", "apache 2": "Apache-2.0", "apache 2.0": "Apache-2.0", "apache2.0": "Apache-2.0",
    "apache license": "Apache-2.0", "apache license 2.0": "Apache-2.0", "apache license, version 2.0": "Apache-2.0",
    "apache license version 2.0": "Apache-2.0", "apache software license": "Apache-2.0", "mit license": "MIT", "the mit license": "MIT",
    "bsd": "BSD-3-Clause", "bsd 3-clause": "BSD-3-Clause", "bsd-3": "BSD-3-Clause", "new bsd": "BSD-3-Clause", "bsd license": "BSD-3-Clause",
    "bsd 2-clause": "BSD-2-Clause", "bsd-2": "BSD-2-Clause", "bsd-3-clause-clear": "BSD-3-Clause-Clear",
    "gpl": "GPL-3.0-or-later", "gpl-3": "GPL-3.0-only", "gplv3": "GPL-3.0-only", "gpl v3": "GPL-3.0-only", "gpl-3.0": "GPL-3.0-only",
    "gnu gpl v3": "GPL-3.0-only", "gpl-2.0": "GPL-2.0-only", "gplv2": "GPL-2.0-only", "agpl-3.0": "AGPL-3.0-only", "agpl": "AGPL-3.0-only",
    "agplv3": "AGPL-3.0-only", "lgpl-3.0": "LGPL-3.0-only", "lgpl-2.1": "LGPL-2.1-only", "lgpl": "LGPL-3.0-only",
    "cc-by-4": "CC-BY-4.0", "cc by 4.0": "CC-BY-4.0", "cc-by-sa": "CC-BY-SA-4.0", "cc by-sa 4.0": "CC-BY-SA-4.0",
    "cc by-nc 4.0": "CC-BY-NC-4.0", "cc by-nc-sa 4.0": "CC-BY-NC-SA-4.0", "cc-by-nc-4.0": "CC-BY-NC-4.0", "cc0": "CC0-1.0",
    "public domain": "CC0-1.0", "mpl": "MPL-2.0", "eupl": "EUPL-1.2", "isc license": "ISC", "unlicense": "Unlicense", "wtfpl": "WTFPL",
    "zlib": "Zlib", "llama 2": "llama2", "llama 3": "llama3", "llama 3.1": "llama3.1", "llama-3.1": "llama3.1", "llama 3.2": "llama3.2",
    "llama 3.3": "llama3.3", "bigscience-bloom-rail": "bigscience-bloom-rail-1.0", "proprietary": "LicenseRef-proprietary",
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
    found = _spdx(written)
    return (found, True) if found else (written, False)


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
