"""What values are called by other names, where models have them: NER, sklearn, half, Apache 2.0."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from catalog.query.text.sentence_parts import Sentence, spoken_name
from catalog.text.patterns import pattern
from mappings import fields


def alias_of(sentence: Sentence, at: int, field: str) -> tuple[int, str] | None:
    """A value that goes by another name: NER, sklearn, half, Apache 2.0."""
    values = {} if sentence.vocabulary is None else sentence.vocabulary.values.get(field, {})
    known = {value.casefold() for value in values}
    row = fields().get(field)
    if not known or row is None or row.canonical is None:
        return None
    for count, words in spoken_name(sentence, at):
        meant = canonical(row.canonical, words)
        if row.canonical == "licence" and not is_licence_alone(words.split(), meant):
            continue
        if meant != words and meant.casefold() in known:
            return count, meant
    return None


def is_licence_alone(words: Sequence[str], meant: str) -> bool:
    """Whether no word beside the licence is among these, such as the one before it in `bert mit license`."""
    if words[0] in _JOINING:
        return False
    if len(words) == 1:
        return True
    before = words[0] not in _BEFORE_LICENCES and canonical("licence", " ".join(words[1:])) == meant
    behind = not PART_OF_LICENCE.fullmatch(words[-1]) and canonical("licence", " ".join(words[:-1])) == meant
    return not before and not behind


PART_OF_LICENCE = pattern(r"v?\d[\d.]*|licen[cs]e|public|clause|only")
_JOINING = frozenset({"and", "or", "not"})
_BEFORE_LICENCES = frozenset({"gnu", "the"})


@lru_cache(maxsize=2_048)
def canonical(kind: str, words: str) -> str:
    """What these words are called; several rules ask it of the same words, and a page reads its text several times."""
    from catalog.text import canonical  # noqa: PLC0415 - a search without words needs none of its tables

    if kind == "licence":
        from catalog.text import licences  # noqa: PLC0415 - only words beside "license" need its table

        return licences.typed(words)
    rule = canonical.rule("dtype" if kind == "precision" else kind)
    return rule(words) if rule is not None else words
