"""Extractors are asked about files that have one of their signs, and those that declare none about all."""

import pytest

from crawler.candidates import Candidates, Signs


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
