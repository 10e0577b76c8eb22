"""Start-up of `modeldex search` against `python -c "import click, tantivy"`. Aim: at most three times.

    python benchmarks/startup.py [RUNS]

The command is called as its installed script calls it, and both sides find their modules compiled.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BASELINE = [sys.executable, "-c", "import click, tantivy"]
MODELDEX = [sys.executable, "-c", "from catalog.cli import main; main()"]
ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"


def seconds(command: list[str], environment: dict[str, str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env=environment, cwd=ROOT)
    return time.perf_counter() - start


def compiled_modules(folder: str) -> dict[str, str]:
    """An environment in which Python writes and finds compiled modules, whatever the one around it says."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}  # noqa: TID251
    return {**kept, "PYTHONPYCACHEPREFIX": folder}


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    with tempfile.TemporaryDirectory() as home, tempfile.TemporaryDirectory() as compiled:
        environment = compiled_modules(compiled)
        modeldex = [*MODELDEX, "--home", home]
        subprocess.run(
            [*modeldex, "crawl", str(EXAMPLES)], check=False, capture_output=True, env=environment, cwd=ROOT
        )
        search = [*modeldex, "search", "accuracy > 0.9 after:2023"]
        pairs = [(seconds(BASELINE, environment), seconds(search, environment)) for _ in range(runs + 1)][1:]
    baseline, ours = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(ours / base for base, ours in pairs)
    print(f"import click, tantivy   {baseline * 1000:7.1f} ms")
    print(f"modeldex search         {ours * 1000:7.1f} ms")
    print(f"ratio                   {ratio:7.2f}   (aim: at most 3)")


if __name__ == "__main__":
    main()
