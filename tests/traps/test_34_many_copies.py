"""Many copies of one model: every document lists the same places, and n copies cost n times one."""

import shutil

from fixtures.crawling import EXTRACTORS, Shop
from sqlalchemy import event, func, select

from catalog import plugins
from catalog.settings import Settings
from catalog.store import open_store
from catalog.store.documents import MAX_LOCATIONS
from catalog.store.tables import copies_due, revisions
from crawler.registry import Registry


def copies(shop, number):
    for copy in range(number):
        shop.model(f"c{copy:04}/model.safetensors", fill=2.5)


def due(shop):
    with shop.store._engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(copies_due)).scalar_one()


def test_every_copy_lists_the_oldest_and_changes_only_when_they_do(shop, monkeypatch):
    monkeypatch.setattr("crawler.stages.committing.PAGE_MODELS", 30)
    copies(shop, 150)
    shop.crawl()
    documents = shop.documents()
    oldest = sorted(document["uri"] for document in documents.values())[:MAX_LOCATIONS]
    assert {document["duplicate_group"] for document in documents.values()} == {
        documents["c0000/model.safetensors"]["duplicate_group"]
    }
    for document in documents.values():
        listed = [uri for uri in oldest if uri != document["uri"]]
        assert document["locations"] == [document["uri"], *listed][:MAX_LOCATIONS]
    with shop.store._engine.connect() as connection:
        most = connection.execute(select(func.max(revisions.c.number))).scalar_one()
    assert most <= 3
    shop.model("one-more/model.safetensors", fill=2.5)
    shop.crawl()
    again = shop.documents()
    assert len(again.pop("one-more/model.safetensors")["locations"]) == MAX_LOCATIONS
    assert {path: document["revision"] for path, document in again.items()} == {
        path: document["revision"] for path, document in documents.items()
    }
    (shop.root / "c0001/model.safetensors").unlink()
    shop.crawl()
    lost = documents["c0001/model.safetensors"]["uri"]
    live = [document for document in shop.documents().values() if document["status"] == "ok"]
    assert len(live) == 150
    assert not any(lost in document["locations"] for document in live)
    assert {len(document["locations"]) for document in live} == {MAX_LOCATIONS}
    assert due(shop) == 0


def test_copies_that_all_move_or_all_but_one_go_list_what_is_left(shop, monkeypatch):
    monkeypatch.setattr("crawler.stages.committing.PAGE_MODELS", 7)
    copies(shop, 40)
    (shop.root / "old").mkdir()
    for folder in list(shop.root.glob("c*")):
        folder.rename(shop.root / "old" / folder.name)
    shop.crawl()
    (shop.root / "old").rename(shop.root / "new")
    assert shop.crawl().counts["moved"] == 40
    live = [document for document in shop.documents().values() if document["status"] == "ok"]
    uris = {document["uri"] for document in live}
    assert all(set(document["locations"]) == uris for document in live)
    for folder in sorted((shop.root / "new").iterdir())[1:]:
        shutil.rmtree(folder)
    shop.crawl(accept=True)
    (left,) = [document for document in shop.documents().values() if document["status"] == "ok"]
    assert left["locations"] == [left["uri"]]
    assert "duplicate_group" not in left
    assert due(shop) == 0


def written(folder, number):
    """How many rows of records a first crawl of so many copies writes and how many steps its database takes."""
    root = folder / "models"
    root.mkdir(parents=True)
    registry = Registry([plugins.load("extractor", name)() for name in EXTRACTORS])
    settings = Settings(home=folder / "home")
    rows, steps = [], [0]

    def step():
        steps[0] += 1000

    def note(_connection, _cursor, statement, parameters, _context, many):
        if statement.startswith("INSERT INTO records "):
            rows.append(len(parameters) if many else 1)

    with open_store(settings, write=True) as store:
        shop = Shop(root=root, store=store, settings=settings, registry=registry)
        copies(shop, number)
        event.listen(store._engine, "before_cursor_execute", note)
        event.listen(
            store._engine, "checkout", lambda connection, *_: connection.set_progress_handler(step, 1000)
        )
        shop.crawl()
    return sum(rows), steps[0]


def test_four_times_the_copies_cost_four_times_as_much(tmp_path, monkeypatch):
    monkeypatch.setattr("crawler.stages.committing.PAGE_MODELS", 20)
    few_rows, few_steps = written(tmp_path / "few", 150)
    many_rows, many_steps = written(tmp_path / "many", 600)
    assert many_rows < 4.5 * few_rows
    assert many_steps < 5.5 * few_steps
