"""Sealed bytes are read by who has the key, at their own place, and by nobody else."""

import os
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.sealing.envelope import bound, is_sealed, key_id_of, opened, sealed, token
from catalog.sealing.faults import KeyUnusable, SealBroken

KEY_ID, KEY = "00ff" * 4, bytes(range(32))
PLACE = bound("record", "model")


@given(st.binary(max_size=200))
def test_what_is_sealed_is_opened_again_and_never_twice_the_same(data):
    first, second = (sealed(data, key_id=KEY_ID, key=KEY, place=PLACE) for _ in range(2))
    assert opened(first, key=KEY, place=PLACE) == data
    assert first != second
    assert is_sealed(first)
    assert key_id_of(first) == KEY_ID
    assert not is_sealed(b"x" + data)


def test_lengths_tell_of_values_by_blocks_alone():
    lengths = {len(sealed(b"x" * number, key_id=KEY_ID, key=KEY, place=PLACE)) for number in range(60)}
    assert len(lengths) == 1


@given(st.integers(0, 10_000), st.integers(0, 7))
def test_a_flipped_bit_another_key_and_another_place_are_told(position, bit):
    data = sealed(b"value", key_id=KEY_ID, key=KEY, place=PLACE)
    flipped = bytearray(data)
    flipped[position % len(data)] ^= 1 << bit
    for wrong, key, place in (
        (bytes(flipped), KEY, PLACE),
        (data, os.urandom(32), PLACE),
        (data, KEY, bound("record", "other")),
        (data[:20], KEY, PLACE),
    ):
        with pytest.raises(SealBroken):
            opened(wrong, key=key, place=place)


def test_places_do_not_run_into_each_other():
    assert bound("ab", "c") != bound("a", "bc")


def test_a_token_is_of_key_field_and_value():
    tokens = {
        token(KEY, "datasets", "a"),
        token(KEY, "datasets", "b"),
        token(KEY, "preprocessing", "a"),
        token(bytes(32), "datasets", "a"),
    }
    assert len(tokens) == 4
    assert token(KEY, "datasets", "a") in tokens


def test_without_the_package_there_is_one_sentence_that_says_what_to_install(monkeypatch):
    data = sealed(b"x", key_id=KEY_ID, key=KEY, place=PLACE)
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers.aead", None)
    with pytest.raises(KeyUnusable, match=r"pip install 'modeldex\[encryption\]'"):
        sealed(b"x", key_id=KEY_ID, key=KEY, place=PLACE)
    with pytest.raises(KeyUnusable, match=r"pip install 'modeldex\[encryption\]'"):
        opened(data, key=KEY, place=PLACE)
