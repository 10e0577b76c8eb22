"""Patterns of keys: what they match, what they prune, and that none of them explodes."""

import pytest
from fixtures.crawling import safetensors
from fixtures.patience import processor_within

from catalog.errors import UserError
from catalog.records import ObjectKey
from crawler.selection import Pattern, SelectedSource, Selection, checked_patterns
from crawler.sources.local import LocalSource

MATCHES = {
    "a name at any depth": ("tmp", {"tmp", "a/tmp", "a/tmp/x.bin", "a/b/tmp/c/d"}, {"tmp2", "a/tmp.bin"}),
    "letters of a name": ("*.bin", {"x.bin", "a/b/x.bin", "a.bin/inside"}, {"x.bin2", "bin"}),
    "from the root": ("runs/2023", {"runs/2023", "runs/2023/x"}, {"a/runs/2023", "runs/20234", "runs"}),
    "a star stays in its directory": ("runs/*/last", {"runs/a/last", "runs/a/last/x"}, {"runs/last", "runs/a/b/last"}),
    "any directories": ("runs/**/last", {"runs/last", "runs/a/last", "runs/a/b/last/x"}, {"last", "a/runs/last"}),
    "all below": ("runs/**", {"runs/a", "runs/a/b"}, {"run/a", "a/runs/b"}),
    "one letter": ("a?.bin", {"ab.bin", "x/ab.bin"}, {"a.bin", "abc.bin"}),
    "one of several": ("[ab].bin", {"a.bin", "b.bin"}, {"c.bin", "ab.bin"}),
    "a slash at the end": ("tmp/", {"tmp/x", "a/tmp/x"}, {"tmpx/a"}),
    "a slash at the start": ("/tmp", {"tmp", "tmp/x"}, {"a/tmp"}),
    "signs of regular expressions": ("a+(b).bin", {"a+(b).bin"}, {"aab.bin", "ab.bin"}),
    "names that are not UTF-8": ("*.bin", {"not-utf8-\udcff.bin", "new\nline.bin"}, {"not-utf8-\udcff.txt"}),
}  # fmt: skip


@pytest.mark.parametrize(("pattern", "matching", "others"), MATCHES.values(), ids=MATCHES)
def test_a_pattern_matches_what_it_says_and_no_more(pattern, matching, others):
    made = Pattern(pattern)
    assert {key for key in matching | others if made.matches(key)} == matching


PRUNED = {
    "excluded": (Selection(exclude=("tmp",)), {"tmp", "a/tmp"}, {"a", "tmp2"}),
    "nothing to include below": (
        Selection(include=("runs/*/best",)),
        {"other", "runs/a/last"},
        {"runs", "runs/a"},
    ),
    "included as a whole": (
        Selection(include=("runs/a",)),
        {"runs/b", "x"},
        {"runs", "runs/a", "runs/a/b/c"},
    ),
    "a name may be anywhere": (Selection(include=("*.bin",)), set(), {"a", "a/b/c"}),
}


@pytest.mark.parametrize(("selection", "pruned", "others"), PRUNED.values(), ids=PRUNED)
def test_a_directory_is_pruned_only_if_nothing_below_it_can_be_selected(selection, pruned, others):
    assert {key for key in pruned | others if selection.pruned(key)} == pruned


def test_no_pattern_takes_more_than_linear_time():
    pattern, key = Pattern("/".join(["**", "a*a*a*b"] * 30)), "/".join(["aaaaaaaa"] * 400)
    with processor_within(10):
        assert not pattern.matches(key)


@pytest.mark.parametrize("pattern", ["", "/", "a//b", "../x", "a/./b", "x" * 1001, "a\0b"])
def test_a_pattern_that_can_match_nothing_is_refused(pattern):
    with pytest.raises(UserError, match=r"exclude: (a|the) pattern"):
        checked_patterns([pattern], what="exclude")


@pytest.fixture
def tree(tmp_path):
    for path in ("a/one.safetensors", "a/tmp/two.safetensors", "b/three.bin", "top.safetensors"):
        (tmp_path / "data" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / path).write_bytes(safetensors())
    return tmp_path / "data"


def listed(source):
    steps = list(source.list())
    assert all(step.complete for step in steps)
    return (
        {meta.key for step in steps for meta in step.objects},
        dict(skipped for step in steps for skipped in step.skipped),
        {step.scope for step in steps},
    )


SELECTIONS = [
    Selection(exclude=("tmp", "*.bin")),
    Selection(include=("a",)),
    Selection(include=("*.safetensors",), exclude=("a/tmp/**",)),
]


@pytest.mark.parametrize("selection", SELECTIONS)
def test_a_source_that_prunes_by_itself_lists_what_one_seen_through_a_selection_lists(tree, selection):
    objects, skipped, scopes = listed(LocalSource(tree).selecting(selection))
    through, _, _ = listed(SelectedSource(LocalSource(tree), selection))
    assert objects == through
    assert objects
    assert not any(selection.left_out(key) for key in objects)
    assert skipped
    assert not any(selection.pruned(scope) for scope in scopes if scope)


def test_what_is_left_out_is_told_with_its_pattern(tree):
    _, skipped, scopes = listed(LocalSource(tree).selecting(Selection(exclude=("tmp", "three.bin"))))
    assert skipped == {"a/tmp": "excluded by tmp", "b/three.bin": "excluded by three.bin"}
    assert "a/tmp" not in scopes


def test_what_is_left_out_of_a_source_is_no_object_of_it(tree):
    source = SelectedSource(LocalSource(tree), Selection(exclude=("tmp",)))
    assert source.head(ObjectKey("a/tmp/two.safetensors")) is None
    assert source.head(ObjectKey("a/one.safetensors")) is not None
