"""Whether the files of an index are as Tantivy wrote them. A search meets damage only where it happens to read."""

from __future__ import annotations

import json
import struct
from functools import lru_cache
from pathlib import Path
from zlib import crc32

from catalog.errors import EngineUnavailable

CHUNK_BYTES = 1 << 20
FOOTER_MAGIC = 1337
MOST_FILES_KNOWN = 4096
MAX_FOOTER_BYTES = 50_000
"""Source: tantivy src/directory/footer.rs: the file's bytes, a JSON object with their CRC-32, its length, the magic."""


def damage(path: Path) -> str | None:
    """What is wrong with the index in this folder; None when every file of it is whole."""
    from indexer.engines.tantivy.engine import open_index  # noqa: PLC0415 - the reader knows the writer's checks, too

    try:
        segments = {segment["segment_id"].replace("-", "") for segment in _meta(path)["segments"]}
        open_index(path)  # what is missing, or cut short, is seen by opening it
        for file in sorted(path.iterdir()):
            if file.name.partition(".")[0] in segments and not _is_whole(file):
                return f"the index is damaged: {file.name} is not as it was written"
    except EngineUnavailable as error:
        return error.reason.rstrip(".")
    except (OSError, ValueError, LookupError, TypeError, AttributeError, struct.error) as error:
        return f"the index is damaged: {type(error).__name__}"
    return None


def _meta(path: Path) -> dict[str, list[dict[str, str]]]:
    meta: dict[str, list[dict[str, str]]] = json.loads((path / "meta.json").read_bytes())
    return meta


def _is_whole(path: Path) -> bool:
    stat = path.stat()
    return _is_whole_as_it_is(path, stat.st_ino, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=MOST_FILES_KNOWN)
def _is_whole_as_it_is(path: Path, _inode: int, _mtime_ns: int, size: int) -> bool:
    """Files of segments are written once: one that was read to its end is not read again for each change of one model."""
    with path.open("rb") as file:
        file.seek(-8, 2)
        length, magic = struct.unpack("<II", file.read(8))
        if magic != FOOTER_MAGIC or length > min(MAX_FOOTER_BYTES, size - 8):
            return False
        file.seek(-8 - length, 2)
        footer = json.loads(file.read(length))
        file.seek(0)
        left, checksum = size - 8 - length, 0
        while left > 0 and (chunk := file.read(min(CHUNK_BYTES, left))):
            checksum = crc32(chunk, checksum)
            left -= len(chunk)
    return bool(footer["crc"] == checksum)
