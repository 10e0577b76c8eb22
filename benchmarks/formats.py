"""Files per second, bytes read and range requests per format, against reading each file whole.

    python benchmarks/formats.py [FOLDER ...]

Without folders the example models and the small real files of the tests are read.
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from catalog import plugins
from catalog.errors import ModeldexError
from crawler.extractor import HEAD_BYTES, Extractor
from crawler.reader import RangedReader

ROOT = Path(__file__).parents[1]
DEFAULT = (ROOT / "examples", ROOT / "tests" / "corpus" / "data")
REPEAT_SECONDS = 0.2


@dataclass(slots=True)
class Tally:
    files: int = 0
    failed: int = 0
    size_bytes: int = 0
    bytes_read: int = 0
    requests: int = 0
    seconds: float = 0.0
    whole_seconds: float = 0.0


def main() -> None:
    folders = [Path(name) for name in sys.argv[1:]] or list(DEFAULT)
    extractors = [extractor() for _, extractor in plugins.load_all("extractor")]
    tallies: dict[str, Tally] = defaultdict(Tally)
    for path in files(folders):
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
        claims = [(claim.confidence, extractor.name, extractor) for extractor in extractors
                  if (claim := extractor.claims(path.as_posix(), head))]  # fmt: skip
        if claims:
            _, name, extractor = max(claims, key=lambda claim: claim[:2])
            measure(path, extractor, tallies[name])
    show(tallies)


def files(folders: list[Path]) -> Iterator[Path]:
    for folder in folders:
        yield from sorted(path for path in folder.rglob("*") if path.is_file())


def measure(path: Path, extractor: Extractor, tally: Tally) -> None:
    reader = opened(path)
    try:
        extractor.extract(reader)
    except ModeldexError:
        tally.failed += 1
        return
    tally.files += 1
    tally.size_bytes += reader.size_bytes
    tally.bytes_read += reader.bytes_read
    tally.requests += reader.requests
    tally.seconds += best(lambda: extractor.extract(opened(path)))
    tally.whole_seconds += best(path.read_bytes)


def opened(path: Path) -> RangedReader:
    def fetch(start: int, end: int) -> bytes:
        with path.open("rb") as file:
            file.seek(start)
            return file.read(end - start)

    return RangedReader(path.as_posix(), path.stat().st_size, fetch)


def best(call) -> float:
    """The shortest of several runs: what the work takes when nothing else runs."""
    took, until = [], time.perf_counter() + REPEAT_SECONDS
    while not took or (time.perf_counter() < until and len(took) < 20):
        start = time.perf_counter()
        call()
        took.append(time.perf_counter() - start)
    return min(took)


def show(tallies: dict[str, Tally]) -> None:
    print(
        f"{'extractor':24s} {'files':>5s} {'files/s':>8s} {'requests':>8s} {'read of size':>12s} {'times a whole read':>18s}"
    )
    for name in sorted(tallies):
        tally = tallies[name]
        if not tally.files:
            print(f"{name:24s} {tally.failed:5d} failed")
            continue
        share = tally.bytes_read / max(1, tally.size_bytes)
        print(
            f"{name:24s} {tally.files:5d} {tally.files / tally.seconds:8,.0f} {tally.requests / tally.files:8.1f} "
            f"{share:12.0%} {tally.seconds / tally.whole_seconds:18.1f}"
        )


if __name__ == "__main__":
    main()
