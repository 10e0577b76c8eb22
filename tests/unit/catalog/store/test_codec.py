"""How the store packs what it keeps: small, and readable by whoever comes later."""

import subprocess
import sys
from dataclasses import replace

from catalog.records import Extraction, ObjectKey, Role, TensorSummary
from catalog.settings import Settings
from catalog.store import open_store
from catalog.store.codec import (
    SHARED_KEPT,
    pack,
    pack_json,
)
from catalog.store.database import PAGE_BYTES

SAID = Extraction(
    key=ObjectKey("m/config.json"), extractor="hf-config", extractor_version=4, format=None, role=Role.CONFIG
)


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


def test_a_new_store_has_pages_that_hold_several_models(tmp_path):
    with open_store(Settings(home=tmp_path), write=True) as store, store.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA page_size").scalar_one() == PAGE_BYTES
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
