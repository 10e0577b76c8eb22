"""`.eval_results/*.yaml`: evaluation results that others contribute to a model's repository."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from catalog.errors import Malformed
from catalog.records import Extraction, Origin, Role
from catalog.text.slugs import slug
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats import yamls
from crawler.reader import RangedReader
from mappings import metrics as metric_table

MAX_RESULTS = 5_000
_NAME = re.compile(r"(?:^|/)\.eval_results/[^/]+\.ya?ml$", re.IGNORECASE)


class EvalResultsExtractor:
    """Reads the whole file: a list of results, each of one data set.

    Source: huggingface/huggingface_hub src/huggingface_hub/_eval_results.py.
    """

    name = "eval-results"
    version = 1
    description = "Evaluation results in .eval_results/*.yaml"
    reads = "values with data set, task, revision, date and source"
    limits = "YAML 2 MB, 5,000 results"
    signs = Signs(suffixes=(".yaml", ".yml"))

    def claims(self, key: str, head: bytes) -> Claim | None:  # noqa: ARG002 - the directory decides
        return Claim(format="eval-results", role=Role.CARD, confidence=90) if _NAME.search(key) else None

    def extract(self, reader: RangedReader) -> Extraction:
        findings = Findings(reader, self, format=None, role=Role.CARD, origin=Origin.CARD)
        results = yamls.json_value(yamls.read(reader))
        if isinstance(results, Mapping):
            results = [results]
        if not isinstance(results, list):
            raise Malformed("the results are not a list")
        for index, result in enumerate(results[:MAX_RESULTS]):
            _tell(findings, result, index)
        if len(results) > MAX_RESULTS:
            findings.problem("limit-exceeded", f"{len(results)} results, {MAX_RESULTS} are read")
        return findings.extraction()


def _tell(findings: Findings, result: Any, index: int) -> None:
    dataset = result.get("dataset") if isinstance(result, Mapping) else None
    if not isinstance(dataset, Mapping) or result.get("value") is None:
        findings.problem("eval-results", "an entry has no dataset or no value", f"yaml:/{index}")
        return
    source = result.get("source")
    named = source if isinstance(source, Mapping) else {"name": source}
    context: dict[str, Any] = {
        "dataset": _text(dataset.get("id")),
        "config": _text(dataset.get("task_id")) or _text(dataset.get("config")),
        "split": _text(dataset.get("split")),
        "revision": _text(dataset.get("revision")),
        "source": _text(named.get("name")) or _text(named.get("url")),
        "evaluated_at": _text(result.get("date")),
        "notes": _text(result.get("notes")),
        "verified": True if result.get("verifyToken") else None,
        "block": f"eval-results:{_text(named.get('name')) or _text(dataset.get('id')) or index}",
    }
    findings.metric(_metric(result, dataset), result["value"], f"yaml:/{index}/value", **context)


def _metric(result: Mapping[str, Any], dataset: Mapping[str, Any]) -> str:
    """The metric's name; without one, the benchmark's own score under the benchmark's task or data set."""
    for candidate in (result.get("metric"), result.get("metric_name"), dataset.get("metric")):
        if (name := _text(candidate)) is not None:
            return name[:200]
    task = _text(dataset.get("task_id"))
    if task is not None and metric_table.find(slug(task)) is not None:
        return task[:200]
    return f"{task or _text(dataset.get('id')) or 'benchmark'} score"[:200]


def _text(value: Any) -> str | None:
    return value.strip()[:1000] or None if isinstance(value, str) else None
