"""Start-up of `modeldex search` against `python -c "import click, tantivy"`. Aim: at most three times.

python benchmarks/startup.py [RUNS]
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

EXAMPLES = Path(__file__).parents[1] / "examples"
BASELINE = [sys.executable, "-c", "import click, tantivy"]


def seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    with tempfile.TemporaryDirectory() as home:
        modeldex = [sys.executable, "-m", "catalog", "--home", home]
        subprocess.run([*modeldex, "crawl", str(EXAMPLES)], check=False, capture_output=True)
        search = [*modeldex, "search", "accuracy > 0.9 after:2023"]
        pairs = [(seconds(BASELINE), seconds(search)) for _ in range(runs + 1)][1:]
    baseline, ours = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(ours / base for base, ours in pairs)
    print(f"import click, tantivy   {baseline * 1000:7.1f} ms")
    print(f"modeldex search         {ours * 1000:7.1f} ms")
    print(f"ratio                   {ratio:7.2f}   (aim: at most 3)")


if __name__ == "__main__":
    main()
