"""The document under construction: fields set by their rules, with winners, losers and reasons beside each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from catalog.lazy_dataclasses import dataclass, field, replace
from catalog.normalise.contest import (
    MAX_UNION,
    by_hand_first,
    is_material,
    joined_ports,
    most_specific,
    newest_registered,
)
from catalog.normalise.gathering import Gathered
from catalog.normalise.parts import edits
from catalog.normalise.parts.evaluations import Evaluations
from catalog.normalise.precedence import ranked, reason_lost
from catalog.normalise.values import field_values
from catalog.normalise.values.base_models import base_model_id, of_owners
from catalog.normalise.values.dates import DateReading
from catalog.records import (
    Contender,
    Document,
    Evidence,
    FieldProvenance,
    Group,
    Observation,
    Origin,
    Problem,
    Risk,
    Severity,
)
from catalog.text import cleaning, licences
from catalog.text.slugs import stored_slug
from mappings import Field, fields, fields_where

MAX_TAGS = 500
MAX_FREE = 2_000
MAX_LOSERS = 50
MAX_PROBLEMS = 500
MAX_RISKS = 1_000

DEVICE_COUNTS = ("world_size", "num_devices", "n_gpu", "num_gpus", "num_processes")
WEAK_POINTERS = {"context_length": ("model_max_length", "max_seq_length"), "name": ("_name_or_path",)}


class _Places(dict[str, tuple[int, str]]):
    """The place of each field in the table, as what sorts by it; others come behind them by name."""

    def __missing__(self, name: str) -> tuple[int, str]:
        return len(self), name


@cache
def _places_in_table() -> _Places:
    return _Places({name: (place, name) for place, name in enumerate(fields())})


@dataclass(slots=True, kw_only=True)
class Draft:
    """One record while it is made. `values` are by dotted field name."""

    group: Group
    found: Gathered
    now: datetime
    values: dict[str, Any] = field(default_factory=dict)
    provenance: dict[str, FieldProvenance] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    risks: list[Risk] = field(default_factory=list)
    flags: set[str] = field(default_factory=set)
    dates: dict[str, DateReading] = field(default_factory=dict)
    unplaced: list[Observation] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.problems.extend(self.found.problems)
        self.risks.extend(self.found.risks)

    def observed(self, name: str) -> tuple[Observation, ...]:
        return self.found.by_field.get(name, ())

    def keep_unmeasured(self, observations: Iterable[Observation]) -> None:
        """What was logged among metrics and measures nothing goes to the free values."""
        self.unplaced.extend(
            replace(seen, field=f"extra.{seen.field.partition('.')[2]}") for seen in observations
        )

    def set_fields(self) -> None:
        """Every observed field by its rule, then the free values."""
        for name in sorted(self.found.by_field):
            row = fields()[name]
            if name in fields_where("settled_apart"):
                continue
            if row.rule == "derived":
                self._refuse(row)
            elif row.list:
                self._set_union(row)
            else:
                self._set_one(row)
        for prefix in ("hyperparameters", "extra"):
            self._set_free(prefix)
        self._set_base_models()
        self._set_whole_batch()

    def contenders(self, row: Field) -> tuple[list[Contender], list[Contender]]:
        """The observations of a field that have a value, best first, and those that have none with the reason."""
        good: list[Contender] = []
        bad: list[Contender] = []
        for seen in self.observed(row.name):
            converted = field_values.convert(row, seen, now=self.now)
            if converted.value is None:
                bad.append(Contender(observation=seen, value=None, lost_because=converted.reason))
                self._unconverted(row, seen, converted.reason or "")
            else:
                weighed = self._weighed(row, seen)
                good += [
                    Contender(observation=weighed, value=value, changes=converted.changes)
                    for value in (converted.value, *converted.rivals)
                ]
        return ranked(
            row.rule,
            good,
            distances=self.found.distances,
            aside=self.found.aside,
            elsewhere=self.found.elsewhere,
        ), bad

    def settle(self, row: Field, good: Sequence[Contender], bad: Sequence[Contender] = ()) -> None:
        """The first contender is the value; the others lose with the reason."""
        if not good:
            if bad:
                self.provenance[row.name] = FieldProvenance(
                    field=row.name, winners=(), losers=tuple(bad[:MAX_LOSERS])
                )
            return
        winner = good[0]
        losers = [replace(item, lost_because=reason_lost(row.rule, winner, item)) for item in good[1:]]
        heard = [item for item in losers if item.observation.key not in self.found.aside]
        conflict = row.material and any(
            is_material(winner, item) or self._is_of_another_text(winner, item) for item in heard
        )
        self.values[row.name] = winner.value
        self.provenance[row.name] = FieldProvenance(
            field=row.name, winners=(winner,), losers=tuple([*losers, *bad][:MAX_LOSERS]), conflict=conflict
        )
        if conflict:
            values = ", ".join(dict.fromkeys(str(item.value) for item in (winner, *heard)))
            self.problem(
                f"{row.name.replace('.', '-')}-conflict",
                f"{row.label}: files disagree: {values[:300]}",
                heard[0].observation,
            )

    def _is_of_another_text(self, winner: Contender, item: Contender) -> bool:
        """Whether the text of another licence lies beside the model than the one that is said of it."""
        seen = item.observation
        return (
            seen.field == "license"
            and seen.origin is Origin.PACKAGE
            and seen.pointer == "text:"
            and self.found.distances.get(seen.key) == 0
            and winner.observation.origin is not Origin.EDIT
            and licences.contradict(str(winner.value), str(item.value))
        )

    def problem(self, code: str, message: str, seen: Observation | None = None) -> None:
        key, pointer = (None, None) if seen is None else (seen.key, seen.pointer)
        self.problems.append(Problem(code=code, message=message, key=key, pointer=pointer))

    def set_derived(self, name: str, value: Any, seen: Observation, changes: tuple[str, ...] = ()) -> None:
        """A value that the normaliser made, with the observation it was made of; what was stated loses to it."""
        derived = Contender(observation=seen, value=value, changes=changes)
        stated = self.provenance.get(name)
        losers = (
            []
            if stated is None
            else [self._beaten(derived, item) for item in (*stated.winners, *stated.losers)]
        )
        self.values[name] = value
        self.provenance[name] = FieldProvenance(
            field=name, winners=(derived,), losers=tuple(losers[:MAX_LOSERS])
        )

    def _beaten(self, winner: Contender, loser: Contender) -> Contender:
        if loser.value is None:
            return loser
        reason = "equal" if winner.value == loser.value else "counted-beats-declared"
        return replace(loser, lost_because=reason)

    def set_evaluations(self, evaluations: Evaluations) -> None:
        if evaluations.metrics:
            self.values["metrics"] = dict(evaluations.metrics)
        if evaluations.names:
            self.values["metric_names"] = list(evaluations.names)
        if evaluations.entries:
            self.values["evaluations"] = list(evaluations.entries)
        self.provenance.update(evaluations.provenance)
        self.problems.extend(evaluations.problems)

    def set_trust(self) -> None:
        """Risks, flags and problems, each once, the worst risk first."""
        unique = {(risk.kind, risk.key, risk.member or "", risk.detail): risk for risk in self.risks}
        ordered = sorted(
            unique.values(),
            key=lambda risk: (-int(risk.severity), risk.kind, risk.key, risk.member or "", risk.detail),
        )
        if ordered:
            self.values["risks"] = [_risk_entry(risk) for risk in ordered[:MAX_RISKS]]
            self.values["risk_kinds"] = sorted({risk.kind for risk in ordered})
            self.values["risk_severity"] = Severity(max(int(risk.severity) for risk in ordered)).name.lower()
        for seen in self.observed("flags"):
            self.flags.update(
                stored_slug(str(word)).replace("_", "-")
                for word in (seen.raw if isinstance(seen.raw, list) else [seen.raw])
            )
        if any(item.conflict for item in self.provenance.values()):
            self.flags.add("conflict")
        self._set_edited()
        if "unchecked" in self.values.get("risk_kinds", ()):
            self.flags.add("unchecked")
        if self.flags:
            self.values["flags"] = sorted(self.flags)
        if self.problems:
            self.values["problems"] = _problem_entries(self.problems)

    def _set_edited(self) -> None:
        """Whether a person's values are in force, and which of them files say otherwise than when they were set."""
        if self.group.edits:
            self.flags.add(edits.EDITED)
        for edit in sorted({edits.place_of(seen.field) for seen in self.group.edits}):
            known = self.provenance.get(edit)
            if known is None or not edits.is_contradicted(edit, known):
                continue
            self.flags.add(edits.CONTRADICTED)
            row, (statement, *_) = fields().get(edit), edits.statements_of_files(known)
            files_say = edits.said_by_files(edit, known)
            word = ", ".join(map(str, files_say if isinstance(files_say, list) else [files_say]))[:200]
            self.problem(
                f"{edit.replace('.', '-')}-{edits.CONTRADICTED}"[:100],
                f"{row.label if row else edit}: it was set by hand, and a file says otherwise since: {word}",
                statement.observation,
            )

    def document(self) -> Document:
        """The nested document, fields in the table's order, absent ones left out."""
        nested: Document = {}
        for name in sorted(self.values, key=_places_in_table().__getitem__):
            value = self.values[name]
            if not value and (value is None or value in ([], {}, "")):
                continue
            if "." not in name:
                nested[name] = value
                continue
            *parents, last = name.split(".")
            place = nested
            for parent in parents:
                place = place.setdefault(parent, {})
            place[last] = value
        return nested

    def _refuse(self, row: Field) -> None:
        """A field that Modeldex makes itself cannot be stated; what was said stays visible."""
        seen = self.observed(row.name)
        losers = tuple(
            Contender(observation=item, value=None, lost_because="derived") for item in seen[:MAX_LOSERS]
        )
        self.provenance[row.name] = FieldProvenance(field=row.name, winners=(), losers=losers)
        self.problem("field-is-derived", f"{row.label} is made by Modeldex and cannot be set", seen[0])

    def _set_one(self, row: Field) -> None:
        good, bad = self.contenders(row)
        if row.name == "framework":
            good = most_specific(good)
        elif row.name == "version":
            good = newest_registered(good)
        self.settle(row, good, bad)

    def _set_union(self, row: Field) -> None:
        all_good, bad = self.contenders(row)
        good, beaten = by_hand_first(all_good)
        taken = self._taken_away(row)
        gone = {str(word).casefold() for item in taken for word in item.value}
        bad = [*beaten, *bad]
        limit = MAX_TAGS if row.name == "tags" else MAX_UNION
        if row.name in {"inputs", "outputs"}:
            self.settle(row, joined_ports(good), bad)
            return
        seen_values: dict[str, Any] = {}
        for contender in good:
            for value in contender.value:
                if str(value).casefold() not in gone:
                    seen_values.setdefault(str(value).casefold(), value)
        if len(seen_values) > limit:
            self.problem("limit-exceeded", f"{row.label}: {len(seen_values):,} values; {limit:,} are kept")
        if good:
            self.values[row.name] = list(seen_values.values())[:limit]
        if good or bad or taken:
            emptied = [item for item in good if all(str(word).casefold() in gone for word in item.value)]
            winners = [*taken, *(item for item in good if item not in emptied)]
            losers = [*(replace(item, lost_because="edit") for item in emptied), *bad]
            self.provenance[row.name] = FieldProvenance(
                field=row.name, winners=tuple(winners[:MAX_LOSERS]), losers=tuple(losers[:MAX_LOSERS])
            )

    def _taken_away(self, row: Field) -> list[Contender]:
        """What persons take away of a list, as winners: a word that is not there is as much a value as one that is."""
        return [
            Contender(observation=seen, value=converted, changes=(edits.TAKEN_AWAY,))
            for seen in self.found.removed.get(row.name, ())
            if (converted := field_values.convert(row, seen, now=self.now).value) is not None
        ]

    def empty(self) -> None:
        """Fields that a person emptied hold nothing, whatever files say and Modeldex makes of other fields."""
        for name, (edit, *others) in self.found.emptied.items():
            row, known = fields().get(name), self.provenance.get(name)
            winner = Contender(observation=edit, value="", changes=("emptied",))
            losers = [*(() if known is None else (*known.winners, *known.losers))]
            for seen in others:
                value = edits.free_value(seen.raw)
                if row is not None:
                    value = field_values.convert(row, seen, now=self.now).value
                losers.append(Contender(observation=seen, value=value))
            lost = tuple(replace(item, lost_because="edit") for item in losers[:MAX_LOSERS])
            self.provenance[name] = FieldProvenance(field=name, winners=(winner,), losers=lost)
            prefix, _, rest = name.partition(".")
            if prefix in edits.FREE:
                entries = self.values.get(prefix, {})
                self.values[prefix] = {key: value for key, value in entries.items() if key != rest}
            elif name == "base_model.id":
                self.values.pop(prefix, None)
            else:
                self.values.pop(name, None)

    def _set_free(self, prefix: str) -> None:
        """Free names as slugs; two names with one slug: the nearest source keeps it, the other value stays as loser."""
        gathered: dict[str, list[Contender]] = {}
        for seen in (
            *self.found.free[prefix],
            *(item for item in self.unplaced if item.field.startswith(f"{prefix}.")),
        ):
            slug = stored_slug(seen.field.partition(".")[2])
            converted = field_values.scalar(seen.raw, name=slug)
            if converted.value is not None:
                contender = Contender(observation=seen, value=converted.value, changes=converted.changes)
                gathered.setdefault(slug, []).append(contender)
        entries: dict[str, Any] = {}
        for name in sorted(gathered)[:MAX_FREE]:
            good = ranked(
                "nearest",
                gathered[name],
                distances=self.found.distances,
                aside=self.found.aside,
                elsewhere=self.found.elsewhere,
            )
            entries[name] = good[0].value
            losers = [
                replace(item, lost_because=reason_lost("nearest", good[0], item))
                for item in good[1:MAX_LOSERS]
            ]
            full = f"{prefix}.{name}"
            self.provenance[full] = FieldProvenance(field=full, winners=(good[0],), losers=tuple(losers))
        if len(gathered) > MAX_FREE:
            self.problem("limit-exceeded", f"{len(gathered):,} free values; {MAX_FREE:,} are kept")
        if entries:
            self.values[prefix] = entries

    def _set_whole_batch(self) -> None:
        """Samples per optimizer step, where a per-device batch stands beside its accumulation and device count."""
        settings = self.values.get("hyperparameters", {})
        devices = next(
            (settings[name] for name in DEVICE_COUNTS if isinstance(settings.get(name), int)), None
        )
        accumulation = settings.get("gradient_accumulation_steps")
        provenance = self.provenance.get("training.batch_size")
        if (
            not isinstance(accumulation, int)
            or devices is None
            or provenance is None
            or not provenance.winners
        ):
            return
        winner = provenance.winners[0]
        if (
            "per_device" in f"{winner.observation.pointer} {winner.observation.field}"
            and accumulation > 0
            and devices > 0
        ):
            whole = winner.value * accumulation * devices
            changed = replace(
                winner, value=whole, changes=(*winner.changes, f"per-device×{accumulation}×{devices}")
            )
            self.values["training.batch_size"] = whole
            self.provenance["training.batch_size"] = replace(provenance, winners=(changed,))

    def _set_base_models(self) -> None:
        row = fields()["base_model.id"]
        relations = {seen.key: stored_slug(str(seen.raw)) for seen in self.observed("base_model.relation")}
        contenders = [
            Contender(observation=seen, value=word, changes=() if word == item else (f"alias {item}→{word}",))
            for seen in self.observed("base_model.id")
            for item in (seen.raw if isinstance(seen.raw, list) else [seen.raw])
            if isinstance(item, str | int | float) and (word := base_model_id(cleaning.keyword(str(item))))
        ]
        good, beaten = by_hand_first(
            ranked(
                "authored",
                contenders,
                distances=self.found.distances,
                aside=self.found.aside,
                elsewhere=self.found.elsewhere,
            )
        )
        bases: dict[str, dict[str, str]] = {}
        full = of_owners(contender.value for contender in good[:MAX_UNION])
        for contender in good[:MAX_UNION]:
            seen = contender.observation
            relation = seen.context.get("relation") or relations.get(seen.key)
            name = full.get(contender.value.casefold(), contender.value)
            entry = bases.setdefault(name.casefold(), {"id": name})
            if relation:
                entry.setdefault("relation", stored_slug(str(relation)))
        if bases:
            self.values["base_model"] = list(bases.values())
            self.provenance[row.name] = FieldProvenance(
                field=row.name, winners=tuple(good[:MAX_LOSERS]), losers=tuple(beaten[:MAX_LOSERS])
            )

    def _unconverted(self, row: Field, seen: Observation, reason: str) -> None:
        if reason in {"empty", "date-missing"} or seen.context.get("setting"):
            return
        if row.name.startswith("training.") and isinstance(
            seen.raw, str
        ):  # learning_rate: constant is a schedule
            self.unplaced.append(replace(seen, field=f"hyperparameters.{row.name.partition('.')[2]}"))
            return
        code = reason if reason.startswith("date-") else "value-unreadable"
        self.problem(code, f"{row.label}: {str(seen.raw)[:80]!r} has no value here ({reason})", seen)

    def _weighed(self, row: Field, seen: Observation) -> Observation:
        """A place in a file that is known to be a weaker statement counts as inferred."""
        if any(part in seen.pointer for part in WEAK_POINTERS.get(row.name, ())):
            return replace(seen, evidence=Evidence.INFERRED)
        return seen


def _risk_entry(risk: Risk) -> dict[str, Any]:
    entry = {
        "kind": risk.kind,
        "severity": Severity(risk.severity).name.lower(),
        "file": cleaning.clean(risk.key),
        "detail": cleaning.clean(risk.detail, 500),
    }
    return {**entry, "member": cleaning.clean(risk.member, 500)} if risk.member else entry


def _problem_entries(problems: Sequence[Problem]) -> list[dict[str, Any]]:
    entries = []
    for item in problems[:MAX_PROBLEMS]:
        entry = {
            "code": item.code,
            "message": cleaning.clean(item.message, 1_000),
            "key": item.key and cleaning.clean(item.key),
            "pointer": item.pointer,
        }
        kept = {name: value for name, value in entry.items() if value}
        if kept not in entries:
            entries.append(kept)
    return entries
