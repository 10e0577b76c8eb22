"""Texts and byte strings of pickles: their escapes, and the pickles that hide in them."""

from __future__ import annotations

import binascii
import re
import zlib
from contextlib import suppress
from typing import Any

from crawler.formats.byte_streams import compression_of, unpacked_beginning
from crawler.formats.pickle_nodes import Call, Global

COMPUTED = "<computed>"
HIGHEST_PROTOCOL = 5
MAX_UNPACKED_BYTES = 64 * 1024
MAX_MEMBERS_LOOKED_AT = 16
_ZIPPED = b"PK\x03\x04"
MAY_HIDE_A_PICKLE = frozenset(
    {b"\x80", b"\xc2", b"c", b"(", b"}", b"]", b"g", b"8", b"P", b"\x1f", b"x", b"B", b"\xfd"}
)
"""First bytes of what `hidden_pickle` looks into: most literals begin otherwise and cost nothing."""

_OLD_STARTS = frozenset({b"c", b"(", b"}", b"]"})
_ESCAPE = re.compile(rb"\\(x[0-9a-fA-F]{2}|[0-7]{1,3}|.)", re.DOTALL)
_LETTERS = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"a": b"\a", b"b": b"\b", b"f": b"\f", b"v": b"\v"}
_ENCODED = re.compile(
    rb"(?:gA[JNRV]|gAS[VX]|800[2-5])[0-9A-Za-z+/]{8,}"
)  # \x80 and a protocol, in base64 or hexadecimal


def hidden_pickle(raw: bytes) -> bytes:
    """What a literal holds that begins like a pickle, decoded if need be; empty when it does not."""
    if raw[:2] == b"\xc2\x80":  # a byte string as protocol 2 writes it: text for _codecs.encode(…, 'latin1')
        raw = decoded(raw).encode("latin-1", errors="replace")
    elif _ENCODED.match(raw):
        raw = _unpacked(raw)
    elif raw[:4] == _ZIPPED:
        raw = _first_pickled_member(raw)
    elif compression_of(raw) is not None:
        raw = unpacked_beginning(raw, MAX_UNPACKED_BYTES)
    if raw[:1] == b"\x80" and len(raw) > 3 and raw[1] <= HIGHEST_PROTOCOL:
        return raw
    return raw if raw[:1] in _OLD_STARTS and raw[-1:] == b"." and b"\n" in raw[:512] else b""


def _first_pickled_member(raw: bytes) -> bytes:
    """The first member of a zip that is stored, or deflated, and begins like a pickle of protocol 2 or later."""
    place = 0
    for _ in range(MAX_MEMBERS_LOOKED_AT):
        place = raw.find(_ZIPPED, place)
        if place < 0 or len(raw) < place + 30:
            return b""
        start = place + 30 + int.from_bytes(raw[place + 26 : place + 28], "little")
        start += int.from_bytes(raw[place + 28 : place + 30], "little")
        content = raw[start:]
        if raw[place + 8] == zlib.DEFLATED:
            with suppress(zlib.error):
                content = zlib.decompressobj(-zlib.MAX_WBITS).decompress(content, MAX_UNPACKED_BYTES)
        if content[:1] == b"\x80":
            return content
        place += len(_ZIPPED)
    return b""


def _unpacked(raw: bytes) -> bytes:
    """A text that is a pickle in base64 or in hexadecimal digits; empty when it is neither."""
    try:
        if raw[:2] == b"80":
            return bytes.fromhex(raw[: len(raw) // 2 * 2].decode("ascii"))
        return binascii.a2b_base64(raw[: len(raw) // 4 * 4])
    except (ValueError, binascii.Error):
        return b""


def decoded(raw: bytes) -> str:
    """UTF-8, what is none kept as escapes."""
    return raw.decode("utf-8", errors="backslashreplace")


def unescaped(raw: bytes) -> str:
    """The inside of a quoted byte string, as Python 2 wrote it."""
    return _ESCAPE.sub(_unescape, raw).decode("latin-1")


def _unescape(match: re.Match[bytes]) -> bytes:
    escape = match[1]
    if escape[:1] == b"x" and len(escape) == 3:
        return bytes([int(escape[1:], 16)])
    if escape.isdigit():
        return escape if escape in {b"8", b"9"} else bytes([int(escape, 8) & 0xFF])
    return _LETTERS.get(escape, escape)


def described(callee: Any) -> str:
    """What a computed call calls, in one line: `builtins.getattr(os, 'system')`."""
    if type(callee) is not Call:
        return f"<{type(callee).__name__.lower()}>"
    parts = []
    for argument in callee.args[:3] if type(callee.args) is tuple else ():
        if type(argument) is Global:
            parts.append(argument.full)
        elif type(argument) is str:
            parts.append(f"'{argument[:60]}'")
        else:
            parts.append("…")
    return f"{callee.name or COMPUTED}({', '.join(parts)})"
