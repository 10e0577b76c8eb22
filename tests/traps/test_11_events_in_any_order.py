"""Events come twice, late and in any order; what the bucket says when it is asked is what the catalog shows."""

import itertools
import json

import pytest

from crawler.event_bodies import hints_of
from crawler.event_inbox import note_hints, take_waiting

SEQUENCERS = {
    "as Amazon writes them": ("0055AED6DCD90281E5", "0055AED6DCD90281E6", "0055AED6DCD90281E7"),
    "of unlike lengths": ("00A1", "00A1B2C3D4", "00A1F"),
    "as Ceph writes them, the low byte first": ("F7E6D75DC742D108", "01E7D75DC742D108", "10E7D75DC742D108"),
    "none": ("", "", ""),
}


def event(bucket, key, name, sequencer):
    place = {"key": f"models/{key}", **({"sequencer": sequencer} if sequencer else {})}
    return {
        "eventSource": "aws:s3",
        "eventName": name,
        "s3": {"bucket": {"name": bucket.name}, "object": place},
    }


def take(bucket, store, *events):
    note_hints(store, hints_of(json.dumps({"Records": list(events)})))
    return take_waiting(store, bucket.settings)


def shown(store):
    """Values of each live model by its path."""
    models = [row.document for row in store.records.iterate()]
    return {model["path"]: model["parameters"] for model in models if model["status"] == "ok"}


@pytest.mark.parametrize("sequencers", SEQUENCERS.values(), ids=SEQUENCERS)
def test_a_model_that_was_made_deleted_and_made_again_is_the_last_one_in_any_order_of_its_events(
    bucket, bucket_store, sequencers
):
    bucket.model("a.safetensors", values=7)
    names = ("ObjectCreated:Put", "ObjectRemoved:Delete", "ObjectCreated:CompleteMultipartUpload")
    events = [
        event(bucket, "a.safetensors", name, each) for name, each in zip(names, sequencers, strict=True)
    ]
    for order in itertools.permutations(events):
        for arrival in order:
            take(bucket, bucket_store, arrival)
            assert shown(bucket_store) == {"net.safetensors": 4, "a.safetensors": 7}
    (model,) = [row.id for row in bucket_store.records.iterate() if row.document["path"] == "a.safetensors"]
    assert len(bucket_store.records.history(model)) == 1, "to take an event again changes nothing"


def test_a_delete_marker_is_an_absence_and_its_end_a_return(bucket, bucket_store):
    place = {"Bucket": bucket.name, "Key": "models/net.safetensors"}
    bucket.client.put_bucket_versioning(Bucket=bucket.name, VersioningConfiguration={"Status": "Enabled"})
    bucket.model("other.safetensors", values=5)
    take(bucket, bucket_store, event(bucket, "other.safetensors", "ObjectCreated:Put", ""))
    marker = bucket.client.delete_object(**place)["VersionId"]
    removed = event(bucket, "net.safetensors", "ObjectRemoved:DeleteMarkerCreated", "02")
    take(bucket, bucket_store, removed, removed)
    assert shown(bucket_store) == {"other.safetensors": 5}
    bucket.client.delete_object(**place, VersionId=marker)
    take(bucket, bucket_store, event(bucket, "net.safetensors", "ObjectRemoved:Delete", "01"))
    assert shown(bucket_store) == {"other.safetensors": 5, "net.safetensors": 4}
