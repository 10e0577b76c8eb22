"""How the store packs what it keeps: small, and readable by whoever comes later."""

import hashlib
import json
import subprocess
import sys
import zlib
from dataclasses import replace

import pytest

from catalog.records import Extraction, ObjectKey, Role, TensorSummary
from catalog.settings import Settings
from catalog.store import open_store
from catalog.store.codec import (
    SHARED_KEPT,
    UNREADABLE,
    dictionary,
    is_whole,
    pack,
    pack_json,
    unpack,
    unpack_json,
)
from catalog.store.database import PAGE_BYTES

SAID = Extraction(
    key=ObjectKey("m/config.json"), extractor="hf-config", extractor_version=4, format=None, role=Role.CONFIG
)


def test_the_dictionary_never_changes():
    """Every store holds streams that nobody can read with another one."""
    assert (
        hashlib.sha256(dictionary()).hexdigest()
        == "c50cd98285c90d0cc37f2bf16afd1fba3f21239de9e17ef0d1f30e6e7636ea8f"
    )


def test_what_was_packed_before_there_was_a_dictionary_is_read():
    plain = zlib.compress(json.dumps({"a": [1, None]}).encode())
    assert unpack_json(plain) == {"a": [1, None]}
    packed = pack(SAID)
    text = zlib.decompressobj(zdict=dictionary()).decompress(packed)
    assert unpack(Extraction, zlib.compress(text)) == unpack(Extraction, packed) == SAID


def test_what_shares_its_tensors_with_others_is_packed_as_it_is_alone():
    summaries = [
        TensorSummary(tallies=(), tensors=(), count=number, names_sha256="")
        for number in range(2 * SHARED_KEPT)
    ]
    shared = [pack(replace(SAID, tensors=summary)) for summary in [*summaries, *summaries, summaries[-1]]]
    alone = [pack(replace(SAID, tensors=replace(summary))) for summary in summaries]
    assert shared == [*alone, *alone, alone[-1]]


def test_who_only_reads_does_not_load_what_writes():
    """`show` took 18 ms longer for a library that it has no use for."""
    program = (
        "import sys; from catalog.store.codec import unpack_json\n"
        f"assert unpack_json(bytes.fromhex({pack_json([1]).hex()!r})) == [1]\n"
        "print('orjson' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_a_small_text_takes_less_with_the_dictionary_than_without():
    text = pack_json({"extractor": "safetensors", "extractor_version": 5, "format": "safetensors"})
    assert len(text) < 40


def test_a_stream_of_another_dictionary_is_unreadable():
    deflater = zlib.compressobj(zdict=b"what nobody here has")
    stream = deflater.compress(b"{}") + deflater.flush()
    assert not is_whole(stream)
    with pytest.raises(UNREADABLE):
        unpack_json(stream)


@pytest.mark.parametrize(
    "damaged",
    [
        lambda packed: packed[:-1],
        lambda packed: packed[:-4],
        lambda packed: packed[:6],
        lambda packed: packed[:-1] + bytes([packed[-1] ^ 1]),
        lambda packed: bytes([packed[0] ^ 1]) + packed[1:],
        lambda packed: packed[:7] + bytes([packed[7] ^ 255]) + packed[8:],
        lambda packed: packed + b"\0",
    ],
    ids=["shorter", "without-checksum", "empty", "checksum", "header", "text", "longer"],
)
def test_a_stream_that_is_not_as_it_was_packed_is_unreadable(damaged):
    assert is_whole(pack(SAID))
    assert not is_whole(damaged(pack(SAID)))
    with pytest.raises(UNREADABLE):
        unpack(Extraction, damaged(pack(SAID)))


def test_a_new_store_has_pages_that_hold_several_models(tmp_path):
    with open_store(Settings(home=tmp_path), write=True) as store, store.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA page_size").scalar_one() == PAGE_BYTES
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
