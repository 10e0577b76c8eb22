"""Patterns of which `*` stands for any characters and `?` for one. Nothing else in them means anything but itself."""

from __future__ import annotations

from fnmatch import fnmatchcase

from catalog.text.folding import fold

MAX_PATTERN_BYTES = 200
MAX_STARS = 8
MAX_QUESTION_MARKS = 4
"""Each doubles the states of the automaton that looks for a pattern with a star before it."""
MIN_CHARACTERS = 3
"""Beside stars and question marks: fewer are in nearly every text."""
PATTERN_BOUNDS = (
    f"is a pattern of at least {MIN_CHARACTERS} characters beside its stars, and at most {MAX_PATTERN_BYTES} bytes, "
    f"{MAX_STARS} stars and {MAX_QUESTION_MARKS} question marks."
)


def is_bounded(pattern: str) -> bool:
    """Whether engines look for this pattern in a time that grows with the number of values alone."""
    stars, question_marks = pattern.count("*"), pattern.count("?")
    return (
        stars <= MAX_STARS
        and question_marks <= MAX_QUESTION_MARKS
        and len(pattern) - stars - question_marks >= MIN_CHARACTERS
        and len(fold(pattern).encode()) <= MAX_PATTERN_BYTES
    )


def looks_like(text: str, pattern: str) -> bool:
    """Whether the whole text is as the pattern says, ignoring case."""
    return fnmatchcase(fold(text), fold(pattern).replace("[", "[[]"))
