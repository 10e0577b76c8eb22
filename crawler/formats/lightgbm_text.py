"""A LightGBM text model from its header and its last block; the trees between them are not read.

Source: microsoft/LightGBM src/boosting/gbdt_model_text.cpp.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalog.errors import Malformed
from catalog.text.patterns import pattern
from crawler.formats.boosters import Booster

if TYPE_CHECKING:
    from crawler.reader import RangedReader

HEAD_BYTES = 1024 * 1024  # feature names and value ranges of 10,000 columns
TAIL_BYTES = 256 * 1024  # the parameters are 4 kB; the categories of pandas columns may follow
START = b"tree\n"

_PARAMETER = pattern(r"^\[([A-Za-z0-9_]{1,80}): ?(.*)\]\s*$")
_OBJECTIVE_OPTION = pattern(r"^(\w+):(.+)$")
_INFRASTRUCTURE = pattern(
    r"(?:num_threads|machine.*|local_listen_port|time_out|gpu_.*|num_gpu|num_machines|verbosity|.*_filename|"
    r"parser_config_file|header|.*_column|data|valid|forced.*|pre_partition|two_round|precise_float_parser|"
    r"saved_feature_importance_type|force_(?:col|row)_wise|histogram_pool_size|device_type|task)"
)


def looks_like_lightgbm(head: bytes) -> bool:
    start = head[:64].replace(b"\r\n", b"\n")
    return start.startswith(START) and start[5:13] == b"version="


def read_booster(reader: RangedReader) -> Booster:
    """The booster that a file describes."""
    head = reader.read(0, min(HEAD_BYTES, reader.size_bytes))
    if not looks_like_lightgbm(head):
        raise Malformed("not a LightGBM text model")
    header = _header(head.decode("utf-8", errors="replace"))
    booster = Booster(library="lightgbm", kind=None)
    objective, _, options = header.get("objective", "").partition(" ")
    booster.objective = objective or None
    sizes = header.get("tree_sizes")
    booster.trees = len(sizes.split()) if sizes is not None else None
    last_feature = _int(header.get("max_feature_idx"))
    booster.features = None if last_feature is None else last_feature + 1
    classes = _int(header.get("num_class"))
    booster.classes = classes if classes and classes > 1 else (2 if objective == "binary" else None)
    booster.feature_names = header.get("feature_names", "").split()
    booster.settings = _parameters(reader.tail(TAIL_BYTES).decode("utf-8", errors="replace"))
    booster.kind = booster.settings.pop("boosting", None)
    booster.settings.pop("objective", None)
    for option in options.split():
        if match := _OBJECTIVE_OPTION.match(option):
            booster.settings.setdefault(match[1], match[2])
    return booster


def format_version(reader: RangedReader) -> str | None:
    """The version of the text format (`v4`), which is not the library's."""
    return _header(reader.head(4096).decode("utf-8", errors="replace")).get("version")


def missing_end(reader: RangedReader) -> str | None:
    """What says that the text is cut off: trees end outside it, or its last block has no end. None for a whole file."""
    head = reader.read(0, min(HEAD_BYTES, reader.size_bytes))
    sizes = _header(head.decode("utf-8", errors="replace")).get("tree_sizes", "").split()
    start = head.find(b"\nTree=0")
    announced = sum(int(size) for size in sizes if size.isascii() and size.isdigit() and len(size) < 12)
    if start >= 0 and b"\r" not in head[:64] and start + 1 + announced > reader.size_bytes:
        return f"cut off: {announced:,} bytes of trees are announced in a file of {reader.size_bytes:,}"
    tail = reader.tail(TAIL_BYTES)
    _, parameters, settings = tail.rpartition(b"\nparameters:")
    if parameters:
        return None if b"end of parameters" in settings else "cut off within its parameters"
    ended = b"end of trees" in tail or not sizes or len(tail) >= TAIL_BYTES
    return None if ended else "cut off: its trees do not end"


def _header(text: str) -> dict[str, str]:
    """The key=value lines before the first tree."""
    header: dict[str, str] = {}
    for line in text.splitlines()[1:2000]:
        if line.startswith(("Tree=", "end of trees")):
            break
        key, equals, value = line.partition("=")
        if equals and len(key) <= 80:
            header.setdefault(key.strip(), value.strip())
    return header


def _parameters(text: str) -> dict[str, str]:
    """The settings that say something about the training; empty ones and those of the machine are left out."""
    _, heading, block = text.rpartition("\nparameters:")
    if not heading:
        return {}
    settings: dict[str, str] = {}
    for line in block.partition("end of parameters")[0].splitlines()[:2000]:
        match = _PARAMETER.match(line)
        if match is not None and match[2] and not _INFRASTRUCTURE.fullmatch(match[1]):
            settings[match[1]] = match[2]
    return settings


def _int(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 12 else None
