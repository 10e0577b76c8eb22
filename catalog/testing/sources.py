"""What every source has to hold. Subclass `SourceSuite`, say how to fill the storage and how to open it.

class TestLocal(SourceSuite):
def fill(self, files): ...
def open(self): ...
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from catalog.errors import ObjectChanged
from catalog.records import ObjectKey

ODD_KEYS = (
    "plain.bin",
    "with space.bin",
    "plus+percent%20#hash?query&.bin",
    "quotes'\"`.bin",
    "new\nline.bin",
    "emoji-\N{ROBOT FACE}.bin",
    "nfc-\N{LATIN SMALL LETTER E WITH ACUTE}.bin",
    "nfd-e\N{COMBINING ACUTE ACCENT}.bin",
    "not-utf8-\udcff.bin",
    "deep/er/and/deeper/file.bin",
    "-starts-with-dash",
    "trailing.",
)


class SourceSuite:
    """Conformance tests of a source. `fill` writes objects into the storage that `open` then opens."""

    odd_keys: tuple[str, ...] = ODD_KEYS

    def fill(self, files: Mapping[str, bytes]) -> None:
        raise NotImplementedError

    def remove(self, key: str) -> None:
        raise NotImplementedError

    def open(self) -> Any:
        raise NotImplementedError

    def listed(self) -> dict[str, Any]:
        objects: dict[str, Any] = {}
        for step in self.open().list():
            for meta in step.objects:
                assert meta.key not in objects, "each object is listed once"
                objects[meta.key] = meta
        return objects

    def test_every_object_is_listed_once_whatever_its_name(self) -> None:
        self.fill({key: key.encode("utf-8", "surrogateescape") for key in self.odd_keys})
        assert set(self.listed()) == set(self.odd_keys)

    def test_every_listed_object_can_be_read_under_its_name(self) -> None:
        self.fill({key: key.encode("utf-8", "surrogateescape") for key in self.odd_keys})
        source = self.open()
        for key, meta in self.listed().items():
            assert source.read(meta, 0, meta.size_bytes) == key.encode("utf-8", "surrogateescape")

    def test_a_listing_that_reaches_its_end_says_so_for_every_scope(self) -> None:
        self.fill({"a/one.bin": b"1", "a/b/two.bin": b"2", "three.bin": b"3"})
        ended: dict[str, bool] = {}
        for step in self.open().list():
            assert not ended.get(step.scope), "nothing follows the end of a scope"
            ended[step.scope] = step.complete
            assert step.error is None
        assert ended
        assert all(ended.values())

    def test_listing_gives_sizes_and_a_time_zone(self) -> None:
        self.fill({"empty.bin": b"", "five.bin": b"12345"})
        listed = self.listed()
        assert {key: meta.size_bytes for key, meta in listed.items()} == {"empty.bin": 0, "five.bin": 5}
        assert all(meta.last_modified is None or meta.last_modified.tzinfo for meta in listed.values())

    @pytest.mark.parametrize(
        ("start", "end", "expected"), [(0, 3, b"012"), (3, 7, b"3456"), (8, 99, b"89"), (10, 20, b"")]
    )
    def test_ranges_are_exact_and_end_with_the_object(self, start: int, end: int, expected: bytes) -> None:
        self.fill({"digits.bin": b"0123456789"})
        assert self.open().read(self.listed()["digits.bin"], start, end) == expected

    def test_the_change_token_is_stable_while_nothing_changes(self) -> None:
        self.fill({"a.bin": b"1"})
        assert self.listed()["a.bin"].change_token == self.listed()["a.bin"].change_token

    def test_other_bytes_of_the_same_length_are_another_token(self) -> None:
        self.fill({"a.bin": b"1"})
        before = self.listed()["a.bin"]
        self.fill({"a.bin": b"2"})
        assert self.listed()["a.bin"].change_token != before.change_token

    def test_reading_what_is_no_longer_there_as_listed_is_refused(self) -> None:
        self.fill({"a.bin": b"1"})
        before = self.listed()["a.bin"]
        self.fill({"a.bin": b"2"})
        with pytest.raises(ObjectChanged):
            self.open().read(before, 0, 1)

    def test_reading_a_removed_object_is_refused(self) -> None:
        self.fill({"a.bin": b"1", "b.bin": b"2"})
        before = self.listed()["a.bin"]
        self.remove("a.bin")
        with pytest.raises(ObjectChanged):
            self.open().read(before, 0, 1)

    def test_head_agrees_with_the_listing(self) -> None:
        self.fill({"a/one.bin": b"1"})
        meta = self.listed()["a/one.bin"]
        assert self.open().head(ObjectKey("a/one.bin")) == meta

    @pytest.mark.parametrize(
        "key", ["absent.bin", "a", "a/absent.bin", "../outside.bin", "a/../a/one.bin", "a//one.bin", ""]
    )
    def test_head_of_what_is_no_object_is_none(self, key: str) -> None:
        self.fill({"a/one.bin": b"1"})
        assert self.open().head(ObjectKey(key)) is None

    @pytest.mark.parametrize("key", ["../outside.bin", "a/../../outside.bin", "/etc/hostname"])
    def test_no_key_reads_outside_the_root(self, key: str) -> None:
        self.fill({"a/one.bin": b"1"})
        with pytest.raises(ObjectChanged):
            self.open().read(replace(self.listed()["a/one.bin"], key=ObjectKey(key)), 0, 1)

    def test_every_object_has_its_own_uri(self) -> None:
        self.fill(dict.fromkeys(self.odd_keys, b""))
        source = self.open()
        uris = {source.uri_of(ObjectKey(key)) for key in self.odd_keys}
        assert len(uris) == len(self.odd_keys)
        assert all(uri.isascii() and uri.startswith(source.uri) for uri in uris)
