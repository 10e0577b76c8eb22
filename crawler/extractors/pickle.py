"""Bare pickles: scikit-learn and its relatives, old torch weights, dictionaries of arrays, and anything else."""

from __future__ import annotations

from catalog.records import Extraction, Origin
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats.byte_streams import compression_of
from crawler.formats.pickled_file import begins_like_pickle, begins_with_call, read_pickled_file
from crawler.formats.pickles import BEGINNINGS
from crawler.formats.torch_files import role_of
from crawler.formats.zips import is_zip
from crawler.promises import Container, Promise
from crawler.reader import RangedReader

_PICKLE_SUFFIXES = (".pkl", ".pickle", ".pck", ".pcl", ".p", ".dat", ".sav", ".model", ".data")
_SURE_SUFFIXES = (".pkl", ".pickle", ".pck", ".pcl")
_TORCH_SUFFIXES = (".pt", ".pth", ".bin", ".ckpt", ".th", ".pdparams", ".pdopt", ".info")
_SUSPECT_SUFFIXES = (".pt", ".pth", ".pdparams")
_COMPRESSED = tuple(
    f"{name}{packed}"
    for name in _SURE_SUFFIXES
    for packed in ("", ".gz", ".z", ".bz2", ".xz", ".lzma", ".lz4", ".zst")
)


class PickleExtractor:
    name = "pickle"
    version = 11
    description = "Bare pickles: scikit-learn, XGBoost, LightGBM, CatBoost, old torch, Paddle dygraph, arrays"
    reads = "the opcodes, symbolically: class, versions, parameters, shapes; models inside byte strings"
    limits = "64 MB of opcodes and literals, 3 million opcodes, 64 pickles; nothing is unpickled"
    checks_pickles = True
    promises = Promise(
        formats={".pkl": "pickle", ".pickle": "pickle"},
        # an algorithm of RLlib with its policies. Source: ray-project/ray rllib/utils/checkpoints.py
        containers=(
            Container(files=("rllib_checkpoint.json", "algorithm_state.pkl"), main="algorithm_state.pkl"),
        ),
    )
    signs = Signs(suffixes=(*_SURE_SUFFIXES, *_SUSPECT_SUFFIXES, *_COMPRESSED), beginnings=BEGINNINGS)

    def claims(self, key: str, head: bytes) -> Claim | None:
        """What begins with opcodes of a pickle, under any name; and what calls itself a pickle."""
        name = key.lower()
        if is_zip(head):
            return None
        if begins_like_pickle(head):
            known = name.endswith((*_PICKLE_SUFFIXES, *_TORCH_SUFFIXES))
            confidence = 92 if begins_with_call(head) else 85 if known else 70
            return Claim(format="pickle", role=role_of(key), confidence=confidence)
        if name.endswith(_COMPRESSED) and compression_of(head) is not None:
            return Claim(format="pickle", role=role_of(key), confidence=80)
        if name.endswith((*_SURE_SUFFIXES, *_SUSPECT_SUFFIXES)):
            return Claim(format="pickle", role=role_of(key), confidence=30)
        return None

    def extract(self, reader: RangedReader) -> Extraction:
        """A pickle that cannot be read is catalogued with the risk `unchecked`."""
        findings = Findings(reader, self, format="pickle", role=role_of(reader.key), origin=Origin.EMBEDDED)
        read_pickled_file(findings, reader)
        return findings.extraction()
