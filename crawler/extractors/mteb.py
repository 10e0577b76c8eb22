"""Results of MTEB: one JSON file for each task that an embedding model was measured on.

Source: embeddings-benchmark/mteb mteb/results/task_result.py (`TaskResult`, from 1.11 on), and the files of earlier versions,
which have a split at the top.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from catalog.records import Extraction, Origin, Role
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats import jsons
from crawler.formats.json_values import mapping, number, pointer, text
from crawler.reader import RangedReader

MAX_RESULTS = 5_000
MAX_LEVELS = 3
MAX_SUBSETS = 500
_MARK = re.compile(rb'"mteb_(?:version|dataset_name)"\s*:')
_NOT_VALUES = frozenset({"main_score", "evaluation_time", "kg_co2_emissions", "scores_per_experiment"})
"""The main score is one of the others once more; time and emissions are no results of the model."""
_KINDS = frozenset({"cos_sim", "dot", "euclidean", "manhattan", "max"})
"""Ways to compare two embeddings, each with scores of its own."""
_SPLITS = frozenset({"train", "validation", "dev", "test"})


class MtebExtractor:
    """Reads the whole file. Values are fractions as MTEB writes them."""

    name = "mteb"
    version = 2
    description = "Results of MTEB (results/TASK.json)"
    reads = "every score with task, subset, split and MTEB's version"
    limits = "JSON 16 MB, 5,000 values, 500 subsets; scores of single experiments are left out"
    signs = Signs(suffixes=(".json",))

    def claims(self, key: str, head: bytes) -> Claim | None:
        if not key.lower().endswith(".json") or not _MARK.search(head):
            return None
        return Claim(format="mteb", role=Role.RUN, confidence=85)

    def extract(self, reader: RangedReader) -> Extraction:
        findings = Findings(reader, self, format=None, role=Role.RUN, origin=Origin.RUN)
        value = jsons.read_object(reader)
        task = text(value.get("task_name")) or text(value.get("mteb_dataset_name"))
        task = task or reader.name.rpartition(".")[0]
        version = text(value.get("mteb_version"))
        count = 0
        for split, subset, scores, place in _tables(value):
            for name, score, below in _scores(scores):
                if count == MAX_RESULTS:
                    findings.problem(
                        "limit-exceeded", f"more than {MAX_RESULTS} values; the rest is left out"
                    )
                    return findings.extraction()
                count += 1
                findings.metric(
                    name,
                    score,
                    pointer(*place, *below),
                    dataset=task[:200],
                    config=subset,
                    split=split,
                    block="mteb",
                    source=f"MTEB {version}" if version else "MTEB",
                )
        return findings.extraction()


def _tables(
    value: Mapping[str, Any],
) -> Iterator[tuple[str, str | None, Mapping[str, Any], tuple[str | int, ...]]]:
    """(split, subset, its scores, where they are) of a file of either form."""
    by_split = value.get("scores")
    if isinstance(by_split, Mapping):
        for split, rows in by_split.items():
            for index, row in enumerate(rows[:MAX_SUBSETS] if isinstance(rows, list) else ()):
                subset = text(mapping(row).get("hf_subset"))
                yield split, _named(subset), mapping(row), ("scores", split, index)
        return
    for split in (name for name in value if name in _SPLITS):
        table = mapping(value[split])
        subsets = {name: part for name, part in list(table.items())[:MAX_SUBSETS] if _is_subset(name, part)}
        for name, part in subsets.items():
            yield split, name, mapping(part), (split, name)
        yield split, None, {name: part for name, part in table.items() if name not in subsets}, (split,)


def _named(subset: str | None) -> str | None:
    return None if subset == "default" else subset


def _is_subset(name: str, part: Any) -> bool:
    """Whether the entry is a language (`en`, `de-fr`, `eng-Latn`) with scores of its own, and not one kind of score."""
    is_code = re.fullmatch(r"[a-z]{2,3}(?:[-_][A-Za-z]{2,4}){0,3}", name) is not None
    return isinstance(part, Mapping) and is_code and name not in _KINDS


def _scores(
    table: Mapping[str, Any], path: tuple[str, ...] = ()
) -> Iterator[tuple[str, float | int, tuple[str, ...]]]:
    """(name, value, where) of every number: `cos_sim` with `spearman` below it is `cos_sim_spearman`."""
    for name, value in table.items():
        here = (*path, name)
        if name in _NOT_VALUES:
            continue
        if isinstance(value, Mapping) and len(here) < MAX_LEVELS:
            yield from _scores(value, here)
        elif (score := number(value)) is not None:
            yield "_".join(here)[:200], score, here
