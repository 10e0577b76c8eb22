"""Names inside files: only those that stay in the directory are looked up."""

from __future__ import annotations

import pytest

from crawler.formats.siblings import sibling


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("model.data", "model.data"),
        ("./a/b.bin", "a/b.bin"),
        ("a//b", "a/b"),
        ("a\\b.bin", "a/b.bin"),
        ("..data", "..data"),
        ("…", "…"),
    ],
)
def test_names_inside_the_directory(name, path):
    assert sibling(name) == path


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "./",
        "..",
        "../x",
        "a/../b",
        "/etc/passwd",
        "~/x",
        "C:\\x",
        "C:x",
        "a\\..\\b",
        "..\\x",
        "\\\\host\\x",
        "x\x00y",
        "https://host/x",
        "file:///etc/passwd",
        "a" * 2000,
    ],
)
def test_names_that_lead_elsewhere(name):
    assert sibling(name) is None
