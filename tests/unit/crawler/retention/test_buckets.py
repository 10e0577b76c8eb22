"""The door of a bucket: a refusal of the storage is never taken for an answer that was lost, and no older version goes."""

import pytest

from catalog.errors import ObjectChanged, ObjectUnreadable
from catalog.records import ObjectKey
from crawler.retention.door import place_of
from crawler.retention.opening import door_of

KEY = ObjectKey("m.bin")
PLACE = place_of("1", KEY)


@pytest.fixture
def source(bucket):
    return bucket.source(writable=True)


def versions(bucket, status):
    bucket.client.put_bucket_versioning(Bucket=bucket.name, VersioningConfiguration={"Status": status})


def looked_at(source):
    return door_of(source).look(KEY, source.head(KEY).change_token)


def test_an_object_that_is_written_again_before_it_is_deleted_is_not_told_as_moved(
    bucket, source, monkeypatch
):
    bucket.put(KEY, b"old")
    evidence, door = looked_at(source), door_of(source)
    copy = door._copy

    def copy_and_write(*arguments, **options):
        copy(*arguments, **options)
        bucket.put(KEY, b"new model")

    monkeypatch.setattr(door, "_copy", copy_and_write)
    with pytest.raises(ObjectChanged):
        door.trash(KEY, PLACE, evidence)
    assert source.head(KEY).size_bytes == len(b"new model")


@pytest.mark.parametrize("status", ["", "Enabled", "Suspended"], ids=["no versions", "versions", "suspended"])
def test_a_second_attempt_at_an_object_that_was_written_again_says_so_and_keeps_all(
    bucket, source, suspended_versions, status
):
    """It was told as moved, and of a bucket with versions the old one was deleted below the new one."""
    if status:
        versions(bucket, status)
    bucket.put(KEY, b"old")
    evidence, door = looked_at(source), door_of(source)
    door._copy(KEY, PLACE, evidence)  # whoever did this is dead now
    bucket.put(KEY, b"new model")
    with pytest.raises(ObjectChanged):
        door_of(source).trash(KEY, PLACE, evidence)
    assert source.head(KEY).size_bytes == len(b"new model")
    assert source.head(PLACE).size_bytes == len(b"old")
    listed = bucket.client.list_object_versions(Bucket=bucket.name, Prefix=bucket.prefix + KEY)["Versions"]
    assert len(listed) == (2 if status == "Enabled" else 1)


@pytest.mark.usefixtures("suspended_versions")
def test_over_an_older_version_without_a_name_nothing_is_touched_while_versions_are_suspended(bucket, source):
    bucket.put(KEY, b"before versions")
    versions(bucket, "Enabled")
    bucket.put(KEY, b"second")
    binned = door_of(source).trash(KEY, PLACE, looked_at(source))
    versions(bucket, "Suspended")
    with pytest.raises(ObjectUnreadable, match="an older one would be lost"):
        door_of(source).bring_back(KEY, PLACE, binned)
    versions(bucket, "Enabled")
    door_of(source).bring_back(KEY, PLACE, binned)
    evidence = looked_at(source)
    versions(bucket, "Suspended")
    with pytest.raises(ObjectUnreadable, match="an older one would be lost"):
        door_of(source).check(KEY, evidence)
    with pytest.raises(ObjectUnreadable, match="an older one would be lost"):
        looked_at(source)


@pytest.mark.usefixtures("suspended_versions")
def test_an_object_without_a_version_goes_and_comes_back_while_versions_are_suspended(bucket, source):
    versions(bucket, "Suspended")
    bucket.put(KEY, b"only")
    door = door_of(source)
    binned = door.trash(KEY, PLACE, looked_at(source))
    assert source.head(KEY) is None
    door.bring_back(KEY, PLACE, binned)
    assert source.head(KEY).size_bytes == len(b"only")
