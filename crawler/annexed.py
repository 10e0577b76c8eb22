"""Files of git-annex whose content is elsewhere: links that lead nowhere, and say what would be there.

Source: git-annex.branchable.com/internals (`.git/annex/objects/…/KEY/KEY`) and /internals/pointer_file.
"""

from __future__ import annotations

import os

from crawler.promises import installed

_OBJECTS = ".git/annex/objects/"
_POINTER = b"/annex/objects/"


def pointer_of(name: str, target: str) -> bytes | None:
    """What a pointer file says in place of a link with this name and target; None if no such link has it, or the name promises
    no model: a reader would take the pointer of a config or a sidecar for what it says.
    """
    _, objects, place = target.rpartition(_OBJECTS)
    key = place.rpartition("/")[2]
    if not objects or not key or installed().format_of(name) is None:
        return None
    return _POINTER + os.fsencode(key)
