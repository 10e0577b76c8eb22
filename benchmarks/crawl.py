"""Crawl rate against a bare walk that reads the same bytes, first and unchanged.

    python benchmarks/crawl.py [MODELS]

Every model is a directory with a safetensors header, weights of its own and a config. The bare walk lists the tree and reads each file once.
"""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from startup import MODELDEX, ROOT, compiled_modules

TENSORS = 40


def write_tree(root: Path, models: int) -> None:
    header = {
        f"layer.{number}.weight": {"dtype": "F32", "shape": [1], "data_offsets": [4 * number, 4 * number + 4]}
        for number in range(TENSORS)
    }
    text = json.dumps(header).encode()
    head = struct.pack("<Q", len(text)) + text
    for number in range(models):
        folder = root / f"{number % 100:02d}" / f"model-{number}"
        folder.mkdir(parents=True)
        own = struct.pack("<f", number) * TENSORS  # copies of one model are another matter
        (folder / "model.safetensors").write_bytes(head + own)
        config = {"architectures": ["BertModel"], "model_type": "bert", "hidden_size": number % 1000 + 1}
        (folder / "config.json").write_text(json.dumps(config))


def bare_walk(root: Path) -> int:
    """Bytes read by listing everything and reading every file."""
    total = 0
    for directory, _, names in os.walk(root):
        for name in names:
            with open(os.path.join(directory, name), "rb") as file:  # noqa: PTH118, PTH123 - the barest way
                total += len(file.read())
    return total


def timed(function, *arguments) -> float:
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start


def crawl(home: Path, root: Path, environment: dict[str, str]) -> None:
    subprocess.run(
        [*MODELDEX, "--home", str(home), "crawl", str(root)],
        check=True,
        capture_output=True,
        env=environment,
        cwd=ROOT,
    )


def main() -> None:
    models = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000
    with tempfile.TemporaryDirectory() as folder:
        root, home, small = (Path(folder) / name for name in ("models", "home", "small"))
        environment = compiled_modules(str(Path(folder) / "compiled"))
        write_tree(root, models)
        write_tree(small, 3)
        crawl(Path(folder) / "other", small, environment)  # compiles the modules
        timed(bare_walk, root)  # all then read from the page cache
        walk = timed(bare_walk, root)
        first, again = (timed(crawl, home, root, environment) for _ in range(2))
    print(f"{models:,} models, {2 * models:,} files")
    print(f"bare walk that reads the same bytes  {2 * models / walk:10,.0f} files/s")
    print(
        f"first crawl, indexed                 {2 * models / first:10,.0f} files/s   {first / walk:6.1f} times the walk"
    )
    print(
        f"crawl of the unchanged tree          {2 * models / again:10,.0f} files/s   {again / walk:6.1f} times the walk"
    )


if __name__ == "__main__":
    main()
