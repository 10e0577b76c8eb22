"""A tracker's database in the store: a row for each run, of which a changed run changes one."""

from __future__ import annotations

import pytest
from fixtures.costs import counted
from fixtures.tracker_databases import runs_database
from sqlalchemy import select

from catalog.recording.authorship import Authorship
from catalog.recording.edits import edit_model
from catalog.recording.remake import remake
from catalog.records import ObjectKey
from catalog.store.shares import MIN_SUBJECTS, drop_shares, is_share
from catalog.store.tables import extractions
from crawler.events import take_events
from crawler.registry import Registry

RUNS = 150


@pytest.fixture
def tracked(shop):
    shop.registry = Registry.installed()
    shop.put("mlflow.db", runs_database(RUNS))
    shop.crawl()
    return shop


def shares(shop):
    with shop.store._engine.connect() as connection:
        rows = connection.execute(select(extractions.c.key, extractions.c.body))
        return {bytes(row.key): bytes(row.body) for row in rows if is_share(row.key)}


def depths(shop):
    return {
        int(model.document["run_id"], 16): model.document["hyperparameters"]["depth"]
        for model in shop.store.records.iterate()
    }


def test_a_run_that_changed_is_the_only_row_and_the_only_record_that_is_written(tracked):
    before = shares(tracked)
    assert len(before) == RUNS > MIN_SUBJECTS
    tracked.put("mlflow.db", runs_database(RUNS, changed=7))
    report = tracked.crawl()
    after = shares(tracked)
    assert (report.counts["changed"], report.counts["unchanged"]) == (1, RUNS - 1)
    assert (len(before.keys() - after.keys()), len(after.keys() - before.keys())) == (1, 1)
    assert all(before[key] == after[key] for key in before.keys() & after.keys())


def test_an_event_makes_the_record_of_the_run_that_changed_and_looks_at_what_is_said_of_no_other(tracked):
    """The records of all runs were made again, each with what is said of it read from the store, to be found the same."""
    tracked.put("mlflow.db", runs_database(RUNS + 1, changed=7))
    with counted(tracked.store) as costs:
        report = take_events(
            tracked.store,
            tracked.source,
            tracked.settings,
            [ObjectKey("mlflow.db")],
            registry=tracked.registry,
        )
    assert (report.counts["changed"], report.counts["new"], len(report.models)) == (1, 1, 2)
    assert costs.statements["SELECT", ("extractions",)] < 20
    assert tracked.crawl().counts["unchanged"] == RUNS + 1


def test_each_record_has_what_is_said_of_its_own_run_also_when_it_is_made_again(tracked):
    said = depths(tracked)
    assert [str(said[run]) for run in range(RUNS)] == [str(run) for run in range(RUNS)]
    models = [model.id for model in tracked.store.records.iterate()]
    assert sorted(remake(tracked.store, models).unchanged) == sorted(models)


def test_an_edit_of_one_run_makes_its_record_of_its_own_values(tracked):
    model = next(iter(tracked.store.records.iterate()))
    edit_model(
        tracked.store, model.id, expected=1, values={"notes": "looked at"}, by=Authorship(made_by="ada")
    )
    (edited,) = [one for one in tracked.store.records.iterate() if one.id == model.id]
    assert edited.document["hyperparameters"] == model.document["hyperparameters"]
    assert edited.document["notes"] == "looked at"


def test_a_file_that_tells_of_few_runs_has_no_rows_behind_it_any_more(tracked):
    tracked.put("mlflow.db", runs_database(10))
    tracked.crawl(accept=True)
    assert shares(tracked) == {}
    assert tracked.store.records.standing(tracked.source.id)["live"] == 10


def test_rows_of_an_earlier_reading_say_nothing_of_a_file_that_was_empty_between(tracked):
    tracked.put("mlflow.db", b"")
    tracked.crawl(accept=True)
    tracked.put("mlflow.db", runs_database(10, changed=3))
    tracked.crawl(accept=True)
    model = next(
        row for row in tracked.store.records.iterate() if int(row.document.get("run_id", "0"), 16) == 3
    )
    edit_model(
        tracked.store, model.id, expected=model.revision, values={"notes": "x"}, by=Authorship(made_by="ada")
    )
    (edited,) = [row for row in tracked.store.records.iterate() if row.id == model.id]
    assert edited.document["hyperparameters"] == model.document["hyperparameters"]
    assert edited.document["hyperparameters"]["depth"] == "changed"
    assert shares(tracked) == {}


def test_what_is_not_there_any_more_still_has_what_was_said_of_it_when_it_is_edited(tracked):
    model = next(iter(tracked.store.records.iterate()))
    tracked.put("mlflow.db", b"")
    tracked.crawl(accept=True)
    (missing,) = [row for row in tracked.store.records.iterate() if row.id == model.id]
    edit_model(
        tracked.store,
        model.id,
        expected=missing.revision,
        values={"notes": "x"},
        by=Authorship(made_by="ada"),
    )
    (edited,) = [row for row in tracked.store.records.iterate() if row.id == model.id]
    assert edited.document["hyperparameters"] == model.document["hyperparameters"]


def test_of_many_files_that_are_dropped_just_their_own_rows_go(tracked):
    tracked.put("mlflow.db2", runs_database(MIN_SUBJECTS))
    tracked.crawl()
    with tracked.store._engine.begin() as connection:
        drop_shares(connection, tracked.source.id, [])
        drop_shares(connection, tracked.source.id, [b"mlflow.d", b"mlflow.db", b"none"])
    assert {key.partition(b"\0")[0] for key in shares(tracked)} == {b"mlflow.db2"}
