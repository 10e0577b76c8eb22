"""Hundreds of files that would run, fetch or overwrite something, each in its own directory; read once, nothing is loaded."""

from __future__ import annotations

import io
import pickle
import pickletools

import pytest
from fixtures.evasions import CASES, PICKLES

from catalog.records import Severity
from crawler.formats.byte_streams import BytesStream
from crawler.formats.pickles import read_pickle
from crawler.reader import Budget
from crawler.reading import ObjectReader
from crawler.registry import Registry
from crawler.sources.local import LocalSource


def worst(extractions):
    return max((risk.severity for read in extractions for risk in read.risks), default=Severity.INFO)


@pytest.fixture(scope="module")
def read_cases(tmp_path_factory):
    """What is kept of the files of each case, by its name."""
    root = tmp_path_factory.mktemp("evasions")
    for number, files in enumerate(CASES.values()):
        for name, data in files.items():
            path = root / f"{number:04}" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    source = LocalSource(root)
    reader = ObjectReader(source, Registry.installed(), Budget())
    kept = {name: [] for name in CASES}
    names = list(CASES)
    for step in source.list():
        for meta in step.objects:
            extraction = reader.read(meta, None).extraction
            if extraction is not None:
                kept[names[int(str(meta.key)[:4])]].append(extraction)
    return kept


@pytest.mark.parametrize(
    "kind", ["pickle", "pickle without a name", "zip", "archive", "name", "config", "foreign name"]
)
def test_every_evasion_of_a_kind_is_flagged_or_unchecked(read_cases, kind):
    chosen = {name: read for name, read in read_cases.items() if name.startswith(f"{kind}:")}
    assert len(chosen) >= 40
    assert [name for name, read in chosen.items() if worst(read) < Severity.MEDIUM] == []


class Recording(pickle.Unpickler):
    """The real loader, which may import nothing: the first name it asks for is where it would begin to run."""

    def find_class(self, module, name):
        raise LookupError(f"{module}.{name}")


def asked_first(data):
    try:
        Recording(io.BytesIO(data)).load()
    except LookupError as asked:
        return asked.args[0]
    except (
        pickle.UnpicklingError,
        ValueError,
        EOFError,
        TypeError,
        AttributeError,
        IndexError,
        OverflowError,
    ):
        return None
    return None


def shifted(data):
    """The same pickle behind beginnings that say nothing, and written in other ways that mean the same."""
    yield "as it is", data
    body = data[2:] if data[:1] == b"\x80" else data
    yield "behind a value that is dropped", b"N0" + body
    yield "behind a mark", b"(1" + body
    yield "behind a long text", b"V" + b"x" * 9000 + b"\n0" + body
    yield "behind two protocols", b"\x80\x02\x80\x04" + body
    yield "in a frame", b"\x80\x04\x95" + len(body).to_bytes(8, "little") + body
    yield "behind a harmless pickle's value", pickle.dumps({"a": 1}, 2)[:-1] + b"0" + body
    yield (
        "deep in a tuple",
        data[:2] + b"(" * 50 + body[:-1] + b"t" * 50 + b"." if data[:1] == b"\x80" else data,
    )


@pytest.mark.parametrize("name", PICKLES)
def test_scanner_has_seen_whatever_name_the_loader_asks_for_first(name):
    unseen = []
    for way, data in shifted(PICKLES[name]):
        asked = asked_first(data)
        scanned = read_pickle(BytesStream(data))
        if asked is not None and asked not in scanned.imports and scanned.error is None:
            unseen.append((way, asked))
    assert unseen == []


def opcodes_of(data):
    try:
        return [data[position : position + 1] for _, _, position in pickletools.genops(data)]
    except ValueError:
        return []


def test_generator_reaches_most_opcodes_that_import_or_call():
    seen = {code for data in PICKLES.values() for code in opcodes_of(data)}
    assert {
        b"c",
        b"\x93",
        b"i",
        b"o",
        b"R",
        b"\x81",
        b"\x92",
        b"b",
        b"s",
        b"e",
        b"j",
        b"r",
        b"p",
        b"g",
        b"h",
        b"q",
    } <= seen
