"""Versions, folders and hashes behind the words for them: `version newer than 1.9`, `churn v2`, `in folder nlp`."""

from __future__ import annotations

from collections.abc import Sequence

from catalog.query.text.printing import quoted
from catalog.query.text.sentence_parts import Replacement, Sentence, comparator, is_operator, next_member
from catalog.query.text.targets import resolve
from catalog.text.patterns import pattern
from mappings import fields_where


def versioned(sentence: Sentence, at: int) -> Replacement:
    """`version 1.2.0` and `in folder nlp`: what stands behind these words is a value, whatever models have."""
    used = sentence.text(at) == "in" and sentence.text(at + 1) in _FOLDERS
    word, value = sentence.text(at + used), sentence.text(at + used + 1)
    if (left_out := _version_left_out(sentence, at)) is not None:
        return left_out
    if word in _FOLDERS and _PATH.fullmatch(value):
        return used + 2, f"path:{quoted(sentence.words[at + used + 1].raw)}"
    if word in {"version", "versions"} and (compared := _compared_version(sentence, at + 1)) is not None:
        return compared
    if word == "version" and _VERSION.fullmatch(value):
        return 2, _told_version(value)
    if _HASH.fullmatch(value) and any(target.path in fields_where("hashed") for target in resolve(word)):
        return 2, f"{word}:{value}"
    return None


def _told_version(value: str) -> str:
    if (series := _SERIES.fullmatch(value)) is not None:
        return f"version:{series[1]}*"
    return f"version>={value[:-1]}" if value.endswith("+") else f"version:{quoted(value)}"


def _version_left_out(sentence: Sentence, at: int) -> Replacement:
    """`version not 1.x`, `version other than 2`, `any version but 1 or 2`."""
    if sentence.text(at) not in {"version", "versions"}:
        return None
    used = 1 + (sentence.text(at + 1) in {"is", "are"})
    denial = next((words for words in _DENIALS if _stands(sentence, at + used, words)), ())
    end, versions = at + used + len(denial), list[str]()
    while denial and _VERSION.fullmatch(sentence.text(end)):
        versions.append(f"-{_told_version(sentence.text(end))}")
        further = next_member(sentence, end + 1)
        if not further or not _VERSION.fullmatch(sentence.text(further)):
            return end + 1 - at, " ".join(versions)
        end = further
    return None


_DENIALS = (("other", "than"), ("not", "in"), ("not",), ("but", "not"), ("but",), ("except",), ("without",))


def _stands(sentence: Sentence, at: int, words: Sequence[str]) -> bool:
    return all(sentence.text(at + offset) == word for offset, word in enumerate(words))


def _compared_version(sentence: Sentence, at: int) -> Replacement:
    """`version newer than 1.9`, `version between 1.9 and 2.0`, `version 1.9 or later`, of which the words begin behind `version`."""
    word, link = sentence.text(at), {"between": "and", "from": "to"}.get(sentence.text(at))
    low, high = sentence.text(at + 1), sentence.text(at + 3)
    if (
        link is not None
        and sentence.text(at + 2) == link
        and _VERSION.fullmatch(low)
        and _VERSION.fullmatch(high)
    ):
        return 5, f"version:{low}..{high}"
    if _VERSION.fullmatch(word) and sentence.text(at + 1) in {"or", "and"}:
        sign = _VERSION_ENDS.get(sentence.text(at + 2))
        return None if sign is None else (4, f"version{sign}{word}")
    used, sign = (
        (2, _NEWER[word]) if word in _NEWER and low == "than" else comparator(sentence, at) or (0, "")
    )
    if not used and word in _BESIDE:
        used, sign = 1, _BESIDE[word]
    value = sentence.text(at + used)
    if sign not in {">", ">=", "<", "<="} or not _VERSION.fullmatch(value):
        return None
    return 2 + used, f"version{sign}{value}"


_NEWER = {"newer": ">", "later": ">", "older": "<", "earlier": "<"}
_BESIDE = {"before": "<", "after": ">", "since": ">=", "from": ">=", "until": "<="}
_VERSION_ENDS = {
    **dict.fromkeys(("later", "newer", "above", "higher", "up"), ">="),
    **dict.fromkeys(("earlier", "older", "below", "lower"), "<="),
}
_HASH = pattern(r"[0-9a-f]{7,64}")
_FOLDERS = frozenset({"folder", "directory"})
_PATH = pattern(r"[\w.\-]+(?:/[\w.\-]+)*/?")
_VERSION = pattern(r"v?\d[\w.+-]*")
_SERIES = pattern(r"(v?\d[\d.]*\.)x")
"""`1.x`: every version that begins so."""


def numbered(sentence: Sentence, at: int) -> Replacement:
    """`churn v2`: a word of the name, or the version of a model that is called so."""
    word = sentence.text(at)
    if sentence.vocabulary is None or not at or not _NUMBERED.fullmatch(word):
        return None
    if not sentence.text(at - 1)[:1].isalpha():
        return None
    end, versions = at + 1, [word]
    while (place := next_member(sentence, end)) and _NUMBERED.fullmatch(sentence.text(place)):
        if is_operator(sentence, end):
            break
        versions.append(sentence.text(place))
        end = place + 1
    alternatives = " OR ".join(f"{version} OR version:{version.removeprefix('v')}" for version in versions)
    return end - at, f"({alternatives})"


_NUMBERED = pattern(r"v\d{1,4}(?:\.\d{1,4}){0,3}")
