"""What lines of the audit are found by: a digest of each part that is asked for, of one length whatever it says.

Lines about one model are found by its id, or the beginning of it that pages show: `ID`, `model ID` and `ID revision 3` alike.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping

from catalog.records.accounts import AUDIT_PARTS

KEY_CHARACTERS = 16
"""64 bits: of two lines that share one by chance each still says what it says."""
KEYS: Mapping[str, str] = {part: f"{part}_key" for part in AUDIT_PARTS}
"""The column of each part."""
RESOURCE = "resource"
ID_CHARACTERS = 12
_MODEL = re.compile(r"(?:model )?([0-9a-f]{64})(?: .*)?", re.DOTALL)
_ID = re.compile(rf"[0-9a-f]{{{ID_CHARACTERS},64}}")


def key_of(part: str, value: str) -> str:
    """The key of a line that says this, and of who asks for this."""
    text = _model(value) or value if part == RESOURCE else value
    if part == RESOURCE and _ID.fullmatch(text):
        text = text[:ID_CHARACTERS]
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:KEY_CHARACTERS]


def is_asked_for(part: str, value: str, wanted: str) -> bool:
    """Whether a line that says this is one of those that are wanted."""
    if value == wanted:
        return True
    return part == RESOURCE and _ID.fullmatch(wanted) is not None and _model(value).startswith(wanted)


def keys_of(line: str) -> dict[str, str]:
    """The columns of a line; empty texts for one that cannot be read."""
    try:
        members = json.loads(line)
    except ValueError:
        members = None
    if not isinstance(members, dict):
        return dict.fromkeys(KEYS.values(), "")
    return {column: key_of(part, str(members.get(part))) for part, column in KEYS.items()}


def _model(resource: str) -> str:
    """The id of the model that a line is about; empty for one about something else."""
    match = _MODEL.fullmatch(resource)
    return match[1] if match else ""
