"""How often a server looks for cycles of objects."""

from __future__ import annotations

import gc

COLLECT_AFTER_OBJECTS = 20_000
"""Python looks after 700: several times while a page is made, whose objects hardly ever make cycles."""


def collect_seldom() -> None:
    """What there is by now stays, and is never looked at again; of what pages make cycles are looked for seldom."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER_OBJECTS)
