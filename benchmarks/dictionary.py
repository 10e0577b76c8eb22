"""What the store's texts take, packed by zlib with its dictionary, as earlier versions did, and by Zstandard with its own.

    python benchmarks/dictionary.py HOME [HOME ...] [--train FILE]

The texts are those of real stores, made by crawls into these homes; the ratios are against zlib, in the same run. A third line says
what a dictionary would bring that is trained on every other of these texts, measured on the rest; `--train` keeps it.
A dictionary that takes the place of another needs a number of its own, and the old one stays for reading.
"""

from __future__ import annotations

import argparse
import sqlite3
import sys
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import zstandard

sys.path.insert(0, str(Path(__file__).parents[1]))

from catalog.store.compression import LEVEL, earlier_dictionary, packed, unpacked

COLUMNS = (
    ("records", "record"),
    ("revisions", "document"),
    ("objects", "outline"),
    ("extractions", "body"),
)
DICTIONARY_BYTES = 96 << 10
PRIVATE_NUMBERS = 32_768
"""Smaller ones are kept for a registry (RFC 8878, section 3.1.1.1.3)."""
ROUNDS = 3


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("homes", nargs="+", type=Path, metavar="HOME")
    parser.add_argument("--train", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    texts: list[Any] = [text for home in arguments.homes for text in texts_of(home / "store.sqlite3")]
    trained = zstandard.train_dictionary(
        DICTIONARY_BYTES, texts[::2], level=LEVEL, dict_id=PRIVATE_NUMBERS + len(texts) % PRIVATE_NUMBERS
    )
    trained.precompute_compress(level=LEVEL)
    fresh = zstandard.ZstdCompressor(level=LEVEL, dict_data=trained, write_checksum=True)
    rest = texts[1::2]
    print(f"{len(rest):,} texts of {sum(map(len, rest)) / len(rest):,.0f} bytes, a text")
    print(f"{'':34}{'us':>8}{'bytes':>8}   ratios to zlib")
    base = cost(deflated, rest)
    for name, pack in (
        ("zlib, level 6", deflated),
        ("Zstandard, as the store is packed", packed),
        ("Zstandard, trained on the others", fresh.compress),
    ):
        seconds, size = cost(pack, rest)
        print(
            f"{name:34}{seconds / len(rest) * 1e6:8.1f}{size / len(rest):8,.0f}"
            f"   {seconds / base[0]:.2f} of the time, {size / base[1]:.2f} of the size"
        )
    if arguments.train:
        arguments.train.write_bytes(trained.as_bytes())


def texts_of(store: Path) -> Iterator[bytes]:
    """All packed texts of a store, unpacked."""
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as connection:
        for table, column in COLUMNS:
            rows = connection.execute(f"SELECT {column} FROM {table} WHERE {column} IS NOT NULL")
            yield from (unpacked(row[0]) for row in rows if row[0])


def deflated(text: bytes) -> bytes:
    deflater = _primed.copy()
    return deflater.compress(text) + deflater.flush()


_primed = zlib.compressobj(6, zlib.DEFLATED, zlib.MAX_WBITS, 6, zlib.Z_DEFAULT_STRATEGY, earlier_dictionary())


def cost(pack: Callable[[bytes], bytes], texts: Sequence[bytes]) -> tuple[float, int]:
    """Seconds of the processor, the least of some rounds, and bytes."""
    least = float("inf")
    for _ in range(ROUNDS):
        began = time.process_time()
        sizes = [len(pack(text)) for text in texts]
        least = min(least, time.process_time() - began)
    return least, sum(sizes)


if __name__ == "__main__":
    main()
