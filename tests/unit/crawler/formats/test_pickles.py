"""The symbolic machine says what Python's pickles say, and follows CPython where opcodes play tricks."""

from __future__ import annotations

import collections
import datetime as dt
import pathlib
import pickle
import pickletools
import struct
from argparse import Namespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.formats.byte_streams import BytesStream, ReaderStream
from crawler.formats.pickle_nodes import Call, Dict, Global
from crawler.formats.pickle_values import flattened, plain
from crawler.formats.pickles import looks_like_pickle, read_pickle, read_pickles
from crawler.reader import bytes_reader

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.text(st.characters(exclude_categories=["Cs"]))
)
VALUES = st.recursive(
    SCALARS | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


def without_none(value):
    """Plain values leave out what has no value, in lists and dictionaries."""
    if isinstance(value, list):
        return [without_none(item) for item in value if item is not None]
    if isinstance(value, dict):
        return {key: without_none(item) for key, item in value.items() if item is not None}
    return value


@given(value=VALUES, protocol=st.integers(0, 5))
def test_plain_values_survive_every_protocol(value, protocol):
    try:
        data = pickle.dumps(value, protocol)
    except UnicodeEncodeError:
        return
    found = read_pickle(BytesStream(data))
    assert found.error is None
    assert found.end == len(data)
    assert plain(found.value) == without_none(plain_depth(value))


def plain_depth(value, depth=0):
    """Containers below the sixth level are left out."""
    if depth >= 6 and isinstance(value, list | dict):
        return None
    if isinstance(value, list):
        return [plain_depth(item, depth + 1) for item in value]
    if isinstance(value, dict):
        return {key: plain_depth(item, depth + 1) for key, item in value.items()}
    return value


@given(data=st.binary(max_size=400))
def test_any_bytes_end_in_a_value_or_an_error(data):
    found = read_pickle(BytesStream(data))
    assert found.error is not None or found.end <= len(data)


@given(value=VALUES, protocol=st.integers(0, 5), cut=st.integers(0, 200))
def test_pickle_that_is_cut_off_is_an_error(value, protocol, cut):
    try:
        data = pickle.dumps(value, protocol)
    except UnicodeEncodeError:
        return
    found = read_pickle(BytesStream(data[: min(cut, len(data) - 1)]))
    assert found.error is not None


def test_machine_reads_as_many_opcodes_as_pickletools():
    data = pickle.dumps({"a": [1, 2.5, ("x", b"y")], "b": collections.OrderedDict(c=None)}, 4)
    assert read_pickle(BytesStream(data)).opcodes == sum(1 for _ in pickletools.genops(data))


def test_imports_are_recorded_with_what_is_done_to_them():
    data = b"\x80\x02cos\nsystem\n0ccollections\nOrderedDict\n)R0csys\nmodules\n}b."
    found = read_pickle(BytesStream(data)).imports
    assert {name: (part.called, part.changed) for name, part in found.items()} == {
        "os.system": (False, False),
        "collections.OrderedDict": (True, False),
        "sys.modules": (False, True),
    }


def test_pickle_that_breaks_off_keeps_what_came_before():
    found = read_pickle(BytesStream(b"\x80\x02cos\nsystem\nX\xff\xff\x00\x00"))
    assert found.error is not None
    assert list(found.imports) == ["os.system"]


def test_computed_call_is_described():
    data = b"\x80\x02cbuiltins\ngetattr\n(cos\npath\nX\x04\x00\x00\x00jointR)R."
    assert read_pickle(BytesStream(data)).computed == ["builtins.getattr(os.path, 'join')"]


def test_pickles_one_after_another_are_all_read():
    data = pickle.dumps([1]) + pickle.dumps("two") + b"\x00\x00trailing"
    assert [plain(found.value) for found in read_pickles(BytesStream(data))] == [[1], "two"]


def test_objects_show_their_state():
    data = pickle.dumps({"args": Namespace(lr=0.1, name="x"), "path": pathlib.PurePosixPath("/a/b")})
    assert plain(read_pickle(BytesStream(data)).value) == {"args": {"lr": 0.1, "name": "x"}, "path": "/a/b"}


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_dates_and_dictionaries_of_subclasses_are_plain(protocol):
    value = {
        "day": dt.date(2024, 5, 17),
        "time": dt.datetime(2024, 5, 17, 12, 30, 1),  # noqa: DTZ001 - as people pickle them
        "counts": collections.Counter(a=2),
        "ordered": collections.OrderedDict(b=1),
    }
    found = plain(read_pickle(BytesStream(pickle.dumps(value, protocol))).value)
    assert found["day"] == "2024-05-17"
    assert found["time"] == "2024-05-17T12:30:01"
    assert found["ordered"] == {"b": 1}


def test_nested_settings_are_flattened_in_order():
    data = pickle.dumps({"a": {"b": 1, "c": [1, 2]}, "d": "x"})
    assert list(flattened(read_pickle(BytesStream(data)).value)) == [("a.b", 1), ("a.c", [1, 2]), ("d", "x")]


def test_long_lists_are_counted_not_listed():
    value = plain(read_pickle(BytesStream(pickle.dumps(list(range(20_000))))).value)
    assert value == {"count": 20_000, "first": list(range(20))}


def test_not_a_number_stays_text():
    assert plain(
        read_pickle(BytesStream(pickle.dumps([float("nan"), float("inf"), -float("inf")]))).value
    ) == [
        "NaN",
        "Infinity",
        "-Infinity",
    ]


def test_long_literal_is_clipped_and_its_place_is_known():
    data = pickle.dumps({"text": "x" * 100_000, "after": 1}, 4)
    pairs = read_pickle(BytesStream(data)).value
    clipped = pairs.get("text")
    assert (clipped.kind, clipped.length, len(clipped.head)) == ("str", 100_000, 64 * 1024)
    assert data[clipped.offset : clipped.offset + 4] == b"xxxx"
    assert pairs.get("after") == 1


def test_gigabytes_of_literal_are_stepped_over_without_being_read():
    size = 1 << 30
    head, tail = b"\x80\x04\x8e" + struct.pack("<Q", size), b"0K\x07."

    def fetch(start, end):
        whole = len(head) + size + len(tail)
        assert end <= whole
        part = bytearray(end - start)
        for at, content in ((0, head), (len(head) + size, tail)):
            for offset, byte in enumerate(content):
                if start <= at + offset < end:
                    part[at + offset - start] = byte
        return bytes(part)

    from crawler.reader import RangedReader

    reader = RangedReader("model.pkl", len(head) + size + len(tail), fetch)
    found = read_pickle(ReaderStream(reader))
    assert found.value == 7
    assert reader.bytes_read < 1024 * 1024


@pytest.mark.parametrize("opcode", [b"\x82\x05", b"\x83\x05\x00", b"\x84\x05\x00\x00\x00"])
def test_extension_codes_are_imports_of_their_own(opcode):
    assert list(read_pickle(BytesStream(b"\x80\x02" + opcode + b".")).imports) == ["<extension>.5"]


def test_new_object_of_old_protocols_is_the_class_itself():
    data = b"ccopy_reg\n_reconstructor\n(csklearn.svm\nSVC\nc__builtin__\nobject\nNtR."
    value = read_pickle(BytesStream(data)).value
    assert isinstance(value, Call)
    assert value.name == "sklearn.svm.SVC"


def test_duplicate_keys_are_kept_and_the_last_one_counts():
    made = read_pickle(BytesStream(b"\x80\x02}(U\x01aK\x01U\x01aK\x02u.")).value
    assert isinstance(made, Dict)
    assert (len(made), made.get("a")) == (2, 2)


def test_keys_that_are_neither_text_nor_numbers_are_left_out():
    made = read_pickle(BytesStream(pickle.dumps({(1, 2): "tuple", 3: "number", "k": "text"}))).value
    assert plain(made) == {"3": "number", "k": "text"}


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"\x80\x04\x95", True),
        (b"\x80\x02}", True),
        (b"\x80\x09}", False),
        (b"", False),
        (b"{}", False),
        (b"PK\x03\x04", False),
    ],
)
def test_beginning_of_a_pickle_is_recognised(head, expected):
    assert looks_like_pickle(head) is expected


def test_names_are_read_from_the_reader_in_few_requests():
    data = pickle.dumps({f"layer{i}": list(range(50)) for i in range(20_000)}, 4)
    reader = bytes_reader("model.pkl", data)
    assert read_pickle(ReaderStream(reader)).error is None
    assert reader.requests <= 5
    assert reader.bytes_read == len(data)


def test_globals_are_nodes_not_objects():
    value = read_pickle(BytesStream(pickle.dumps(print, 4))).value
    assert isinstance(value, Global)
    assert value.full == "builtins.print"
