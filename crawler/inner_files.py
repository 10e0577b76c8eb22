"""Files inside files: what the installed extractors say of one that lies in an archive.

The reader of an inner file draws on the budget of the outer one. Extractors that are asked for archives themselves are
not asked again: an archive inside an archive is named, not opened.
"""

from __future__ import annotations

from functools import cache

from crawler.candidates import Candidates
from crawler.extractor import HEAD_BYTES, Claim, Extractor
from crawler.installed import installed_extractors
from crawler.reader import RangedReader

MIN_CONFIDENCE = 30


def best_for(reader: RangedReader, *, without: frozenset[str]) -> tuple[Extractor, Claim] | None:
    """The extractor with the strongest claim on this inner file, by its name and first bytes."""
    head = reader.head(HEAD_BYTES)
    best: tuple[Extractor, Claim] | None = None
    for extractor in _installed().of(reader.key, head):
        if extractor.name in without:
            continue
        claim = _claim(extractor, reader.key, head)
        if claim is not None and (best is None or claim.confidence > best[1].confidence):
            best = extractor, claim
    return best if best is not None and best[1].confidence >= MIN_CONFIDENCE else None


@cache
def _installed() -> Candidates[Extractor]:
    return Candidates(installed_extractors()[0])  # of those that cannot be used the registry says why


def _claim(extractor: Extractor, key: str, head: bytes) -> Claim | None:
    try:
        return extractor.claims(key, head)
    except Exception:  # noqa: BLE001 - a stranger's plug-in must not cost a file that others read
        return None
