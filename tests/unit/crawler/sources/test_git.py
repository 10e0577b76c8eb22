"""Repositories that the real git wrote, read from their objects."""

import hashlib
import shutil
import struct
import subprocess
import tracemalloc
import zlib
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


def test_of_too_many_commits_the_newest_are_listed_and_the_whole_is_incomplete(work):
    work.commit(params__yaml="lr: 1\n")
    second = work.commit(params__yaml="lr: 2\n")
    objects, end = source_of(work.cloned(), history=9, commits=1).list()
    assert {meta.key for meta in objects.objects} == {f"{second}/.git/HEAD", f"{second}/params.yaml"}
    assert "it has more than 1 commits to read" in str(end.error)
    assert not end.complete


def test_branches_of_remotes_are_branches_only_if_asked_for(work):
    first = work.commit(params__yaml="lr: 1\n")
    work.git("checkout", "-q", "-b", "wild")
    wild = work.commit(params__yaml="lr: 2\n")
    work.git("update-ref", "refs/remotes/origin/wild", wild)
    work.git("checkout", "-q", "main")
    work.git("branch", "-q", "-D", "wild")
    commits = [
        {key.partition("/")[0] for key in keys(source_of(work.folder, remotes=remotes))}
        for remotes in (False, True)
    ]
    assert commits == [{first}, {first, wild}]


def test_files_of_interest_are_bounded_in_a_commit_and_in_all(work, monkeypatch):
    work.commit(params__yaml="lr: 1\n", README__md="# 1\n")
    second = work.commit(params__yaml="lr: 2\n")
    monkeypatch.setattr("crawler.sources.git.MAX_FILES_IN_ALL", 3)
    objects, end = source_of(work.folder, history=2).list()
    assert {meta.key.partition("/")[0] for meta in objects.objects} == {second}
    assert "more than 3 files of interest" in str(end.error)
    monkeypatch.setattr("crawler.git_objects.repository.MAX_FILES", 1)
    (step,) = source_of(work.folder).list()
    assert "files of interest of one commit: limit 1" in str(step.error)


def test_a_lock_that_is_too_large_makes_no_orphans(work, tmp_path):
    wide = lock(work.stored(5)) + "# " + "0" * 1_100_000 + "\n"
    work.commit(dvc__lock=wide, other__safetensors__dvc=pointer(work.stored(6)))
    work.stored(7)
    settings = Settings(home=tmp_path / "home")
    with open_store(settings, write=True) as store:
        crawl(store, LocalSource(work.remote), settings)
        report = crawl(store, source_of(work.cloned()), settings)
        assert report.run.state == "partial"
        assert "dvc.lock is larger than" in report.run.problems[0]
        assert not [row for row in store.records.iterate() if "orphan" in row.document.get("flags", [])]


def test_a_shallow_clone_ends_where_it_was_cut(work):
    for rate in range(4):
        head = work.commit(params__yaml=f"lr: {rate}\n")
    before = work.git("rev-parse", "HEAD~1")
    work.git("clone", "-q", "--bare", "--depth=2", f"file://{work.folder}", str(work.bare))
    assert {key.partition("/")[0] for key in keys(source_of(work.bare, history=9))} == {head, before}


def test_objects_that_another_repository_lends_are_read_if_it_is_allowed(work):
    head = work.commit(params__yaml="lr: 1\n")
    work.git("clone", "-q", "--bare", "--shared", str(work.folder), str(work.bare))
    with pytest.raises(SourceError, match="leads out of its directory"):
        list(source_of(work.bare).list())
    source = source_of(work.bare, outside=(str(work.folder),))
    meta = keys(source)[f"{head}/params.yaml"]
    assert source.read(meta, 0, 99) == b"lr: 1\n"


@pytest.mark.parametrize("kind", ["file", "link", "worktree", "common"])
def test_what_leads_to_another_repository_is_refused_unless_it_is_allowed(work, tmp_path, kind):
    head = work.commit(params__yaml="lr: 1\n")
    other = tmp_path / "other"
    if kind == "worktree":
        work.git("worktree", "add", "-q", "--detach", str(other))
    else:
        other.mkdir()
    if kind == "file":
        (other / ".git").write_text(f"gitdir: {work.folder}/.git\n")
    if kind == "link":
        (other / ".git").symlink_to(work.folder / ".git")
    if kind == "common":
        (other / ".git" / "refs").mkdir(parents=True)
        (other / ".git" / "objects").mkdir()
        (other / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
        (other / ".git" / "commondir").write_text(f"{work.folder}/.git\n")
    with pytest.raises(SourceError, match="leads out of its directory"):
        list(source_of(other).list())
    assert f"{head}/params.yaml" in keys(source_of(other, outside=(str(work.folder),)))
    inside = work.folder / "inside"
    inside.mkdir()
    (inside / ".git").write_text("gitdir: ../.git\n")
    with pytest.raises(SourceError, match="leads out of its directory"):
        list(source_of(inside).list())


def test_a_file_that_unpacks_to_more_than_it_may_is_not_unpacked(work):
    first = work.commit(params__yaml="lr: 1\n", huge__json="0" * 3_000_000)
    assert set(keys(source_of(work.cloned()))) == {f"{first}/.git/HEAD", f"{first}/params.yaml"}


def loose_of(work, path):
    name = work.git("rev-parse", f"HEAD:{path}")
    return name, work.folder / ".git" / "objects" / name[:2] / name[2:]


def peak_of(source):
    """The most bytes at once while the source is listed and its `dvc.yaml` refused."""
    tracemalloc.start()
    try:
        meta = next(meta for key, meta in keys(source).items() if key.endswith("dvc.yaml"))
        with pytest.raises(SourceError, match="cannot be read"):
            source.read(meta, 0, 99)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def packed(kind, size, data, base=b""):
    head, size = [(kind << 4) | (size & 15)], size >> 4
    while size:
        head[-1] |= 0x80
        head.append(size & 0x7F)
        size >>= 7
    return bytes(head) + base + data


def zeros(head, size):
    pack = zlib.compressobj(9)
    return pack.compress(head) + pack.compress(bytes(size)) + pack.flush()


@pytest.mark.parametrize("kind", ["loose", "base by its hash", "base that lies", "delta of copies"])
def test_an_object_that_unpacks_to_more_than_it_says_is_not_unpacked(work, kind):
    """Of 128 MiB of zeros; the sizes before them say less, or stand in another object."""
    size = 128 * 1024 * 1024
    work.commit(dvc__yaml="stages: {}\n")
    name, file = loose_of(work, "dvc.yaml")
    file.chmod(0o600)
    if kind == "loose":
        file.write_bytes(zeros(b"blob 11\0", size))
    else:
        file.unlink()
        declared = {"base by its hash": size, "base that lies": 7, "delta of copies": 65536}[kind]
        held = 65536 if kind == "delta of copies" else size
        copies = b"\x80" * 2048 if kind == "delta of copies" else b"\x0bstages: {}\n"
        source = b"\x80\x80\x04" if kind == "delta of copies" else b"\x07"
        delta = source + b"\x0b" + copies
        base = hashlib.sha1(b"base").digest()
        base_entry = packed(3, declared, zeros(b"", held))
        own_entry = packed(7, len(delta), zlib.compress(delta), base)
        write_pack(work.folder / ".git/objects/pack", {base: base_entry, bytes.fromhex(name): own_entry})
    assert peak_of(source_of(work.folder)) < 24 * 1024 * 1024


def write_pack(folder, entries):
    """A pack of these entries, and its index, as git writes them."""
    data, places = b"PACK" + struct.pack(">II", 2, len(entries)), {}
    for name, entry in entries.items():
        places[name] = len(data), zlib.crc32(entry)
        data += entry
    digest = hashlib.sha1(data).digest()
    names = sorted(places)
    index = b"\xfftOc" + struct.pack(">I", 2)
    index += b"".join(struct.pack(">I", sum(name[0] <= first for name in names)) for first in range(256))
    index += b"".join(names) + b"".join(struct.pack(">I", places[name][1]) for name in names)
    index += b"".join(struct.pack(">I", places[name][0]) for name in names) + digest
    folder.mkdir(exist_ok=True)
    (folder / f"pack-{digest.hex()}.pack").write_bytes(data + digest)
    (folder / f"pack-{digest.hex()}.idx").write_bytes(index + hashlib.sha1(index).digest())


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
