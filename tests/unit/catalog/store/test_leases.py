"""A lease has one holder, also when it is new."""

import threading
from contextlib import ExitStack

import pytest

from catalog.errors import WriterBusy
from catalog.settings import Settings
from catalog.store import open_store

RIVALS = 6


@pytest.fixture(params=["sqlite", "postgresql"])
def store_settings(request, tmp_path):
    given = {}
    if request.param == "postgresql":
        given["database_url"] = request.getfixturevalue("postgresql_url")
    return Settings(home=tmp_path, **given)


def test_of_those_who_want_a_new_lease_at_once_one_gets_it(store_settings):
    """On PostgreSQL, two who both saw no row held it with the same token, so that no write of either was refused."""
    start = threading.Barrier(RIVALS)
    refused = []

    def want(store, stack):
        start.wait()
        try:
            stack.enter_context(store.lease("new"))
        except WriterBusy as error:
            refused.append(error)

    with open_store(store_settings, write=True) as store, ExitStack() as stack:
        rivals = [threading.Thread(target=want, args=(store, stack)) for _ in range(RIVALS)]
        for rival in rivals:
            rival.start()
        for rival in rivals:
            rival.join()
        assert len(refused) == RIVALS - 1


def test_a_worker_is_seen_while_it_runs(store_settings):
    with open_store(store_settings, write=True) as store:
        with store.workers.announced():
            assert len(store.workers.alive()) == 1
        assert store.workers.alive() == []
