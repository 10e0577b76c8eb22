"""The front matter of a model card: YAML between `---` lines at the start of a Markdown file.

Source: huggingface/huggingface_hub src/huggingface_hub/repocard.py (blank lines before the first fence are allowed).
"""

from __future__ import annotations

import codecs
import re

from catalog.errors import LimitExceeded
from catalog.lazy_dataclasses import dataclass

MAX_FRONT_MATTER_BYTES = 256 * 1024
MAX_BODY_BYTES = 256 * 1024

_OPENING = re.compile(r"\s{0,1024}---[ \t]{0,64}(?:\r\n|\r|\n)")
_CLOSING = re.compile(r"^---[ \t]{0,64}(?:\r\n|\r|\n|\Z)", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A Markdown file in its two parts. `front_matter` is None where there is none: then all is body."""

    front_matter: str | None
    body: str


def split(data: bytes) -> Card:
    """The parts of a Markdown file, in UTF-8 or in UTF-16 with its mark. Bytes that are neither become U+FFFD.

    Bounds: front matter up to 256 kB, body cut at 256 kB. Raises LimitExceeded.
    """
    is_wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    text = data.decode("utf-16" if is_wide else "utf-8", errors="replace").removeprefix("\ufeff")
    opening = _OPENING.match(text)
    lines = text.replace("\r\n", "\n\n").replace("\r", "\n")  # same length: positions hold for both
    closing = _CLOSING.search(lines, opening.end()) if opening else None
    if opening is None or closing is None:
        return Card(front_matter=None, body=text[:MAX_BODY_BYTES])
    front = text[opening.end() : closing.start()]
    if len(front) > MAX_FRONT_MATTER_BYTES:
        raise LimitExceeded("bytes of front matter", limit=MAX_FRONT_MATTER_BYTES, found=len(front))
    return Card(front_matter=front, body=text[closing.end() :].lstrip("\r\n")[:MAX_BODY_BYTES])
