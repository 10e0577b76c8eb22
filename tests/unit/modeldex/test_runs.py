"""A block of a job that is timed, and the commit that its code is at."""

import json
import shutil
import socket
import subprocess

import pytest

import modeldex


def content(path):
    return json.loads((path / "modeldex.json").read_bytes())


def git(folder, *arguments):
    names = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "init.defaultBranch=main"]
    done = subprocess.run(["git", *names, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    folder = tmp_path_factory.mktemp("code")
    git(folder, "init", "-q")
    (folder / "train.py").write_text("pass")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "First")
    git(folder, "branch", "feature/x")
    git(folder, "worktree", "add", "-q", "../worktree", "feature/x")
    return folder


@pytest.mark.parametrize("state", ["loose", "packed", "detached", "below", "worktree"])
def test_the_commit_is_read_without_git_being_run(repository, tmp_path, state):
    folder = tmp_path / "code"
    if state == "worktree":
        folder = repository.parent / "worktree"
    else:
        shutil.copytree(repository, folder)
    commit = git(folder, "rev-parse", "HEAD")
    if state == "packed":
        git(folder, "pack-refs", "--all")
        assert not (folder / ".git/refs/heads/main").exists()
    elif state == "detached":
        git(folder, "checkout", "-q", "--detach")
    elif state == "below":
        folder /= "deep/er"
        folder.mkdir(parents=True)
    assert modeldex.code_version(folder) == commit


@pytest.mark.parametrize(
    "head",
    ["ref: ../../../etc/passwd", "ref: /etc/passwd", "ref: refs/heads/unborn", "rubbish", "", "ref: HEAD"],
)
def test_a_head_that_leads_nowhere_is_no_commit(tmp_path, head):
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git/HEAD").write_text(head)
    assert modeldex.code_version(tmp_path) is None


def test_outside_of_a_repository_there_is_no_commit(tmp_path):
    assert modeldex.code_version(tmp_path) is None


def test_a_block_leaves_when_where_and_with_which_code_it_ran(repository, shop, monkeypatch):
    monkeypatch.chdir(repository)
    shop.model("net/model.safetensors")
    with modeldex.run(shop.root / "net", params={"epochs": 3}) as run:
        run.log({"accuracy": 0.9})
        assert content(shop.root / "net")["metrics"] == {"accuracy": 0.9}
    shop.crawl()
    (document,) = shop.documents().values()
    assert document["code_version"] == git(repository, "rev-parse", "HEAD")
    assert document["extra"]["host"] == socket.gethostname()
    assert document["training"]["epochs"] == 3
    assert document["training_started_at"] <= document["trained_at"]
    assert document["best_date"] == document["trained_at"]


def test_a_block_that_fails_says_so_and_leaves_the_dates_of_the_last_good_one(tmp_path):
    with modeldex.run(tmp_path):
        pass
    before = content(tmp_path)

    def block():
        with modeldex.run(tmp_path) as run:
            run.log({"loss": 3})
            return 1 / 0

    with pytest.raises(ZeroDivisionError):
        block()
    after = content(tmp_path)
    failed = after["extra"].pop("failed_run")
    assert (failed["error"], failed["host"]) == ("ZeroDivisionError", socket.gethostname())
    assert after.pop("metrics") == {"loss": 3}
    assert after == before


def test_parameters_that_cannot_be_kept_are_told_before_hours_of_training(tmp_path):
    with pytest.raises(modeldex.LogRefused), modeldex.run(tmp_path, params={"f": print}):
        pytest.fail("the block began")
