"""Whatever crawls and people do in whatever order: what was said by hand last counts, and every chain is whole."""

import contextlib
import tempfile
from pathlib import Path

from fixtures.crawling import EXTRACTORS, Shop
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog import plugins
from catalog.errors import UserError
from catalog.recording.authorship import Authorship, new_batch
from catalog.recording.edits import Target, edit_models, undo_batch
from catalog.recording.field_changes import Action, FieldChange
from catalog.records.history import VerificationCounts
from catalog.settings import Settings
from catalog.store import open_store
from crawler.registry import Registry

LICENSES = st.sampled_from(["mit", "isc", "apache-2.0", ""])
WORDS = st.lists(st.sampled_from("abcd"), max_size=3, unique=True)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("crawl"), LICENSES, WORDS),
        st.tuples(st.just("set"), LICENSES.filter(bool), st.none()),
        st.tuples(st.sampled_from(["empty", "give back"]), st.none(), st.none()),
        st.tuples(st.sampled_from(["add", "remove"]), st.none(), WORDS.filter(bool)),
        st.tuples(st.just("undo"), st.none(), st.none()),
        st.tuples(st.just("move"), st.none(), st.none()),
    ),
    min_size=1,
    max_size=8,
)


class Said:
    """What a person would expect: the last word on the licence, and which tags were added and taken away."""

    def __init__(self):
        self.license = ("give back", None)
        self.added, self.removed = set(), set()

    def copy(self):
        other = Said()
        other.license, other.added, other.removed = self.license, set(self.added), set(self.removed)
        return other

    def expected_license(self, of_file):
        return {"set": self.license[1], "empty": None, "give back": of_file or None}[self.license[0]]

    def expected_tags(self, of_file):
        return (set(of_file) | self.added) - self.removed


@given(steps=STEPS)
@settings(max_examples=12, deadline=None)
def test_edits_win_over_every_crawl_and_chains_stay_whole(steps):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "models"
        root.mkdir()
        home = Settings(home=Path(folder) / "home")
        registry = Registry([plugins.load("extractor", name)() for name in EXTRACTORS])
        with open_store(home, write=True) as store:
            follow(Shop(root=root, store=store, settings=home, registry=registry), steps)


def follow(shop, steps):
    """Does the steps with one model and compares after each."""
    place, license_, tags = 0, "mit", ["a"]
    said, last = Said(), None
    shop.model("n0/model.safetensors")
    write_card(shop, place, license_, tags)
    shop.crawl()
    for kind, word, words in steps:
        match kind:
            case "crawl":
                license_, tags = word, words
                write_card(shop, place, license_, tags)
                shop.crawl()
            case "move":
                (shop.root / f"n{place}").rename(shop.root / f"n{place + 1}")
                place += 1
                shop.crawl()
            case "undo":
                if last is not None:
                    batch, said = last
                    with contextlib.suppress(UserError):  # an edit that changed nothing is no batch
                        undo_batch(shop.store, batch, by=Authorship(made_by="me"))
                    last = None
            case _:
                before = said.copy()
                last = (edit(shop, place, said, kind, word, words), before)
        document = model_at(shop, place).document
        assert document.get("license") == said.expected_license(license_)
        assert set(document.get("tags", ())) == said.expected_tags(tags)
    assert list(shop.store.records.verify(VerificationCounts())) == []


def edit(shop, place, said, kind, word, words):
    model = model_at(shop, place)
    if kind in {"add", "remove"}:
        change = FieldChange(field="tags", action=Action(kind), value=words)
        into, out = (said.added, said.removed) if kind == "add" else (said.removed, said.added)
        into.update(words)
        out.difference_update(words)
    else:
        change = FieldChange(field="license", action=Action(kind), value=word)
        said.license = (kind, word)
    batch = new_batch()
    edit_models(
        shop.store,
        [Target(model=model.id, revision=model.revision)],
        [change],
        by=Authorship(made_by="me", batch=batch),
    )
    return batch


def model_at(shop, place):
    return next(row for row in shop.store.records.iterate() if row.document["path"].startswith(f"n{place}/"))


def write_card(shop, place, license_, tags):
    lines = [f"license: {license_}"] if license_ else []
    lines += [f"tags: [{', '.join(tags)}]"] if tags else []
    text = "\n".join(lines)
    shop.put(f"n{place}/README.md", f"---\n{text}\n---\n# Net\n")
