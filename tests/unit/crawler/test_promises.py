"""What names promise, out of the declarations of extractors."""

from __future__ import annotations

import pytest

from catalog import plugins
from crawler.promises import Container, FileNames, Promise, Stem, installed


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("model-00001-of-00004.safetensors", Stem("model", "", (1, 4))),
        ("model-01-of-04.bin", Stem("model", "", (1, 4))),
        ("model.fp16-00001-of-00002.safetensors", Stem("model", "fp16", (1, 2))),
        ("model.safetensors.index.fp16.json", Stem("model", "fp16")),
        ("pytorch_model.bin.index.json", Stem("pytorch_model")),
        ("consolidated.00.pth", Stem("consolidated", "", (0, 0))),
        ("net_world_size_8_rank_3.pt", Stem("net", "", (3, 8))),
        ("variables.data-00000-of-00001", Stem("variables")),
        ("face-weights_manifest.json", Stem("face")),
        ("face-shard1of2.bin", Stem("face", "", (1, 2))),
        ("face-shard2of2", Stem("face", "", (2, 2))),
        ("run.v2.pth.tar", Stem("run.v2")),
        ("README", Stem("README")),
    ],
)
def test_a_name_is_taken_apart_as_its_extractor_says(name, stem):
    assert installed().stem_of(name) == stem


@pytest.mark.parametrize(
    ("path", "names", "below", "kind"),
    [
        ("p", {"model_index.json", "modules.json"}, set(), "pipeline"),
        ("s", {"saved_model.pb"}, {"variables"}, "directory"),
        ("d", {".metadata", "__0_0.distcp"}, set(), "directory"),
        ("d", {".metadata"}, set(), None),
        ("n", set(), {"context", "weights", "logs"}, "directory"),
        ("n", {"README.md"}, {"context", "weights"}, "directory"),
        ("n", {"train.py"}, {"context", "weights"}, None),
        ("n", {"notes.txt", "metrics.json", "preview.png"}, {"context", "weights"}, "directory"),
        ("s", {"requirements.txt", "eval.json"}, {"metadata", "data"}, "directory"),
        ("n", {".DS_Store", "Thumbs.db"}, {"context", "weights"}, "directory"),
        ("s", {"README.md", ".DS_Store", "modeldex.yaml"}, {"metadata", "data"}, "directory"),
        ("s", {"model.bin"}, {"metadata", "data"}, None),
        ("a/net.mlpackage", {"Manifest.json"}, {"Data"}, "directory"),
        ("x", {"config.json"}, set(), None),
    ],
)
def test_directories_that_are_one_model(path, names, below, kind):
    assert installed().container_kind(path, names, below) == kind


def test_the_longest_promise_counts():
    names = FileNames([Promise(formats={".duo": "duo", ".idx": "other"}, endings=(".duo.idx",))])
    assert (names.stem_of("a.duo.idx"), names.format_of("x/A.DUO"), names.format_of("a.bin")) == (
        Stem("a"),
        "duo",
        None,
    )
    assert names.surely("a.b.duo")


def test_a_container_of_a_suffix_is_called_without_it():
    names = FileNames([Promise(containers=(Container(suffix=".box"),))])
    assert names.without_package_suffix("a/b.box") == "a/b"


def test_a_container_that_endings_alone_tell_is_seen_before_any_name_is():
    names = FileNames([Promise(containers=(Container(endings=(".part",)),))])
    assert names.may_be_in_container("a/1.part")
    assert names.container_kind("a", {"1.part"}, frozenset()) == "directory"
    assert names.container_kind("a", {"1.bin"}, frozenset()) is None


def test_no_two_extractors_promise_another_format_for_one_suffix():
    claims: dict[str, set[str]] = {}
    for _, extractor in plugins.load_all("extractor"):
        for suffix, promised in getattr(extractor, "promises", Promise()).formats.items():
            claims.setdefault(suffix, set()).add(promised)
    assert claims
    assert {suffix: promised for suffix, promised in claims.items() if len(promised) > 1} == {}


@pytest.mark.parametrize(
    ("key", "is_wanted"),
    [
        ("run/results.csv", True),
        ("run/metrics.csv", True),
        ("run/sales.csv", False),
        ("run/my-results.csv", False),
        ("run/scores.parquet", True),
        ("run/model.duo", True),
        ("run/other.parquet", False),
    ],
)
def test_an_extractor_gets_files_whose_suffix_nobody_else_opens_if_it_names_them(key, is_wanted):
    """Two names of trackers' tables stood in the crawler, where no stranger could add a third."""
    promises = [plugins.load("extractor", "metrics-table").promises]
    promises.append(Promise(formats={".duo": "duo"}, opened=(r"scores\.parquet",)))
    assert FileNames(promises).is_wanted(key) == is_wanted
