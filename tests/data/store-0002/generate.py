"""Writes store.sqlite3.xz and contents.json: a store as Modeldex 0.1.0 wrote it at schema 0002.

Not run by tests: later code writes later stores. It ran at commit 0037815, from the root of the repository, with an
empty folder to work in: python tests/data/store-0002/generate.py /srv/modeldex
"""

import hashlib
import json
import lzma
import os
import shutil
import sqlite3
import struct
import sys
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select, update

from catalog.search.engine import IndexOutcome
from catalog.settings import Settings
from catalog.store import open_store
from catalog.store.codec import instant, parse_instant
from catalog.store.tables import leases, records
from crawler.crawl import crawl
from crawler.sources.local import LocalSource

HERE = Path(__file__).parent
ROOM = Path(sys.argv[1])
SMALL = ROOM / "small"
SETTINGS = Settings(home=ROOM / "home")

# Put together here, so that nobody's scanner takes this file for a leak.
HUB_TOKEN = "hf_" + "StoreFixtureToken0123456789abcdefgh"
SIDECAR_KEY = "sk-proj-" + "StoreFixtureKey0123456789abcdefghij"
SIGNATURE = "5f1d7e" * 10 + "a0b1"
PASSWORD = "correct-horse-battery"
SECRETS = {"header": HUB_TOKEN, "sidecar": SIDECAR_KEY, "signed_url": SIGNATURE, "url_password": PASSWORD}


def safetensors(values, *, fill=1.0, metadata=None):
    header = {"weight": {"dtype": "F32", "shape": [values], "data_offsets": [0, 4 * values]}}
    if metadata:
        header["__metadata__"] = metadata
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + struct.pack(f"<{values}f", *[fill] * values)


def put(path, data):
    target = SMALL / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data if isinstance(data, bytes) else data.encode())


def sidecar(accuracy):
    put(
        "token/model.modeldex.yaml",
        f"""name: sentiment-{accuracy}
accuracy: {accuracy}
openai_api_key: {SIDECAR_KEY}
download: https://bucket.example/m.bin?X-Amz-Credential=me&X-Amz-Signature={SIGNATURE}
index_url: https://reader:{PASSWORD}@packages.example/simple
""",
    )


def first_state():
    shutil.copytree(Path("examples"), ROOM / "examples", ignore=shutil.ignore_patterns("__pycache__"))
    metadata = {"hub_token": HUB_TOKEN, "note": f"load it with {HUB_TOKEN}", "format": "pt"}
    put("token/model.safetensors", safetensors(3, metadata=metadata))
    sidecar(0.5)
    put("moving/old.safetensors", safetensors(5))
    put("missing.safetensors", safetensors(6))
    put("gone.safetensors", safetensors(7))
    for number in range(3):
        put(f"copies/{number}/model.safetensors", safetensors(8, fill=2.0))
    put("broken/model.safetensors", b"\xff" * 64)
    put("odd/\udcff.safetensors", safetensors(9))


class BrokenOff(LocalSource):
    """A listing in whose middle the process ends."""

    how = KeyboardInterrupt

    def list(self):
        for number, step in enumerate(super().list()):
            if number == 2:
                if self.how is None:
                    os._exit(9)
                raise self.how
            yield step


class Killed(BrokenOff):
    how = None


def crawled(store, source):
    return crawl(store, source, SETTINGS)


def interrupted(store):
    try:
        crawled(store, BrokenOff(SMALL))
    except KeyboardInterrupt:
        return
    raise AssertionError("the crawl was not interrupted")


def killed():
    child = os.fork()
    if not child:
        with open_store(SETTINGS, write=True) as store:
            crawled(store, Killed(SMALL))
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 9


def indexed(store, *, dead=""):
    """All that waits is taken, but for one model that is refused."""
    while actions := store.outbox.pending():
        refused = {action.id: "a field of it is no date" for action in actions if _path(action) == dead}
        taken = [action.id for action in actions if action.id not in refused]
        store.outbox.settle(actions, IndexOutcome(done=taken, rejected=refused))


def _path(action):
    return (action.document or {}).get("path")


def an_hour_later(store):
    with store._engine.begin() as connection:
        for row in list(connection.execute(select(records.c.id, records.c.missing_since))):
            if row.missing_since:
                earlier = instant(parse_instant(row.missing_since) - timedelta(hours=2))
                connection.execute(
                    update(records).where(records.c.id == row.id).values(missing_since=earlier)
                )


def write_history():
    first_state()
    with open_store(SETTINGS, write=True) as store:
        interrupted(store)
        crawled(store, LocalSource(ROOM / "examples"))
        crawled(store, LocalSource(SMALL))
        indexed(store, dead="broken/model.safetensors")
        (SMALL / "gone.safetensors").unlink()
        sidecar(0.6)
        crawled(store, LocalSource(SMALL))
        an_hour_later(store)
        crawled(store, LocalSource(SMALL))  # the second run that does not see it: gone
        indexed(store)
        (SMALL / "moving/old.safetensors").rename(SMALL / "moving/new.safetensors")
        (SMALL / "missing.safetensors").unlink()
        (SMALL / "copies/2/model.safetensors").unlink()
        sidecar(0.7)
        crawled(store, LocalSource(SMALL))  # what it wrote waits for the index
    killed()
    with open_store(SETTINGS, write=True) as store, store._engine.begin() as connection:
        connection.execute(
            update(leases).values(
                expires=0.0,
                holder=json.dumps(
                    {"pid": 2, "host": "machine.example", "since": "2026-11-29 00:00:00 UTC", "started": "1"}
                ),
            )
        )


def contents(database):
    """What the store holds, without the bodies: their hashes stand for them."""
    rows = lambda statement: [dict(row) for row in database.execute(statement)]  # noqa: E731
    return {
        "secrets": SECRETS,
        "records": rows(
            "SELECT id, state, name, revision, sha256, first_seen, moved_to FROM records ORDER BY id"
        ),
        "revisions": rows(
            "SELECT serial, model, number, sha256, parent_sha256, made_by, made_at FROM revisions ORDER BY serial"
        ),
        "outbox": rows("SELECT model, revision, state, reason, attempts FROM outbox ORDER BY model"),
        "runs": rows("SELECT id, source, state, started_at FROM runs ORDER BY id"),
        "sources": rows("SELECT id, uri, added_at FROM sources ORDER BY id"),
        "counts": {
            name: database.execute(f"SELECT count(*) FROM {name}").fetchone()[0]
            for name in ("objects", "extractions")
        },
        "objects_sha256": _digest(
            database.execute(
                "SELECT source, key, size_bytes, change_token, state, reading, sha256 FROM objects ORDER BY source, key"
            )
        ),
    }


def _digest(rows):
    return hashlib.sha256(repr([tuple(row) for row in rows]).encode()).hexdigest()


if __name__ == "__main__":
    write_history()
    path = SETTINGS.home / "store.sqlite3"
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.row_factory = sqlite3.Row
        (HERE / "contents.json").write_text(json.dumps(contents(database), indent=1) + "\n")
    (HERE / "store.sqlite3.xz").write_bytes(lzma.compress(path.read_bytes(), preset=9))
