"""One network as SavedModel, ONNX, TFLite and Core ML in one directory: one model, one count, three alternatives."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from catalog import plugins
from catalog.normalise.record import normalise
from catalog.records import Member, ObjectKey, ObjectMeta, SourceId
from crawler.extractor import HEAD_BYTES
from crawler.grouping.groups import group
from crawler.reader import bytes_reader

DATA = Path(__file__).parents[1] / "corpus" / "data"
COUNTS = json.loads((DATA / "tensorflow" / "counts.json").read_text())
PACKAGE = "coreml/program.mlpackage"


def files():
    """The formats under one stem, as basic-pitch ships them: nmp/, nmp.onnx, nmp.tflite, nmp.mlpackage."""
    yield "nets/nmp.onnx", DATA / "onnx" / "rich.onnx"
    yield "nets/nmp.tflite", DATA / "tflite" / "digits.tflite"
    for folder, name in ((DATA / "tensorflow" / "exported", "nmp"), (DATA / PACKAGE, "nmp.mlpackage")):
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                yield f"nets/{name}/{path.relative_to(folder).as_posix()}", path


def member(key, path, extractors):
    data = path.read_bytes()
    claims = [
        (claim, extractor) for extractor in extractors if (claim := extractor.claims(key, data[:HEAD_BYTES]))
    ]
    best = max(claims, key=lambda pair: pair[0].confidence)[1] if claims else None
    meta = ObjectMeta(source=SourceId("s"), key=ObjectKey(key), size_bytes=len(data), change_token="1")
    return Member(object=meta, extraction=None if best is None else best.extract(bytes_reader(key, data)))


def test_one_model_with_alternatives_is_counted_once():
    extractors = [extractor() for _, extractor in plugins.load_all("extractor")]
    groups = group(SourceId("s"), [member(key, path, extractors) for key, path in files()])
    assert [found.key for found in groups] == ["nets/nmp"]
    document = normalise(groups[0], now=datetime(2026, 1, 1, tzinfo=UTC)).document
    assert document["parameters"] == COUNTS["tensorflow/exported"]
    assert document["framework"] == "tensorflow"
    counts = {one["format"]: one["parameters"] for one in document["alternatives"]}
    assert counts == {"onnx": 650, "tflite": COUNTS["tflite/digits.tflite"], "coreml": 6464}
