"""The first crawl and an unchanged one of a bucket against boto3's own listing of it. Aims: 0 reads, 0 writes, 1.5 times.

    python benchmarks/buckets.py [KEYS] [--wait MILLISECONDS]

The storage is a stub in a process of its own that speaks enough of S3: keys that nobody stored, each a model of a few bytes.
`--wait` is what it waits before each answer, as a network does. Both sides run in turn, each in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import struct
import subprocess
import sys
import tempfile
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

ROOT = Path(__file__).parents[1]
PAGE = 1000
PER_DIRECTORY = 10
_HEADER = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
MODEL = struct.pack("<Q", len(_HEADER)) + _HEADER + bytes(4)
ENVIRONMENT = {**os.environ, "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}  # noqa: TID251
BARE = """
import sys, boto3
client = boto3.client("s3", endpoint_url=sys.argv[1], region_name="us-east-1")
print(sum(len(page["Contents"]) for page in client.get_paginator("list_objects_v2").paginate(Bucket="models")))
"""


def key_at(number: int) -> str:
    """One in ten is a model, the others are data that no crawl opens."""
    directory, place = divmod(number, PER_DIRECTORY)
    return f"d{directory:08}/{place}.{'safetensors' if place == 5 else 'parquet'}"


def first_after(key: str, keys: int) -> int:
    low, high = 0, keys
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if key_at(middle) <= key else (low, middle)
    return low


def handler(keys: int, wait: float) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            time.sleep(wait)
            parts = urlsplit(self.path)
            query = {
                name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()
            }
            if "list-type" in query:
                self.answer(200, self.page(query), {"content-type": "application/xml"})
                return
            key = unquote(parts.path).partition("/")[2].partition("/")[2]
            size = f"bytes 0-{len(MODEL) - 1}/{len(MODEL)}"
            self.answer(206, MODEL, {"etag": f'"{etag(key)}"', "content-range": size})

        def page(self, query: dict[str, str]) -> bytes:
            if "delimiter" in query:
                return b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"
            start = int(query.get("continuation-token") or first_after(query.get("start-after", ""), keys))
            end = min(start + PAGE, keys)
            rows = "".join(
                f"<Contents><Key>{key}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
                f"<ETag>&quot;{etag(key)}&quot;</ETag><Size>{len(MODEL)}</Size><StorageClass>STANDARD</StorageClass></Contents>"
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
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    return Handler


def etag(key: str) -> str:
    return f"{hash(key) & (2**128 - 1):032x}"


def serve(keys: int, wait: float) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(keys, wait))
    print(server.server_address[1], flush=True)
    server.serve_forever()


def timed(command: list[str]) -> tuple[float, int, str]:
    """Seconds, most memory in MB, and what was said."""
    before = time.perf_counter()
    with subprocess.Popen(command, cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = process.stdout.read()
        _, _, usage = os.wait4(process.pid, 0)
        process.returncode = 0
    return time.perf_counter() - before, usage.ru_maxrss // 1024, said


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("keys", type=int, nargs="?", default=100_000)
    parser.add_argument("--wait", type=float, default=20.0)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.keys, given.wait / 1000)
        return
    stub = [sys.executable, __file__, str(given.keys), "--wait", str(given.wait), "--serve"]
    with (
        tempfile.TemporaryDirectory() as home,
        subprocess.Popen(
            stub, stdout=subprocess.PIPE, text=True, env={**ENVIRONMENT, "PYTHONHASHSEED": "0"}
        ) as server,
    ):
        assert server.stdout is not None
        url = f"http://127.0.0.1:{server.stdout.readline().strip()}"
        crawl = [
            sys.executable,
            "-m",
            "catalog",
            "--home",
            home,
            "crawl",
            "s3://models",
            "--json",
            "--endpoint-url",
            url,
        ]
        bare_seconds, bare_memory, counted = timed([sys.executable, "-c", BARE, url])
        print(f"bare boto3 listing   {bare_seconds:7.1f} s  {bare_memory:5} MB  {int(counted):,} keys")
        for name in ("first crawl", "unchanged crawl"):
            seconds, memory, said = timed(crawl)
            report = json.loads(said)
            print(
                f"{name:<20} {seconds:7.1f} s  {memory:5} MB  {report['requests']:,} requests, {report['opened']:,} opened, "
                f"{report['models']:,} models; {seconds / bare_seconds:.2f} of the bare listing"
            )
        server.kill()


if __name__ == "__main__":
    main()
