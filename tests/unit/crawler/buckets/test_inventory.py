"""An inventory as a listing: what it says, what it cannot say, and when it is refused."""

import gzip
import io
import json
from datetime import UTC, datetime, timedelta

import pytest

from catalog.errors import ListingIncomplete
from catalog.records import RunState
from crawler.buckets import inventory

SCHEMA = "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, LastModifiedDate, ETag, StorageClass"
COS_SCHEMA = "Appid, Bucket, Key, Size, LastModifiedDate, ETag, StorageClass"


class MemoryStorage:
    def __init__(self, **files):
        self.files = files

    def stream(self, key):
        return io.BytesIO(self.files[key])


def manifest(schema=SCHEMA, **changes):
    said = {
        "sourceBucket": "models",
        "creationTimestamp": "1700000000000",
        "fileFormat": "CSV",
        "fileSchema": schema,
        "files": [{"key": "data"}],
        **changes,
    }
    return inventory.parse_manifest("manifest.json", json.dumps(said).encode())


def listed(data, schema=SCHEMA, prefix=""):
    batches = inventory.rows(MemoryStorage(data=data), manifest(schema), prefix)
    return [row for batch in batches for row in batch]


LINES = (
    '"models","a%20b/c%2Bd.bin","v1","true","false","12","2024-01-31T10:00:00.000Z","abc","STANDARD"\n'
    '"models","a%20b/c%2Bd.bin","v0","false","false","7","2024-01-30T10:00:00.000Z","old","STANDARD"\n'
    '"models","gone.bin","v2","true","true","","2024-01-30T10:00:00.000Z","",""\n'
    '"models","other/x.bin","v1","true","false","3","2024-01-31T10:00:00.000Z","def-2","GLACIER"'
)


@pytest.mark.parametrize(
    "packed", [str.encode, lambda text: gzip.compress(text.encode())], ids=["plain", "gzip"]
)
def test_rows_are_the_objects_as_they_are_now(packed):
    first, second = listed(packed(LINES))
    assert (first.key, first.size_bytes, first.etag) == ("a b/c+d.bin", 12, "abc")
    assert first.last_modified == datetime(2024, 1, 31, 10, tzinfo=UTC)
    assert (second.key, second.storage_class) == ("other/x.bin", "GLACIER")
    assert [row.key for row in listed(packed(LINES), prefix="other/")] == ["other/x.bin"]


def test_inventories_of_cos_are_read():
    line = '"1250000000","models","m/x.bin","5","2024-01-31T10:00:00Z","""abc""","STANDARD"\n'
    (row,) = listed(line.encode(), COS_SCHEMA)
    assert (row.key, row.size_bytes, row.etag.strip('"')) == ("m/x.bin", 5, "abc")
    assert manifest(COS_SCHEMA, creationTimestamp="1553510400").made_at.year == 2019


def test_several_packed_members_and_many_lines_are_read_in_pieces():
    line = '"models","k{0}","v","true","false","1","2024-01-31T10:00:00.000Z","e","STANDARD"\n'
    parts = [gzip.compress("".join(line.format(number) for number in range(start, start + 4000)).encode())
             for start in (0, 4000)]  # fmt: skip
    assert len(listed(b"".join(parts))) == 8000


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (gzip.compress(LINES.encode())[:-12], "ends too early"),
        (gzip.compress(LINES.encode())[:40] + b"x" * 60, "damaged"),
        (b'"models","k","v","true","false","many"\n', "a row of the inventory is damaged"),
        (b"x" * 3_000_000, "a line has more than"),
    ],
    ids=["cut off", "overwritten", "a row of another number of columns", "a line without end"],
)
def test_a_damaged_file_breaks_the_listing_off(data, sentence):
    with pytest.raises(ListingIncomplete, match=sentence):
        listed(data)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"fileFormat": "ORC"}, "inventories in ORC are not read. Set its format to CSV or Parquet"),
        ({"schema": "Bucket, Key"}, "lacks Size"),
        ({"files": None}, "no manifest of an inventory"),
        ({"creationTimestamp": "soon"}, "no manifest of an inventory"),
    ],
)
def test_what_cannot_be_read_is_refused_with_what_to_do(changes, sentence):
    with pytest.raises(ListingIncomplete, match=sentence):
        manifest(**changes)


def write(bucket, *, at=None, lines=None, folder="inv/2026-01-01T01-00Z/"):
    """An inventory of the bucket as it is now, into the bucket itself."""
    rows = bucket.client.list_objects_v2(Bucket=bucket.name, Prefix=bucket.prefix).get("Contents", ())
    text = "".join(
        f'"{bucket.name}","{row["Key"]}","v","true","false","{row["Size"]}","{row["LastModified"].isoformat()}",'
        f'"{row["ETag"][1:-1]}","STANDARD"\n'
        for row in rows
    )
    prefix, bucket.prefix = bucket.prefix, ""
    bucket.put(f"{folder}data.csv.gz", gzip.compress(text.encode()))
    stamp = (at or datetime.now(UTC)).timestamp()
    said = {
        "sourceBucket": bucket.name,
        "creationTimestamp": str(int(stamp * 1000)),
        "fileFormat": "CSV",
        "fileSchema": SCHEMA,
        "files": [{"key": f"{folder}data.csv.gz"}],
    }
    bucket.put(f"{folder}manifest.json", json.dumps(said))
    bucket.prefix = prefix


def test_a_crawl_by_inventory_lists_nothing_and_knows_what_came_later(bucket_shop, bucket):
    bucket.model("a.safetensors")
    bucket.model("b.safetensors", values=7)
    write(bucket)
    bucket.options["inventory"] = f"s3://{bucket.name}/inv"
    report = bucket_shop.crawl()
    assert (report.run.state, bucket_shop.statuses()) == (
        RunState.COMPLETE,
        {"a.safetensors": "ok", "b.safetensors": "ok"},
    )
    listings = [request for request in bucket.storage.requests if request.kind == "list"]
    assert [request.query["prefix"] for request in listings] == ["inv/"]
    old = bucket_shop.crawl()
    assert old.run.state is RunState.PARTIAL
    assert "is older than the last complete crawl" in old.problems[0]
    assert set(bucket_shop.statuses().values()) == {"ok"}

    bucket.remove("b.safetensors")
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    write(bucket, at=tomorrow, folder="inv/2026-01-02T01-00Z/")
    bucket.options["inventory"] = f"s3://{bucket.name}/inv"
    later = bucket_shop.crawl()
    assert (later.run.state, later.problems) == (RunState.COMPLETE, ())
    assert bucket_shop.statuses() == {"a.safetensors": "ok", "b.safetensors": "missing"}


def test_a_crawl_by_an_inventory_that_breaks_off_names_no_key_behind_which_the_next_goes_on(
    bucket_shop, bucket, monkeypatch
):
    bucket.model("a.safetensors")
    write(bucket)
    bucket.options["inventory"] = f"s3://{bucket.name}/inv"
    rows = inventory.rows

    def broken_off(*arguments):
        yield from rows(*arguments)
        raise ListingIncomplete("", "503")

    monkeypatch.setattr(inventory, "rows", broken_off)
    report = bucket_shop.crawl()
    assert (report.run.state, set(bucket_shop.statuses())) == (RunState.PARTIAL, {"a.safetensors"})
    (run,) = bucket_shop.store.runs.latest(1)
    assert run.listed_to is None


def test_what_is_newer_than_the_inventory_is_looked_at_before_it_is_called_missing(bucket_shop, bucket):
    bucket.model("a.safetensors")
    write(bucket, at=datetime.now(UTC) + timedelta(days=1))
    bucket.model("new.safetensors", values=9)
    bucket_shop.crawl()
    assert set(bucket_shop.statuses()) == {"a.safetensors", "new.safetensors"}
    bucket.options["inventory"] = f"s3://{bucket.name}/inv/2026-01-01T01-00Z/manifest.json"
    assert bucket_shop.crawl().run.state is RunState.COMPLETE
    assert bucket_shop.statuses() == {"a.safetensors": "ok", "new.safetensors": "ok"}


PARQUET_SCHEMA = "message s3.inventory { required binary bucket (UTF8); required binary key (UTF8); }"


def in_parquet(**columns):
    import pyarrow as pa
    from pyarrow import parquet

    file = io.BytesIO()
    parquet.write_table(pa.table(columns), file)
    return file.getvalue()


def listed_from_parquet(data, prefix=""):
    said = manifest(PARQUET_SCHEMA, fileFormat="Parquet")
    return [row for batch in inventory.rows(MemoryStorage(data=data), said, prefix) for row in batch]


def test_rows_of_parquet_are_the_objects_as_they_are_now_with_their_keys_as_they_are():
    moment = datetime(2024, 1, 31, 10, tzinfo=UTC)
    data = in_parquet(
        bucket=["models"] * 4,
        key=["a b/c+d%20.bin", "old.bin", "gone.bin", "other/x.bin"],
        is_latest=[True, False, True, True],
        is_delete_marker=[False, False, True, False],
        size=[12, 7, None, 3],
        last_modified_date=[moment, moment, moment, None],
        e_tag=["abc", "old", None, "def-2"],
        storage_class=["STANDARD", "STANDARD", None, "GLACIER"],
    )
    first, second = listed_from_parquet(data)
    assert (first.key, first.size_bytes, first.etag, first.last_modified) == (
        "a b/c+d%20.bin",
        12,
        "abc",
        moment,
    )
    assert (second.key, second.storage_class) == ("other/x.bin", "GLACIER")
    assert [row.key for row in listed_from_parquet(data, "other/")] == ["other/x.bin"]


BROKEN = {
    "cut": (lambda: in_parquet(key=["a"], size=[1])[:-30], "damaged"),
    "no-parquet": (lambda: b"key,size", "damaged"),
    "empty": (lambda: b"", "damaged"),
    "no-size": (lambda: in_parquet(key=["a"]), "lacks size"),
    "no-sizes": (lambda: in_parquet(key=["a"], size=["one"]), "a row of the inventory is damaged"),
}


@pytest.mark.parametrize(("make", "sentence"), BROKEN.values(), ids=BROKEN)
def test_a_part_in_parquet_that_cannot_be_read_whole_breaks_the_listing_off(make, sentence):
    with pytest.raises(ListingIncomplete, match=sentence):
        listed_from_parquet(make())


def test_without_pyarrow_it_is_said_what_to_install(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ListingIncomplete, match="modeldex\\[parquet\\]"):
        listed_from_parquet(b"PAR1")
