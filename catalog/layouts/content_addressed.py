"""Storage layouts that name a file by the hash of its bytes.

Source: huggingface_hub file_download.py (cache blobs), ollama (models/blobs), OCI image layout 1.1 (blobs/sha256),
treeverse/dvc (files/md5; before DVC 3 without that prefix).
"""

from __future__ import annotations

import re

from catalog.text.patterns import pattern

_LAYOUTS = (
    ("sha256", re.compile(r"(?:^|/)blobs/sha256[-/]([0-9a-f]{64})$")),
    ("sha256", re.compile(r"(?:^|/)models--[^/]+/blobs/([0-9a-f]{64})$")),
    ("md5", re.compile(r"(?:^|/)(?:files/md5/)?([0-9a-f]{2}/[0-9a-f]{30}(?:\.dir)?)$")),
)
SHORTEST_DIGITS = 30
"""Of a digest behind the last stroke of a key."""
_DIGEST_ENDS = pattern(rf"[0-9a-f]{{{SHORTEST_DIGITS}}}")
_LAST_OF_KEYS = tuple("0123456789abcdefr")
"""Characters with which a digest, or `.dir` behind it, ends. Few names of files do."""


_SHARED = re.compile(r"(?:^|/)blobs/([0-9a-f]{2})/\1[0-9a-f]{62}$")


def is_shared_blob(key: str) -> bool:
    """Whether the key is that of bytes that all repositories of a hub's cache link to, under a hash that is no SHA-256.

    Source: huggingface_hub utils/_shared_blobs.py (`HF_HUB_CACHE/blobs/<2 digits>/<xet hash>`).
    """
    return _SHARED.search(key) is not None


def content_key(key: str) -> str | None:
    """`sha256:<hex>` or `md5:<hex>` that the layout promises for the object at `key`; None for ordinary names."""
    if not key.endswith(_LAST_OF_KEYS):
        return None
    named = key.removesuffix(".dir")
    if _DIGEST_ENDS.fullmatch(named, max(0, len(named) - SHORTEST_DIGITS)) is None:
        return None
    for kind, layout in _LAYOUTS:
        match = layout.search(key)
        if match:
            return f"{kind}:{match[1].replace('/', '')}"
    return None
