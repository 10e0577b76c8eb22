"""The name of a state says nothing of models that its reader may not see."""

from __future__ import annotations

import pytest
from fixtures.users import OPEN_SOURCE, House, role, user_rows

from catalog.search.engine import IndexAction
from catalog.settings import Settings
from catalog.store import open_store
from indexer.engines.memory import MemoryWriter


@pytest.mark.parametrize("address", ["/?q=net", "/api/v1/search?q=net"])
def test_a_hidden_model_that_comes_changes_no_tag_of_a_reader_with_a_scope(tmp_path, address):
    hidden, *_ = user_rows()
    with open_store(Settings(home=tmp_path), write=True) as store:
        house = House(tmp_path, store, user_rows())
        house.add("bob", role("viewer", f'source:"{OPEN_SOURCE}"'))
        house.add("ada", role("admin"))
        clients = {name: house.client(name) for name in ("ada", "bob")}
        before = {name: client.get(address).headers["ETag"] for name, client in clients.items()}
        row = {**hidden, "id": "e" * 64}
        MemoryWriter(house.index).write([IndexAction(id=row["id"], revision=1, document=row)])
        answers = {
            name: client.get(address, headers={"If-None-Match": before[name]})
            for name, client in clients.items()
        }
    assert answers["bob"].status_code == 304
    assert answers["ada"].status_code == 200
    assert answers["ada"].headers["ETag"] != before["ada"]
