"""Texts of a store, compressed with what those of small models have in common; and back, or an error that they are damaged.

Zstandard with a trained dictionary packs a text of 2 kB in 5 µs, where zlib with its own took 30, and makes as much of it or
a tenth less. What earlier versions packed with zlib is read as before.

Source: RFC 8878 (Zstandard), RFC 1950 (zlib).
"""

from __future__ import annotations

import threading
import zlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import zstandard

LEVEL = 3
"""Level 6 makes 290 bytes of a text where this makes 310, in four times the time."""
MAX_UNPACKED_BYTES = 1 << 30
MAGIC = b"\x28\xb5\x2f\xfd"


class DamagedText(ValueError):
    """Bytes that are not what `packed` made."""


@cache
def dictionary() -> bytes:
    """What the texts of many kinds of models have in common: their extractions, records and documents.

    It never changes: each frame names the one that it was written with by its number, and whoever makes another one
    (`benchmarks/dictionary.py`) gives it a number of its own and keeps this among the earlier ones.
    """
    return Path(__file__).with_name("typical_texts_2.zstd").read_bytes()


EARLIER = {40_001: "typical_texts.zstd"}
"""Dictionaries that earlier versions packed with, by their numbers. They never change either."""


@cache
def earlier_dictionary() -> bytes:
    """What zlib was given, which names it by its Adler-32 (RFC 1950, section 2.2). It never changes either."""
    return Path(__file__).with_name("typical_texts.jsonl").read_bytes()


def packed(text: bytes) -> bytes:
    """The text as one frame, with its length and checksum."""
    return _coders().compressor.compress(text)


def unpacked(data: bytes) -> bytes:
    """The text that was packed, by this version or an earlier one. Raises DamagedText unless it is as it was."""
    if data[: len(MAGIC)] != MAGIC:
        return _inflated(data)
    import zstandard  # noqa: PLC0415

    try:
        frame = zstandard.get_frame_parameters(data)
        decompressor = _coders().decompressor(frame.dict_id)
        if decompressor is None or not frame.has_checksum:
            raise DamagedText("a text that was packed by something else")
        if frame.content_size > MAX_UNPACKED_BYTES:
            raise DamagedText(f"a text of {frame.content_size} bytes")
        return decompressor.decompress(data, allow_extra_data=False)
    except (zstandard.ZstdError, MemoryError) as error:
        raise DamagedText(str(error)) from error


class _Coders(threading.local):
    """Those of one thread, who keeps their memory: no other may use them meanwhile."""

    def __init__(self) -> None:
        import zstandard  # noqa: PLC0415 - whatever reads no record need not load it

        shared = _digested()
        self.compressor = zstandard.ZstdCompressor(level=LEVEL, dict_data=shared, write_checksum=True)
        self._decompressors = {shared.dict_id(): zstandard.ZstdDecompressor(dict_data=shared)}

    def decompressor(self, number: int) -> zstandard.ZstdDecompressor | None:
        """What reads the frames of this dictionary; None where it is none of ours."""
        if number not in self._decompressors and number in EARLIER:
            import zstandard  # noqa: PLC0415 - as above

            shared = _earlier_digested(number)
            self._decompressors[number] = zstandard.ZstdDecompressor(dict_data=shared)
        return self._decompressors.get(number)


@cache
def _digested() -> zstandard.ZstdCompressionDict:
    import zstandard  # noqa: PLC0415

    digested = zstandard.ZstdCompressionDict(dictionary())
    digested.precompute_compress(level=LEVEL)
    return digested


@cache
def _earlier_digested(number: int) -> zstandard.ZstdCompressionDict:
    import zstandard  # noqa: PLC0415 - as above

    return zstandard.ZstdCompressionDict(Path(__file__).with_name(EARLIER[number]).read_bytes())


@cache
def _coders() -> _Coders:
    return _Coders()


def _inflated(data: bytes) -> bytes:
    """With the dictionary of zlib or, as the first versions wrote it, without one."""
    opening, primed = _primed_inflater()
    try:
        if data[: len(opening)] != opening:
            inflater, checksum = zlib.decompressobj(), b""
            text = inflater.decompress(data, MAX_UNPACKED_BYTES)
        else:
            inflater = primed.copy()
            text = inflater.decompress(data[len(opening) :], MAX_UNPACKED_BYTES)
            checksum = zlib.adler32(text).to_bytes(4, "big")
    except zlib.error as error:
        raise DamagedText(str(error)) from error
    if not inflater.eof or inflater.unused_data != checksum:
        raise DamagedText("a text that is not as it was packed")
    return text


@cache
def _primed_inflater() -> tuple[bytes, Any]:
    """What each stream of zlib begins with, and what reads on from there and has taken in the dictionary, to be copied for
    each text: to take it in costs 15 µs, a copy one. Such a stream has no wrapping that zlib would check, so we do.

    Source: RFC 1950, section 2.2: two bytes, the dictionary's Adler-32, the compressed data, the Adler-32 of the text.
    """
    deflater = zlib.compressobj(zdict=earlier_dictionary())
    opening = (deflater.compress(b"") + deflater.flush())[:6]
    return opening, zlib.decompressobj(-zlib.MAX_WBITS, zdict=earlier_dictionary())
