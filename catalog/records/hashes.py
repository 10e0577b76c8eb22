"""Identities of bytes: of a model's files, and of its tensors wherever they are kept."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import lru_cache

_SUM_BITS = 2048
_SUM_BYTES = _SUM_BITS // 8
_SUM = 1 << _SUM_BITS


def combined_sha256(hashes: Iterable[str]) -> str:
    """The SHA-256 of one file as it is; of several, that of their sorted hex digests, one a line.

    Names take no part: copies of a model under other names are the same.
    """
    ordered = sorted(hashes)
    if len(ordered) == 1:
        return ordered[0]
    return hashlib.sha256("".join(f"{digest}\n" for digest in ordered).encode("ascii")).hexdigest()


@lru_cache(maxsize=1024)
def shape_text(shape: tuple[int, ...]) -> str:
    """A shape as hashes take it. Most tensors of a model have one of a few shapes."""
    return ",".join(map(str, shape))


def tensor_label(name: str, dtype: str, shape: tuple[int, ...]) -> bytes:
    """What counts of one tensor beside its bytes, as its digest takes it."""
    return f"{name}\0{dtype}\0{shape_text(shape)}\0".encode("utf-8", errors="surrogatepass")


def tensor_digest(label: bytes, data_sha256: bytes) -> int:
    """One tensor as a number to be summed up: name, dtype, shape and bytes all count."""
    return int.from_bytes(hashlib.shake_256(label + data_sha256).digest(_SUM_BYTES), "big")


def tensors_digest(digests: Iterable[int]) -> str:
    """A set of tensors as hex, the same in any order. Sums modulo 2^2048, so that shards add up to the whole.

    Source: Bellare and Micciancio, A New Paradigm for Collision-Free Hashing, 1997 (AdHash).
    """
    return f"{sum(digests) % _SUM:0{_SUM_BITS // 4}x}"


def tensors_hash(file_digests: Iterable[str]) -> str:
    """The identity of all tensors of all files, 64 hex digits: equal however they are split into files."""
    whole = tensors_digest(int(digest, 16) for digest in file_digests)
    return hashlib.sha256(whole.encode("ascii")).hexdigest()
