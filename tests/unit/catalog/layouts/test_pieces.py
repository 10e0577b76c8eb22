"""Names of the pieces of files."""

from __future__ import annotations

import pytest

from catalog.layouts.pieces import pieces_behind, without_piece


@pytest.mark.parametrize("name", ["model.safetensors.1", "net.gguf.0"])
def test_a_second_download_is_no_first_piece(name):
    """Half of a model that was fetched again became an alternative of the whole one, and nobody said that it was cut off."""
    assert without_piece(name) == name
    assert pieces_behind(name, 100, 150) == []


@pytest.mark.parametrize("name", ["net.gguf.001", "net.gguf.aa", "net.gguf.part1", "net.gguf-split-a"])
def test_the_first_piece_of_a_file_that_was_cut_is_called_after_the_whole(name):
    assert without_piece(name) == "net.gguf"
    assert len(pieces_behind(name, 100, 150)) == 1
