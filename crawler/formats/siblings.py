"""Names of other files that a file carries inside: only those that stay in its own directory may be looked up."""

from __future__ import annotations

import re

MAX_NAME_CHARACTERS = 1024  # the longest key of an S3 object, in bytes

_ABSOLUTE = re.compile(r"[/\\~]|[A-Za-z]:|[A-Za-z][A-Za-z0-9+.-]*://")


def sibling(name: str) -> str | None:
    """The name as a path below the file's own directory, `.` parts removed; None when it leads anywhere else.

    Backslashes separate, too, as converters on Windows write them: one platform's file name is another's way up.
    """
    if not name or len(name) > MAX_NAME_CHARACTERS or "\0" in name or _ABSOLUTE.match(name):
        return None
    parts = [part for part in name.replace("\\", "/").split("/") if part not in {"", "."}]
    if not parts or ".." in parts:
        return None
    return "/".join(parts)
