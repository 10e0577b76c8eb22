"""Which constants of an OpenVINO graph only serve to quantise others: limits, scales and zero points, by what they feed.

Source: openvinotoolkit/openvino docs, "FakeQuantize" (inputs 1 to 4 are limits), "Low Precision Transformations"
(Convert, Subtract and Multiply after packed weights).
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_LAYERS = 1_000_000
MAX_ID_CHARACTERS = 40
_WAYS = frozenset({"Const", "Convert", "Reshape", "Subtract", "Multiply"})
_SCALING = ("Subtract", "Multiply")
_WHAT_IS_QUANTISED, _BY_WHAT = "0", "1"


class Wiring:
    """Layers of the main graph and the edges between those that may unpack weights. `packed` are constants in few bits."""

    def __init__(self) -> None:
        self.packed: set[str] = set()
        self._kinds: dict[str, str] = {}
        self._sources: dict[str, dict[str, str]] = defaultdict(dict)

    def place(self, layer: str, kind: str) -> None:
        """Remembers a layer that an edge may name."""
        is_kept = len(self._kinds) < MAX_LAYERS and len(layer) <= MAX_ID_CHARACTERS
        if is_kept and (kind in _WAYS or kind == "FakeQuantize"):
            self._kinds[layer] = kind

    def connect(self, edge: Mapping[str, str]) -> None:
        """Remembers an edge between two of them, by the port that it ends in."""
        source, target, port = (edge.get(name, "") for name in ("from-layer", "to-layer", "to-port"))
        if self._kinds.get(source) in _WAYS and target in self._kinds and len(port) == 1:
            self._sources[target][port] = source

    def serving(self) -> frozenset[str]:
        """The constants by which others are quantised."""
        serving = set[str]()
        unpacking = {layer for layer in self._sources if self._unpacks(layer)}
        for kind in _SCALING:  # a zero point is taken off before a scale is put on
            for layer, ports in self._sources.items():
                if self._kinds[layer] == kind and ports.get(_WHAT_IS_QUANTISED) in unpacking:
                    unpacking.add(layer)
                    serving.add(self._constant(ports.get(_BY_WHAT, "")))
        for layer, ports in self._sources.items():
            if self._kinds[layer] == "FakeQuantize":
                serving.update(
                    self._constant(source) for port, source in ports.items() if port != _WHAT_IS_QUANTISED
                )
        return frozenset(serving - {""})

    def _unpacks(self, layer: str) -> bool:
        return self._kinds[layer] == "Convert" and self._sources[layer].get(_WHAT_IS_QUANTISED) in self.packed

    def _constant(self, layer: str) -> str:
        """The constant that a layer is, or makes another type or shape of; empty where it is computed."""
        for _ in range(3):
            if self._kinds.get(layer) not in {"Convert", "Reshape"}:
                break
            layer = self._sources.get(layer, {}).get(_WHAT_IS_QUANTISED, "")
        return layer if self._kinds.get(layer) == "Const" else ""
