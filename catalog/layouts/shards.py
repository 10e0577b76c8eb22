"""How files that are parts of one file are numbered in their names."""

from __future__ import annotations

import re
from typing import NamedTuple

SHARD = re.compile(
    r"^(?P<stem>.+?)[-_.](?P<number>\d{2,6})-of-(?P<total>\d{2,6})(?P<rest>(?:\.[^/]*)?)$", re.IGNORECASE
)
"""Source: huggingface_hub serialization (`{stem}-{i:05d}-of-{n:05d}`), ggml docs/gguf.md (naming of shards)."""
CONSOLIDATED = re.compile(r"^(?P<stem>consolidated)\.(?P<number>\d{2,4})(?P<rest>\.pth)$", re.IGNORECASE)
"""Source: meta-llama/llama, example_completion.py: one file per rank of the tensor parallel group."""
RANK = re.compile(r"^(?P<stem>.+?)_world_size_(?P<total>\d+)_rank_(?P<number>\d+)(?P<rest>\..*)$")
"""Source: transformers and accelerate, FSDP's state per rank."""
_NUMBER_AT_END = re.compile(r"[-_.]\d{2,6}-of-\d{2,6}$")


class Shard(NamedTuple):
    """The name of a shard taken apart. `total` is 0 where the name does not say it."""

    stem: str
    number: int
    total: int


def shard_of(name: str) -> Shard | None:
    """The parts of a shard's name; None for the name of a whole file."""
    for form in (SHARD, CONSOLIDATED, RANK):
        if match := form.match(name):
            parts = match.groupdict()
            return Shard(parts["stem"], int(parts["number"]), int(parts.get("total") or 0))
    return None


def shard_stem(name: str) -> tuple[str, str]:
    """The name without its shard number, and the total that it says ("" for a file that is no shard)."""
    match = SHARD.match(name)
    if match and match["rest"]:
        return f"{match['stem']}{match['rest']}", match["total"]
    match = CONSOLIDATED.match(name)
    return (f"{match['stem']}{match['rest']}", "parts") if match else (name, "")


def without_number(stem: str) -> str:
    """A name whose suffix is gone without the shard number at its end."""
    return _NUMBER_AT_END.sub("", stem)
