"""The file of a policy: YAML, of which every key is known or refused with its line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from catalog.errors import ExtractError, UserError
from catalog.retention.policy import Policy, PolicyRefused, read_policy
from catalog.terminal import printable
from crawler.formats import yamls

EXAMPLE = 'name: old checkpoints\nmodels: "path:runs"\nkeep:\n  newest: 2\nolder_than: 180d'
MAX_BYTES = 256 * 1024
Where = tuple[str, ...]
"""Keys from the top, with the numbers of entries of lists in brackets."""


def policy_in(path: Path) -> Policy:
    """The policy of a file. Raises UserError, which names every fault with its line."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UserError(f"{printable(path)} cannot be read: {error.strerror or error}.") from error
    return policy_of_text(data)


def policy_of_text(data: bytes) -> Policy:
    """The same of its bytes."""
    if len(data) > MAX_BYTES:
        raise UserError(f"A policy has at most {MAX_BYTES:,} bytes.")
    try:
        value = yamls.json_value(yamls.load(data))
    except ExtractError as error:
        raise UserError(
            f"The file is not YAML that can be read: {error}.", advice=f"Write:\n{EXAMPLE}"
        ) from error
    lines = dict[Where, int]()
    twice: list[tuple[int, str]] = []
    for where, line in _keys(yaml.compose(data, Loader=yaml.SafeLoader)):
        if where in lines:
            sentence = f"{'.'.join(where)}: it stands there twice, the first time in line {lines[where]}."
            twice.append((line, sentence))
        lines.setdefault(where, line)
    policy: Policy | None = None
    faults = twice
    try:
        policy = read_policy(value)
    except PolicyRefused as refused:
        faults = sorted([*twice, *((_line(lines, where), sentence) for where, sentence in refused.faults)])
    if policy is None or faults:
        sentences = [f"line {line}: {printable(sentence)}" for line, sentence in faults]
        raise UserError(
            "The policy cannot be used.\n  " + "\n  ".join(sentences), advice=f"A policy is:\n{EXAMPLE}"
        )
    return policy


def _line(lines: Mapping[Where, int], where: Where) -> int:
    while where and where not in lines:
        where = where[:-1]
    return lines.get(where, 1)


def _keys(node: Any, above: Where = ()) -> Iterator[tuple[Where, int]]:
    """Every key of mappings in mappings and lists, with its line from 1; the file was read within bounds before."""
    if isinstance(node, yaml.SequenceNode):
        for number, each in enumerate(node.value):
            where = (*above, f"[{number}]")
            yield where, each.start_mark.line + 1
            yield from _keys(each, where)
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            where = (*above, str(getattr(key, "value", "")))
            yield where, key.start_mark.line + 1
            yield from _keys(value, where)
