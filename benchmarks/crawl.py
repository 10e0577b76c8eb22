"""The first crawl of a tree beside a plain script that reads the same files: time, memory, and the store's size.

    python benchmarks/crawl.py                       2,000 models: the ratio, in several rounds
    python benchmarks/crawl.py files 5000 100000     so many models each, and how time grows with their files
    python benchmarks/crawl.py copies 1000 16000     so many copies of one model each, and how time grows with them

Of `files` and `copies` it says as well what a crawl takes that finds one file changed, and what one takes that finds
everything in another folder.

Every model is a directory with a safetensors header, weights of its own and a config; every tenth has a card. Both sides
are whole commands in processes of their own, on files that are in the page cache, and find their modules compiled.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from startup import MODELDEX, ROOT, compiled_modules

TENSORS = 40
SCRIPT = Path(__file__).with_name("plain_script.py")
SAMPLE_SECONDS = 0.05
SHARED_SECONDS = 1.0
CARD = """---
license: apache-2.0
tags: [text-classification, model-{number}]
model-index:
- name: model-{number}
  results:
  - task: {{type: text-classification}}
    dataset: {{name: made-up, type: made-up}}
    metrics: [{{type: accuracy, value: 0.{number:04d}}}]
---
# Model {number}

Trained on made-up text.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one command took. `cpu_seconds` and `all_mb` are of all its processes, `peak_mb` of the first. What
    several processes share is counted once in `all_mb`: they are forked from one another. `own_mb` is of that what no file
    holds, without programs and mapped parts of the index, which the kernel takes back when it needs room.
    """

    seconds: float
    cpu_seconds: float
    peak_mb: float
    all_mb: float
    own_mb: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """What a crawl left on disk, in bytes."""

    store: int
    index: int


@cache
def weights_header() -> bytes:
    header = {
        f"layer.{number}.weight": {"dtype": "F32", "shape": [1], "data_offsets": [4 * number, 4 * number + 4]}
        for number in range(TENSORS)
    }
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text


def write_weights(folder: Path, value: float) -> None:
    (folder / "model.safetensors").write_bytes(weights_header() + struct.pack("<f", value) * TENSORS)


def write_tree(root: Path, models: int, *, copies: bool = False) -> None:
    for number in range(models):
        folder = root / f"{number % 100:02d}" / f"model-{number}"
        folder.mkdir(parents=True)
        write_weights(folder, 0 if copies else number)
        config = {"architectures": ["BertModel"], "model_type": "bert", "hidden_size": number % 1000 + 1}
        (folder / "config.json").write_text(json.dumps(config))
        if number % 10 == 0:
            (folder / "README.md").write_text(CARD.format(number=number % 10_000))


def run(command: Sequence[str], environment: dict[str, str]) -> Cost:
    """The command's cost. Raises CalledProcessError if it fails."""
    start, before = time.perf_counter(), _cpu_seconds()
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment, cwd=ROOT
    ) as process:
        watch = _MemoryWatch(process.pid)
        watch.start()
        _, errors = process.communicate()
        seconds = time.perf_counter() - start
        watch.join()
    if process.returncode != 0:
        sys.stderr.write(errors.decode())
        raise subprocess.CalledProcessError(process.returncode, command)
    return Cost(
        seconds=seconds,
        cpu_seconds=_cpu_seconds() - before,
        peak_mb=watch.first / 1024,
        all_mb=watch.together / 1024,
        own_mb=watch.own / 1024,
    )


def _cpu_seconds() -> float:
    """Of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class _MemoryWatch(threading.Thread):
    """Looks at a process and its descendants until it ends; kB. The kernel keeps the peak of the first, what all have
    together is seen every second: the kernel goes through every page for it.
    """

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid = pid
        self.first = 0
        self.together = 0
        self.own = 0

    def run(self) -> None:
        shared_at = 0.0
        while first := _kilobytes(self._pid, "status", "VmHWM:"):
            self.first = max(self.first, first)
            if time.monotonic() >= shared_at:
                family = _family(self._pid)
                self.together = max(
                    self.together, sum(_kilobytes(pid, "smaps_rollup", "Pss:") for pid in family)
                )
                self.own = max(self.own, sum(_kilobytes(pid, "smaps_rollup", "Pss_Anon:") for pid in family))
                shared_at = time.monotonic() + SHARED_SECONDS
            time.sleep(SAMPLE_SECONDS)


def _kilobytes(pid: int, file: str, name: str) -> int:
    try:
        lines = Path(f"/proc/{pid}/{file}").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(name)), 0)


def _family(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return [pid]
    return [pid, *(one for child in children for one in _family(int(child)))]


def crawl(home: Path, root: Path, environment: dict[str, str], *options: str) -> Cost:
    return run([*MODELDEX, "--home", str(home), "crawl", str(root), *options], environment)


def move_everything(root: Path) -> None:
    """What is in the folder is in a folder in it from now on."""
    aside = root.with_name(f"{root.name}-aside")
    root.rename(aside)
    root.mkdir()
    aside.rename(root / "moved")


def sizes(home: Path) -> Sizes:
    files = {path: path.stat().st_size for path in home.rglob("*") if path.is_file()}
    store = sum(size for path, size in files.items() if ".sqlite" in path.name or ".db" in path.name)
    return Sizes(store=store, index=sum(files.values()) - store)


def beside_script(folder: Path, models: int, rounds: int, environment: dict[str, str]) -> None:
    root = folder / "models"
    write_tree(root, models)
    files = sum(len(names) for _, _, names in os.walk(root))
    script = [sys.executable, str(SCRIPT), str(root)]
    run(script, environment)  # all then read from the page cache
    scripts, firsts, agains = [], [], []
    for number in range(rounds):
        home = folder / f"home-{number}"
        scripts.append(run(script, environment))
        firsts.append(crawl(home, root, environment))
        agains.append(crawl(home, root, environment))
        left = sizes(home)
        shutil.rmtree(home)
    ratios = [first.seconds / plain.seconds for plain, first in zip(scripts, firsts, strict=True)]
    print(f"{models:,} models, {files:,} files, {rounds} rounds")
    print("                         seconds: least, median   CPU seconds   peak MB: first process, all")
    for name, costs in (
        ("plain script", scripts),
        ("first crawl, indexed", firsts),
        ("unchanged crawl", agains),
    ):
        seconds = [cost.seconds for cost in costs]
        cpu = min(cost.cpu_seconds for cost in costs)
        peaks = f"{max(cost.peak_mb for cost in costs):6.0f} {max(cost.all_mb for cost in costs):6.0f}"
        print(f"{name:24} {min(seconds):14.2f} {statistics.median(seconds):8.2f} {cpu:13.2f}   {peaks:>20}")
    print(
        f"first crawl / script     {min(ratios):14.2f} {statistics.median(ratios):8.2f}   (aim: at most 5 on two cores)"
    )
    print(
        f"store / model            {left.store / models:14,.0f} bytes   (aim: at most 3,000); index {left.index / models:,.0f}"
    )


def growth(folder: Path, counts: Sequence[int], environment: dict[str, str], *, copies: bool) -> None:
    """How time and memory grow; an exponent of 1 is linear. That of processor time says it also on a busy machine."""
    last: tuple[int, Cost] | None = None
    print(
        "   models      files   seconds   CPU s   peak MB   all MB   own MB   store bytes/model   exponent    CPU   again s"
        "   one changed s   all moved s   CPU s   all MB"
    )
    for models in counts:
        root, home = folder / f"models-{models}", folder / f"home-{models}"
        write_tree(root, models, copies=copies)
        files = sum(len(names) for _, _, names in os.walk(root))
        cost = crawl(home, root, environment)
        store = sizes(home).store
        again = crawl(home, root, environment)
        write_weights(root / "07" / "model-7", 12_345.0)
        changed = crawl(home, root, environment)
        move_everything(root)
        moved = crawl(home, root, environment, "--accept")
        exponents = ("", "")
        if last is not None:
            more = math.log(files / last[0])
            exponents = (
                f"{math.log(cost.seconds / last[1].seconds) / more:.2f}",
                f"{math.log(cost.cpu_seconds / last[1].cpu_seconds) / more:.2f}",
            )
        print(
            f"{models:9,} {files:10,} {cost.seconds:9.1f} {cost.cpu_seconds:7.1f} {cost.peak_mb:9.0f} {cost.all_mb:8.0f}"
            f" {cost.own_mb:8.0f} {store / models:19,.0f} {exponents[0]:>10} {exponents[1]:>6}"
            f" {again.seconds:9.1f} {changed.seconds:15.1f} {moved.seconds:13.1f} {moved.cpu_seconds:7.1f} {moved.all_mb:8.0f}",
            flush=True,
        )
        last = files, cost
        shutil.rmtree(root)
        shutil.rmtree(home)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("mode", nargs="?", default="ratio", choices=("ratio", "files", "copies"))
    parser.add_argument("models", nargs="*", type=int)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", help="where the trees are made; the folder of temporary files")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        folder = Path(name)
        environment = compiled_modules(str(folder / "compiled"))
        write_tree(folder / "small", 3)
        crawl(folder / "other", folder / "small", environment)  # compiles the modules
        if given.mode == "ratio":
            beside_script(folder, *(given.models or [2_000])[:1], given.rounds, environment)
        elif given.mode == "files":
            growth(folder, given.models or [5_000, 25_000, 100_000], environment, copies=False)
        else:
            growth(folder, given.models or [1_000, 4_000, 16_000], environment, copies=True)


if __name__ == "__main__":
    main()
