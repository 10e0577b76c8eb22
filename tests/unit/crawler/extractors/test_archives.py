"""Archives with models in them: read where they lie, and never nothing when they are hostile."""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import json
import lzma
import struct
import tarfile
import zipfile
from typing import ClassVar

import pytest
from fixtures.crawling import safetensors
from fixtures.extraction import elements_of, extract, values_of

from catalog.records import FileStatus, Role
from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.archives import ArchivesExtractor
from crawler.formats.archives import names_in_7z
from crawler.reader import bytes_reader
from crawler.registry import Registry

CONFIG = b'{"architectures": ["BertModel"], "model_type": "bert"}'
CALLS = b"cposix\nsystem\n(S'touch /tmp/x'\ntR."
SEVEN_ZIP = (
    "H+sCUCma9-ewg!;!vFvP00000761SM00000*k$^(-~eg>CtUzNh=?a+lMs+F*?q<Pyryf?7(0_f9SO!6(3q4DYROiW;3F(hIsgFR0MG!8T>t=qGY75@(DAYSpE("
    "emZ0c4Tj^WNi8~5wPR!43Xs1X1k&Rhok(u^!Z)Im3C4lIU{15>8N@nGOgvl`|W5;hbntyZ?{#CPAmnQEt!^k#xWP)IV#15uH`oCU;T+|g<`ijR~Nh>DRT_dWB)#n"
    "{m{^K3Pf+c#6wMI<MW&>?0=aBB5$7i=T|0000N1}^~#fRq3S3jqKDAt3=641m!900"
)
"""Three files that py7zr packed."""
LOCKED_SEVEN_ZIP = (
    "H+sCUCma9-#G{t|AOQdX00000DgXcg00000elsvLIj1#CU0DuyFPM0DooxSupY7Z=x=4$(<*$_-!Z1Wel)(6TaWCE}`n*syz0jB4M0#2mm=l`g<b6Fc>KbUE`s9Q"
    "Y3}o{LYm*pHFkL;t91-I|m-2Ad1L_I<pN+ju&>8mFqTHZ!Le}98F~hw+Ph$1`JVE1h4`fwQJ6}3*RV^J+Kav3NTN5pajuUMb{>!~TF(|#mL+e)oaw3pUc3nYC%Xu"
    "?h=jET-$d^Acs(E!13EI}P9~Pi*b^_3SM|~Bcni833Zc6^49JTPPj$fP#-+9{WpIdzo%h^ODQu`k{1VUt%Mjtd=r2IYDYR5G6w+z239~bL(D(!93$Hd7%r5vrB6P"
    "W5(#(g;PwqES2!0f=&e}jj;Kx+N>7X~l^34rhb2MYlJ0VD?T2LTdO531Yo_Yh{@UPMZk#91R1&kTU=000"
)
"""The same with a password that hides the names, too."""


def tar(files, *, mode="w", links=()):
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode=mode) as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
        for name, target, kind in links:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, target
            archive.addfile(member)
    return written.getvalue()


def zipped(files, method=zipfile.ZIP_DEFLATED):
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return written.getvalue()


def encrypted(data):
    """The zip with its members' flag of encryption set."""
    marked = bytearray(data)
    marked[data.find(b"PK\3\4") + 6] |= 1
    marked[data.find(b"PK\1\2") + 8] |= 1
    return bytes(marked)


MODEL = {"bert/model.safetensors": safetensors(6), "bert/config.json": CONFIG}


class TestArchives(ExtractorSuite):
    extractor = ArchivesExtractor
    expected: ClassVar = {"architecture": "BertModel", "extra.archive.members": 2}

    def sample(self):
        return Sample(key="job/output/model.tar", data=tar(MODEL))


OF_A_MAC = {
    "__MACOSX/x/._model.safetensors": b"\0\5\x16\7\0\2\0\0Mac OS X",
    "x/._config.json": b"\0\5\x16\7\0\2\0\0Mac OS X",
    "x/.DS_Store": b"\0\0\0\1Bud1",
}
"""What was a model's file that could not be checked."""


@pytest.mark.parametrize(
    ("key", "data"),
    [
        ("a/model.tar.gz", tar(MODEL, mode="w:gz")),
        ("a/without-suffix", tar(MODEL, mode="w:gz")),
        ("a/model.tbz2", tar(MODEL, mode="w:bz2")),
        ("a/model.tar.xz", tar(MODEL, mode="w:xz")),
        ("a/model.tar", tar(MODEL)),
        ("a/model.zip", zipped(MODEL)),
        ("a/of-a-mac.zip", zipped(MODEL | OF_A_MAC)),
        ("a/of-a-mac.tgz", tar(MODEL | OF_A_MAC, mode="w:gz")),
        ("a/stored.zip", zipped(MODEL, zipfile.ZIP_STORED)),
        ("a/model.safetensors.gz", gzip.compress(safetensors(6), mtime=0)),
        ("a/model.safetensors.bz2", bz2.compress(safetensors(6))),
        ("a/model.safetensors.xz", lzma.compress(safetensors(6))),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_model_in_an_archive_is_read_as_if_it_lay_beside(key, data):
    assert ArchivesExtractor().claims(key, data[:4096]) is not None
    extraction = extract(ArchivesExtractor, key, data)
    assert (extraction.role, extraction.status) == (Role.WEIGHTS, FileStatus.OK)
    assert elements_of(extraction, "model") == 6
    assert extraction.risks == ()
    assert {observation.key for observation in extraction.observations} == {key}
    if "safetensors" not in key:
        assert values_of(extraction)["architecture"] == "BertModel"


def risks_of(key, data):
    extraction = extract(ArchivesExtractor, key, data)
    assert extraction.role is Role.WEIGHTS
    return {(risk.kind, risk.severity.name) for risk in extraction.risks}


@pytest.mark.parametrize(
    "pack", [zipped, tar, lambda files: tar(files, mode="w:gz")], ids=["zip", "tar", "tar.gz"]
)
@pytest.mark.parametrize("name", ["x/model.pkl", "x/blob", "optimizer.pt", "notes.dat"])
def test_pickle_in_an_archive_is_scanned_whatever_it_is_called(pack, name):
    assert ("code-execution", "HIGH") in risks_of("a/thing.zip", pack({name: CALLS}))


OUTSIDE = ("path-traversal", "HIGH")
UNCHECKED = ("unchecked", "MEDIUM")
HOSTILE = {
    "a name with ..": ("a.tar.gz", tar({"../../etc/x": b"a"}, mode="w:gz"), OUTSIDE),
    "a name from the root": ("a.tar", tar({"/etc/x": b"a"}), OUTSIDE),
    "a name of Windows": ("a.zip", zipped({"C:\\x\\y": b"a"}), OUTSIDE),
    "a link from the root": ("a.tar", tar({}, links=[("a", "/etc/passwd", tarfile.SYMTYPE)]), OUTSIDE),
    "a hard link out": ("a.tar", tar({}, links=[("b/a", "../../x", tarfile.LNKTYPE)]), OUTSIDE),
    "a device": ("a.tar", tar({}, links=[("a", "", tarfile.CHRTYPE)]), ("suspicious-structure", "MEDIUM")),
    "a gzip cut off": ("a.tar.gz", tar({"model.bin": bytes(99_000)}, mode="w:gz")[:-40], UNCHECKED),
    "a tar cut off": ("a.tar", tar(MODEL)[:900], UNCHECKED),
    "a zip cut off": ("a.zip", zipped(MODEL)[:-20], UNCHECKED),
    "a zip bomb": ("a.zip", zipped({"model.pkl": bytes(20_000_000)}), ("zip-bomb", "MEDIUM")),
    "encrypted members": ("a.zip", encrypted(zipped({"model.pkl": CALLS})), UNCHECKED),
    "a zip inside a tar": ("a.tar", tar({"b.zip": zipped({"b.bin": b"1"})}), UNCHECKED),
    "a tar inside a tar": ("a.tar", tar({"b.tgz": tar({"b.pkl": CALLS}, mode="w:gz")}), UNCHECKED),
    "7z": ("a.7z", base64.b85decode(SEVEN_ZIP), UNCHECKED),
    "7z with a password": ("a.7z", base64.b85decode(LOCKED_SEVEN_ZIP), UNCHECKED),
    "rar": ("a.rar", b"Rar!\x1a\x07\x01\0" + bytes(50), UNCHECKED),
    "zstd": ("model.tar.zst", b"\x28\xb5\x2f\xfd" + bytes(50), UNCHECKED),
}


@pytest.mark.parametrize(("key", "data", "risk"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_archive_is_a_risk_and_never_nothing(key, data, risk):
    assert risk in risks_of(f"models/{key}", data)


def test_bomb_of_a_compressed_tar_ends_at_the_limit():
    """300 MB of zeros in 300 kB."""
    data = tar({"model.pkl": bytes(300_000_000)}, mode="w:gz")
    reader = bytes_reader("a/model.tar.gz", data)
    extraction = ArchivesExtractor().extract(reader)
    assert UNCHECKED in {(risk.kind, risk.severity.name) for risk in extraction.risks}
    assert extraction.status is FileStatus.PARTIAL


def test_weights_larger_than_what_is_inflated_are_counted_by_their_header():
    large = safetensors(5_000_000)
    extraction = extract(ArchivesExtractor, "a/model.tar.gz", tar({"model.safetensors": large}, mode="w:gz"))
    assert elements_of(extraction, "model") == 5_000_000


def test_archives_of_something_else_are_no_models():
    for key, data in {
        "data.zip": zipped({"a.csv": b"1,2", "b.jpg": b"\xff\xd8"}),
        "pkg-1.0.tar.gz": tar(
            {"pkg/setup.py": b"x", "pkg/config.json": b"{}", "pkg/README.md": b"# a"}, mode="w:gz"
        ),
        "00000.tar": tar({f"{number:05}.{kind}": b"{}" for number in range(80) for kind in ("json", "txt")}),
        "images.7z": base64.b85decode(LOCKED_SEVEN_ZIP),
    }.items():
        extraction = extract(ArchivesExtractor, key, data)
        assert (extraction.role, extraction.observations, extraction.risks) == (Role.AUXILIARY, (), ())


def test_link_within_an_archive_is_harmless():
    links = [("best.safetensors", "bert/model.safetensors", tarfile.SYMTYPE)]
    assert risks_of("a/model.tar", tar(MODEL, links=links)) == set()


def test_names_in_7z_are_those_that_were_packed():
    names = names_in_7z(bytes_reader("a.7z", base64.b85decode(SEVEN_ZIP)))
    assert names == ["model/config.json", "model/classifier.pkl", "model/über.txt"]


def test_policy_that_stable_baselines_saved_is_a_model_by_the_name_of_its_archive(shop):
    """A torch file inside an ordinary zip, with its own suffix."""
    shop.registry = Registry.installed()
    inner = zipped(
        {
            "archive/data.pkl": b"\x80\x02}q\x00.",
            "archive/version": b"3\n",
        },
        zipfile.ZIP_STORED,
    )
    shop.put(
        "agents/ppo_cartpole.zip", zipped({"data": json.dumps({"n_steps": 8}).encode(), "policy.pth": inner})
    )
    report = shop.crawl()
    assert report.unread == ()
    (document,) = shop.documents().values()
    assert (document["name"], document["format"]) == ("ppo_cartpole", ["zip"])


def test_header_of_7z_with_impossible_numbers_is_refused():
    head = b"7z\xbc\xaf\x27\x1c\0\4\0\0\0\0" + struct.pack("<QQI", 2**60, 2**60, 0)
    assert UNCHECKED in risks_of("model.7z", head)


def settings(text):
    """The settings of an agent that keeps this text as a pickle."""
    return json.dumps({"policy_class": {":serialized:": base64.b64encode(text).decode()}})


@pytest.mark.parametrize(
    ("member", "content", "kinds"),
    [
        ("data", "\n" + settings(CALLS), {"code-execution"}),
        ("data", settings(CALLS).replace(":ser", "\\u003aser"), {"code-execution"}),
        ("data", settings(CALLS) + "}", {"code-execution", "unchecked"}),
        ("data", json.dumps({str(n): json.loads(settings(b"N.")) for n in range(65)}), {"unchecked"}),
        ("data", "\n" + settings(b"N."), set()),
        ("data", '{"n_steps": 8', {"unchecked"}),
        ("log.jsonl", '{"loss": 1}\n{"loss": 0.5}\n', set()),
    ],
    ids=["line first", "escaped", "no JSON", "many", "harmless", "cut short", "lines"],
)
def test_pickles_in_settings_are_looked_at_however_the_json_is_written(member, content, kinds):
    """Only plain keys were seen, and only where the first byte was a brace."""
    said = extract(
        ArchivesExtractor, "ppo.zip", zipped({"policy.safetensors": safetensors(6), member: content})
    )
    assert {risk.kind for risk in said.risks} == kinds


@pytest.mark.parametrize(("name", "pack"), [("m.zip", zipped), ("m.tar", tar)])
def test_a_value_of_a_step_in_an_archive_is_said_of_the_archive(name, pack):
    """It was lost, while a value without a step was told."""
    notes = {"metrics": [{"metric": "accuracy", "value": 0.91, "step": 500}, {"metric": "f1", "value": 0.5}]}
    said = extract(
        ArchivesExtractor,
        name,
        pack({"model.safetensors": safetensors(6), "modeldex.json": json.dumps(notes).encode()}),
    )
    assert values_of(said)["metrics.f1"] == 0.5
    (accuracy,) = [entry for entry in said.observations if entry.field == "metrics.accuracy"]
    assert (accuracy.subject, accuracy.context["step"]) == (None, 500)
