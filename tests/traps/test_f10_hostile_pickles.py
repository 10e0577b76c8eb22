"""Every way to hide code in a pickle is flagged or "not checkable", never clean, and never run."""

from __future__ import annotations

from pathlib import Path

import pytest
from fixtures.hostile_pickles import CANARY, FILES, HARMLESS, torch_zip

from catalog import plugins
from catalog.records import Severity
from crawler.extractor import HEAD_BYTES
from crawler.reader import bytes_reader


def extracted(key, data):
    """The extraction by whichever registered extractor claims the file most strongly."""
    extractors = [extractor() for _, extractor in plugins.load_all("extractor")]
    claims = [
        (claim.confidence, e) for e in extractors if (claim := e.claims(key, data[:HEAD_BYTES])) is not None
    ]
    assert claims, f"{key} is claimed by nobody"
    return max(claims, key=lambda item: item[0])[1].extract(bytes_reader(key, data))


@pytest.mark.parametrize(("key", "data"), FILES.values(), ids=FILES)
def test_hostile_file_is_never_clean_and_never_run(key, data):
    Path(CANARY).unlink(missing_ok=True)
    extraction = extracted(key, data)
    serious = [risk for risk in extraction.risks if risk.severity >= Severity.MEDIUM]
    assert serious, [risk.detail for risk in extraction.risks]
    assert {risk.kind for risk in serious} & {"code-execution", "unchecked", "suspicious-structure"}
    assert not Path(CANARY).exists()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("bare: reduce", "os.system"),
        ("bare: protocol 0 without PROTO", "os.system"),
        ("bare: names out of the memo", "os.system"),
        ("bare: names moved by dup and pop", "os.system"),
        ("bare: inst", "os.system"),
        ("bare: second pickle after STOP", "os.system"),
        ("bare: nested three deep", "os.system"),
        ("bare: nested in base64", "os.system"),
        ("bare: payload, then broken", "os.system"),
        ("bare: getattr chain", "builtins.getattr(os.path, 'system')"),
        ("bare: unknown module", "innocent_looking.helper"),
        ("flag of encryption", "os.system"),
        ("wrong checksum", "os.system"),
        ("two data.pkl", "os.system"),
        ("stranger in the zip", "os.system"),
        ("npz of objects", "os.system"),
        ("joblib, zlib", "os.system"),
        ("legacy torch", "os.system"),
    ],
)
def test_the_risk_names_the_import(name, words):
    key, data = FILES[name]
    details = [risk.detail for risk in extracted(key, data).risks if risk.kind == "code-execution"]
    assert any(words in detail for detail in details), details


def test_the_member_of_the_zip_is_named():
    key, data = FILES["stranger in the zip"]
    assert "archive/readme.txt" in {
        risk.member for risk in extracted(key, data).risks if risk.kind == "code-execution"
    }


def test_harmless_files_of_the_same_shape_are_clean():
    for key, data in (("model.pkl", HARMLESS), ("model.pt", torch_zip(HARMLESS))):
        assert extracted(key, data).risks == ()
