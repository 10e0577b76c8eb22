"""The worker reads neighbours that say more of models, each when it is due."""

from __future__ import annotations

import logging
import threading

from fixtures.patience import wait_until

from catalog.errors import UserError
from catalog.settings import Settings
from crawler.commands.scheduled_crawls import ScheduledWorker
from indexer.statements import Neighbour, neighbours


def test_neighbours_are_those_that_are_set_up_and_left_to_the_worker(tmp_path):
    def names(**settings):
        return [neighbour.name for neighbour in neighbours(Settings(home=tmp_path, **settings))]

    mongodb = {"mongodb_url": "mongodb://127.0.0.1/", "mongodb_said_in": "said"}
    assert names() == []
    assert names(mongodb_url="mongodb://127.0.0.1/") == []
    assert names(**mongodb, hive_url="thrift://127.0.0.1") == ["mongodb", "hive"]
    assert (
        names(**mongodb, mongodb_every_seconds=0, hive_url="thrift://127.0.0.1", hive_every_seconds=0) == []
    )


def test_a_neighbour_that_cannot_be_read_is_told_of_once_and_costs_the_others_nothing(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    readings = {"away": 0, "there": 0}

    def away(_store):
        readings["away"] += 1
        raise UserError("It cannot be reached.")

    def there(_store):
        readings["there"] += 1
        return f"models={readings['there']}"

    worker = ScheduledWorker(Settings(home=tmp_path), every_seconds=60, at_once=1)
    both = [Neighbour("away", 0.01, away), Neighbour("there", 0.01, there)]
    thread = threading.Thread(target=worker._read_statements, args=(both,))
    thread.start()
    wait_until(lambda: readings["there"] >= 2)
    worker.stop()
    thread.join()
    assert readings["away"] >= 2
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert warnings == ["away not read reason=It cannot be reached."]
    assert "there read models=2" in [record.getMessage() for record in caplog.records]
