"""Rows of sources on both databases, and those of a store that knew only ids and addresses."""

import zlib
from dataclasses import replace

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import text

from catalog.errors import UserError
from catalog.records.objects import SourceId
from catalog.records.sources import SourceDefinition, SourceRow, SourceState
from catalog.settings import Settings
from catalog.store import open_store
from catalog.store.database import open_database

WHOLE = SourceDefinition(
    name="lab",
    include=("*.bin",),
    exclude=("tmp", "a/**"),
    schedule="every 1h",
    credentials={"password": "env:PASSWORD"},
    sensitive=("owner",),
    options={"depth": 3},
)


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request, tmp_path):
    if request.param == "sqlite":
        return Settings(home=tmp_path)
    return Settings(home=tmp_path, database_url=request.getfixturevalue("postgresql_url"))


def row(name, **values):
    return SourceRow(
        id=SourceId(f"file:///{name}"), uri=f"file:///{name}", address=f"file:///{name}", **values
    )


def stored(store):
    return {each.id: (each.definition, each.state) for each in store.sources.all()}


def test_what_is_put_is_what_is_read(settings):
    with open_store(settings, write=True) as store:
        store.sources.put([row("a", definition=WHOLE), row("b", state=SourceState.DISABLED)])
        assert stored(store) == {
            "file:///a": (WHOLE, SourceState.ACTIVE),
            "file:///b": (SourceDefinition(), SourceState.DISABLED),
        }
        added = store.sources.all()[0].added_at
        store.sources.put([replace(row("a"), added_at=added)])
        again = store.sources.all()[0]
        assert (again.definition, again.added_at) == (SourceDefinition(), added)


def test_names_may_change_hands_and_belong_to_one(settings):
    one, two = (
        row("a", definition=SourceDefinition(name="x")),
        row("b", definition=SourceDefinition(name="y")),
    )
    with open_store(settings, write=True) as store:
        store.sources.put([one, two])
        store.sources.put([replace(one, definition=two.definition), replace(two, definition=one.definition)])
        assert [each.definition.name for each in store.sources.all()] == ["y", "x"]
        with pytest.raises(UserError, match="Another source has this name"):
            store.sources.put([row("c", definition=SourceDefinition(name="x"))])
        assert len(store.sources.all()) == 2


def test_a_crawled_path_is_a_source_with_defaults_and_a_defined_one_stays_as_it_is(settings):
    with open_store(settings, write=True) as store:
        store.sources.put([row("a", definition=WHOLE)])
        for name in ("a", "b"):
            store.sources.crawled(SourceId(f"file:///{name}"), f"file:///{name}")
        assert stored(store) == {
            "file:///a": (WHOLE, SourceState.ACTIVE),
            "file:///b": (SourceDefinition(), SourceState.ACTIVE),
        }


def test_what_was_forgotten_or_removed_is_not_crawled_again_by_itself(settings):
    with open_store(settings, write=True) as store:
        store.sources.put([row("a", definition=WHOLE), row("b"), row("c", definition=WHOLE_OF_C)])
        assert store.sources.forgotten(SourceId("file:///a")) is SourceState.DISABLED
        assert store.sources.forgotten(SourceId("file:///b")) is SourceState.REMOVED
        store.sources.remove(store.sources.all()[2])
        assert stored(store) == {
            "file:///a": (WHOLE, SourceState.DISABLED),
            "file:///b": (SourceDefinition(), SourceState.REMOVED),
            "file:///c": (SourceDefinition(), SourceState.REMOVED),
        }
        store.sources.crawled(SourceId("file:///b"), "file:///b")
        assert store.sources.all()[1].state is SourceState.ACTIVE


WHOLE_OF_C = SourceDefinition(name="c", exclude=("tmp",))


def old_store(settings):
    """A store as the first versions left it: of the sources only id, address and recipe."""
    engine = open_database(settings.store_url, write=True)
    config = Config()
    config.set_main_option("script_location", "catalog/store/migrations")
    config.set_main_option("path_separator", "os")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
        for name, states in {"kept": ["live", "gone"], "forgotten": ["gone"], "empty": []}.items():
            connection.execute(
                text("INSERT INTO sources (id, uri, added_at, recipe) VALUES (:id, :id, :at, 'r')"),
                {"id": f"file:///{name}", "at": "2024-01-01T00:00:00.000000Z"},
            )
            for number, state in enumerate(states):
                connection.execute(
                    text(
                        "INSERT INTO records (id, source, group_key, state, name, revision, sha256, signature, risks,"
                        " first_seen, record, document) VALUES (:id, :source, :key, :state, 'n', 1, 's', 's', 0, :at, :record,"
                        " '{}')"
                    ),
                    {
                        "id": f"{name}{number}",
                        "source": f"file:///{name}",
                        "key": b"k",
                        "record": zlib.compress(b'{"file_keys": []}'),
                        "state": state,
                        "at": "2024-01-01T00:00:00.000000Z",
                    },
                )
    engine.dispose()


def test_sources_of_an_old_store_have_defaults_and_the_forgotten_ones_stay_forgotten(settings):
    old_store(settings)
    with open_store(settings, write=True) as store:
        assert stored(store) == {
            "file:///empty": (SourceDefinition(), SourceState.ACTIVE),
            "file:///forgotten": (SourceDefinition(), SourceState.REMOVED),
            "file:///kept": (SourceDefinition(), SourceState.ACTIVE),
        }
        assert {each.address for each in store.sources.all()} == {
            "file:///empty",
            "file:///forgotten",
            "file:///kept",
        }
        assert store.manifest(SourceId("file:///kept")).recipe() == "r"
