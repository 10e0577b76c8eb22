"""Files that are made to cost: each is read within seconds of processor time, and what was not looked at is said."""

from __future__ import annotations

import gzip
import io
import json
import struct
import tarfile
import zipfile

import pytest
from fixtures.hostile_pickles import SYSTEM
from fixtures.patience import processor_within

from catalog.normalise.values.secrets import masked_text
from catalog.records import Severity
from crawler.formats.byte_streams import BytesStream
from crawler.formats.pickles import read_pickle
from crawler.reader import Budget
from crawler.reading import ObjectReader
from crawler.registry import Registry
from crawler.sources.local import LocalSource

MOST_SECONDS = 5.0


def zip_of(number):
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for member in range(number):
            archive.writestr(f"{member:06}.txt", b"")
    return written.getvalue()


def tar_of(number):
    header = tarfile.TarInfo("a.txt").tobuf()
    return header * number + bytes(1024)


def deep_json(levels):
    return (b'{"auto_map": ' * levels) + b"1" + b"}" * levels


FILES = {
    "zip of many members": ("a.zip", zip_of(500)),
    "tar of many members": ("a.tar", tar_of(1_000)),
    "gzip bomb of pops": ("weights", gzip.compress(b"N0" * 400_000 + SYSTEM[2:])),
    "gzip bomb of zeros": ("weights.bin", gzip.compress(bytes(64_000_000))),
    "deep object": ("config.json", deep_json(100_000)),
    "long list of targets": ("config.json", json.dumps([{"_target_": f"os.a{each}"} for each in range(40_000)]).encode()),
    "tags without end": ("a.yaml", b"- !!python/object/apply:os.system []\n" * 1_500),
    "document types": ("m.xml", b"<!DOCTYPE " * 100_000),
    "template of fragments": ("chat_template.jinja", b"{{ '__' ~ " * 15_000),
    "frames": ("m.pkl", b"\x80\x04" + (b"\x95" + struct.pack("<Q", 9)) * 100_000 + b"N."),
    "literals that are zips": ("m.pkl", b"\x80\x04(" + (b"B" + struct.pack("<I", 60_000) + b"PK\x03\x04" * 15_000) * 60 + b"t."),
    "literals that are compressed": (
        "m.pkl",
        b"\x80\x04(" + (b"B" + struct.pack("<I", 4_000) + gzip.compress(bytes(3_000_000)).ljust(4_000, b"\0")) * 60 + b"t.",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def registry():
    return Registry.installed()


@pytest.mark.parametrize("name", FILES)
def test_hostile_file_costs_seconds_and_no_more(name, registry, tmp_path):
    file, data = FILES[name]
    (tmp_path / file).write_bytes(data)
    source = LocalSource(tmp_path)
    reader = ObjectReader(source, registry, Budget())
    with processor_within(MOST_SECONDS):
        for step in source.list():
            for meta in step.objects:
                reader.read(meta, None)


def test_what_a_bomb_hides_is_said_or_unchecked(registry, tmp_path):
    (tmp_path / "weights").write_bytes(gzip.compress(b"N0" * 200_000 + SYSTEM[2:]))
    source = LocalSource(tmp_path)
    (meta,) = [meta for step in source.list() for meta in step.objects]
    extraction = ObjectReader(source, registry, Budget()).read(meta, None).extraction
    assert max(risk.severity for risk in extraction.risks) >= Severity.MEDIUM


def test_a_megabyte_of_what_looks_like_secrets_is_masked_in_one_pass():
    parts = (
        "login(",
        "login(,",
        "name: A\n",
        "name: a_token value",
        "pat",
        "SK0",
        '"auth": "',
        "pa-a",
        "ak-",
        "Q~",
    )
    with processor_within(MOST_SECONDS):
        for part in parts:
            masked_text(part * (30_000 // len(part)))


def test_a_frame_that_ends_inside_a_value_is_never_taken_for_a_whole_pickle():
    """CPython's C unpickler loses a byte there: it imported `os.ystem` where the scanner saw `os.system`."""
    body = SYSTEM[2:]
    lying = b"\x80\x04\x95" + struct.pack("<Q", 5) + body
    scanned = read_pickle(BytesStream(lying))
    assert "ends inside a value" in str(scanned.error)
    assert list(scanned.imports) == ["os.system"]


def mojo_with(setting):
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr("model.ini", "[info]\nalgo = gbm\nmojo_version = 1.40\n\n[columns]\n\n[domains]\n")
        archive.writestr("experimental/modelDetails.json", json.dumps({"parameters": [setting]}))
    return written.getvalue()


@pytest.mark.parametrize(
    ("key", "data"),
    {
        "a column's name of 200 kB": ("results.csv", b'epoch,"' + b"a" * 200_000),
        "a number where a signature stands": ("net.mlmodelc/metadata.json", b'[{"inputSchema": 5}]'),
        "a number where merged models stand": (
            "mergekit_config.yml",
            b"merge_method: ties\nmodels: 5\nslices: 7\n",
        ),
        "an object where a type stands": ("gbm.zip", mojo_with({"type": {"a": 1}, "name": "x"})),
        "a number where dependencies stand": ("conda.yaml", b"name: x\ndependencies: 5\n"),
        "a number where pip's list stands": ("conda.yaml", b"name: x\ndependencies: [{pip: 5}]\n"),
        "a number where labels stand": ("m.pkl.dvc", b"outs:\n- {md5: aa, path: m.pkl, labels: 5}\n"),
        "a number where tags stand": (
            "bom.cdx.json",
            (
                b'{"bomFormat": "CycloneDX", "specVersion": "1.6", "components":'
                b' [{"type": "machine-learning-model", "name": "x", "tags": 5}]}'
            ),
        ),
    }.values(),
)
def test_settings_of_another_kind_than_theirs_are_no_fault_of_the_reader(key, data, registry, tmp_path):
    """A fuzzer met five readers that broke over a number where a list belongs, or an object where a word does."""
    (tmp_path / key).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / key).write_bytes(data)
    source = LocalSource(tmp_path)
    (meta,) = [meta for step in source.list() for meta in step.objects]
    outcome = ObjectReader(source, registry, Budget()).read(meta, None)
    assert outcome.entry.signature.partition(":")[0] not in {"none", "listing"}
    assert {problem.code for problem in outcome.extraction.problems} <= {"malformed"}
