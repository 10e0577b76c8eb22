"""AutoGluon predictors: a directory of one predictor with all models of its ensemble.

Source: autogluon/autogluon tabular/src/autogluon/tabular/predictor/predictor.py (`save`: learner.pkl, predictor.pkl,
version.txt, metadata.json, models/), multimodal/src/autogluon/multimodal/learners/base.py (`assets.json`).
"""

from __future__ import annotations

from catalog.records import Evidence, Extraction, Origin, Role
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats import jsons
from crawler.formats.json_values import mapping, pointer, text
from crawler.promises import Container, Promise
from crawler.reader import RangedReader

MAX_PACKAGES = 500
_MARKS = (b'"py_version"', b'"py_version_micro"', b'"packages"')


class AutogluonExtractor:
    """Reads the whole of metadata.json; what the predictor's own pickles say is read where they lie."""

    name = "autogluon"
    version = 1
    description = "AutoGluon predictors (learner.pkl beside predictor.pkl, metadata.json)"
    reads = "version, versions of Python and of the packages; all models of the ensemble are files of the predictor"
    limits = "JSON 16 MB, 500 packages"
    promises = Promise(
        containers=(
            Container(files=("learner.pkl", "predictor.pkl"), main="predictor.pkl"),
            Container(files=("assets.json", "df_preprocessor.pkl"), main="model.ckpt"),
        )
    )
    signs = Signs(names=("metadata.json",))

    def claims(self, key: str, head: bytes) -> Claim | None:
        if key.rsplit("/", 1)[-1] != "metadata.json" or any(mark not in head for mark in _MARKS):
            return None
        return Claim(format="autogluon", role=Role.CONFIG, confidence=80)

    def extract(self, reader: RangedReader) -> Extraction:
        findings = Findings(reader, self, format=None, role=Role.CONFIG, origin=Origin.CONFIG)
        metadata = jsons.read_object(reader)
        findings.say("framework", "autogluon", "json:", evidence=Evidence.INFERRED)
        findings.say("framework_version", text(metadata.get("version")), pointer("version"))
        for package, version in list(mapping(metadata.get("packages")).items())[:MAX_PACKAGES]:
            if (number := text(version)) is not None:
                findings.say("dependencies", f"{package}=={number}", pointer("packages", package))
        findings.say(
            "extra.autogluon.python", text(metadata.get("py_version_micro")), pointer("py_version_micro")
        )
        return findings.extraction()
