"""Pickles that stand as text in a JSON object, and that its loader unpickles.

Source: DLR-RM/stable-baselines3 stable_baselines3/common/save_util.py (`data_to_json`, `json_to_data`, `load_from_zip_file`).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator

from catalog.errors import LimitExceeded, Malformed
from catalog.lazy_dataclasses import dataclass
from crawler.formats import jsons
from crawler.formats.byte_streams import BytesStream
from crawler.formats.pickles import Pickle, read_pickle
from crawler.reader import RangedReader

SETTINGS = "data"
"""The member of an archive in which Stable-Baselines3 looks for them."""
KEY = ":serialized:"
MAX_TEXT_BYTES = 4 * 1024 * 1024
MAX_PICKLES = 64
_BEFORE_JSON = b"\xef\xbb\xbf \t\r\n"
_SERIALIZED = re.compile(rb'":serialized:"\s*:\s*"([^"]*)"')


@dataclass(frozen=True, slots=True)
class SerializedTexts:
    """The pickles of one file, and why they may not be all of them."""

    pickles: tuple[Pickle, ...] = ()
    unchecked: str | None = None


def serialized_texts(reader: RangedReader) -> SerializedTexts:
    """The pickles under the key `:serialized:`. Of what is no JSON or beyond the limits those that are plainly written in
    its first 4 MB; it is unchecked where a loader would look for them in it, or where one is seen.
    """
    if not (head := reader.head()) or head.lstrip(_BEFORE_JSON)[:1] not in {b"{", b""}:
        return SerializedTexts()
    try:
        texts = list(_texts_in(jsons.read(reader, limits=jsons.JsonLimits(size_bytes=MAX_TEXT_BYTES))))
    except (Malformed, LimitExceeded) as error:
        data = reader.read(0, MAX_TEXT_BYTES)
        texts = [match[1].replace(b"\\n", b"") for match in _SERIALIZED.finditer(data)]
        reason = f"{reader.name[:200]!r}: {error}" if texts or reader.name == SETTINGS else None
        return SerializedTexts(tuple(_decoded(texts[:MAX_PICKLES])), reason)
    more = f"{reader.name[:200]!r} holds {len(texts)} pickles as text" if len(texts) > MAX_PICKLES else None
    return SerializedTexts(tuple(_decoded(texts[:MAX_PICKLES])), more)


def _texts_in(value: jsons.Json) -> Iterator[bytes]:
    """What stands under the key, however deep; the JSON reader has bounded how deep that is."""
    if isinstance(value, list):
        for item in value:
            yield from _texts_in(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key == KEY and isinstance(item, str):
                yield item.encode()
            else:
                yield from _texts_in(item)


def _decoded(texts: list[bytes]) -> Iterator[Pickle]:
    for text in texts:
        try:
            data = base64.b64decode(text)
        except binascii.Error:
            continue
        yield read_pickle(BytesStream(data))
