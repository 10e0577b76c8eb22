"""Licences in sentences: `mit-licensed`, `Apache License 2.0`, `gplv3`, `license: Apache License 2.0`."""

from __future__ import annotations

import re

from catalog.query.text.printing import quoted
from catalog.query.text.sentence_aliases import PART_OF_LICENCE, alias_of, canonical, is_licence_alone
from catalog.query.text.sentence_parts import Replacement, Sentence
from catalog.text.patterns import pattern


def hyphened_licence(sentence: Sentence, at: int) -> Replacement:
    """`mit-licensed`, `under Apache-License`, `MIT-Lizenz`."""
    used = int(sentence.text(at) == "under")
    used += used and sentence.text(at + used) in {"the", "of"}
    match = _OF_LICENCE.fullmatch(sentence.text(at + used))
    if match is None or sentence.vocabulary is None:
        return None
    known = {value.casefold() for value in sentence.vocabulary.values.get("license", {})}
    meant = canonical("licence", match[1]).casefold()
    family = any(value.startswith(f"{match[1]}-") for value in known)
    if meant not in known and not family:
        return None
    return used + 1, f"license:{quoted(meant if meant in known else match[1])}"


_OF_LICENCE = pattern(r"([\w.+]+(?:-[\w.+]+)*?)-(?:licen[cs]ed?|lizenz|licentie)")


def licence_in_full(sentence: Sentence, at: int) -> Replacement:
    """`Apache License 2.0`, `apache 2`: a licence that models have, in several words.

    One that is called as its models are (`llama 3.1`) is meant only where the word licence is among them.
    """
    if not any(PART_OF_LICENCE.fullmatch(sentence.text(at + offset)) for offset in (1, 2)):
        return _licence_with_version(sentence, at)
    match = alias_of(sentence, at, "license")
    if match is None:
        return None
    count = match[0]
    while count > 1 and not PART_OF_LICENCE.fullmatch(sentence.text(at + count - 1)):
        count -= 1
    named = any(_LICENCE.fullmatch(sentence.text(at + offset)) for offset in range(count))
    if count == 1 or (not named and _kind_of_licence(match[1]) == "custom"):
        return None
    return count, f"license:{quoted(match[1])}"


def _licence_with_version(sentence: Sentence, at: int) -> Replacement:
    """`apache2`, `gplv3`: a licence that models have and its version as one word."""
    word = sentence.text(at)
    if not _LICENCE_AND_VERSION.fullmatch(word):
        return None
    meant = canonical("licence", word)
    assert sentence.vocabulary is not None  # the caller checked
    known = {value.casefold() for value in sentence.vocabulary.values.get("license", {})}
    is_meant = meant != word and meant.casefold() in known and _kind_of_licence(meant) != "custom"
    return (1, f"license:{quoted(meant)}") if is_meant else None


_LICENCE_AND_VERSION = pattern(r"[a-z]{3,}v?\d(?:\.\d)?")


def _kind_of_licence(identifier: str) -> str:
    from catalog.text import licences  # noqa: PLC0415 - only words beside a number need its table

    return licences.kind(identifier)


_LICENCE = pattern(r"licen[cs]e")


def family_of_licences(sentence: Sentence, at: int, field: str) -> tuple[int, str] | None:
    """A licence by the beginning that its versions share: `apache license`, `gpl licence`."""
    word = sentence.text(at)
    if field != "license" or sentence.vocabulary is None or len(word) < _SHORTEST_FAMILY:
        return None
    versions = (value.casefold() for value in sentence.vocabulary.values.get(field, {}))
    return (1, word) if any(value.startswith(f"{word}-") for value in versions) else None


_SHORTEST_FAMILY = 3


def licence_alone(sentence: Sentence, at: int) -> str | None:
    """`gpl`, `mit`: a licence that models have, by its one word. One of a vendor may be called as its models are."""
    word = sentence.text(at)
    if sentence.vocabulary is None or not word or _kind_of_licence(canonical("licence", word)) == "custom":
        return None
    known = (value.casefold() for value in sentence.vocabulary.values.get("license", {}))
    return word if word in known or family_of_licences(sentence, at, "license") is not None else None


def labelled_licence(sentence: Sentence, at: int) -> Replacement:
    """`license: Apache License 2.0`, `license = MIT License`: a licence in several words behind the name of its field."""
    words = sentence.words
    label = _LABEL.fullmatch(words[at].whole)
    if label is None:
        return None
    sign = label["sign"] or (words[at + 1].whole if at + 1 < len(words) else "")
    if sign not in {":", "=", "==", "!=", "<>"}:
        return None
    name = f"-{label['name']}" if sign in {"!=", "<>"} else label["name"]
    begun = at + (1 if label["sign"] else 2)
    first = [label["first"]] if label["first"] else []
    for count in range(_LONGEST_LICENCE, 1, -1):
        behind = words[begun : begun + count - len(first)]
        spoken = [*first, *(word.raw for word in behind)]
        if len(spoken) != count or any(word.whole != word.raw for word in behind[:-1]):
            continue
        if not all(map(_WORD_OF_LICENCE.fullmatch, spoken)):
            continue
        typed = " ".join(spoken).casefold()
        meant = canonical("licence", typed)
        if meant != typed and " " not in meant and is_licence_alone(typed.split(), meant):
            return begun + len(behind) - at, f"{name}:{quoted(meant)}"
    return None


_LABEL = pattern(r"(?P<name>[+-]?licen[cs]e)(?:(?P<sign>[:=])(?P<first>[\w.-]*))?", re.IGNORECASE)
_LONGEST_LICENCE = 6
"""Words of `GNU General Public License version 3`."""
_WORD_OF_LICENCE = pattern(r"(?!(?:and|or|not|with)$)[A-Za-z0-9][\w.-]*", re.IGNORECASE)
