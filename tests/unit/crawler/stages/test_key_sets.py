"""Keys that a run has to know all at once are all there, and no others."""

import os
import random

import pytest

from catalog.records import ObjectKey
from crawler.stages.key_sets import PACKED_AT_ONCE, KeySet

NAMES = sorted(
    {
        *(f"models/{number:05d}/model.safetensors" for number in range(3 * PACKED_AT_ONCE + 1)),
        *(
            "a b/ü.gguf",
            "",
            "models",
            "models/",
            "𝄞/x",
            "\ue000/x",
            os.fsdecode(b"\xff\xfe/x"),
            os.fsdecode(b"\x80"),
        ),
    },
    key=os.fsencode,
)


@pytest.mark.parametrize("number", [0, 1, PACKED_AT_ONCE, PACKED_AT_ONCE + 1, len(NAMES)])
def test_a_set_of_keys_holds_what_it_was_given_in_the_order_of_bytes(number):
    """The order of texts is another one: what is no UTF-8 stands in it before much that its bytes follow."""
    keys = [ObjectKey(name) for name in NAMES[:number]]
    known = KeySet(keys)
    assert (list(known), len(known), bool(known)) == (keys, number, bool(keys))
    asked = random.Random(7).sample([*NAMES, *(f"{name}~" for name in NAMES)], 2 * len(NAMES))
    assert [key in known for key in asked] == [key in set(keys) for key in asked]
    assert None not in known
