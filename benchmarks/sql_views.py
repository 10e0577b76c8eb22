"""What a question to the views costs over a store of many models.

.venv/bin/python benchmarks/sql_views.py [MODELS] [URL]
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

from sqlalchemy import insert, text

from catalog.settings import Settings
from catalog.store import open_store
from catalog.store.tables import records
from catalog.store.view_values import view_values
from catalog.testing.documents import documents

QUESTIONS = {
    "models_by_condition": "SELECT count(*) FROM models WHERE license = 'mit' AND parameters > 1000000",
    "join_with_evaluations": (
        "SELECT count(*) FROM models JOIN evaluations USING (model_id) "
        "WHERE evaluations.metric = 'accuracy' AND evaluations.value > 0.9"
    ),
    "tags": "SELECT tag, count(*) FROM tags GROUP BY tag ORDER BY 2 DESC LIMIT 10",
    "versions": "SELECT count(*) FROM versions",
}


def rows_of(number: int):
    for document in documents(number):
        yield {
            "id": document["id"].rjust(64, "0")[-64:],
            "source": "x",
            "group_key": document["id"].encode(),
            "state": "live",
            "name": str(document.get("name", "")),
            "revision": 1,
            "sha256": "0" * 64,
            "chain_sha256": "",
            "sealed_sha256": "",
            "signature": "",
            "risks": 0,
            "first_seen": "",
            "record": b"",
            "view_values": view_values(document, {"source": "x", "fingerprint": None}),
        }


def main() -> None:
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with tempfile.TemporaryDirectory() as folder:
        url = {"database_url": sys.argv[2]} if len(sys.argv) > 2 else {}
        with open_store(Settings(home=Path(folder), **url), write=True) as store:
            with store.engine.begin() as connection:
                page = []
                for row in rows_of(number):
                    page.append(row)
                    if len(page) == 500:
                        connection.execute(insert(records), page)
                        page = []
                if page:
                    connection.execute(insert(records), page)
            seconds = {}
            for name, question in QUESTIONS.items():
                with store.engine.connect() as connection:
                    clock = time.perf_counter()
                    connection.execute(text(question)).all()
                    seconds[name] = round(time.perf_counter() - clock, 3)
    print(json.dumps({"models": number, "seconds": seconds}, indent=2))


if __name__ == "__main__":
    main()
