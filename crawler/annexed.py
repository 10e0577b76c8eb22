"""Files of git-annex whose content is elsewhere: links that lead nowhere, and say what would be there.

Source: git-annex.branchable.com/internals (`.git/annex/objects/…/KEY/KEY`) and /internals/pointer_file.
"""

from __future__ import annotations

import os

_OBJECTS = ".git/annex/objects/"
_POINTER = b"/annex/objects/"


def pointer_of(target: str) -> bytes | None:
    """What a pointer file says in place of a link with this target; None if no such link has it."""
    _, objects, place = target.rpartition(_OBJECTS)
    key = place.rpartition("/")[2]
    return _POINTER + os.fsencode(key) if objects and key else None
