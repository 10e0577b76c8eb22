"""Models of ML.NET: a zip that begins with `TrainingInfo/Version.txt`, with the steps of the pipeline as `Model.key`.

Source: dotnet/machinelearning src/Microsoft.ML.Core/Data/Repository.cs (`RepositoryWriter`, whose names have the separator of
the system that wrote them) and ModelHeader.cs; src/Microsoft.ML.Data/Scorers/PredictionTransformer.cs (`LoaderSignature`).
"""

from __future__ import annotations

import re

from catalog.errors import ExtractError, Malformed
from catalog.records import Evidence, Extraction, Origin, Role
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats.zips import BEGINNINGS, Member, ZipDirectory, is_zip, open_zip
from crawler.promises import Promise
from crawler.reader import RangedReader

MAX_VERSION_BYTES = 1024
MAX_STEPS = 100
HEADER_BYTES = 256
_NAME_AT = 30
"""Where a zip has the name of its first member. Source: PKWARE APPNOTE 4.3.7."""
_FIRST_MEMBER = re.compile(rb"TrainingInfo[/\\]Version\.txt")
_VERSION = "TrainingInfo/Version.txt"
_STEP = "Model.key"
_HEADER = b"ML\0MODEL"
_SIGNATURE = slice(0x50, 0x68)
_TASKS = {
    "BinaryPredXfer": "tabular-classification",
    "MulticlassPredXfer": "tabular-classification",
    "RegressionPredXfer": "tabular-regression",
}
"""What scores the rows: of the others (ranking, clustering, anomalies) no task of the table says it."""
_NOT_TABULAR = re.compile(r"Text|Ngram|Token|Word|Image|Dnn|TensorFlow|TFTransform|Onnx|Bert", re.IGNORECASE)
"""Steps that read texts or pictures: the same scorer then is of another task."""
_PIPELINE = frozenset({"TransformerChain", "CompositeLoader"})
_TRAINED = re.compile(r"(?!.*(?:Cali|PredXfer)).+(?:Exec|Executor|Pred|Predictor)$")
"""What was trained, but for what calibrates and scores it."""


class MlnetExtractor:
    """Reads the zip's directory, the version, and of each step the header; what the steps learned stays unread."""

    name = "mlnet"
    version = 1
    description = "Models of ML.NET (.zip, .mlnet)"
    reads = "version of ML.NET, the steps of the pipeline, what was trained, task"
    limits = "100 steps, of each its header of 256 bytes; weights and trees are not read"
    promises = Promise(formats={".mlnet": "mlnet"})
    signs = Signs(beginnings=BEGINNINGS)

    def claims(self, key: str, head: bytes) -> Claim | None:  # noqa: ARG002 - people call it as they like
        if not is_zip(head) or _FIRST_MEMBER.match(head, _NAME_AT) is None:
            return None
        return Claim(format="mlnet", role=Role.WEIGHTS, confidence=95)

    def extract(self, reader: RangedReader) -> Extraction:
        findings = Findings(reader, self, format="mlnet", role=Role.WEIGHTS, origin=Origin.EMBEDDED)
        archive = open_zip(reader)
        members = {member.name.replace("\\", "/"): member for member in archive.members}
        if _VERSION not in members:
            raise Malformed("no version of ML.NET in its zip", where=_VERSION)
        written = archive.read_member(members[_VERSION], MAX_VERSION_BYTES).decode("utf-8-sig", "replace")
        version, _, commit = written.strip().partition("+")
        findings.say("framework", "mlnet", f"zip:{_VERSION}", evidence=Evidence.INFERRED)
        findings.say("framework_version", version, f"zip:{_VERSION}")
        findings.say("extra.mlnet.commit", commit[:100], f"zip:{_VERSION}")
        _tell_steps(findings, archive, members)
        return findings.extraction()


def _tell_steps(findings: Findings, archive: ZipDirectory, members: dict[str, Member]) -> None:
    """What each step calls itself, what of them was trained, and the task of the one that scores."""
    steps = sorted(name for name in members if name == _STEP or name.endswith(f"/{_STEP}"))
    signatures = []
    for name in steps[:MAX_STEPS]:
        try:
            signatures.append(_signature(archive.read_start(members[name], HEADER_BYTES)))
        except ExtractError as error:
            findings.failed(error)
    if len(steps) > MAX_STEPS:
        findings.problem("limit-exceeded", f"more than {MAX_STEPS} steps; the rest is left out")
    place = f"zip:{_STEP}"
    own = [signature for signature in signatures if signature and signature not in _PIPELINE]
    findings.say("extra.mlnet.steps", own or None, place)
    trained = list(filter(_TRAINED.fullmatch, own))
    findings.say("architecture", trained[-1] if trained else None, place, evidence=Evidence.INFERRED)
    if not any(map(_NOT_TABULAR.search, own)):
        tasks = {task for signature in own if (task := _TASKS.get(signature))}
        findings.say("task", tasks.pop() if len(tasks) == 1 else None, place, evidence=Evidence.INFERRED)


def _signature(header: bytes) -> str:
    """Up to 24 letters by which ML.NET finds what loads the step. Raises Malformed."""
    if not header.startswith(_HEADER) or len(header) < HEADER_BYTES:
        raise Malformed("a step of an ML.NET model has no header", where=_STEP)
    return header[_SIGNATURE].split(b"\0", 1)[0].decode("ascii", "replace")
