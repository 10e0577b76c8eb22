"""A source grouped part by part from its manifest is the source grouped whole; judging moves takes linear time."""

import shutil
from pathlib import Path

import pytest

from catalog.lazy_dataclasses import replace
from catalog.records import ModelId, ObjectKey
from catalog.settings import Settings
from catalog.store import open_store
from catalog.store.attendance import Attendee, Shelved
from catalog.store.documents import LIVE
from crawler.crawl import crawl
from crawler.grouping.groups import group
from crawler.registry import Registry
from crawler.sources.local import LocalSource
from crawler.stages import members
from crawler.stages.arrivals import Arrivals
from crawler.stages.judging import judge_vanished
from crawler.stages.members import SourceGroups, members_of, with_unread

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module", params=["examples", "tests/corpus/data"])
def crawled(request, tmp_path_factory):
    """The source of a tree of real files, and its manifest."""
    settings = Settings(home=tmp_path_factory.mktemp("home"))
    source = LocalSource(ROOT / request.param)
    with open_store(settings, write=True) as store:
        crawl(store, source, settings, registry=Registry.installed())
        yield source, store.manifest(source.id)


@pytest.mark.parametrize("most_kept", [1, 60, 10_000])
@pytest.mark.parametrize("batch_files", [1, 40, 10_000])
def test_what_a_manifest_holds_makes_the_same_models_part_by_part(
    crawled, batch_files, most_kept, monkeypatch
):
    """Whether its files are kept from the walk or loaded again, and when they are asked for once more, too."""
    monkeypatch.setattr(members, "BATCH_FILES", batch_files)
    monkeypatch.setattr(members, "MOST_KEPT", most_kept)
    source, manifest = crawled
    parts = SourceGroups(source.id, manifest)
    first, apart = (
        [made for batch in parts.batches(again=True) for part in batch for made in part.groups]
        for _ in range(2)
    )
    assert apart == first
    whole = group(source.id, with_unread(manifest, list(members_of(manifest))))
    assert sorted(apart, key=lambda made: made.key) == whole
    assert len(whole) > 5


def test_a_change_of_one_model_groups_its_neighbourhood_alone(shop):
    """What lies beside it in the source is looked at once, and not loaded again to be written."""
    for name in ("a", "b", "c"):
        shop.model(f"{name}/model.safetensors", values=ord(name))
    shop.put("README.md", "# Models of the team")
    shop.crawl()
    parts = SourceGroups(shop.source.id, shop.store.manifest(shop.source.id))
    (around,) = parts.around([ObjectKey("b/model.safetensors")])
    (batch,) = parts.batches([around])
    assert [[made.key for made in part.groups] for part in batch] == [["b/model"]]
    assert around.files == 1
    (root,) = parts.around([ObjectKey("README.md")])
    assert [place.whole for place in root.places] == [False]
    shutil.rmtree(shop.root / "c")
    without = SourceGroups(
        shop.source.id, shop.store.manifest(shop.source.id), {ObjectKey("c/model.safetensors")}
    )
    assert len(without.neighbourhoods) == len(parts.neighbourhoods) - 1


def shelved(number):
    return Shelved(
        id=ModelId(f"old-{number:06}"),
        state=LIVE,
        signature="",
        fingerprint="sha256-of-all",
        identity=None,
        path=f"old/{number}/net-{number}",
        missing_since=None,
        missing_run=None,
        moved_to=None,
        unseen=False,
    )


def test_many_copies_that_move_at_once_find_their_places_in_linear_time():
    """Each of them looked through all the others: 30,000 copies would take 900 million steps, an hour."""
    rows = [shelved(number) for number in range(30_000)]
    arrivals = [
        Attendee(id=ModelId(f"new-{number:06}"), path=f"new/{number}/net-{number}", contents="sha256-of-all")
        for number in reversed(range(30_000))
    ]
    alike = Arrivals(lambda _identities, contents: arrivals if contents else ())
    pages = [
        judge_vanished(rows[start : start + 500], {}, {}, alike, lambda _claims: ())
        for start in range(0, len(rows), 500)
    ]
    moved = {old: new for page in pages for old, new in page.moved.items()}
    assert moved == {row.id: row.id.replace("old", "new") for row in rows}
    assert not any(page.lost for page in pages)


def test_copies_that_lost_their_names_are_no_proof_of_where_they_went():
    rows = [shelved(1), shelved(2)]
    arrivals = [
        Attendee(id=ModelId(f"new-{number}"), path=f"new/{number}", contents="sha256-of-all")
        for number in range(2)
    ]
    verdicts = judge_vanished(rows, {}, {}, Arrivals(lambda *_: arrivals), lambda _claims: ())
    assert (verdicts.moved, verdicts.lost) == ({}, [row.id for row in rows])


def test_what_was_given_away_to_a_page_before_is_there_for_no_other():
    """A name of a file that was linked twice is one arrival: the second record is not taken for another copy of it."""
    rows = [replace(shelved(number), identity="moved:i") for number in (1, 2)]
    linked = Attendee(id=ModelId("new-1"), path="new/net-1", identity="moved:i", contents="sha256-of-all")
    copy = Attendee(id=ModelId("new-2"), path="new/net-2", contents="sha256-of-all")
    given: list[ModelId] = []

    def sharing(identities, contents):
        if linked.identity in identities:
            yield replace(linked, given_away=linked.id in given)
        yield from (model for model in (linked, copy) if model.contents in contents and model.id not in given)

    arrivals = Arrivals(sharing, given.extend)
    pages = [judge_vanished([row], {}, {}, arrivals, lambda _claims: ()) for row in rows]
    assert [page.moved for page in pages] == [{rows[0].id: linked.id}, {}]
    assert pages[1].lost == [rows[1].id]
