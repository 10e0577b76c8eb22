"""Extractors are asked about files that have one of their signs, and those that declare none about all."""

from pathlib import Path

import pytest

from crawler.candidates import Candidates, Signs
from crawler.extractor import HEAD_BYTES
from crawler.installed import installed_extractors

CASES = Path(__file__).parents[2] / "cases"


class _Claiming:
    def __init__(self, name: str, signs: Signs | None) -> None:
        self.name = name
        self.signs = signs


EVERYBODY = [
    _Claiming("of any file", None),
    _Claiming("of a name", Signs(names=("MLmodel",))),
    _Claiming("of suffixes", Signs(suffixes=(".cdx.json", ".data-00000"))),
    _Claiming("of a folder", Signs(folders=("mlruns",))),
    _Claiming("of bytes", Signs(beginnings=(b"GGUF", b"{"))),
]


@pytest.mark.parametrize(
    ("key", "head", "asked"),
    [
        ("m/other.xyz", b"xyz", []),
        ("m/mlMODEL", b"", ["of a name"]),
        ("m/MLmodel.txt", b"", []),
        ("m/a.CDX.JSON", b"", ["of suffixes"]),
        ("m/a.data-00003-of-00007", b"", ["of suffixes"]),
        ("a/mlruns/0/x", b"", ["of a folder"]),
        ("a/mlruns.txt", b"", []),
        ("m/a", b"GGUF", ["of bytes"]),
        ("m/a", b"\xef\xbb\xbf \n{", ["of bytes"]),
        ("mlruns/a.json", b"{", ["of suffixes", "of a folder", "of bytes"]),
        ("m/a\u212a.md", b"", ["of a name", "of suffixes", "of a folder", "of bytes"]),
        ("m/README.md\n", b"", ["of a name", "of suffixes", "of a folder", "of bytes"]),
        ("", b"", []),
    ],
    ids=[
        *("nothing of any", "name in other letters", "a name is whole", "suffix in other letters"),
        *(
            "numbered suffix",
            "folder",
            "a folder is whole",
            "magic",
            "behind blanks",
            "several, in their order",
        ),
        *("letters that lower case makes others", "line's end behind a suffix", "no name"),
    ],
)
def test_asked_are_those_with_a_sign_of_the_file_and_those_without_signs(key, head, asked):
    candidates = Candidates(EVERYBODY)
    twice = [[own.name for own in candidates.of(key, head)] for _ in range(2)]
    assert twice == [["of any file", *asked]] * 2


def test_whoever_claims_a_file_of_the_cases_is_asked_about_it_under_whatever_name():
    """A sign that is missing loses a claim in silence. What the suite for extractors makes up has not what real files have."""
    extractors, _ = installed_extractors()
    candidates = Candidates(extractors)
    overlooked = set()
    for path in sorted((CASES / "formats").glob("*/input/**/*")):
        if not path.is_file():
            continue
        key = path.relative_to(CASES).as_posix().partition("/input/")[2]
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
        for name in (key, path.name, key.upper(), f"blobs/sha256-{'0' * 64}"):
            for first in (head, b" \n" + head):
                asked = candidates.of(name, first)
                overlooked |= {
                    (own.name, name) for own in extractors if own not in asked and own.claims(name, first)
                }
    assert not overlooked
