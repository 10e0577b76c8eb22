"""When the cache of answers pays: a page made, a page out of Redis, and what a look that finds nothing costs.

    python benchmarks/cache.py [--documents 1000,10000,100000] [--rounds 3]

The whole application answers each request, so that what both ways share is in both figures. Redis is a server of its own on
this machine; over a network its round trip is added. Everything runs in turn; medians are compared. Aim: the cache pays
where a page out of it takes at most half of the time of one that is made.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from benchmarks.scopes import fill
from catalog.access.catalog import Catalogs
from catalog.errors import StoreUnavailable
from catalog.settings import Settings
from indexer.engines import open_engine
from indexer.engines.memory.matching import satisfies
from tests.fixtures.redis import RedisServer
from webui.app import create_app
from webui.caching import remembering
from webui.contracts import Services

ADDRESSES = {
    "search page": "/?q=accuracy+%3E+0.5",
    "search page, words": "/?q=bert+-license:mit",
    "/api/search": "/api/search?q=accuracy+%3E+0.5",
}
CALLS = 15


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--documents", default="1000,10000,100000")
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = RedisServer(folder)
        server.start()
        try:
            for number in map(int, chosen.documents.split(",")):
                measure(server, number, chosen.rounds)
        finally:
            server.kill()


def measure(server: RedisServer, number: int, rounds: int) -> None:
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        settings = Settings(home=Path(folder))
        fill(settings, number)
        engine = open_engine(settings)
        stack.callback(engine.close)
        services = Services(catalogs=Catalogs(engine, no_store, lambda: satisfies))
        plain = create_app(settings, services).test_client()
        cached = settings.but(cache_url=server.url, cache_secret="s" * 32, cache_timeout_seconds=1.0)
        app = create_app(cached, services)
        stack.callback(remembering.close, app)
        client = app.test_client()
        for name, address in ADDRESSES.items():
            size = len(client.get(address).data)
            plain_ms, kept_ms, missed_ms = in_turn(
                rounds,
                partial(plain.get, address),
                partial(client.get, address),
                partial(ask_anew, client, address),
            )
            print(
                f"{number:>9,} models, {name:20s} {size / 1000:6.0f} kB  made {plain_ms:7.1f} ms   kept {kept_ms:6.1f} ms"
                f"   looked for in vain and kept {missed_ms:7.1f} ms   kept/made {kept_ms / plain_ms:5.2f}",
                flush=True,
            )


def ask_anew(client: Any, address: str) -> None:
    """By an address that nobody sent before."""
    client.get(f"{address}&x={time.perf_counter_ns()}")


def in_turn(rounds: int, *calls: Callable[[], Any]) -> list[float]:
    """Median milliseconds of each call."""
    taken: list[list[float]] = [[] for _ in calls]
    for call in calls:
        call()
    for _ in range(rounds * CALLS):
        for place, call in enumerate(calls):
            begin = time.perf_counter()
            call()
            taken[place].append(1000 * (time.perf_counter() - begin))
    return [statistics.median(column) for column in taken]


def no_store() -> Any:
    raise StoreUnavailable("there is no store: the index alone answers")


if __name__ == "__main__":
    main()
