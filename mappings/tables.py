"""The TOML tables, as quickly as JSON is read.

Beside each TOML file stands a JSON file with the same content, made by `python -m mappings.generate` and checked in:
reading both tables takes 1 ms instead of 15. It names the TOML file's checksum; where that differs, TOML is read.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from zlib import crc32

FOLDER = Path(__file__).parent


def table(name: str) -> dict[str, Any]:
    """The content of `<name>.toml` in this folder."""
    source = (FOLDER / f"{name}.toml").read_bytes()
    try:
        twin = json.loads((FOLDER / f"{name}.json").read_bytes())
    except (FileNotFoundError, ValueError):
        twin = {}
    return twin["table"] if twin.get("source_crc32") == crc32(source) else parsed(source)


def parsed(source: bytes) -> dict[str, Any]:
    import tomllib  # noqa: PLC0415 - not needed where the JSON file is fresh

    return tomllib.loads(source.decode("utf-8"))


def twin_text(name: str) -> str:
    """`<name>.json` as it should be."""
    source = (FOLDER / f"{name}.toml").read_bytes()
    twin = {"source_crc32": crc32(source), "table": parsed(source)}
    return json.dumps(twin, indent=1, ensure_ascii=False) + "\n"
