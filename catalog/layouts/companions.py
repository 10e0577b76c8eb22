"""Files that are about the one model file of their name beside them (`NAME.md`, `NAME_config.json`, `NAME_metrics.json`),
and about no other one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

COMPANION = "companion"
"""The format of what was read of such a file: whoever says so speaks for no model of another name, and for no directory."""
_TEXT = r"\.(?:json|ya?ml|md|markdown)"
_ENDINGS = (
    re.compile(rf"{_TEXT}$", re.IGNORECASE),
    re.compile(
        rf"[._-](?:config|model_?card|card|(?:eval_|test_)?metrics|scores|evaluation){_TEXT}$", re.IGNORECASE
    ),
    re.compile(rf"[._-](?:eval|test)_metrics{_TEXT}$", re.IGNORECASE),
)


def targets_of(name: str) -> Iterator[str]:
    """The names of the models that a file of this name may be about."""
    for ending in _ENDINGS:
        if (match := ending.search(name)) and match.start() > 0:
            yield name[: match.start()]


_NOTES = re.compile(
    r"\.(?:civitai\.info|(?:metadata|cm-info|rgthree-info|api_info|swarm)\.json|json)$", re.IGNORECASE
)
"""How the notes end that image tools keep beside a model file: behind its stem, or behind its whole name."""


def noted_file(name: str) -> str:
    """The name or stem of the model file that notes of this name are about."""
    return _NOTES.sub("", name)
