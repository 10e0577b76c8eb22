"""Where in a file of sources each entry and key stands, so that a fault can name its line."""

from __future__ import annotations

from catalog.lazy_dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class EntryPositions:
    """One entry: its first line, the line of each of its keys, and the keys that stand there twice. Lines count from 1."""

    line: int = 0
    keys: dict[str, int] = field(default_factory=dict)
    repeated: tuple[str, ...] = ()

    def line_of(self, key: str | None) -> int:
        """The key's line, else that of the entry; 0 if it is not known."""
        return self.keys.get(key, self.line) if key else self.line


def positions(text: str) -> list[EntryPositions]:
    """The entries of `sources` in their order. The text is a file that was read within its limits already."""
    import yaml  # noqa: PLC0415 - commands that read such a file alone need it

    root = yaml.compose(text.removeprefix("\ufeff"), Loader=yaml.SafeLoader)
    if not isinstance(root, yaml.MappingNode):
        return []
    for key, value in root.value:
        if key.value == "sources" and isinstance(value, yaml.SequenceNode):
            return [_entry(node) for node in value.value]
    return []


def _entry(node: object) -> EntryPositions:
    import yaml  # noqa: PLC0415

    if not isinstance(node, yaml.Node):
        return EntryPositions()
    keys: dict[str, int] = {}
    repeated = []
    for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
        if str(key.value) in keys:
            repeated.append(str(key.value))
        keys[str(key.value)] = key.start_mark.line + 1
    return EntryPositions(node.start_mark.line + 1, keys, tuple(repeated))
