"""Runs that Sacred keeps in directories: run.json beside the settings, the metrics and what the run saved.

Source: IDSIA/sacred sacred/observers/file_storage.py (`run.json`, `config.json`, `metrics.json`).
"""

from __future__ import annotations

from catalog.records import Extraction, Origin, Role
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats import jsons
from crawler.formats.json_values import listed, mapping, pointer, text, texts
from crawler.reader import RangedReader

FILE = "run.json"
MAX_REPOSITORIES = 20
_MARKS = (b'"experiment"', b'"command"')


class SacredExtractor:
    """Reads the whole of run.json. Host names and command lines are left out."""

    name = "sacred"
    version = 1
    description = "run.json of Sacred"
    reads = (
        "name of the experiment, start, git commit, dependencies, status; settings and metrics lie beside it"
    )
    limits = "JSON 16 MB"
    signs = Signs(names=(FILE,))

    def claims(self, key: str, head: bytes) -> Claim | None:
        if key.rsplit("/", 1)[-1] != FILE or any(mark not in head for mark in _MARKS):
            return None
        return Claim(format="sacred", role=Role.RUN, confidence=80)

    def extract(self, reader: RangedReader) -> Extraction:
        findings = Findings(reader, self, format=None, role=Role.RUN, origin=Origin.RUN)
        run = jsons.read_object(reader)
        experiment = mapping(run.get("experiment"))
        findings.say("extra.sacred.experiment", text(experiment.get("name")), pointer("experiment", "name"))
        for number, package in enumerate(texts(experiment.get("dependencies"))):
            if "==" in package:
                findings.say("dependencies", package, pointer("experiment", "dependencies", number))
        for number, repository in enumerate(listed(experiment.get("repositories"))[:MAX_REPOSITORIES]):
            commit = text(mapping(repository).get("commit"))
            place = pointer("experiment", "repositories", number, "commit")
            findings.say("code_version", commit, place)
        findings.say("training_started_at", text(run.get("start_time")), pointer("start_time"))
        findings.say("trained_at", text(run.get("stop_time")), pointer("stop_time"))
        findings.say("extra.sacred.status", text(run.get("status")), pointer("status"))
        findings.say("extra.sacred.command", text(run.get("command")), pointer("command"))
        return findings.extraction()
