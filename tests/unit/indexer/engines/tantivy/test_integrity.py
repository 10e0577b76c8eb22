"""Damage of any file of an index is seen, and a whole index is never called damaged."""

import pytest

from catalog.settings import Settings
from catalog.testing.engines import DOCUMENTS, actions
from indexer.engines.tantivy import TantivyWriter
from indexer.engines.tantivy.integrity import damage


@pytest.fixture
def folder(tmp_path):
    writer = TantivyWriter(Settings(home=tmp_path))
    writer.write(actions(DOCUMENTS[:2]))
    writer.write(actions(DOCUMENTS[2:]))
    path = writer.home.current()
    writer.close()
    assert path is not None
    return path


def replace(path, content):
    """Another file in its place: bytes that are mapped into memory are never cut off under their reader."""
    other = path.parent.parent / "other"
    other.write_bytes(content)
    other.replace(path)


def segment_files(folder):
    return sorted(path for path in folder.iterdir() if "-" not in path.stem and len(path.stem) == 32)


def test_an_index_as_it_was_written_is_whole(folder):
    assert len(segment_files(folder)) > 4
    assert damage(folder) is None


@pytest.mark.parametrize("place", ["first", "middle", "last"])
def test_one_flipped_byte_in_any_file_of_a_segment_is_seen(folder, place):
    for path in segment_files(folder):
        content = path.read_bytes()
        at = {"first": 0, "middle": len(content) // 2, "last": len(content) - 1}[place]
        replace(path, content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        assert damage(folder) is not None, f"{path.suffix} at {at} of {len(content)}"
        replace(path, content)
    assert damage(folder) is None


@pytest.mark.parametrize("size", [0, 1, 7, 8, 20])
def test_a_file_that_is_cut_short_is_seen_whatever_is_left_of_it(folder, size):
    for path in segment_files(folder):
        content = path.read_bytes()
        replace(path, content[:size])
        assert "damaged" in (damage(folder) or ""), path.suffix
        replace(path, content)


def test_a_file_that_is_gone_is_seen(folder):
    segment_files(folder)[0].unlink()
    assert "damaged" in (damage(folder) or "")


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"{}", b'{"segments": [1]}', b'{"segments": [{}]}', b"\xff\xfe"]
)
def test_a_list_of_segments_that_cannot_be_read_is_damage_and_no_traceback(folder, content):
    (folder / "meta.json").write_bytes(content)
    assert "damaged" in (damage(folder) or "")


def test_a_stranger_file_in_the_folder_is_no_damage(folder):
    (folder / "notes.txt").write_text("mine")
    (folder / ("0" * 32 + ".store")).write_bytes(b"of a segment that was merged away")
    assert damage(folder) is None


def test_an_index_without_models_is_whole(tmp_path):
    writer = TantivyWriter(Settings(home=tmp_path))
    writer.write([])
    path = writer.home.current()
    writer.close()
    assert path is not None
    assert damage(path) is None
