"""Any tree of known layouts: every file of weights is in one model, and nobody's files change another's model."""

from collections import Counter

from fixtures.layouts import LAYOUTS, SOURCE, member
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.grouping.draft import is_weights, name_of
from crawler.grouping.groups import group

SIDECARS = frozenset({"README.md", "LICENSE", "tokenizer.json", "trainer_state.json", "hparams.yaml"})
"""Files that say something of a model and decide nothing of which one it is."""
STRANGERS = (
    "README.md",
    "LICENSE",
    "config.json",
    "tokenizer.json",
    "metrics.json",
    "net.safetensors",
    "notes/README.md",
    "old/net.onnx",
    "encoder-base.onnx",
    "w2v.model.syn1neg.npy",
    "metadata/part-00000",
    "predictor.pkl",
    "weights.03-0.25.hdf5",
)
# Stores that go by hashes are left out: the same digest in two of them is one blob at two places.
ALONE = [name for name in LAYOUTS if not name.startswith("Ollama")]

trees = st.lists(st.sampled_from(ALONE), min_size=1, max_size=6)


def members_of(names):
    """Each layout in a directory of its own, one of them perhaps below another directory."""
    return [
        one
        for number, name in enumerate(names)
        for one in LAYOUTS[name].members(f"{'deep/' if number % 3 == 2 else ''}root{number}")
    ]


def keys(members):
    return sorted((one.object.key, one.subject or "", one.distance) for one in members)


def models(members):
    """What each model is made of and called, by key."""
    return {
        made.key: (made.kind, made.name_hint, made.version_hint, made.owner_hint, keys(made.members))
        for made in group(SOURCE, members)
    }


@settings(max_examples=60, deadline=None)
@given(trees)
def test_every_file_of_weights_is_in_exactly_one_model(names):
    members = members_of(names)
    groups = group(SOURCE, members)
    held = Counter(one.object.key for made in groups for one in made.members if is_weights(one))
    expected = {
        f"{'deep/' if number % 3 == 2 else ''}root{number}/{key}"
        for number, name in enumerate(names)
        for weights in LAYOUTS[name].models.values()
        for key in weights
    }
    assert held == Counter(expected)
    assert len({made.key for made in groups}) == len(groups)


@settings(max_examples=60, deadline=None)
@given(trees, st.sampled_from(STRANGERS), st.sampled_from(("elsewhere", "deep/other", "zz/deep/er")))
def test_a_file_elsewhere_changes_no_model(names, stranger, place):
    members = members_of(names)
    before = models(members)
    after = models([*members, member(f"{place}/{stranger}")])
    assert {key: after.get(key) for key in before} == before


@settings(max_examples=60, deadline=None)
@given(trees, st.data())
def test_a_directory_beside_a_model_s_files_lends_it_nothing(names, data):
    """Cards, licences and metrics in a new directory inside a layout, which is none that tools keep there."""
    number = data.draw(st.integers(0, len(names) - 1))
    said = data.draw(st.sampled_from(("README.md", "LICENSE", "tokenizer.json", "metrics.json")))
    members = members_of(names)
    root = f"{'deep/' if number % 3 == 2 else ''}root{number}"
    stranger = member(f"{root}/old-model/{said}")
    assert models([*members, stranger]) == models(members)


@settings(max_examples=60, deadline=None)
@given(trees, st.data())
def test_a_sidecar_that_goes_takes_only_itself(names, data):
    members = members_of(names)
    sidecars = [one.object.key for one in members if name_of(one.object.key) in SIDECARS]
    gone = data.draw(st.sampled_from(sidecars)) if sidecars else None
    before = models(members)
    after = models([one for one in members if one.object.key != gone])
    expected = {
        key: (*called, [place for place in files if place[0] != gone])
        for key, (*called, files) in before.items()
    }
    assert after == expected


@settings(max_examples=30, deadline=None)
@given(trees, st.data())
def test_a_model_that_goes_changes_no_other(names, data):
    number = data.draw(st.integers(0, len(names) - 1))
    root = f"{'deep/' if number % 3 == 2 else ''}root{number}/"
    members = members_of(names)
    before = models(members)
    after = models([one for one in members if not one.object.key.startswith(root)])
    assert after == {key: made for key, made in before.items() if not f"{key}/".startswith(root)}
