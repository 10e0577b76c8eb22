"""One model in words: every value with the file and key that said it, what was done to it, and what lost."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import mappings
from catalog.access.edits_in_force import edits_in_force
from catalog.records import Contender, FieldProvenance, ObjectKey, StoredModel, display_key
from catalog.terminal import amount_text, printable, size_text

LONGEST_VALUE = 300
MOST_LOSERS = 5


def described(model: StoredModel) -> Iterator[str]:
    """The lines of the model's account."""
    document = model.document
    yield f"{printable(document.get('name', ''))}  (revision {model.revision})"
    for name, field in mappings.fields().items():
        value = _at(document, name)
        if value is None or field.report == "apart" or field.type == "object":
            continue
        yield from _value(field.label, _worded(value, field.unit), model.provenance.get(name))
    yield from _edited(model)
    yield from _several("Metrics", "metrics", document.get("metrics"), model.provenance)
    for title in ("hyperparameters", "extra"):
        yield from _several(title.capitalize(), title, document.get(title), model.provenance)
    yield from _evaluations(document.get("evaluations", ()))
    for name, field in mappings.fields().items():
        value = _at(document, name)
        if field.type == "object" and isinstance(value, list) and field.report != "apart":
            yield from _listed(field.label, [_parts(item) for item in value])
        elif field.type == "object" and isinstance(value, Mapping) and field.report != "apart":
            yield from _listed(field.label, [f"{key}: {item}" for key, item in value.items()])
    alternatives = [_parts(item) for item in document.get("alternatives", ())]
    yield from _listed(mappings.fields()["alternatives"].label, alternatives)
    yield from _listed("Files", [_file(file) for file in document.get("files", ())])
    yield from _listed("Risks", [_risk(risk) for risk in document.get("risks", ())])
    yield from _listed(
        "Problems",
        [f"{problem.get('code')}: {problem.get('message')}" for problem in document.get("problems", ())],
    )


def _edited(model: StoredModel) -> Iterator[str]:
    lines = []
    for edit in edits_in_force(model.provenance):
        row = mappings.fields().get(edit.field)
        line = f"{row.label if row else edit.edited}: {edit.sentence} by {edit.made_by} {edit.made_at[:10]}"
        if edit.files_say is not None:
            since = " since" if edit.contradicted else ""
            line += (
                f"; files say{since} {_worded(edit.files_say, None)} ({display_key(ObjectKey(edit.said_in))})"
            )
        lines.append(line)
    yield from _listed("Set by hand", lines)


def _value(label: str, text: str, provenance: FieldProvenance | None) -> Iterator[str]:
    yield f"  {label}: {text}"
    if provenance is None:
        return
    for winner in provenance.winners[:MOST_LOSERS]:
        yield f"      from {_statement(winner)}"
    for loser in provenance.losers[:MOST_LOSERS]:
        yield f"      lost ({printable(loser.lost_because or '')}): {_statement(loser)}"
    if len(provenance.losers) > MOST_LOSERS:
        yield f"      and {len(provenance.losers) - MOST_LOSERS} more that lost"


def _statement(contender: Contender) -> str:
    seen = contender.observation
    done = "".join(f", {printable(change)}" for change in contender.changes)
    raw = printable(json.dumps(seen.raw, ensure_ascii=False, default=str), limit=120)
    lent = f", lent by {printable(seen.lent_by, limit=120)}" if seen.lent_by else ""
    return f"{printable(display_key(seen.key))} {printable(seen.pointer, limit=120)}: {raw} ({seen.evidence}{done}{lent})"


def _several(
    title: str, prefix: str, values: Any, provenance: Mapping[str, FieldProvenance]
) -> Iterator[str]:
    if not isinstance(values, Mapping) or not values:
        return
    yield f"{title}:"
    for name, value in sorted(values.items()):
        yield from _value(printable(name), _worded(value, None), provenance.get(f"{prefix}.{name}"))


def _evaluations(evaluations: Any) -> Iterator[str]:
    if not evaluations:
        return
    yield "Evaluations:"
    for entry in evaluations[:100]:
        where = " ".join(printable(entry[part]) for part in ("dataset", "split") if entry.get(part))
        value = printable(entry.get("value", entry.get("raw_value")))
        name = printable(entry.get("metric") or entry.get("raw_name"))
        yield f"  {name} {value}{f' on {where}' if where else ''} (as {printable(entry.get('raw_name'))}: {printable(entry.get('raw_value'))})"


def _listed(title: str, lines: list[str]) -> Iterator[str]:
    if lines:
        yield f"{title}:"
        yield from (f"  {printable(line, limit=LONGEST_VALUE)}" for line in lines[:200])


def _parts(item: Any) -> str:
    """An input, an output or an alternative: its parts by name."""
    if not isinstance(item, Mapping):
        return str(item)
    return "  ".join(f"{name}: {json.dumps(part, ensure_ascii=False)}" for name, part in item.items())


def _file(file: Mapping[str, Any]) -> str:
    return "  ".join(
        str(part) for part in (file.get("key"), size_text(file.get("size_bytes")), file.get("format")) if part
    )


def _risk(risk: Mapping[str, Any]) -> str:
    return f"{risk.get('kind')} ({risk.get('severity')}): {risk.get('detail')} in {risk.get('file')}"


def _worded(value: Any, unit: str | None) -> str:
    if isinstance(value, list):
        return printable(", ".join(map(str, value)), limit=LONGEST_VALUE)
    if isinstance(value, dict):
        return printable(json.dumps(value, ensure_ascii=False), limit=LONGEST_VALUE)
    if isinstance(value, int) and not isinstance(value, bool):
        return amount_text(value, unit)
    return printable(value, limit=LONGEST_VALUE)


def _at(document: Mapping[str, Any], name: str) -> Any:
    value: Any = document
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value
