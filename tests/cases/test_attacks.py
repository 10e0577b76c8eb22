"""Files that hide what a loader would run, and files that only look so: crawled once, nothing is loaded."""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
from pathlib import Path

import pytest
from fixtures.hostile_pickles import COMMAND, HARMLESS, SYSTEM, call, imported, proto, text

from catalog.records import Severity
from crawler.formats.byte_streams import BytesStream
from crawler.formats.pickles import read_pickle
from crawler.reader import Budget
from crawler.reading import ObjectReader
from crawler.registry import Registry
from crawler.sources.local import LocalSource

CASES = Path(__file__).parent / "attacks"


@pytest.fixture(scope="module")
def extraction_of():
    """What a crawl keeps of each file below a directory, by its key."""
    registry = Registry.installed()

    def read(root):
        source = LocalSource(root)
        reader = ObjectReader(source, registry, Budget())
        metas = [meta for step in source.list() for meta in step.objects]
        return {str(meta.key): reader.read(meta, None).extraction for meta in metas}

    return read


def worst(extraction):
    assert extraction is not None, "not in the catalog"
    return max((risk.severity for risk in extraction.risks), default=Severity.INFO)


def test_each_published_attack_is_flagged(extraction_of):
    read = extraction_of(CASES / "must-be-flagged")
    assert len(read) == 18
    assert [key for key, one in read.items() if worst(one) < Severity.MEDIUM] == []


def test_what_libraries_write_every_day_is_not_high(extraction_of):
    read = extraction_of(CASES / "must-not-be-high")
    assert len(read) == 5
    assert [key for key, one in read.items() if worst(one) > Severity.MEDIUM] == []


def wrapper(
    *, keys=(), shape=b"K\x08\x85", dtype=b"", made=b")\x81", cls=("joblib.numpy_pickle", "NumpyArrayWrapper")
):
    """joblib's announcement of an array of bytes, with something in it that joblib does not write."""
    state = b"(K\x03" + text("|") + b"NNN" + struct.pack("<BiBi", 0x4A, -1, 0x4A, -1) + b"K\x00t" + b"b"
    exact = imported("numpy", "dtype") + b"(" + text("u1") + b"\x89\x88tR" + state
    pairs = (
        text("subclass") + imported("numpy", "ndarray") + text("shape") + shape + text("order") + text("C")
    )
    pairs += text("dtype") + (dtype or exact) + text("allow_mmap") + b"\x89" + b"".join(keys)
    return proto(2) + imported(*cls) + made + b"}(" + pairs + b"ub"


PAYLOAD = SYSTEM[2:]
FLEXIBLE = b"(K\x03" + text("|") + b"NNNK\x01K\x01K\x00tb"
MEMBERS = {
    "joblib: alignment is true": wrapper(keys=[text("numpy_array_alignment_bytes") + b"\x88"]) + b"\0" * 8 + PAYLOAD,
    "joblib: alignment is computed": wrapper(
        keys=[text("numpy_array_alignment_bytes") + imported("builtins", "int") + b"(K\x10tR"]
    ) + b"\0" * 8 + PAYLOAD,
    "joblib: a key twice": wrapper(keys=[text("shape") + b"K\x01\x85"]) + b"\0" * 8 + PAYLOAD,
    "joblib: shape of a truth": wrapper(shape=b"\x88\x85") + b"\0" * 8 + PAYLOAD,
    "joblib: shape is a list": wrapper(shape=b"](K\x08e") + b"\0" * 8 + PAYLOAD,
    "joblib: element size in the state": wrapper(
        dtype=imported("numpy", "dtype") + b"(" + text("V8") + b"\x89\x88tR" + FLEXIBLE
    ) + b"\0" * 64 + PAYLOAD,
    "joblib: dtype without state": wrapper(dtype=imported("numpy", "dtype") + b"(" + text("u1") + b"\x89\x88tR")
    + b"\0" * 8 + PAYLOAD,
    "joblib: made by a call": wrapper(made=b")R") + b"\0" * 8 + PAYLOAD,
    "joblib: class out of a list": proto(2) + imported("copyreg", "_reconstructor") + b"](" + imported(
        "joblib.numpy_pickle", "NumpyArrayWrapper") + b"eR}b" + PAYLOAD,
    "joblib: older wrapper": wrapper(cls=("joblib.numpy_pickle_compat", "NDArrayWrapper")) + b".",
    "bytes behind STOP": pickle.dumps({"a": 1}, 2) + b"\xff" * 100,
    "seventy pickles": HARMLESS * 70 + SYSTEM,
    "computed: arguments of a list": proto(2) + imported("spacy.util", "run_command") + b"](" + text(COMMAND) + b"eR.",
    "computed: handed on deep": proto(2) + imported("torch._tensor", "_rebuild_from_type_v2") + b"("
    + imported("torch._tensor", "_rebuild_from_type_v2") + imported("torch", "Tensor")
    + b"(" + imported("spacy.util", "run_command") + imported("torch", "Tensor") + b"(" + text(COMMAND) + b"t}tt}tR.",
    "computed: a class that torch calls": proto(2) + imported("torch._tensor", "_rebuild_from_type_v2") + b"("
    + imported("pandas", "ExcelWriter") + imported("torch", "Tensor") + b"(" + text("/tmp/x.xlsx") + b"t}tR.",
    "getattr called by another": proto(2) + imported("torch._tensor", "_rebuild_from_type_v2") + b"("
    + imported("builtins", "getattr") + b"(" + imported("sklearn.base", "clone") + text("helper") + b"tR"
    + imported("torch", "Tensor") + b")}tR.",
    "partial of something dangerous": proto(2) + imported("functools", "partial") + b"(" + imported("os", "system") + b"tR.",
    "class of a library: a file": call("gensim.models.word2vec", "Word2Vec", "/tmp/x") + b".",
    "class of a library: numbers": proto(2) + imported("xgboost.tracker", "RabitTracker") + b"(K\x01tR.",
    "class of a library: newobj": proto(2) + imported("pandas", "HDFStore") + b"(" + text("/tmp/x") + b"t\x81.",
    **{
        f"begins with {name}": start + b"0" + SYSTEM[2:]
        for name, start in {
            "an empty set": b"\x8f", "a bytearray": b"\x96\x03" + b"\0" * 7 + b"abc", "a long number": b"\x8b\x01\0\0\0\x07",
            "short bytes": b"C\x01a", "bytes": b"B\x01\0\0\0a", "long bytes": b"\x8e\x01" + b"\0" * 7 + b"a",
            "a text of 8": b"\x8d\x01" + b"\0" * 7 + b"a", "a string": b"T\x01\0\0\0a", "a short string": b"U\x01a",
            "a float": b"G" + b"\0" * 8, "a frozen set": b"(\x91", "a mark": b"((1N",
        }.items()
    },
    "long first text, protocol 4": proto(4) + text("a" * 9000) + b"0" + SYSTEM[2:],
    "long first text of protocol 0": b"V" + b"a" * 9000 + b"\n0" + SYSTEM[2:],
    "old padding": b"(1" * 5000 + SYSTEM[2:],
}  # fmt: skip


def test_members_of_each_kind_are_flagged_under_any_name(extraction_of, tmp_path):
    for number, data in enumerate(MEMBERS.values()):
        for suffix in (".joblib", ".pkl", ".ckpt"):
            (tmp_path / f"{number:03}{suffix}").write_bytes(data)
        (tmp_path / f"{number:03}").write_bytes(data)
    read = extraction_of(tmp_path)
    names = list(MEMBERS)
    missed = [
        (names[int(Path(key).stem)], Path(key).suffix)
        for key, one in read.items()
        if one is None or worst(one) < Severity.MEDIUM
    ]
    assert missed == []


def zipped(**members):
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for name, data in members.items():
            archive.writestr(name.replace("__", "."), data)
    return written.getvalue()


CONTAINERS = {
    "data.npz": zipped(x__pkl=SYSTEM),
    "config.yaml": b"model:\n  - _target_: subprocess.run\n    args: [id]\n",
    "conf/model/net.yml": b"_target_: os.system\ncommand: id\n",
    "nemo/model_config.yaml": b"target: nemo.collections.asr.models.EncDecCTCModel\nloss:\n  _target_: os.system\n",
    "pipeline-1.0-py3-none-any.whl": zipped(model__pkl=SYSTEM),
}


def test_containers_and_configurations_that_call_something_are_flagged(extraction_of, tmp_path):
    for name, data in CONTAINERS.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    read = extraction_of(tmp_path)
    assert sorted(read) == sorted(CONTAINERS)
    assert [key for key, one in read.items() if worst(one) < Severity.MEDIUM] == []


class Recording(pickle.Unpickler):
    """The real loader, which may import nothing: the first name it asks for is where it would begin to run."""

    def find_class(self, module, name):
        raise LookupError(f"{module}.{name}")


@pytest.mark.parametrize("name", [name for name in MEMBERS if name.startswith(("begins", "long", "old"))])
def test_scanner_sees_the_name_that_the_loader_asks_for_first(name):
    with pytest.raises(LookupError) as asked:
        Recording(io.BytesIO(MEMBERS[name])).load()
    assert list(read_pickle(BytesStream(MEMBERS[name])).imports)[:1] == [asked.value.args[0]]
