"""Regular expressions that are compiled when they are first used.

A search command compiles a fifth of those that its modules name; all of them took 12 ms of its start.
"""

from __future__ import annotations

import re
from typing import Any, cast


class _Pattern:
    """Becomes quick after the first use: the methods of the compiled expression are its own attributes then."""

    def __init__(self, source: str, flags: int) -> None:
        self._source = source
        self._flags = flags

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # what copies and pickles ask for before there is a source
            raise AttributeError(name)
        attribute = getattr(re.compile(self._source, self._flags), name)
        setattr(self, name, attribute)
        return attribute


def pattern(source: str, flags: int = 0) -> re.Pattern[str]:
    """What `re.compile` gives; a mistake in the expression shows when it is first used."""
    return cast("re.Pattern[str]", _Pattern(source, flags))
