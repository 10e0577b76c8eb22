"""What a policy comes to at one moment: for every model that it looks at why it stays or goes, and with which files.

All live models are read once, the files of those that go twice; what is kept in memory is a line for each model looked at.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from catalog.access.relatives import called
from catalog.records import Document, ModelId, ObjectKey, SourceId
from catalog.retention.policy import ANY, Best, Deed, Per, Policy
from catalog.store.retention import OwnFile, Retention, StandingModel
from catalog.text.slugs import stored_slug

PAGE_MODELS = 500
ARCHIVED = "archived"
HEAVY = frozenset({None, "weights", "part", "data"})
"""Roles of files without which a model is none. Other files may be of several models, and stay with them."""
NAMED = 1
"""Of those that need a model one is named."""
_CHECKPOINT = re.compile(r"checkpoint[-_](\d{1,18})")
Place = tuple[bool, str, str, str]
"""Where a model stands in its series: checkpoints before the model that they led to, then by version, date and id."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a model stays or goes: the rule that decides, and a sentence."""

    goes: bool
    rule: str
    reason: str


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """A file that goes. `freed_bytes` is 0 where its bytes have another name that stays, or went with another name."""

    file: OwnFile
    freed_bytes: int


@dataclass(slots=True)
class Looked:
    """What is remembered of a model that the policy looks at. `place` is where it stands in its series, `values` what it
    reports for each rule of the best, `is_current` whether the index found the state that the store has.
    """

    id: ModelId
    name: str
    series: str
    source: SourceId
    revision: int
    place: Place
    date: str
    age_date: str
    stage: str | None
    aliases: tuple[str, ...]
    tags: tuple[str, ...]
    called: tuple[str, ...]
    values: tuple[float | None, ...]
    is_current: bool


@dataclass(slots=True)
class Planning:
    """One policy at one moment. `matched` are the models that its search finds with the revision that it was found at,
    `protected` those that a search keeps with the reason, `undeclared` says why the files of a source must not be touched,
    `gone` are models that went by the same plan already.
    """

    policy: Policy
    now: datetime
    matched: Mapping[str, int]
    protected: Mapping[str, str]
    undeclared: Callable[[SourceId], str | None]
    store: Retention
    gone: frozenset[ModelId] = frozenset()
    _looked: dict[ModelId, Looked] = field(default_factory=dict)
    _last: dict[str, tuple[Place, ModelId]] = field(default_factory=dict)
    _needing: dict[str, list[tuple[ModelId, str]]] = field(default_factory=dict)
    _verdicts: dict[ModelId, Verdict] = field(default_factory=dict)
    _names: dict[str, list[tuple[SourceId, ObjectKey]]] = field(default_factory=dict)
    _leaving_names: set[tuple[SourceId, ObjectKey]] = field(default_factory=set)

    def decide(self) -> None:
        """Everything that is to be known before files and models can be told."""
        for model in self.store.standing():
            self._note(model)
        kept = {**self._best(), **self._newest()}
        for looked in self._looked.values():
            self._verdicts[looked.id] = self._verdict(looked, kept.get(looked.id))
        self._settle_files()

    def models(self) -> Iterator[tuple[Looked, Verdict]]:
        """Every model that the policy looks at, in the order of ids."""
        for model in sorted(self._looked):
            yield self._looked[model], self._verdicts[model]

    def files(self) -> Iterator[PlannedFile]:
        """The files that go, by model and key, each once."""
        counted: set[str] = set()
        shared: set[tuple[SourceId, ObjectKey]] = set()
        going = self._going()
        leaving = Counter(
            identity
            for identity, places in self._names.items()
            for place in places
            if place in self._leaving_names
        )
        for page in _pages(going):
            files = list(self.store.files(page))
            owners = self._owners(files)
            for own in files:
                users = owners[own.source, own.key]
                if not self._all_go(users) or (own.source, own.key) in shared:
                    continue
                if len(users) > 1:
                    shared.add((own.source, own.key))
                freed = own.size_bytes
                if own.identity in self._names:
                    is_last = leaving[own.identity] == len(self._names[own.identity])
                    freed = freed if is_last and own.identity not in counted else 0
                    counted.add(str(own.identity))
                yield PlannedFile(own, freed)

    def _note(self, model: StandingModel) -> None:
        document = model.document
        series, place = series_of(model)
        if series not in self._last or self._last[series][0] < place:
            self._last[series] = place, model.id
        for entry in document.get("base_model") or ():
            base = str(entry.get("id") or "").casefold() if isinstance(entry, Mapping) else ""
            for name in {base, base.rstrip("/").rpartition("/")[2]} - {""}:
                needing = self._needing.setdefault(name, [])
                if len(needing) <= NAMED:  # one more, since a model may name itself
                    needing.append((model.id, model.name))
        if model.id in self.matched:
            self._looked[model.id] = self._look(model, series, place)

    def _look(self, model: StandingModel, series: str, place: Place) -> Looked:
        document = model.document
        stage = document.get("stage")
        return Looked(
            id=model.id,
            name=model.name,
            series=series,
            source=model.source,
            revision=model.revision,
            place=place,
            date=str(document.get("best_date") or document.get("modified_at") or ""),
            age_date=str(document.get(self.policy.age_by) or ""),
            stage=stage if isinstance(stage, str) else None,
            aliases=_words(document.get("aliases")),
            tags=_words(document.get("tags")),
            called=tuple(dict.fromkeys(name.casefold() for name in _called(document))),
            values=tuple(value_of(document, best) for best in self.policy.best),
            is_current=bool(document) and self.matched[model.id] == model.revision,
        )

    def _verdict(self, looked: Looked, kept: Verdict | None) -> Verdict:
        """The first rule that keeps it."""
        policy = self.policy
        if not looked.is_current:
            return _stays("changed", "it changed while the plan was made")
        if looked.id in self.protected:
            return _stays("protected", self.protected[looked.id])
        tags = {tag.casefold() for tag in looked.tags}
        for tag in policy.tags:
            if tag.casefold() in tags:
                return _stays("tag", f"it is tagged {tag}")
        if looked.stage is not None and _keeps_stage(policy, looked.stage):
            return _stays("stage", f"it is in stage {looked.stage}")
        if policy.aliases and looked.aliases:
            return _stays("alias", f"it has the alias {looked.aliases[0]}")
        if kept is not None:
            return kept
        young = self._too_young(looked)
        if young is not None:
            return young
        needing = next((entry for entry in self._needed_by(looked)), None)
        if needing is not None:
            return _stays("needed", f"{needing[1]} ({needing[0][:12]}) is made from it")
        if self._last[looked.series][1] == looked.id:
            return _stays("last", f"it is the last version of {looked.series}")
        if policy.action is not Deed.REPORT and (reason := self.undeclared(looked.source)) is not None:
            return _stays("source", reason)
        age = f"{policy.age_by} is {looked.age_date[:10] or 'not known'}"
        return Verdict(goes=True, rule="none", reason=f"no rule keeps it; {age}")

    def _too_young(self, looked: Looked) -> Verdict | None:
        if not self.policy.older_than:
            return None
        if not looked.age_date:
            return _stays("age", f"it has no {self.policy.age_by}, so its age is not known")
        limit = instant_text(self.now - timedelta(seconds=self.policy.older_than))
        if looked.age_date >= limit:
            return _stays("age", f"{self.policy.age_by} is {looked.age_date[:10]}, not before {limit[:10]}")
        return None

    def _needed_by(self, looked: Looked) -> Iterator[tuple[ModelId, str]]:
        for name in looked.called:
            yield from (entry for entry in self._needing.get(name, ()) if entry[0] != looked.id)

    def _groups(self) -> Iterable[list[Looked]]:
        if self.policy.per is Per.ALL:
            return [list(self._looked.values())]
        series: dict[str, list[Looked]] = {}
        for looked in self._looked.values():
            series.setdefault(looked.series, []).append(looked)
        return series.values()

    def _newest(self) -> dict[ModelId, Verdict]:
        number, kept = self.policy.newest, {}
        for group in self._groups() if number else ():
            if self.policy.per is Per.SERIES:
                ordered = sorted(group, key=lambda looked: looked.place, reverse=True)
            else:
                ordered = sorted(group, key=lambda looked: (looked.date, looked.id), reverse=True)
            for rank, looked in enumerate(ordered[:number], start=1):
                kept[looked.id] = _stays(
                    "newest", f"it is number {rank} of the newest {number} of {len(group)}"
                )
        return kept

    def _best(self) -> dict[ModelId, Verdict]:
        kept: dict[ModelId, Verdict] = {}
        for position, best in enumerate(self.policy.best):
            for group in self._groups():
                valued = [
                    (value, looked) for looked in group if (value := looked.values[position]) is not None
                ]
                valued.sort(key=lambda pair: pair[0], reverse=best.direction == "up")
                for rank, (value, looked) in enumerate(valued, start=1):
                    if rank > best.number and value != valued[best.number - 1][0]:
                        break  # of equal values all are kept
                    reason = f"it is number {rank} of the best {best.number} by {_words_of(best)}: {value:g}"
                    kept.setdefault(looked.id, _stays("best", reason))
        return kept

    def _going(self) -> list[ModelId]:
        return sorted(model for model, verdict in self._verdicts.items() if verdict.goes)

    def _all_go(self, models: Iterable[ModelId]) -> bool:
        return all(
            model in self.gone or (model in self._verdicts and self._verdicts[model].goes) for model in models
        )

    def _owners(self, files: Sequence[OwnFile]) -> dict[tuple[SourceId, ObjectKey], set[ModelId]]:
        return self._owners_of((own.source, own.key) for own in files)

    def _owners_of(
        self, places: Iterable[tuple[SourceId, ObjectKey]]
    ) -> dict[tuple[SourceId, ObjectKey], set[ModelId]]:
        by_source: dict[SourceId, set[ObjectKey]] = {}
        for source, key in places:
            by_source.setdefault(source, set()).add(key)
        return {
            (source, key): models
            for source, keys in by_source.items()
            for key, models in self.store.owners(source, sorted(keys)).items()
        }

    def _settle_files(self) -> None:
        """Who has no file of its own stays, and so does who shares weights with one that stays, whatever the way: one
        object, or two names of one file on a disk.
        """
        ties: dict[ModelId, set[ModelId]] = {}
        heavy: set[ModelId] = set()
        places: set[tuple[SourceId, ObjectKey]] = set()
        going = self._going()
        for page in _pages(going):
            files = list(self.store.files(page))
            owners = self._owners(files)
            names = self.store.names_of({own.identity for own in files if own.identity is not None})
            self._names |= names
            others = self._owners_of(place for listed in names.values() for place in listed)
            for own in files:
                users = set(owners[own.source, own.key])
                if own.identity in names:
                    users.update(*(others.get(place, ()) for place in names[str(own.identity)]))
                    places.add((own.source, own.key))
                if own.role in HEAVY:
                    heavy.add(own.model)
                    for user in users - {own.model}:
                        ties.setdefault(user, set()).add(own.model)
        for model in going:
            if model not in heavy:
                self._verdicts[model] = _stays("no-files", "no weights lie here that are its own")
        staying = [model for model in ties if not self._all_go([model])]
        while staying:
            model = staying.pop()
            for other in ties.get(model, ()):
                if self._verdicts[other].goes:
                    reason = f"it shares a file with {model[:12]}, which stays"
                    self._verdicts[other] = _stays("shared", reason)
                    staying.append(other)
        self._leaving_names = {
            place for place, users in self._owners_of(places).items() if self._all_go(users)
        }


def series_of(model: StandingModel) -> tuple[str, Place]:
    """The series of a model and its place there. A checkpoint is of the series of its run, by its step."""
    folder = str(model.document.get("path") or "").rpartition("/")[2]
    step = _CHECKPOINT.fullmatch(folder)
    run = model.name.removesuffix(f"-{folder}")
    modified = str(model.document.get("modified_at") or "")
    if step is not None and run != model.name:
        return run, (False, f"{int(step[1]):018}", modified, model.id)
    return model.name, (True, model.place, modified, model.id)


def value_of(document: Document, best: Best) -> float | None:
    """What the model reports of the metric on the data set; its headline value where the policy names none."""
    if best.dataset is None and best.split is None:
        return _number((document.get("metrics") or {}).get(stored_slug(best.metric)))
    values = [
        value
        for entry in document.get("evaluations") or ()
        if isinstance(entry, Mapping)
        and entry.get("metric") == stored_slug(best.metric)
        and _is(best.dataset, entry.get("dataset"), entry.get("dataset_id"))
        and _is(best.split, entry.get("split"))
        and (value := _number(entry.get("value"))) is not None
    ]
    if not values:
        return None
    return max(values) if best.direction == "up" else min(values)


def _is(wanted: str | None, *present: Any) -> bool:
    return wanted is None or wanted.casefold() in {str(value).casefold() for value in present}


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _called(document: Document) -> Iterator[str]:
    """What others may call a model; of one that is a single file its folder, too."""
    yield from called(document)
    folders = [part for part in str(document.get("path") or "").split("/") if part][:-1]
    yield from folders[-1:]
    yield "/".join(folders[-2:])


def _words(value: Any) -> tuple[str, ...]:
    return tuple(str(word) for word in value) if isinstance(value, list) else ()


def _keeps_stage(policy: Policy, stage: str) -> bool:
    wanted = {name.casefold() for name in policy.stages}
    return stage.casefold() in wanted or (ANY in wanted and stage.casefold() != ARCHIVED)


def _stays(rule: str, reason: str) -> Verdict:
    return Verdict(goes=False, rule=rule, reason=reason)


def _words_of(best: Best) -> str:
    place = "@".join(part for part in (best.metric, best.dataset) if part)
    return f"{place} ({best.split})" if best.split else place


def _pages(models: Sequence[ModelId]) -> Iterator[Sequence[ModelId]]:
    for start in range(0, len(models), PAGE_MODELS):
        yield models[start : start + PAGE_MODELS]


def instant_text(moment: datetime) -> str:
    """As documents write it, so that texts compare as moments do."""
    moment = moment.astimezone(UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"


def now() -> datetime:
    """The moment of a plan, to the millisecond as documents have it."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
