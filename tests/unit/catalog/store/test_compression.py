"""How the texts of a store are compressed: small, readable for ever, and never read otherwise than they were written."""

import hashlib
import json
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
import zstandard

from catalog.records import Extraction, ObjectKey, Role
from catalog.store import compression
from catalog.store.codec import UNREADABLE, is_whole, pack, pack_json, unpack, unpack_json
from catalog.store.compression import (
    MAX_UNPACKED_BYTES,
    DamagedText,
    dictionary,
    earlier_dictionary,
    packed,
    unpacked,
)

CONFIG = Extraction(
    key=ObjectKey("m/config.json"), extractor="hf-config", extractor_version=4, format=None, role=Role.CONFIG
)


def deflated(text: bytes) -> bytes:
    """As earlier versions packed it."""
    deflater = zlib.compressobj(zdict=earlier_dictionary())
    return deflater.compress(text) + deflater.flush()


def first_trained():
    """The dictionary of Zstandard that the versions before the present one packed with."""
    return Path(compression.__file__).with_name(compression.EARLIER[40_001]).read_bytes()


def packed_then(text: bytes) -> bytes:
    trained = zstandard.ZstdCompressionDict(first_trained())
    return zstandard.ZstdCompressor(level=3, dict_data=trained, write_checksum=True).compress(text)


@pytest.mark.parametrize(
    ("kept", "sha256"),
    [
        (dictionary, "982c5aa33c9aa157bfb7efe3b998cdf0242096d995582db180306fa62968d7ad"),
        (first_trained, "0916a51fecef13d11907d044d7a0278e05943d2b3faa563c7cc9f11eefcdcf60"),
        (earlier_dictionary, "c50cd98285c90d0cc37f2bf16afd1fba3f21239de9e17ef0d1f30e6e7636ea8f"),
    ],
)
def test_no_dictionary_ever_changes(kept, sha256):
    """Every store holds texts that nobody can read with another one."""
    assert hashlib.sha256(kept()).hexdigest() == sha256


@pytest.mark.parametrize(
    "pack_as_then",
    [zlib.compress, deflated, packed_then],
    ids=["first", "with a dictionary", "with one that was trained"],
)
def test_what_an_earlier_version_packed_is_read(pack_as_then):
    text = unpacked(pack(CONFIG))
    assert unpack_json(pack_as_then(json.dumps({"a": [1, None]}).encode())) == {"a": [1, None]}
    assert unpack(Extraction, pack_as_then(text)) == unpack(Extraction, pack(CONFIG)) == CONFIG


def test_a_small_text_takes_less_with_the_dictionary_than_without():
    text = pack_json({"extractor": "safetensors", "extractor_version": 5, "format": "safetensors"})
    assert len(text) < 40


@pytest.mark.parametrize(
    "foreign",
    [
        zstandard.ZstdCompressor(
            dict_data=zstandard.ZstdCompressionDict(
                b"what nobody here has" * 9, zstandard.DICT_TYPE_RAWCONTENT
            )
        ).compress(b'{"what":"what nobody here has"}' * 3),
        zstandard.ZstdCompressor().compress(b"{}"),
        b"",
        b"{}",
    ],
    ids=["another dictionary", "no dictionary", "nothing", "not packed"],
)
def test_what_nobody_here_packed_is_unreadable(foreign):
    assert not is_whole(foreign)
    with pytest.raises(UNREADABLE):
        unpack_json(foreign)


def test_a_stream_of_zlib_with_another_dictionary_is_unreadable():
    deflater = zlib.compressobj(zdict=b"what nobody here has")
    stream = deflater.compress(b"{}") + deflater.flush()
    assert not is_whole(stream)
    with pytest.raises(UNREADABLE):
        unpack_json(stream)


@pytest.mark.parametrize(
    "pack_as_then", [packed, packed_then, deflated], ids=["zstd", "earlier zstd", "zlib"]
)
@pytest.mark.parametrize(
    "damaged",
    [
        lambda data: data[:-1],
        lambda data: data[:-4],
        lambda data: data[:6],
        lambda data: data[:-1] + bytes([data[-1] ^ 1]),
        lambda data: bytes([data[0] ^ 1]) + data[1:],
        lambda data: data[:7] + bytes([data[7] ^ 255]) + data[8:],
        lambda data: data + b"\0",
    ],
    ids=["shorter", "without-checksum", "empty", "checksum", "header", "text", "longer"],
)
def test_a_text_that_is_not_as_it_was_packed_is_unreadable(damaged, pack_as_then):
    whole = pack_as_then(unpacked(pack(CONFIG)))
    assert is_whole(whole)
    assert not is_whole(damaged(whole))
    with pytest.raises(UNREADABLE):
        unpack(Extraction, damaged(whole))


@pytest.mark.parametrize("place", range(8 * len(packed(b'{"name":"bert"}' * 4))))
def test_no_flipped_bit_makes_another_text(place):
    """One bit of a frame means nothing (RFC 8878, section 3.1.1.1.1); all others are noticed."""
    text = b'{"name":"bert"}' * 4
    data = bytearray(packed(text))
    data[place // 8] ^= 1 << place % 8
    with suppress(DamagedText):
        assert unpacked(bytes(data)) == text


def test_a_length_that_nobody_has_room_for_is_refused_before_room_is_made():
    compressor = zstandard.ZstdCompressor(
        dict_data=zstandard.ZstdCompressionDict(dictionary()), write_checksum=True
    )
    opening = compressor.compressobj(size=MAX_UNPACKED_BYTES + 1).compress(b"a" * 300_000)
    with pytest.raises(DamagedText, match=str(MAX_UNPACKED_BYTES + 1)):
        unpacked(opening)


def test_many_threads_pack_and_unpack_at_once():
    """A context of the library may be used by one thread at a time."""
    texts = [
        json.dumps({"name": f"model-{number}", "layers": [number] * 500}).encode() for number in range(200)
    ]
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(lambda text: unpacked(packed(text)), texts * 5)) == texts * 5
