"""The hash that binds a revision to the one before: nothing of a model's history changes without a trace."""

from __future__ import annotations

import hashlib

from catalog.store.canonical import canonical


def chain_sha256(
    *,
    model: str,
    number: int,
    sha256: str,
    parent: str,
    made_by: str,
    author: str,
    cause: str,
    made_at: str,
    sealed: str = "",
) -> str:
    """SHA-256 over the RFC 8785 form of a revision without its document, which `sha256` stands for.

    `parent` is this hash of the revision before, empty for the first. The document holds the content hash of the weights
    and where they lie, so both are bound by it. `sealed` is the commitment to its sensitive values, empty for none.
    """
    revision = {
        "author": author,
        "cause": cause,
        "document": sha256,
        "made_at": made_at,
        "made_by": made_by,
        "model": model,
        "number": number,
        "parent": parent,
    }
    if sealed:
        revision["sealed"] = sealed
    return hashlib.sha256(canonical(revision)).hexdigest()
