"""The ranged zip reader against the standard library's, and what it notices that readers disagree about."""

from __future__ import annotations

import io
import struct
import zipfile

import pytest
from fixtures.hostile_pickles import patched
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import ExtractError, LimitExceeded, Malformed, Unsupported
from crawler.formats.zips import open_zip
from crawler.reader import bytes_reader

NAMES = st.lists(st.text("abcdef/._é", min_size=1, max_size=12), min_size=0, max_size=6, unique=True)


def zipped(members, *, method=zipfile.ZIP_STORED, comment=b"", prefix=b"", force_zip64=False):
    out = io.BytesIO()
    out.write(prefix)
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in members:
            with archive.open(
                zipfile.ZipInfo(name) if method == 0 else name, "w", force_zip64=force_zip64
            ) as file:
                file.write(content)
        archive.comment = comment
    return out.getvalue()


def opened(data):
    return open_zip(bytes_reader("model.pt", data))


def odd(directory):
    return {oddity.code for oddity in directory.oddities}


@given(
    names=NAMES,
    content=st.binary(max_size=300),
    method=st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]),
)
def test_members_are_what_zipfile_reads(names, content, method):
    data = zipped([(name, content + name.encode()) for name in names], method=method)
    directory = opened(data)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert directory.names() == archive.namelist()
        for member in directory.members:
            assert directory.read_member(member) == archive.read(member.name)
    assert odd(directory) == set()


@given(data=st.data())
def test_damaged_zip_is_a_typed_error_or_a_shorter_truth(data):
    sample = bytearray(
        zipped([("a/data.pkl", b"x" * 50), ("a/data/0", b"y" * 70)], method=zipfile.ZIP_DEFLATED)
    )
    for place in data.draw(st.lists(st.integers(0, len(sample) - 1), min_size=1, max_size=6)):
        sample[place] = data.draw(st.integers(0, 255))
    try:
        directory = opened(bytes(sample))
        for member in directory.members:
            directory.read_member(member, 10_000, lenient=data.draw(st.booleans()))
    except ExtractError:
        pass


def test_zip64_fields_are_followed():
    directory = opened(zipped([("a", b"content")], force_zip64=True))
    assert directory.read_member("a") == b"content"


def test_bytes_before_the_zip_and_a_comment_behind_are_allowed_and_said():
    directory = opened(zipped([("a", b"content")], comment=b"hello", prefix=b"#!/bin/sh\n"))
    assert directory.read_member("a") == b"content"
    assert odd(directory) == {"prefix"} or odd(directory) == set()


def test_duplicate_names_are_noted_and_refused_by_name():
    with pytest.warns(UserWarning, match="Duplicate name"):
        data = zipped([("a", b"first"), ("a", b"second")])
    directory = opened(data)
    assert directory.duplicates == {"a"}
    with pytest.raises(Malformed, match="twice"):
        directory.read_member("a")
    assert [directory.read_member(member) for member in directory.members] == [b"first", b"second"]


@pytest.mark.parametrize("flags", [0x1, 0x20, 0x40, 0x2000])
def test_flags_of_encryption_are_refused_and_read_only_on_request(flags):
    data = patched(zipped([("a", b"content")]), "a", flags=flags)
    directory = opened(data)
    assert "flags" in odd(directory)
    with pytest.raises(Malformed):
        directory.read_member("a")
    assert directory.read_member("a", lenient=True) == b"content"


def test_wrong_checksum_is_refused_and_noted_on_request():
    data = patched(patched(zipped([("a", b"content")]), "a", crc=1), "a", crc=1, where=b"PK\x03\x04")
    directory = opened(data)
    with pytest.raises(Malformed, match="checksum"):
        directory.read_member("a")
    assert directory.read_member("a", lenient=True) == b"content"
    assert odd(directory) == {"checksum"}


def test_local_header_with_another_name_is_refused():
    data = zipped([("safe", b"content")])
    lying = data.replace(b"safe", b"evil", 1)
    with pytest.raises(Malformed, match="something else"):
        opened(lying).read_member("safe")


def test_overlapping_members_are_noted():
    data = bytearray(zipped([("a", b"x" * 100), ("b", b"y" * 100)]))
    second = data.rfind(b"PK\x01\x02")
    data[second + 42 : second + 46] = struct.pack("<I", 20)
    assert "overlap" in odd(opened(bytes(data)))


def test_cap_is_met_before_anything_is_inflated():
    data = zipped([("a", bytes(100_000))], method=zipfile.ZIP_DEFLATED)
    with pytest.raises(LimitExceeded):
        opened(data).read_member("a", 1000)


def test_ratio_is_met_before_anything_is_inflated():
    data = zipped([("a", bytes(4_000_000))], method=zipfile.ZIP_DEFLATED)
    directory = opened(data)
    assert "bomb" in odd(directory)
    with pytest.raises(LimitExceeded, match="ratio"):
        directory.read_member("a")


def test_unknown_compression_is_unsupported():
    data = bytearray(zipped([("a", b"content")]))
    for signature, at in ((b"PK\x01\x02", 10), (b"PK\x03\x04", 8)):
        place = data.find(signature)
        data[place + at : place + at + 2] = struct.pack("<H", 93)
    with pytest.raises(Unsupported):
        opened(bytes(data)).read_member("a")


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"PK\x05\x06", b"x" * 100, zipped([("a", b"b")])[:-10]])
def test_not_a_zip_is_malformed(data):
    with pytest.raises(Malformed):
        opened(data)


def test_stored_member_is_a_file_of_its_own():
    inner = opened(zipped([("deep/inner.zip", zipped([("x", b"deep inside")]))])).open_stored(
        "deep/inner.zip"
    )
    assert open_zip(inner).read_member("x") == b"deep inside"


def test_small_members_lying_together_are_fetched_together():
    data = zipped([("storage", bytes(3_000_000)), *[(f"code/{i}.py", b"x" * 20_000) for i in range(30)]])
    reader = bytes_reader("model.pt", data)
    directory = open_zip(reader)
    directory.read_ahead(member for member in directory.members if member.name != "storage")
    before = reader.requests
    for member in directory.members[1:]:
        assert len(directory.read_member(member)) == 20_000
    assert reader.requests == before
    assert before <= 3
