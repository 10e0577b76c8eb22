"""An index that was deleted or cut short was an empty catalog to searches, and nothing to do to crawls."""

import shutil

import pytest
from fixtures.crawling import safetensors
from fixtures.shell import run

from catalog.settings import Settings
from catalog.store import INDEX, open_store
from indexer.engines.tantivy.location import IndexHome
from webui.app import create_app
from webui.contracts import close_services, open_services


class House:
    """A catalog of three models that are found, and the verbs that one types."""

    def __init__(self, folder):
        self.home, self.root = folder / "home", folder / "models"
        self.root.mkdir()
        for number in range(3):
            (self.root / f"m{number}.safetensors").write_bytes(safetensors(values=number + 1))
        assert self.run("crawl", str(self.root)).exit_code == 0

    def run(self, *arguments):
        return run("--home", str(self.home), *arguments)

    @property
    def index(self):
        return IndexHome(self.home / "index").current()

    def segment_file(self, suffix):
        return next(path for path in sorted(self.index.iterdir()) if path.name.endswith(suffix))


def delete_everything(house):
    shutil.rmtree(house.home / "index")


def empty_everything(house):
    shutil.rmtree(house.home / "index")
    (house.home / "index").mkdir()


def delete_index(house):
    shutil.rmtree(house.index)


def empty_index(house):
    for path in house.index.iterdir():
        path.unlink()


def delete_meta(house):
    (house.index / "meta.json").unlink()


def garble_pointer(house):
    (house.home / "index" / "CURRENT").write_bytes(b"\xff../../etc")


def empty_pointer(house):
    (house.home / "index" / "CURRENT").write_bytes(b"")


def delete_segment(house):
    house.segment_file(".term").unlink()


def truncate_segment(house):
    path = house.segment_file(".store")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip_byte(house):
    path = house.segment_file(".term")
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 0x40
    path.write_bytes(data)


def lose_models(house):
    """An index of our own schema that somebody put in its place: it is whole, and nothing is in it."""
    import tantivy

    from indexer.engines.tantivy.schema import build_schema

    shutil.rmtree(house.index)
    folder = house.home / "index" / (house.home / "index" / "CURRENT").read_text().strip()
    folder.mkdir()
    tantivy.Index(build_schema(), str(folder))


SEEN = (
    delete_everything,
    empty_everything,
    delete_index,
    empty_index,
    delete_meta,
    garble_pointer,
    empty_pointer,
    delete_segment,
    truncate_segment,
    lose_models,
)
"""What every search meets. One byte is met only by searches that happen to read it; a crawl reads them all."""


@pytest.fixture
def house(tmp_path):
    return House(tmp_path)


def is_sentence(done):
    """Exit code 1, nothing on stdout, and one line that names the next command."""
    return (
        done.exit_code == 1
        and not done.stdout
        and done.stderr.count("\n") == 1
        and done.stderr.startswith("modeldex: ")
        and "modeldex reindex" in done.stderr
    )


@pytest.mark.parametrize(
    ("damage", "how"),
    [
        *((damage, ()) for damage in SEEN),
        *(
            (damage, how)
            for damage in (delete_everything, lose_models)
            for how in (("--json",), ("--all",), ("bert",))
        ),
    ],
)
def test_a_search_says_what_is_wrong_and_what_to_do(house, damage, how):
    damage(house)
    done = house.run("search", *how)
    assert is_sentence(done), done


@pytest.mark.parametrize("damage", SEEN)
def test_the_page_is_503_with_a_sentence(house, damage):
    damage(house)
    services = open_services(Settings(home=house.home))
    app = create_app(Settings(home=house.home), services)
    client = app.test_client()
    answers = {
        path: client.get(path) for path in ("/", "/api/search", "/api/export.ndjson", "/es/models/_search")
    }
    app.extensions["modeldex-es"].close()
    close_services(services)
    assert {answer.status_code for answer in answers.values()} == {503}
    assert all("modeldex reindex" in answer.text for answer in answers.values())


@pytest.mark.parametrize("damage", [*SEEN, flip_byte])
@pytest.mark.parametrize("verb", ["crawl", "reindex"])
def test_the_next_crawl_or_reindex_mends_it(house, damage, verb):
    damage(house)
    done = house.run(verb, *([str(house.root)] if verb == "crawl" else []))
    assert (done.exit_code, done.stderr) == (0, "")
    found = house.run("search")
    assert found.exit_code == 0
    assert "3 models" in found.stderr


def test_a_worker_mends_it_with_its_next_crawl(house):
    delete_everything(house)
    from indexer.drain import drain_now

    settings = Settings(home=house.home)
    with open_store(settings, write=True) as store:
        report = drain_now(settings, store)
    assert (report.rebuilt, report.indexed) == ("there is no index yet", 3)


def test_an_empty_catalog_is_an_empty_catalog(tmp_path):
    done = run("--home", str(tmp_path), "search")
    assert (done.exit_code, done.stderr) == (0, "The catalog is empty. Fill it with: modeldex crawl FOLDER\n")
    assert not (tmp_path / "store.sqlite3").exists()


def test_models_that_wait_for_their_first_index_are_no_empty_catalog(house):
    """A first crawl whose engine was away: nothing is lost, and nothing can be found."""
    delete_everything(house)
    with open_store(Settings(home=house.home), write=True) as store:
        store.consumer(INDEX).all_again()
    done = house.run("search")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == (
        "Nothing can be found yet: 3 models wait for the index. Write it at once with: modeldex reindex\n"
    )
