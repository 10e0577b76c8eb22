"""Repositories that the real git wrote, read from their objects."""

import shutil
import subprocess
from pathlib import Path

import pytest
from fixtures.crawling import safetensors

from catalog.errors import ExtractError, ObjectChanged, SourceError, UserError
from catalog.records import ObjectKey
from catalog.settings import Settings
from catalog.store import open_store
from crawler.crawl import crawl
from crawler.git_objects.sizes import packed_size
from crawler.sources.git import GitOptions, GitSource
from crawler.sources.local import LocalSource

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
AS_ADA = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false")


class Work:
    """A repository with its files, and a bare clone of it."""

    def __init__(self, folder):
        self.folder, self.bare = folder / "work", folder / "churn.git"
        self.folder.mkdir()
        self.remote = folder / "remote"
        self.moment = 1_700_000_000
        self.git("init", "-q", "-b", "main")

    def git(self, *words):
        self.moment += 60
        made_at = f"{self.moment} +0000"
        done = subprocess.run(
            ["git", *AS_ADA, *words],
            cwd=self.folder, check=True, capture_output=True, text=True,
            env={"PATH": "/usr/bin:/bin", "HOME": str(self.folder), "GIT_COMMITTER_DATE": made_at, "GIT_AUTHOR_DATE": made_at},
        )  # fmt: skip
        return done.stdout.strip()

    def commit(self, **files):
        for name, content in files.items():
            (self.folder / name.replace("__", ".")).write_text(content)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "x")
        return self.git("rev-parse", "HEAD")

    def stored(self, values):
        """The hash of an object of the remote."""
        import hashlib

        data = safetensors(values=values)
        digest = hashlib.md5(data).hexdigest()
        file = self.remote / "files" / "md5" / digest[:2] / digest[2:]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        return digest

    def cloned(self):
        shutil.rmtree(self.bare, ignore_errors=True)
        self.git("clone", "-q", "--bare", ".", str(self.bare))
        return self.bare


def lock(digest):
    return f"schema: '2.0'\nstages:\n  train:\n    cmd: train\n    outs:\n    - {{path: net.safetensors, md5: {digest}, hash: md5}}\n"


def pointer(digest, **more):
    lines = "".join(f"  {key}: {value}\n" for key, value in more.items())
    return f"outs:\n- md5: {digest}\n  hash: md5\n  path: net.safetensors\n{lines}"


@pytest.fixture
def work(tmp_path):
    return Work(tmp_path)


def source_of(folder, **options):
    return GitSource(f"git+file://{folder}", Settings(home=Path("home")), GitOptions(**options))


def keys(source):
    return {meta.key: meta for step in source.list() for meta in step.objects}


def test_objects_that_other_branches_and_tags_name_carry_what_those_commits_say(work, tmp_path):
    old, new, wild, never = (work.stored(values) for values in (5, 6, 7, 8))
    assert never
    artifacts = "artifacts:\n  net:\n    path: net.safetensors\n    type: model\n"
    first = work.commit(dvc__lock=lock(old), dvc__yaml=artifacts)
    work.git("tag", "-a", "net@v1.0.0", "-m", "x")
    work.git("tag", "-a", "net#prod#1", "-m", "x")
    second = work.commit(dvc__lock=lock(new))
    work.git("tag", "-a", "net@v1.1.0", "-m", "x")
    work.git("tag", "-a", "net#prod#2", "-m", "x")
    work.git("checkout", "-q", "-b", "wild")
    third = work.commit(dvc__lock=lock(wild))
    work.git("checkout", "-q", "main")
    settings = Settings(home=tmp_path / "home")
    with open_store(settings, write=True) as store:
        assert crawl(store, LocalSource(work.remote), settings).run.state == "complete"
        assert crawl(store, source_of(work.cloned()), settings).run.state == "complete"
        stored = {
            row.document["parameters"]: row.document
            for row in store.records.iterate()
            if "parameters" in row.document
        }
        again = crawl(store, source_of(work.bare), settings)
        assert (again.run.counts["opened"], again.run.counts["changed"]) == (0, 0)
    said = {
        values: (row.get("version"), row.get("code_version"), row.get("tags"))
        for values, row in stored.items()
    }
    assert said == {
        5: ("v1.0.0", first, None),
        6: ("v1.1.0", second, ["prod"]),
        7: (None, third, None),
        8: (None, None, None),
    }
    assert [values for values, row in stored.items() if "orphan" in row.get("flags", [])] == [8]


@pytest.mark.parametrize("kind", ["bare", "beside its files", "packed"])
def test_files_are_those_of_the_commits_whatever_holds_their_objects(work, kind):
    first = work.commit(params__yaml="lr: 1\n" * 50, README__md="# Net\n")
    second = work.commit(params__yaml="lr: 1\n" * 50 + "epochs: 3\n", notes__txt="no model\n")
    folder = work.folder if kind == "beside its files" else work.cloned()
    if kind == "packed":
        work.git("-C", str(folder), "repack", "-q", "-adf", "--depth=10")
        assert not list(folder.glob("objects/??"))
    source = source_of(folder, history=5)
    listed = keys(source)
    assert set(listed) == {
        f"{commit}/{path}" for commit in (first, second) for path in (".git/HEAD", "params.yaml", "README.md")
    }
    for key, meta in listed.items():
        content = source_of(folder, history=5).read(meta, 0, meta.size_bytes + 10)
        assert len(content) == meta.size_bytes
        assert source.head(ObjectKey(key)) == meta
    assert source.read(listed[f"{second}/params.yaml"], 300, 320) == b"epochs: 3\n"
    assert source.read(listed[f"{first}/.git/HEAD"], 0, 99).decode().strip() == first
    assert source.head(ObjectKey(f"{first}/notes.txt")) is None
    assert set(keys(source_of(folder))) == {key for key in listed if key.startswith(second)}


def test_commits_that_change_nothing_of_interest_are_the_one_that_made_it(work):
    first = work.commit(params__yaml="lr: 1\n")
    work.commit(train__py="x = 1\n")
    work.git("tag", "-a", "net@v1", "-m", "x")
    source = source_of(work.cloned(), history=9)
    listed = keys(source)
    assert {key.partition("/")[0] for key in listed} == {first}
    packed = listed[f"{first}/.git/packed-refs"]
    assert b"refs/tags/net@v1\n^" + first.encode() in source.read(packed, 0, 999)


def test_another_commit_is_found_and_the_old_one_is_there_as_long_as_a_branch_leads_to_it(work):
    work.commit(params__yaml="lr: 1\n")
    before = keys(source_of(work.cloned()))
    work.commit(params__yaml="lr: 2\n")
    after = source_of(work.cloned())
    assert not before.keys() & keys(after).keys()
    with pytest.raises(ObjectChanged):
        after.read(next(iter(before.values())), 0, 1)


def test_of_a_repository_that_lacks_an_object_nothing_is_missing(work, tmp_path):
    work.commit(params__yaml="lr: 1\n", net__safetensors__dvc=pointer("0" * 32, type="model"))
    bare, settings = work.cloned(), Settings(home=tmp_path / "home")
    with open_store(settings, write=True) as store:
        crawl(store, source_of(bare), settings)
        shutil.rmtree(bare / "objects")
        (bare / "objects").mkdir()
        report = crawl(store, source_of(bare), settings)
        assert (report.run.state, report.run.counts["missing"]) == ("partial", 0)
        assert "the repository lacks its object" in report.run.problems[0]


def test_what_would_be_too_much_is_left_incomplete(work, monkeypatch):
    work.commit(params__yaml="lr: 1\n")
    work.commit(params__yaml="lr: 2\n")
    monkeypatch.setattr("crawler.git_objects.repository.MAX_COMMITS", 1)
    (step,) = source_of(work.cloned(), history=9).list()
    assert "commits of one repository: limit 1" in str(step.error)


def test_a_file_that_unpacks_to_more_than_it_may_is_not_unpacked(work):
    first = work.commit(params__yaml="lr: 1\n", huge__json="0" * 3_000_000)
    assert set(keys(source_of(work.cloned()))) == {f"{first}/.git/HEAD", f"{first}/params.yaml"}


@pytest.mark.parametrize(
    "data",
    [b"", b"\xff" * 30, b"\x60\x01", b"\x66\x01not zlib", b"\xe0\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"],
)
def test_a_broken_pack_is_refused_before_anything_is_unpacked(tmp_path, data):
    (tmp_path / "x.pack").write_bytes(b"PACK" + data)
    with pytest.raises(ExtractError):
        packed_size(tmp_path / "x.pack", 4)


def test_what_is_no_repository_is_said(tmp_path):
    with pytest.raises(SourceError, match="it is no Git repository"):
        list(source_of(tmp_path).list())
    for address in ("git+file://host/x", f"git+file://{tmp_path}/absent"):
        with pytest.raises(UserError):
            GitSource.check_address(address)
