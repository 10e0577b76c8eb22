"""A bucket against boto3's own listing of it and a bare pool of its readers: first crawl, unchanged crawl, an event, reads.

    python benchmarks/buckets.py [KEYS] [--every N] [--wait MILLISECONDS]

The storage is a stub in a process of its own that speaks enough of S3: keys that nobody stored, one in `--every` a model of a
few bytes. `--wait` is what it waits before each answer, as a network does. All sides run in turn, each in a process of its own.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit
from urllib.request import Request, urlopen

ROOT = Path(__file__).parents[1]
PAGE = 1000
PER_DIRECTORY = 10
MODELS_EVERY = int(os.environ.get("MODELS_EVERY", PER_DIRECTORY))  # noqa: TID251 - no setting of the product
_HEADER = json.dumps({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
MODEL = struct.pack("<Q", len(_HEADER)) + _HEADER
CHANGED = MODEL.replace(b"[2]", b"[4]").replace(b"[0, 8]", b"[0,16]") + bytes(8)
SIZE = len(MODEL) + 8
READS = 2000
CONCURRENCY = 16
ENVIRONMENT = {
    **os.environ,  # noqa: TID251 - no setting of the product
    "PYTHONPATH": str(ROOT),
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "secret",
}
BARE = """
import sys, boto3
client = boto3.client("s3", endpoint_url=sys.argv[1], region_name="us-east-1")
print(sum(len(page["Contents"]) for page in client.get_paginator("list_objects_v2").paginate(Bucket="models")))
"""


def key_at(number: int) -> str:
    """One in `MODELS_EVERY` is a model, the others are data that no crawl opens."""
    directory, place = divmod(number, PER_DIRECTORY)
    is_model = place == 5 and directory % (MODELS_EVERY // PER_DIRECTORY) == 0
    return f"d{directory:08}/{place}.{'safetensors' if is_model else 'parquet'}"


def model_at(number: int) -> str:
    return key_at(MODELS_EVERY * number + 5)


def first_after(key: str, keys: int) -> int:
    low, high = 0, keys
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if key_at(middle) <= key else (low, middle)
    return low


def handler(keys: int, wait: float) -> type[BaseHTTPRequestHandler]:
    overwritten: set[str] = set()
    asked = [0]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 1 << 16  # one packet an answer: a second one would wait for the first to be acknowledged
        disable_nagle_algorithm = True

        def do_PUT(self) -> None:
            overwritten.add(unquote(self.path).partition("/")[2].partition("/")[2])
            asked[0] = 0
            self.answer(200, b"", {})

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            if self.path == "/asked":
                self.answer(200, str(asked[0]).encode(), {})
                return
            asked[0] += 1
            time.sleep(wait)
            parts = urlsplit(self.path)
            query = {
                name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()
            }
            if "list-type" in query:
                self.answer(200, self.page(query), {"content-type": "application/xml"})
                return
            key = unquote(parts.path).partition("/")[2].partition("/")[2]
            head, tag = (CHANGED, etag(f"{key}!")) if key in overwritten else (MODEL, etag(key))
            body = head + struct.pack("<q", hash(key))  # no two models are copies of each other
            said = {
                "etag": f'"{tag}"',
                "content-range": f"bytes 0-{len(body) - 1}/{len(body)}",
                "last-modified": "Thu, 01 Jan 2026 00:00:00 GMT",
            }
            self.answer(206, body, said)

        def page(self, query: dict[str, str]) -> bytes:
            if "delimiter" in query:
                return b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"
            start = int(query.get("continuation-token") or first_after(query.get("start-after", ""), keys))
            end = min(start + PAGE, keys)
            rows = "".join(
                f"<Contents><Key>{key}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
                f"<ETag>&quot;{etag(key)}&quot;</ETag><Size>{SIZE}</Size><StorageClass>STANDARD</StorageClass></Contents>"
                for key in map(key_at, range(start, end))
            )
            more = f"<NextContinuationToken>{end}</NextContinuationToken>" if end < keys else ""
            head = f"<IsTruncated>{'true' if more else 'false'}</IsTruncated>"
            return f"<ListBucketResult>{head}{more}{rows}</ListBucketResult>".encode()

        def answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {**headers, "content-length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    return Handler


def etag(key: str) -> str:
    return f"{hash(key) & (2**128 - 1):032x}"


def serve(keys: int, wait: float) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(keys, wait))
    print(server.server_address[1], flush=True)
    server.serve_forever()


def timed(command: list[str]) -> tuple[float, float, int, str]:
    """Seconds, seconds of the processor with those of children, most memory in MB, and what was said."""
    before = time.perf_counter()
    with subprocess.Popen(command, cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = process.stdout.read()
        _, _, usage = os.wait4(process.pid, 0)
        process.returncode = 0
    return time.perf_counter() - before, usage.ru_utime + usage.ru_stime, usage.ru_maxrss // 1024, said


def pooled(read: Callable[[int], object]) -> float:
    """Reads a second."""
    started = time.perf_counter()
    with ThreadPoolExecutor(CONCURRENCY) as pool:
        for _ in pool.map(read, range(READS)):
            pass
    return READS / (time.perf_counter() - started)


def bare_reads(url: str, _home: str) -> None:
    """As a script would read so many headers: boto3 and a pool."""
    import boto3
    from botocore.config import Config

    config = Config(max_pool_connections=2 * CONCURRENCY)
    client = boto3.client("s3", endpoint_url=url, region_name="us-east-1", config=config)

    def read(number: int) -> bytes:
        key = model_at(number)
        body: bytes = client.get_object(Bucket="models", Key=key, Range="bytes=0-131071")["Body"].read()
        return body

    print(pooled(read))


def own_reads(url: str, home: str) -> None:
    """The same objects to what they say, extracted and packed as the manifest keeps it."""
    from catalog.settings import Settings
    from crawler.buckets.settings import S3Options
    from crawler.reader import Budget
    from crawler.readers import ThreadReaders
    from crawler.reading import ObjectReader
    from crawler.registry import Registry
    from crawler.sources.s3 import S3Source

    options = S3Options(endpoint_url=url, concurrency=CONCURRENCY)
    source = S3Source("s3://models", Settings(home=Path(home)), options)
    listed = (meta for step in source.list() for meta in step.objects if meta.key.endswith(".safetensors"))
    metas = list(itertools.islice(listed, READS))
    readers = ThreadReaders(ObjectReader(source, Registry.installed(), Budget()), CONCURRENCY)
    started = time.perf_counter()
    for _ in readers.read((meta, None) for meta in metas):
        pass
    print(len(metas) / (time.perf_counter() - started))


def event(url: str, home: str) -> None:
    """One object is overwritten and told of: seconds until a search shows it, and requests to the storage."""
    from catalog.access.opening import open_catalog
    from catalog.settings import Settings
    from catalog.store import open_store
    from crawler.commands.index_state import bring_up_to_date
    from crawler.event_bodies import Hint
    from crawler.event_inbox import note_hints, take_waiting
    from crawler.registry import Registry

    registry = Registry.installed()
    settings = Settings(home=Path(home))
    with open_store(settings, write=True) as store:
        for number in (7, 8):  # a worker has loaded all that it needs with the first one
            key = model_at(number)
            urlopen(Request(f"{url}/models/{key}", method="PUT"))
            started = time.perf_counter()
            note_hints(store, [Hint("models", key)])
            (model,) = take_waiting(store, settings, registry=registry).models
            taken = time.perf_counter()
            bring_up_to_date(settings, store)
            with open_catalog(settings) as catalog:
                assert catalog.get([model])[model]["parameters"] == 4
            ended = time.perf_counter()
    requests = urlopen(f"{url}/asked").read().decode()
    print(f"{ended - started:.2f} s ({taken - started:.2f} s until it is committed), {requests} requests")


PARTS = {"bare-reads": bare_reads, "own-reads": own_reads, "event": event}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("keys", type=int, nargs="?", default=100_000)
    parser.add_argument("--every", type=int, default=PER_DIRECTORY, help="a multiple of ten")
    parser.add_argument("--wait", type=float, default=20.0)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--part", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    ENVIRONMENT.setdefault("MODELS_EVERY", str(given.every))
    if given.serve:
        serve(given.keys, given.wait / 1000)
    elif given.part:
        name, url, home = given.part
        PARTS[name](url, home)
    else:
        compare(given.keys, given.wait)


def compare(keys: int, wait: float) -> None:
    stub = [sys.executable, __file__, str(keys), "--wait", str(wait), "--serve"]
    with (
        tempfile.TemporaryDirectory() as home,
        subprocess.Popen(
            stub, stdout=subprocess.PIPE, text=True, env={**ENVIRONMENT, "PYTHONHASHSEED": "0"}
        ) as server,
    ):
        assert server.stdout is not None
        url = f"http://127.0.0.1:{server.stdout.readline().strip()}"
        try:
            reads = [
                float(part(name, url, home))
                for name in ("bare-reads", "own-reads", "bare-reads", "own-reads")
            ]
            bare, own = (reads[0] + reads[2]) / 2, (reads[1] + reads[3]) / 2
            print(f"header reads a second: bare pool {bare:.0f}, Modeldex {own:.0f}, {own / bare:.2f} of it")
            listings(url, home)
            print(f"one object by an event: {part('event', url, home)}")
        finally:
            server.kill()


def part(name: str, url: str, home: str) -> str:
    return timed([sys.executable, __file__, "--part", name, url, home])[-1].strip()


def listings(url: str, home: str) -> None:
    command = [sys.executable, "-m", "catalog", "--home", home, "crawl", "s3://models"]
    for name in ("first crawl", "unchanged crawl"):
        bare_seconds, bare_work, bare_memory, counted = timed([sys.executable, "-c", BARE, url])
        print(
            f"bare boto3 listing   {bare_seconds:7.1f} s ({bare_work:.1f} of the processor)  {bare_memory:5} MB  {int(counted):,} keys",
            flush=True,
        )
        seconds, work, memory, said = timed([*command, "--json", "--endpoint-url", url])
        report = json.loads(said)
        print(
            f"{name:<20} {seconds:7.1f} s ({work:.1f} of the processor)  {memory:5} MB  {report['requests']:,} requests, "
            f"{report['opened']:,} opened, {report['models']:,} models; {seconds / bare_seconds:.2f} of the bare listing",
            flush=True,
        )


if __name__ == "__main__":
    main()
