"""What is left out of the listing of any source, because no catalog keeps it."""

import pytest

from catalog.records import ObjectKey, ObjectMeta, SourceId
from catalog.records.objects import MOST_KEY_BYTES, may_be_kept
from crawler.source import TOO_LONG, ZERO_BYTE, Listed, listing


class Source:
    """One step with these keys."""

    id = uri = "s"

    def __init__(self, *keys):
        self.keys = keys

    def list(self):
        metas = [
            ObjectMeta(source=SourceId("s"), key=ObjectKey(key), size_bytes=1, change_token="1")
            for key in self.keys
        ]
        yield Listed(scope="", objects=tuple(metas), complete=True)


@pytest.mark.parametrize(
    ("key", "shown", "reason"),
    [
        ("mlflow.db\0x/m.safetensors", r"mlflow.db\x00x/m.safetensors", ZERO_BYTE),
        ("a" * (MOST_KEY_BYTES + 1), "a" * 200 + "…", TOO_LONG),
    ],
    ids=["zero byte", "too long"],
)
def test_a_key_that_no_catalog_keeps_is_told_as_skipped(key, shown, reason):
    (step,) = listing(Source("mlflow.db", key))
    assert [meta.key for meta in step.objects] == ["mlflow.db"]
    assert step.skipped == ((shown, reason),)
    assert (may_be_kept("mlflow.db"), may_be_kept(key)) == (True, False)
