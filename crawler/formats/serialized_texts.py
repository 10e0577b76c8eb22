"""Pickles that stand as text in a JSON object, and that its loader unpickles.

Source: DLR-RM/stable-baselines3 stable_baselines3/common/save_util.py (`data_to_json`, `json_to_data`).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator

from crawler.formats.byte_streams import BytesStream
from crawler.formats.pickles import Pickle, read_pickle
from crawler.reader import RangedReader

MAX_TEXT_BYTES = 4 * 1024 * 1024
MAX_PICKLES = 64
_SERIALIZED = re.compile(rb'":serialized:"\s*:\s*"([^"]*)"')


def serialized_pickles(reader: RangedReader) -> list[Pickle]:
    """The pickles under the key `:serialized:`; what is longer than 4 MB is looked at up to there."""
    if reader.head(1) != b"{":
        return []
    return list(_decoded(reader.read(0, MAX_TEXT_BYTES)))


def _decoded(text: bytes) -> Iterator[Pickle]:
    for number, match in enumerate(_SERIALIZED.finditer(text)):
        if number >= MAX_PICKLES:
            return
        try:
            data = base64.b64decode(match[1].replace(b"\\n", b""))
        except binascii.Error:
            continue
        yield read_pickle(BytesStream(data))
