"""Patterns of which `*` stands for any characters and `?` for one. Nothing else in them means anything but itself."""

from __future__ import annotations

from fnmatch import fnmatchcase

from catalog.text.folding import fold

MAX_PATTERN_BYTES = 200
MAX_QUESTION_MARKS = 4
MAX_SIGNS = 8
"""Stars and question marks together: each multiplies the states of the automaton that looks for the pattern."""
MIN_CHARACTERS = 3
"""Beside stars and question marks: fewer are in nearly every text. An ideograph says as much as three letters."""
PATTERN_BOUNDS = (
    f"is a pattern of at least {MIN_CHARACTERS} characters beside its stars, and at most {MAX_PATTERN_BYTES} bytes, "
    f"{MAX_SIGNS} stars and question marks, {MAX_QUESTION_MARKS} of these."
)


def is_bounded(pattern: str) -> bool:
    """Whether engines look for this pattern in a time that grows with the number of values alone."""
    stars, question_marks, size = pattern.count("*"), pattern.count("?"), len(fold(pattern).encode())
    return (
        stars + question_marks <= MAX_SIGNS
        and question_marks <= MAX_QUESTION_MARKS
        and MIN_CHARACTERS + stars + question_marks <= size <= MAX_PATTERN_BYTES
    )


def looks_like(text: str, pattern: str) -> bool:
    """Whether the whole text is as the pattern says, ignoring case."""
    return fnmatchcase(fold(text), fold(pattern).replace("[", "[[]"))
