"""Why a value is what it is: who said it, where, what was done to it, and what lost against it."""

from __future__ import annotations

import json
from collections.abc import Mapping

from catalog.lazy_dataclasses import dataclass
from catalog.records import Contender, FieldProvenance, display_key
from webui.documents import ProvenanceNotKept
from webui.text import shown

STATEMENTS_SHOWN = 20
RAW_CHARACTERS = 400
SUMMARY_CHARACTERS = 24

EVIDENCE_WORDS = {
    "explicit": "written there",
    "inferred": "inferred",
    "declared": "declared, not checked",
    "counted": "counted",
    "derived": "worked out",
    "estimated": "estimated",
}
ORIGIN_WORDS = {
    "edit": "a person’s edit",
    "sidecar": "sidecar",
    "registry": "registry",
    "card": "model card",
    "run": "training run",
    "config": "configuration",
    "embedded": "inside the weights",
    "package": "package file",
    "listing": "storage listing",
    "filename": "file name",
}
LOST_WORDS = {
    "edit": "a person says otherwise",
    "rank": "a source of higher rank says otherwise",
    "counted-beats-declared": "what was counted beats what is declared",
    "equal": "says the same",
    "ambiguous": "can be read in more than one way",
    "implausible": "not plausible",
    "not-headline": "another evaluation is the headline",
}
CHANGE_WORDS = {
    "percent÷100": "percent ÷ 100",
    "percent-inferred": "taken to be percent",
    "float32-shortest": "shortest text of the float32",
    "date-assumed-utc": "UTC assumed",
    "zone→utc": "to UTC",
    "text→number": "text to number",
    "unit→number": "unit to number",
    "bytes÷width": "bytes ÷ width of the dtype",
    "taken-away": "taken away by hand",
    "emptied": "emptied by hand",
}
POINTER_KINDS = {
    "json": "JSON",
    "yaml": "YAML",
    "kv": "key",
    "attr": "attribute",
    "pickle": "pickled value",
    "meta": "metadata",
    "front-matter": "front matter",
    "name": "file name",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What one file says about one field. `value` is what it came to, `raw` what stands there."""

    value: str
    raw: str
    file: str
    pointer: str
    pointer_kind: str
    origin: str
    evidence: str
    extractor: str
    changes: tuple[str, ...]
    lost_because: str
    lent_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Winners and losers of one field. Without winners the value was worked out by Modeldex: `derived` says how."""

    summary: str
    winners: tuple[Statement, ...]
    losers: tuple[Statement, ...]
    hidden: int
    conflict: bool
    derived: str


def provenance_of(field: str, known: Mapping[str, FieldProvenance], description: str = "") -> Provenance:
    """The provenance of a field, or the statement that it follows from the others."""
    if isinstance(known, ProvenanceNotKept):
        how = "Where a value came from is kept of the present state alone"
        return Provenance(summary="not kept", winners=(), losers=(), hidden=0, conflict=False, derived=how)
    entry = known.get(field)
    if entry is None or not (entry.winners or entry.losers):
        how = f"Made by Modeldex from all files. {description}".removesuffix(".").rstrip()
        return Provenance(summary="computed", winners=(), losers=(), hidden=0, conflict=False, derived=how)
    winners = tuple(_statement(contender) for contender in entry.winners[:STATEMENTS_SHOWN])
    losers = tuple(_statement(contender) for contender in entry.losers[:STATEMENTS_SHOWN])
    return Provenance(
        summary=_summary(winners or losers),
        winners=winners,
        losers=losers,
        hidden=len(entry.winners) + len(entry.losers) - len(winners) - len(losers),
        conflict=entry.conflict,
        derived="",
    )


def statement_alone(contender: Contender) -> Provenance:
    """Where one value of several stands, whatever became of the others."""
    statement = _statement(contender)
    return Provenance(
        summary=_summary((statement,)), winners=(statement,), losers=(), hidden=0, conflict=False, derived=""
    )


def _summary(statements: tuple[Statement, ...]) -> str:
    files = list(dict.fromkeys(statement.file.rsplit("/", 1)[-1] for statement in statements))
    more = f" +{len(files) - 1}" if len(files) > 1 else ""
    name = shown(files[0], 200)
    # The beginning and the ending tell shards and formats apart; the middle does not.
    return (name if len(name) <= SUMMARY_CHARACTERS else f"{name[:12]}…{name[-9:]}") + more


def _statement(contender: Contender) -> Statement:
    observation = contender.observation
    kind, separator, rest = observation.pointer.partition(":")
    if not separator:
        kind, rest = "", observation.pointer
    lost = contender.lost_because
    return Statement(
        value=_value_text(contender.value),
        raw=_raw(observation.raw),
        file=shown(display_key(observation.key), 300),
        pointer=shown(rest, 200),
        pointer_kind=shown(POINTER_KINDS.get(kind, kind), 30),
        origin=ORIGIN_WORDS.get(observation.origin, str(observation.origin)),
        evidence=EVIDENCE_WORDS.get(observation.evidence, str(observation.evidence)),
        extractor=shown(f"{observation.extractor} v{observation.extractor_version}", 60),
        changes=tuple(shown(CHANGE_WORDS.get(change, change), 120) for change in contender.changes),
        lost_because="" if lost is None else LOST_WORDS.get(lost, shown(lost.replace("-", " "), 120)),
        lent_by=shown(observation.lent_by, 200),
    )


def _raw(value: object) -> str:
    """The raw value as JSON writes it: text in quotes, so that "12" and 12 differ."""
    return shown(json.dumps(value, ensure_ascii=False, default=str), RAW_CHARACTERS)


def _value_text(value: object) -> str:
    if isinstance(value, list | tuple):
        return shown(", ".join(str(element) for element in value), RAW_CHARACTERS)
    return shown(value, RAW_CHARACTERS)
