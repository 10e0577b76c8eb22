"""What a person writes in ten minutes: walk a tree, read safetensors headers with the library and configs with json.

    python benchmarks/plain_script.py FOLDER

The measure for `benchmarks/crawl.py`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from safetensors import safe_open


def main() -> None:
    tensors = configs = 0
    for path in sorted(Path(sys.argv[1]).rglob("*")):
        if path.name.endswith(".safetensors"):
            with safe_open(path, framework="np") as file:
                file.metadata()
                tensors += len([file.get_slice(name).get_shape() for name in file.keys()])  # noqa: SIM118 - no mapping
        elif path.name == "config.json":
            configs += len(json.loads(path.read_text(encoding="utf-8")))
    print(tensors, configs)


if __name__ == "__main__":
    main()
