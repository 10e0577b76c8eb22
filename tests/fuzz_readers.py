"""Reads mutants of real files with every reader, a minute for each, and says which of them broke, hung or took too much.

Each reader has a process of its own with bounded memory. A mutant is known by the seed, the reader and its number, so that
what was found can be made again: `make fuzz-readers FUZZ_SEED=... FUZZ_READERS=NAME`. The mutant is kept, too.
"""

from __future__ import annotations

import argparse
import base64
import logging
import multiprocessing
import os
import random
import resource
import signal
import sys
import tarfile
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fixtures.mutations import mutant

from catalog.normalise.record import normalise
from catalog.records import Member, ObjectKey, ObjectMeta, SourceId
from crawler.extractor import HEAD_BYTES
from crawler.grouping.groups import group
from crawler.reader import Budget
from crawler.reading import ObjectReader
from crawler.registry import Registry

TESTS = Path(__file__).parent
SOURCE = SourceId("file:///fuzz")
MAX_SEED_BYTES = 256 * 1024
MAX_SEEDS = 200
MAX_PROCESSOR_SECONDS = 10
"""For one mutant; the reader's own budget is 20 seconds by the clock."""
MAX_BYTES = 512 * 1024 * 1024
"""What reading may add to the process."""
GRACE_SECONDS = 120
WITHOUT_FILES = frozenset({"mlflow-entries", "tione-entries"})
"""Readers of what a server answers; no file is theirs."""


WRITTEN_HERE = {
    "bentos/models/churn/abc/model.yaml": "name: churn\nversion: abc\nmodule: bentoml.sklearn\nlabels: {team: risk}\nmetadata: {accuracy: 0.9}\n"
    "signatures: {predict: {batchable: true, batch_dim: [0, 0]}}\ncontext: {framework_name: sklearn, framework_versions: {scikit-learn: 1.5.0}}\n"
    "creation_time: '2026-01-02T03:04:05.678901+00:00'\napi_version: v1\n",
    "bert/SHA256SUMS": f"{'0a' * 32}  model.safetensors\n{'1b' * 32} *vocab.txt\n",
    "bert/model.safetensors.sha256": f"{'0a' * 32}  model.safetensors\n",
    "bert/.eval_results/glue.yaml": "- dataset: {id: glue, task_id: sst2, revision: main}\n  value: 0.93\n  date: '2026-01-02'\n"
    "  source: {url: https://example.org, name: run}\n  notes: three seeds\n",
    "work/.git/HEAD": "ref: refs/heads/main\n",
    "work/.git/packed-refs": f"# pack-refs with: peeled fully-peeled sorted\n{'a1' * 20} refs/heads/main\n{'b2' * 20} refs/tags/churn@v1.0.0\n^{'c3' * 20}\n",
    "work/.git/refs/heads/main": f"{'a1' * 20}\n",
    "out/.hydra/config.yaml": "model: {_target_: torch.nn.Linear, in_features: 3}\ntrainer: {max_epochs: 3, lr: 3e-5}\nseed: ${oc.env:SEED}\n",
    "web/model.json": '{"format": "layers-model", "generatedBy": "keras v2.15.0", "convertedBy": "TensorFlow.js Converter v4.22.0", "modelTopology":'
    ' {"model_config": {"class_name": "Sequential", "config": {"name": "net", "layers": [{"class_name": "Dense", "config": {"units": 4}}]}}},'
    ' "weightsManifest": [{"paths": ["group1-shard1of1.bin"], "weights": [{"name": "dense/kernel", "shape": [3, 4], "dtype": "float32"},'
    ' {"name": "dense/bias", "shape": [4], "dtype": "float32", "quantization": {"min": -1.0, "scale": 0.1, "dtype": "uint8"}}]}]}',
    "voice/config.json": '{"model": "vits", "run_name": "voice", "output_path": "out", "dashboard_logger": "tensorboard", "epochs": 100,'
    ' "use_phonemes": true, "phoneme_language": "en-us", "batch_size": 32, "lr_gen": 0.0002, "datasets": [{"formatter": "ljspeech"}]}',
    "bundle/configs/metadata.json": '{"schema": "s", "version": "0.2.0", "monai_version": "0.9.0", "pytorch_version": "1.10.0", "name": "Spleen", "task": "segmentation",'
    ' "eval_metrics": {"mean_dice": 0.96}, "required_packages_version": {"nibabel": "3.2.1"}, "network_data_format": {"inputs": {"image": {"modality": "CT", "num_channels": 1,'
    ' "spatial_shape": ["16*n", 96], "dtype": "float32"}}, "outputs": {"pred": {"format": "segmentation", "num_channels": 2, "channel_def": {"0": "background", "1": "spleen"}}}}}',
    "Dataset722_Spleen/nnUNetTrainer__nnUNetPlans__3d_lowres/plans.json": '{"dataset_name": "Dataset722_Spleen", "plans_name": "nnUNetPlans", "configurations":'
    ' {"3d_fullres": {"batch_size": 2, "patch_size": [64, 192, 160], "architecture": {"network_class_name": "a.b.UNet"}}, "3d_lowres": {"inherits_from": "3d_fullres"}}}',
    "Dataset722_Spleen/nnUNetTrainer__nnUNetPlans__3d_lowres/dataset.json": '{"channel_names": {"0": "CT"}, "labels": {"background": 0, "spleen": [1, 2], "ignore": 3}, "numTraining": 41}',
    "Dataset722_Spleen/nnUNetTrainer__nnUNetPlans__3d_lowres/fold_0/validation/summary.json": '{"foreground_mean": {"Dice": 0.95, "IoU": NaN, "FP": 8.0}, "mean": {"1": {"Dice": 0.9}},'
    ' "metric_per_case": [{"metrics": {"1": {"Dice": 0.9}}, "prediction_file": "a.nii.gz"}]}',
    "ag/leaderboard.csv": ",model,score_test,score_val,eval_metric,fit_time\n0,LightGBM,0.93,0.90,roc_auc,2.5\n1,WeightedEnsemble_L2,-0.92,nan,rmse,3.5\n",
    "agent/data": '{"policy_class": {":type:": "<class>", "__module__": "stable_baselines3.common.policies"}, "n_steps": 2048, "gamma": 0.99}',
    "repository/net/config.pbtxt": 'name: "net"\nplatform: "onnxruntime_onnx"\nmax_batch_size: 8\ninput [ { name: "x" data_type: TYPE_FP32 dims: [ 3, -1 ] } ]\n'
    'output { name: "y" data_type: TYPE_INT64 dims: 1 }\nparameters { key: "k" value < string_value: "v" > }\n',
    "out/config.yaml": "MODEL: {META_ARCHITECTURE: RetinaNet, RETINANET: {NUM_CLASSES: 3}}\nDATASETS: {TRAIN: [coco]}\nSOLVER: {BASE_LR: 0.01, IMS_PER_BATCH: 2}\n",
    "sacred/1/run.json": '{"experiment": {"name": "mnist", "dependencies": ["torch==2.1.0"], "repositories": [{"commit": "a1"}]}, "command": "main",'
    ' "start_time": "2024-01-01T10:00:00.1", "stop_time": "2024-01-01T11:00:00.5", "status": "COMPLETED"}',
    "served/MAR-INF/MANIFEST.json": '{"createdOn": "02/01/2026 10:20:30", "runtime": "python", "archiverVersion": "0.12.0", "model":'
    ' {"modelName": "net", "modelVersion": "1.0", "handler": "handler.py", "serializedFile": "net.pt"}}',
}
"""Files of formats of which the tests have no file by itself."""
BYTES_WRITTEN_HERE = {
    "logs/events.out.tfevents.1700000000.host": "GAAAAAAAAACjf0siCQAAAAAAAAAAGg1icmFpbi5FdmVudDoy7t8oox4AAAAAAAAA2dwSMgkAAMBA/FTZQRCDACoQCg4KB3ZhbC9hY2MVAAAAPyutYxo=",
    "sentiment/model.zip": "UEsDBBQAAAAIABGrfl3DjCZCEgAAABAAAAAYAAAAVHJhaW5pbmdJbmZvL1ZlcnNpb24udHh0M9Yz0DPUNklKsUgzNErm5QIAUEsDBBQAAAAAAAAAIQDAp3IwBwEAAAcBAAAoAAAAVHJhbnNmb3JtZXJDaGFpbi9UcmFuc2Zvcm1fMDAwL01vZGVsLmtleU1MAE1PREVMAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAQ2FsaVByZWRFeGVjAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAABsZWFybmVkUEsBAhQDFAAAAAgAEat+XcOMJkISAAAAEAAAABgAAAAAAAAAAAAAAIABAAAAAFRyYWluaW5nSW5mby9WZXJzaW9uLnR4dFBLAQIUAxQAAAAAAAAAIQDAp3IwBwEAAAcBAAAoAAAAAAAAAAAAAACAAUgAAABUcmFuc2Zvcm1lckNoYWluL1RyYW5zZm9ybV8wMDAvTW9kZWwua2V5UEsFBgAAAAACAAIAnAAAAJUBAAAAAA==",
}
"""The same of formats that are no text, in base64: two records of TensorBoard, and a model of ML.NET of one step."""


class Slow(BaseException):
    """Raised into a reading that took too long; no reader catches it."""


@dataclass(frozen=True, slots=True)
class Seed:
    key: str
    data: bytes


class Bytes:
    """One object in memory."""

    id, uri = SOURCE, str(SOURCE)

    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self, meta: ObjectMeta, start: int, end: int) -> bytes:
        return self._data[start:end]


class Faults(logging.Handler):
    """What the crawl would have logged as a fault of the reader's own."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


def files() -> Iterator[Seed]:
    """Every small file of the tests, also those in archives."""
    for place in ("corpus/data", "cases/formats", "cases/attacks"):
        for path in sorted((TESTS / place).rglob("*")):
            if path.is_file() and 0 < path.stat().st_size <= MAX_SEED_BYTES:
                yield Seed(str(path.relative_to(TESTS)), path.read_bytes())
    for key, text in WRITTEN_HERE.items():
        yield Seed(key, text.encode())
    for key, encoded in BYTES_WRITTEN_HERE.items():
        yield Seed(key, base64.b64decode(encoded))
    for archive in sorted(TESTS.rglob("*.tar.xz")):
        with tarfile.open(archive) as members:
            for member in members:
                file = members.extractfile(member) if 0 < member.size <= MAX_SEED_BYTES else None
                if file is not None:
                    yield Seed(member.name, file.read())


def seeds_by_reader(registry: Registry) -> dict[str, list[Seed]]:
    by_reader: dict[str, list[Seed]] = defaultdict(list)
    known = set[bytes]()
    for seed in files():
        best, _ = registry.best(seed.key, seed.data[:HEAD_BYTES])
        if best is not None and seed.data not in known and len(by_reader[best.extractor.name]) < MAX_SEEDS:
            known.add(seed.data)
            by_reader[best.extractor.name].append(seed)
    return by_reader


def read(reader_of: Registry, key: str, data: bytes, faults: Faults) -> None:
    """Reads the bytes as a crawl does, and makes a record of what they say. Raises what no crawl may raise."""
    meta = ObjectMeta(
        source=SOURCE,
        key=ObjectKey(key),
        size_bytes=len(data),
        change_token="1",
        last_modified=datetime(2026, 1, 1, tzinfo=UTC),
    )
    outcome = ObjectReader(Bytes(data), reader_of, Budget()).read(meta, None)  # type: ignore[arg-type]
    faults.messages += outcome.broken.values()
    if outcome.extraction is not None:
        for model in group(SOURCE, [Member(object=meta, extraction=outcome.extraction)]):
            normalise(model, now=datetime(2026, 1, 1, tzinfo=UTC))


def listening() -> tuple[logging.Logger, Faults]:
    """The log of the crawl's readers, and what hears it."""
    logger, faults = logging.getLogger("crawler.reading"), Faults()
    logger.addHandler(faults)
    return logger, faults


def fuzz(name: str, seeds: list[Seed], seed: int, seconds: float, number: Any, answer: Any) -> None:
    """Reads mutants until the time is up or one is found that no crawl could bear; runs in a process of its own."""
    registry, (logger, faults) = Registry.installed(), listening()
    logger.propagate = False
    resource.setrlimit(resource.RLIMIT_AS, (_mapped_bytes() + 2 * MAX_BYTES, resource.RLIM_INFINITY))
    signal.signal(signal.SIGPROF, _too_slow)
    end, slowest, base = time.monotonic() + seconds, 0.0, _peak_bytes()
    while time.monotonic() < end:
        number.value += 1
        key, data = made(name, seeds, seed, number.value)
        began = time.process_time()
        signal.setitimer(signal.ITIMER_PROF, MAX_PROCESSOR_SECONDS)
        fault = None
        try:
            read(registry, key, data, faults)
        except Slow:
            fault = f"took more than {MAX_PROCESSOR_SECONDS} s"
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what is looked for
            fault = f"{type(error).__name__}: {str(error)[:300]}"
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        slowest = max(slowest, time.process_time() - began)
        if fault is None and _peak_bytes() - base > MAX_BYTES:
            fault = f"took {(_peak_bytes() - base) // 2**20} MB"
        if fault is not None or faults.messages:
            answer.put((fault or faults.messages[0], slowest, _peak_bytes() - base))
            return
    answer.put((None, slowest, _peak_bytes() - base))


def made(name: str, seeds: list[Seed], seed: int, number: int) -> tuple[str, bytes]:
    """The mutant of this number, always the same one."""
    draw = random.Random(f"{seed}:{name}:{number}")
    chosen = draw.choice(seeds)
    return chosen.key, mutant(chosen.data, [draw.choice(seeds).data], draw)


def _too_slow(*_: object) -> None:
    raise Slow


def _mapped_bytes() -> int:
    return int(Path("/proc/self/statm").read_text("ascii").split()[0]) * os.sysconf("SC_PAGESIZE")


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def watch(name: str, seeds: list[Seed], seed: int, seconds: float, kept: Path) -> bool:
    """Whether the reader bore all mutants; a line that says what happened."""
    context = multiprocessing.get_context("spawn")
    number, answer = context.Value("q", 0), context.Queue()
    process = context.Process(target=fuzz, args=(name, seeds, seed, seconds, number, answer))
    process.start()
    process.join(seconds + GRACE_SECONDS)
    if process.is_alive():
        process.kill()
        process.join()
        fault, slowest, peak = f"hung for {GRACE_SECONDS} s", 0.0, 0
    elif process.exitcode:
        fault, slowest, peak = f"its process ended with {process.exitcode}", 0.0, 0
    else:
        fault, slowest, peak = answer.get()
    measured = (
        f"{number.value:>7,} mutants of {len(seeds)} files, at most {slowest:.1f} s and {peak // 2**20} MB"
    )
    if fault is None:
        print(f"{name:<24} {measured}", flush=True)
        return True
    key, data = made(name, seeds, seed, number.value)
    kept.mkdir(parents=True, exist_ok=True)
    path = kept / f"{name}-{seed}-{number.value}-{key.rpartition('/')[2]}"
    path.write_bytes(data)
    print(f"{name:<24} {measured}\n  FOUND with seed {seed}: {fault}\n  of {key}, kept as {path}", flush=True)
    return False


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60, help="how long for each reader (60)")
    parser.add_argument("--seed", type=int, help="the seed of an earlier run")
    parser.add_argument(
        "--kept", type=Path, default=Path(".cache/fuzz"), help="where mutants are kept that were too much"
    )
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="readers at once")
    parser.add_argument("readers", nargs="*", help="names of readers (all of them)")
    options = parser.parse_args()
    seed = random.SystemRandom().randrange(2**32) if options.seed is None else options.seed
    by_reader = seeds_by_reader(registry := Registry.installed())
    names = options.readers or sorted(registry.names - WITHOUT_FILES)
    without = [name for name in names if not by_reader.get(name)]
    print(f"seed {seed}", flush=True)
    with ThreadPoolExecutor(options.processes) as pool:
        borne = list(
            pool.map(
                lambda name: watch(name, by_reader[name], seed, options.seconds, options.kept),
                [name for name in names if name not in without],
            )
        )
    if without:
        print(f"No file to begin with: {', '.join(without)}")
    return 0 if all(borne) and not without else 1


if __name__ == "__main__":
    sys.exit(main())
