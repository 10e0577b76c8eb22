"""What the other files are called of which a file says that it is the first: a file that was cut by its size, and parts that
bear other numbers than tools give them.
"""

from __future__ import annotations

import re

from catalog.layouts.variants import without_quantization
from catalog.text.patterns import pattern

MAX_PIECES = 676
"""As many as two letters count, `aa` to `zz`."""
_FIRST_PIECE = pattern(
    r"(?P<before>.+\.[A-Za-z]\w{2,14}(?:[-_.]?(?:part|split|chunk|piece)[-_.]?|\.(?!\d$)))"
    r"(?:(?P<number>0{0,5}[01])(?P<behind>of(?P<total>\d{1,3}))?|(?P<letters>a{1,2}))$",
    re.IGNORECASE,
)
"""`NAME.gguf.part1of2`, `NAME.gguf-split-a`, `NAME.gguf.aa`, `NAME.safetensors.001`: behind a whole name. People cut files so
for hubs that take none beyond a size, and put them together with `cat`. `NAME.safetensors.1` is a second download.
"""
_CUT = pattern(r"(?:[-_.]?(?:part|split|chunk|piece)[-_.]?|\.)$", re.IGNORECASE)
_NUMBER = pattern(r"(?P<before>.*?)(?P<number>0{0,5}[01])(?P<behind>of\d{1,6})?$", re.IGNORECASE)


def without_piece(name: str) -> str:
    """The name of the whole file of which this is the first piece; any other name as it is."""
    match = _FIRST_PIECE.fullmatch(name)
    return name if match is None else _CUT.sub("", match["before"])


def pieces_behind(name: str, size_bytes: int, needed_bytes: int) -> list[tuple[str, int]]:
    """The names of the pieces behind the first one, each with the bytes that it needs at least; none where it is no first one
    or too many follow. All but the last are as large as the first.
    """
    match = _FIRST_PIECE.fullmatch(name)
    if match is None or not 0 < size_bytes < needed_bytes:
        return []
    count = int(match["total"]) if match["total"] else -(-needed_bytes // size_bytes)
    if not 1 < count <= MAX_PIECES:
        return []
    least = [size_bytes] * (count - 2) + [max(1, needed_bytes - (count - 1) * size_bytes)]
    return [
        (f"{match['before']}{_behind(match, place)}{match['behind'] or ''}", least[place - 1])
        for place in range(1, count)
    ]


def numbered_parts(name: str, count: int) -> list[str]:
    """The names of all parts of which the one of this name is the first, when it ends with its number; else none."""
    stem, dot, suffix = name.rpartition(".")
    match = _NUMBER.fullmatch(stem)
    if match is None or not 1 < count <= MAX_PIECES or without_quantization(stem) != stem:
        return []
    first, width = int(match["number"]), len(match["number"])
    if first == 0 and width < 2:
        return []
    return [
        f"{match['before']}{first + place:0{width}d}{match['behind'] or ''}{dot}{suffix}"
        for place in range(count)
    ]


def _behind(match: re.Match[str], place: int) -> str:
    """The number or the letters of the piece that is so many behind the first."""
    if match["number"]:
        return f"{int(match['number']) + place:0{len(match['number'])}d}"
    start = ord(match["letters"][0])
    if len(match["letters"]) == 1:
        return chr(start + place)
    return f"{chr(start + place // 26)}{chr(start + place % 26)}"
