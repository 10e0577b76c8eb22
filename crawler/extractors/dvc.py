"""DVC: `.dvc` files, dvc.yaml, dvc.lock, and the parameters and metrics beside them.

Source: treeverse/dvc, dvc/schema.py (schema 2.0 of dvc.lock); iterative/gto for `artifacts:`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any

from catalog.errors import Unsupported
from catalog.records import Extraction, Origin, Role, Subject
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats import dvc, git, jsons, yamls
from crawler.formats.json_values import mapping, text
from crawler.reader import RangedReader

LOCK_SCHEMAS = ("1.", "2.")


class DvcExtractor:
    """Reads whole YAML files. Commands are text and never run; a path that leaves the root binds nothing."""

    name = "dvc"
    version = 8
    description = "DVC (`*.dvc`, dvc.yaml, dvc.lock)"
    reads = (
        "outputs with hash and size bound to files and objects of caches and remotes, parameters and metrics files of their"
        " stages, dependencies, artifacts"
    )
    limits = "YAML 2 MB, 32 metrics files of a model, lists of directories 16 MB and 200,000 values; pipelines are not run, remotes are not contacted"
    signs = Signs(names=("dvc.yaml", "dvc.lock"), suffixes=(".dvc", ".dir"))

    def claims(self, key: str, head: bytes) -> Claim | None:
        name = key.rsplit("/", 1)[-1]
        if name in {"dvc.yaml", "dvc.lock"}:
            return Claim(format="dvc", role=Role.RUN, confidence=85)
        if name.endswith(".dvc") and name != ".dvc":
            return Claim(format="dvc", role=Role.POINTER, confidence=85)
        if name.endswith(".dir") and head[:1] == b"[" and dvc.REMOTE_OBJECT.search(key):
            return Claim(format="dvc", role=Role.POINTER, confidence=85)
        return None

    def extract(self, reader: RangedReader) -> Extraction:
        role = Role.POINTER if reader.name.endswith((".dvc", ".dir")) else Role.RUN
        findings = Findings(reader, self, format="dvc", role=role, origin=Origin.RUN)
        if reader.name.endswith(".dir"):
            _tell_directory(findings, reader)
            return findings.extraction()
        content = mapping(yamls.json_value(yamls.read(reader)))
        if reader.name == "dvc.lock":
            _tell_lock(findings, reader.key, content)
        elif reader.name == "dvc.yaml":
            _tell_pipeline(findings, reader.key, content)
        else:
            _tell_pointer(findings, reader.key, content)
        return findings.extraction()


def _tell_pointer(findings: Findings, key: str, content: Mapping[str, Any]) -> None:
    for number, out in enumerate(dvc.entries(content.get("outs"))):
        subject = _output(
            findings,
            key,
            out,
            f"yaml:/outs/{number}",
            standalone=dvc.is_model(out),
            part_of=dvc.repositories(key),
        )
        if subject is not None:
            findings.say("description", content.get("desc"), "yaml:/desc", subject=subject.id)
            for place, dependency in enumerate(dvc.entries(content.get("deps"))):
                findings.say(
                    "extra.imported_from",
                    dependency.get("path"),
                    f"yaml:/deps/{place}/path",
                    subject=subject.id,
                )


def _tell_directory(findings: Findings, reader: RangedReader) -> None:
    """The list of a directory's files: whatever names the directory is about each of them."""
    match = dvc.REMOTE_OBJECT.search(reader.key)
    assert match is not None, "claimed by it"
    entries = jsons.read(reader)
    files = [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    hashes = [entry["md5"] for entry in files if dvc.MD5.fullmatch(str(entry.get("md5")))]
    own = f"{match[1]}{match[2]}"
    findings.tells_of(
        Subject(id=f"dvc-dir:{own}", join_keys=(f"md5:{own}", *(f"md5:{digest}" for digest in hashes)))
    )


def _tell_lock(findings: Findings, key: str, content: Mapping[str, Any]) -> None:
    schema = str(content.get("schema", "1.0"))
    if not schema.startswith(LOCK_SCHEMAS):
        raise Unsupported(f"dvc.lock of schema {schema}")
    # Schema 1 had the stages at the top level.
    bodies = mapping(content.get("stages")) if "stages" in content else content
    stages = [dvc.stage_of(name, stage) for name, stage in bodies.items() if isinstance(stage, dict)]
    elsewhere = dvc.measured_elsewhere(stages)
    for stage in stages:
        _tell_stage(findings, key, stage, elsewhere)


def _tell_many_reports(findings: Findings, stage: dvc.Stage, place: str) -> None:
    if len(stage.metrics) > dvc.MAX_REPORTS:
        message = f"{len(stage.metrics):,} metrics files of a stage; {dvc.MAX_REPORTS} are told of its models"
        findings.problem("limit-exceeded", message, place)


def _tell_stage(
    findings: Findings, key: str, stage: dvc.Stage, elsewhere: Mapping[str, Sequence[str]]
) -> None:
    place = f"yaml:/stages/{stage.name}"
    _tell_many_reports(findings, stage, place)
    named = lru_cache(partial(dvc.named_files, key))
    for number, out in enumerate(stage.outs):
        # Any output may turn out to hold a model; only one that looks like a model is one without its bytes.
        reports = dvc.reports_of(stage, str(out.get("path")), elsewhere)
        part_of = (*git.repositories(key), *dvc.repositories(key), *named(reports))
        subject = _output(
            findings, key, out, f"{place}/outs/{number}", standalone=dvc.is_model(out), part_of=part_of
        )
        if subject is None:
            continue
        findings.say("extra.pipeline_stage", stage.name, place, subject=subject.id)
        findings.say("extra.command", text(stage.content.get("cmd")), f"{place}/cmd", subject=subject.id)
        _tell_inputs(findings, stage, place, subject)
        for file, values in mapping(stage.content.get("params")).items():
            _tell_parameters(findings, values, f"{place}/params/{file}", subject)
    for file in mapping(stage.content.get("params")):
        _speaks_for_stages(findings, key, file)


def _tell_inputs(findings: Findings, stage: dvc.Stage, place: str, subject: Subject) -> None:
    for number, path in enumerate(stage.deps):
        was_full = findings.is_full
        code = path.endswith((".py", ".sh", ".ipynb", ".R", ".jl"))
        findings.say(
            "extra.code" if code else "data_sources", path, f"{place}/deps/{number}/path", subject=subject.id
        )
        if was_full:  # which was said of this one; a stage of many outputs would go on through all of each
            return


def _speaks_for_stages(findings: Findings, key: str, path: str) -> None:
    """A parameters file of a pipeline holds the values of all its stages: where it stands says nothing."""
    for identity in dvc.named_files(key, [path]):
        findings.tells_of(Subject(id=identity, join_keys=()))


def _tell_parameters(findings: Findings, values: Any, place: str, subject: Subject) -> None:
    for name, value in _flat(mapping(values)):
        was_full = findings.is_full
        findings.say(f"hyperparameters.{name}", value, f"{place}/{name}", subject=subject.id)
        if was_full:
            return


def _tell_pipeline(findings: Findings, key: str, content: Mapping[str, Any]) -> None:
    """What dvc.lock does not know: which outputs are metrics, and of which stages they are before a first run."""
    bodies = mapping(content.get("stages"))
    stages = [dvc.stage_of(name, stage) for name, stage in bodies.items() if isinstance(stage, dict)]
    elsewhere = dvc.measured_elsewhere(stages)
    for stage in stages:
        _tell_many_reports(findings, stage, f"yaml:/stages/{stage.name}")
        here = f"{key.rpartition('/')[0]}/{stage.content.get('wdir') or '.'}/dvc.yaml".lstrip("/")
        named = lru_cache(partial(dvc.named_files, here))
        for number, out in enumerate(stage.outs):
            path = str(out.get("path"))
            if "${" not in path and dvc.is_model(out):
                reports = dvc.reports_of(stage, path, elsewhere)
                place = f"yaml:/stages/{stage.name}/outs/{number}"
                part_of = named(reports)
                _output(findings, here, {"path": path}, place, standalone=False, part_of=part_of)
    _tell_artifacts(findings, key, mapping(content.get("artifacts")))


def _tell_artifacts(findings: Findings, key: str, artifacts: Mapping[str, Any]) -> None:
    for name, artifact in artifacts.items():
        if not isinstance(artifact, dict) or not isinstance(artifact.get("path"), str):
            continue
        place = f"yaml:/artifacts/{name}"
        subject = _output(
            findings,
            key,
            artifact,
            place,
            standalone=artifact.get("type") == "model",
            part_of=git.artifacts(key, name),
        )
        if subject is not None:
            findings.say("name", name, place, origin=Origin.REGISTRY, subject=subject.id)


def _output(
    findings: Findings,
    key: str,
    out: Mapping[str, Any],
    place: str,
    *,
    standalone: bool,
    part_of: tuple[str, ...] = (),
) -> Subject | None:
    path, md5 = out.get("path"), out.get("md5")
    if not isinstance(path, str):
        return None
    known = md5 if isinstance(md5, str) else None
    subject = dvc.output_subject(key, path, known, is_model=standalone, part_of=part_of)
    if subject is None:
        findings.problem("outside", f"output {path[:200]!r} lies outside the source", f"{place}/path")
        return None
    findings.tells_of(subject)
    findings.say("extra.dvc_path", subject.id.removeprefix("dvc:"), f"{place}/path", subject=subject.id)
    dvc.say_output(findings, out, place, subject=subject.id)
    return subject


def _flat(values: Mapping[str, Any], prefix: str = "", levels: int = 6) -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict) and levels:
            yield from _flat(value, f"{prefix}{name}.", levels - 1)
        else:
            yield f"{prefix}{name}", value
