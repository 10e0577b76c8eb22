"""References of a git repository: which commit a checked-out model is."""

from __future__ import annotations

import pytest

from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.git_references import GitReferencesExtractor
from crawler.reader import bytes_reader

COMMIT, TAG = "2112fc5cb694a9263a2d123b95df40e6bdf27a59", "5857f7749090552a945b2c77fe380339508bcd37"


class TestGitReferences(ExtractorSuite):
    extractor = GitReferencesExtractor
    expected = {"version": "v1.10.0", "tags": "prod", "extra.stage prod": "v1.10.0", "code_version": COMMIT}

    def sample(self):
        text = (
            "# pack-refs with: peeled fully-peeled sorted \n"
            f"{COMMIT} refs/heads/main\n"
            f"{TAG} refs/tags/scorer#prod#2\n^{COMMIT}\n{TAG} refs/tags/scorer@v1.10.0\n^{COMMIT}\n"
            f"{COMMIT} refs/tags/scorer@v9.9.9\n"
        )
        return Sample(key="repo/.git/packed-refs", data=text.encode())


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (["scorer@v1.0.0", "scorer@v1.0.0!#2"], set()),
        (["scorer@v1.0.0", "scorer#prod#1"], {("version", "v1.0.0"), ("tags", "prod")}),
        (["scorer#prod#1", "scorer#prod!#2"], set()),
        (["scorer#prod!#1", "scorer#prod#2"], {("tags", "prod")}),
        (["models=scorer@v2.0.0-rc1"], {("version", "v2.0.0-rc1")}),
        (["v1.0.0", "release-2", "nightly#", "@v1"], set()),
    ],
)
def test_the_tags_of_gto_say_versions_and_stages(tags, expected):
    lines = "".join(f"{TAG} refs/tags/{tag}\n^{COMMIT}\n" for tag in tags)
    found = GitReferencesExtractor().extract(bytes_reader(".git/packed-refs", f"# peeled\n{lines}".encode()))
    assert {(o.field, o.raw) for o in found.observations if not o.field.startswith("extra.")} == expected


@pytest.mark.parametrize(
    "key", [".git/objects/21/12fc", ".git/config", "HEAD", ".git/logs/HEAD", "a.git/HEAD"]
)
def test_of_a_repository_only_references_are_read(key):
    assert GitReferencesExtractor().claims(key, COMMIT.encode()) is None
