"""One text analyzer for every engine: text in, the words to index, to ask for, or to find next to each other.

Engines only split at spaces what comes from here, so the same text is found by the same words everywhere. There is
no stemming: `tuned` and `tune` are two words on every engine.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from catalog.text.folding import fold
from catalog.text.patterns import pattern

__all__ = ["analysed", "fold", "phrase_words", "query_words", "words"]

MAX_TEXT_CHARACTERS = 200_000
"""Longer text is cut before it is analysed; a model card's median is 3 kB."""
PHRASE_BREAK = " ¶ "
"""Stands between the values of a list, so that no phrase reaches across. The analyzer never makes this word."""
LABEL_CHARACTERS = 40
MAX_WORD_CHARACTERS = 100
"""Longer words are cut, when indexing and when asking. Below the 255 of Elasticsearch's whitespace tokenizer."""

_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
_SYMBOL = "\u2600-\u27bf\U0001f000-\U0001faff"
_WORD = pattern(
    rf"[{_CJK}]+|[{_SYMBOL}]|[^\W_{_CJK}]+(?:(?<=\d)\.(?=\d)[^\W_{_CJK}]+)*(?:\+\+|\#(?!\w))?",
)
_PART = pattern(r"\d+(?:\.\d+)*|[^\W\d_]+")
_CAMEL = pattern(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_IS_CJK = pattern(rf"[{_CJK}]")
_COMBINING = pattern("[\u0300-\u036f]")
_ASCII_WORD = pattern(
    r"[A-Za-z0-9]+(?:(?<=[0-9])\.(?=[0-9])[A-Za-z0-9]+)*(?:\+\+|\#(?![A-Za-z0-9_]))?", re.ASCII
)
"""What `_WORD` finds in text of ASCII alone, in a third of the time."""


def words(text: str) -> set[str]:
    """The words under which a text is found.

    `RoBERTa_large-v2.1` gives roberta, its case parts, large, v2.1, v, 2.1, and neighbours joined (`largev2.1`), so that
    `resnet50`, `resnet-50` and `ResNet 50` find each other's hyphenated form. CJK runs give characters and bigrams.
    """
    pieces, more = analysed(text)
    return {*pieces.split(), *more.split()}


def phrase_words(text: str) -> list[str]:
    """The smallest pieces in order, independent of case: what a phrase compares."""
    return analysed(text)[0].split()


def analysed(text: str) -> tuple[str, str]:
    """The pieces of a text in order, and the words that it is found by besides them; each joined by spaces."""
    return _analysed_label(text) if len(text) <= LABEL_CHARACTERS else _analysed(text)


@lru_cache(maxsize=4_096)
def _analysed_label(text: str) -> tuple[str, str]:
    """Labels such as tasks, licences and tags are the same in many models."""
    return _analysed(text)


def _analysed(text: str) -> tuple[str, str]:
    chunks = text[:MAX_TEXT_CHARACTERS].split()
    if len(chunks) == 1:
        return _chunk(chunks[0])
    if not chunks:
        return "", ""
    pieces, more = zip(*map(_chunk, chunks), strict=True)
    return " ".join(filter(None, pieces)), " ".join(filter(None, more))


def query_words(text: str) -> list[str]:
    """The words that a search for this text asks for, each once, in order."""
    words: dict[str, None] = {}
    for word in _WORD.findall(_plain(text)):
        for piece in _cjk_query(word) if _IS_CJK.match(word) else (_folded(word),):
            if piece:
                words[piece] = None
    return list(words)


def _plain(text: str) -> str:
    """Compatibility forms unified, accents removed, case kept."""
    text = text[:MAX_TEXT_CHARACTERS]
    if text.isascii():
        return text
    decomposed = unicodedata.normalize("NFKD", text)
    plain = unicodedata.normalize("NFKC", _COMBINING.sub("", decomposed))
    return plain.encode("utf-8", "replace").decode("utf-8")


def _folded(word: str) -> str:
    return fold(word)[:MAX_WORD_CHARACTERS]


@lru_cache(maxsize=8_192)
def _chunk(chunk: str) -> tuple[str, str]:
    """The analysed forms of one run without spaces. Words repeat a lot, so most are looked up."""
    if chunk.isascii():
        if chunk.isalpha() and chunk.islower():
            return chunk[:MAX_WORD_CHARACTERS], ""
        return _joined(_ASCII_WORD.findall(chunk))
    plain = _plain(chunk)
    if len(plain.split()) > 1:  # some signs stand for several words
        return _analysed(plain)
    return _joined(_WORD.findall(plain))


def _joined(words: list[str]) -> tuple[str, str]:
    """The pieces of these words, and what the words are found by besides: whole, in parts, and with their neighbours."""
    pieces: list[str] = []
    index: dict[str, None] = {}
    before = ""
    for word in words:
        own, forms, whole = _forms(word)
        pieces += own
        for form in forms:
            index[form] = None
        if before and whole:
            index[(before + whole)[:MAX_WORD_CHARACTERS]] = None
        before = whole
    for piece in pieces:
        index.pop(piece, None)
    return " ".join(pieces), " ".join(index)


@lru_cache(maxsize=2_048)
def _forms(word: str) -> tuple[Sequence[str], Sequence[str], str]:
    """One word's pieces in order, the words that it is found by, and the form that is joined to its neighbours.

    Names are new with every model, and the words in them are not. A run of CJK has no neighbours.
    """
    if _IS_CJK.match(word):
        return tuple(word), (*word, *(word[at : at + 2] for at in range(len(word) - 1))), ""
    whole = _folded(word)
    pieces = tuple(_folded(part) for part in _PART.findall(word)) or (whole,)
    return pieces, (whole, *_parts(word)), whole


def _parts(word: str) -> list[str]:
    """Case and digit parts of one word; `RoBERTa` also gives its pieces, `7B` 7 and b."""
    parts: list[str] = []
    for part in _PART.findall(word):
        camel = _CAMEL.findall(part) if part.isascii() and not part.isdigit() else []
        parts.append(_folded(part))
        if len(camel) > 1:
            parts += [_folded(piece) for piece in camel]
    return parts


def _cjk_query(run: str) -> list[str]:
    return [run] if len(run) == 1 else [run[at : at + 2] for at in range(len(run) - 1)]
