"""Writes a repository with two pipelines' models by the real dvc, git and gto, a clone without data, and its remote.

Makes tests/corpus/data/trackers/dvc.tar.xz (repo, clone, storage). Written with dvc 3.67.1 and gto 1.10.1:
PATH=<their environment>/bin:$PATH python tests/corpus/generate_trackers_dvc.py
"""

import json
import shutil
import struct
import subprocess
import tarfile
import tempfile
from pathlib import Path

TARGET = Path(__file__).resolve().parent / "data" / "trackers" / "dvc.tar.xz"
AS_ADA = ("git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org")

TRAIN = """\
import json, struct, sys
from pathlib import Path

name, out, metrics, fill, accuracy = sys.argv[1:]

def safetensors(path):
    values = 4 if name == "small" else 64
    header = json.dumps({"weight": {"dtype": "F32", "shape": [values], "data_offsets": [0, 4 * values]}}).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack("<Q", len(header)) + header + struct.pack(f"<{values}f", *[float(fill)] * values))

if out.endswith("/"):
    safetensors(Path(out) / "model.safetensors")
    (Path(out) / "config.json").write_text('{"architectures": ["BigNet"], "model_type": "bignet"}')
else:
    safetensors(Path(out))
Path(metrics).parent.mkdir(exist_ok=True)
Path(metrics).write_text(json.dumps({"accuracy": float(accuracy), "loss": 1 - float(accuracy)}))
"""
EVALUATE = """\
import json
from pathlib import Path

Path("evaluation").mkdir(exist_ok=True)
Path("evaluation/small.json").write_text(json.dumps({"f1": 0.88, "dataset": "holdout"}))
"""
PIPELINE = """\
stages:
  prepare:
    cmd: mkdir -p data && cp raw.csv data/prepared.csv
    deps: [raw.csv]
    params: [prepare.split]
    outs: [data/prepared.csv]
  train_small:
    cmd: python train.py small models/small.safetensors metrics/small.json ${train_small.fill} 0.91
    deps: [data/prepared.csv, train.py]
    params: [train_small]
    outs: [models/small.safetensors]
    metrics: [metrics/small.json: {cache: false}]
  train_large:
    cmd: python train.py large models/large/ metrics/large.json ${train_large.fill} 0.97
    deps: [data/prepared.csv, train.py]
    params: [train_large]
    outs: [models/large]
    metrics: [metrics/large.json: {cache: false}]
  evaluate_small:
    cmd: python evaluate.py
    deps: [models/small.safetensors, evaluate.py]
    metrics: [evaluation/small.json: {cache: false}]
artifacts:
  small-classifier:
    path: models/small.safetensors
    type: model
    desc: Tells small things apart.
    labels: [tabular, edge]
"""
PARAMS = "prepare: {{split: 0.2}}\ntrain_small: {{lr: 0.05, epochs: 3, fill: {fill}}}\ntrain_large: {{lr: 0.01, epochs: 7, fill: 2}}\n"


def run(*command, cwd):
    subprocess.run(command, cwd=cwd, check=True, stdout=subprocess.DEVNULL)


def commit(repo, message):
    run("git", "add", "-A", cwd=repo)
    run(*AS_ADA, "commit", "-q", "-m", message, cwd=repo)


def vendor_model(repo):
    """A model that was added by hand and is described in its own .dvc file."""
    path = repo / "vendor" / "base.safetensors"
    path.parent.mkdir()
    header = json.dumps({"embed": {"dtype": "F16", "shape": [3, 5], "data_offsets": [0, 30]}}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(range(30)))
    run("dvc", "add", "-q", "vendor/base.safetensors", cwd=repo)
    with (repo / "vendor" / "base.safetensors.dvc").open("a") as description:
        description.write("desc: From the vendor.\n")


def repository(repo, storage):
    repo.mkdir()
    run("git", "init", "-q", "-b", "main", cwd=repo)
    run("dvc", "init", "-q", cwd=repo)
    run("dvc", "config", "core.analytics", "false", cwd=repo)
    run("dvc", "remote", "add", "-q", "-d", "storage", str(storage), cwd=repo)
    (repo / "raw.csv").write_text("a,b\n1,2\n")
    run("dvc", "add", "-q", "raw.csv", cwd=repo)
    vendor_model(repo)
    (repo / "train.py").write_text(TRAIN)
    (repo / "evaluate.py").write_text(EVALUATE)
    (repo / "dvc.yaml").write_text(PIPELINE)
    for number, fill in enumerate((1, 9), start=1):
        (repo / "params.yaml").write_text(PARAMS.format(fill=fill))
        run("dvc", "repro", "-q", cwd=repo)
        run("dvc", "push", "-q", cwd=repo)
        commit(repo, f"Train, take {number}")
        run(*AS_ADA, "tag", "-a", "-m", "registered", f"small-classifier@v1.{number + 8}.0", cwd=repo)
    run(*AS_ADA, "tag", "-a", "-m", "assigned", "small-classifier#dev#1", cwd=repo)
    run("git", "tag", "small-classifier@v9.9.9", cwd=repo)  # lightweight: none of gto's
    run("git", "pack-refs", "--all", cwd=repo)
    run(*AS_ADA, "tag", "-a", "-m", "assigned", "small-classifier#prod#2", cwd=repo)


def pruned_git(repo):
    """The repository's references without its objects."""
    kept = repo / "dot-git"
    shutil.copytree(repo / ".git" / "refs", kept / "refs")
    for name in ("HEAD", "packed-refs", "config"):
        if (repo / ".git" / name).exists():
            shutil.copy(repo / ".git" / name, kept / name)
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=repo, check=True, capture_output=True, text=True
    ).stdout.strip()
    shutil.rmtree(repo / ".git")
    shutil.rmtree(repo / ".dvc" / "tmp", ignore_errors=True)
    return commit


def main():
    with tempfile.TemporaryDirectory(prefix="dvc-") as folder:
        root = Path(folder)
        repository(root / "repo", root / "storage")
        run("git", "clone", "-q", str(root / "repo"), str(root / "clone"), cwd=root)
        shown = subprocess.run(["gto", "show"], cwd=root / "repo", check=True, capture_output=True, text=True)
        print(shown.stdout)
        shutil.copytree(
            root / "repo" / ".git" / "refs" / "tags",
            root / "clone" / ".git" / "refs" / "tags",
            dirs_exist_ok=True,
        )
        truth = {"commit": pruned_git(root / "repo"), "clone": pruned_git(root / "clone")}
        (root / "truth.json").write_text(json.dumps(truth))
        with tarfile.open(TARGET, "w:xz") as archive:
            for name in ("repo", "clone", "storage", "truth.json"):
                archive.add(root / name, arcname=name)


if __name__ == "__main__":
    main()
