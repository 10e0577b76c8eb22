"""joblib files: pickles with the arrays inside the stream, compressed or not."""

from __future__ import annotations

import re

from catalog.records import Extraction, Origin, Role
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats import lz4_frames
from crawler.formats.byte_streams import compression_of, first_lz4_literal
from crawler.formats.pickled_file import begins_like_pickle, read_pickled_file
from crawler.formats.pickles import BEGINNINGS
from crawler.formats.zips import is_zip
from crawler.promises import Promise
from crawler.reader import RangedReader

_WRAPPER = b"joblib.numpy_pickle"
_PICKLE_START = re.compile(
    rb"\x80[\x02-\x05][\x95}\](cX\x8c]", re.DOTALL
)  # LZ4 may store no more than that plainly
_SUFFIXES = tuple(
    f".{name}{packed}"
    for name in ("joblib", "jbl")
    for packed in ("", ".gz", ".z", ".bz2", ".xz", ".lzma", ".lz4", ".zst")
)


class JoblibExtractor:
    name = "joblib"
    version = 12
    description = "joblib files: scikit-learn and its relatives, plain or compressed by zlib, gzip, bzip2, xz, lzma or lz4"
    reads = "the opcodes, symbolically; arrays in the stream are stepped over"
    limits = "64 MB of opcodes, 256 MB inflated, 32 MB of lz4, 3 million opcodes; zstd is named, not unpacked"
    checks_pickles = True
    promises = Promise(formats={".joblib": "joblib"})
    signs = Signs(suffixes=_SUFFIXES, beginnings=(*BEGINNINGS, lz4_frames.MAGIC))

    def claims(self, key: str, head: bytes) -> Claim | None:
        """The suffix of joblib, or a pickle that announces joblib's arrays in its beginning."""
        named = key.lower().endswith(_SUFFIXES)
        if is_zip(head):
            return None
        if begins_like_pickle(head) and (named or _WRAPPER in head):
            return Claim(format="joblib", role=Role.WEIGHTS, confidence=100 if named else 93)
        if named:
            return Claim(format="joblib", role=Role.WEIGHTS, confidence=90 if compression_of(head) else 40)
        if _PICKLE_START.match(first_lz4_literal(head)):
            return Claim(format="joblib", role=Role.WEIGHTS, confidence=70)
        return None

    def extract(self, reader: RangedReader) -> Extraction:
        """A file that cannot be read is catalogued with the risk `unchecked`."""
        findings = Findings(reader, self, format="joblib", role=Role.WEIGHTS, origin=Origin.EMBEDDED)
        read_pickled_file(findings, reader)
        return findings.extraction()
