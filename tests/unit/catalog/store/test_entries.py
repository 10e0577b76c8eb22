"""What the manifest keeps of one object: everything once, and nothing lost."""

from dataclasses import replace

import pytest

from catalog.records import Extraction, ObjectKey, ObjectMeta, Role, SourceId
from catalog.store.codec import unpack
from catalog.store.entries import Entry, Reading, outlined, packed_entry, with_digest

DIGEST = "0f" * 256
KEY = ObjectKey("m/model.safetensors")
SAID = Extraction(
    key=KEY,
    extractor="safetensors",
    extractor_version=5,
    format="safetensors",
    role=Role.WEIGHTS,
    tensors_digest=DIGEST,
)
META = ObjectMeta(source=SourceId("file:///models"), key=KEY, size_bytes=8, change_token="1")


def packed(outline: Extraction):
    entry = Entry(object=META, reading=Reading.READ, signature="safetensors:5", outline=outline)
    return packed_entry(entry, SAID)


def test_the_digest_of_tensors_is_stored_once_and_comes_back():
    stored = packed(outlined(SAID))
    assert unpack(Extraction, stored.outline).tensors_digest == DIGEST
    assert unpack(Extraction, stored.body).tensors_digest is None
    assert with_digest(unpack(Extraction, stored.body), unpack(Extraction, stored.outline)) == SAID


@pytest.mark.parametrize("digest", [None, "1e" * 256], ids=["none", "another"])
def test_a_digest_that_the_outline_does_not_tell_stays_where_it_is(digest):
    stored = packed(replace(outlined(SAID), tensors_digest=digest))
    assert unpack(Extraction, stored.body) == SAID


def test_an_extraction_is_there_when_its_outline_is_damaged():
    stored = unpack(Extraction, packed(outlined(SAID)).body)
    assert with_digest(stored, None) == replace(SAID, tensors_digest=None)
