"""The folders that a path lies in."""

import pytest

from catalog.text.folders import MOST_FOLDERS, folders_of


@pytest.mark.parametrize(
    ("path", "folders"),
    [
        ("model.bin", []),
        ("a/model.bin", ["a"]),
        ("a/b/model", ["a", "a/b"]),
        ("a//b/model", ["a", "a/b"]),
        ("/a/model", ["a"]),
        ("", []),
    ],
)
def test_every_folder_above_is_named_from_the_outermost(path, folders):
    assert folders_of(path) == folders


def test_a_path_of_a_million_parts_has_few_folders():
    assert folders_of("x/" * 1_000_000)[-1] == "/".join("x" * MOST_FOLDERS)
