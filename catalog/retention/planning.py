"""What a policy comes to at one moment: for every model that it looks at why it stays or goes, and with which files.

All models that are there or may come back are read once, the files of those that go twice; what is kept in memory is a line for each model looked at.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from catalog.errors import UserError
from catalog.lazy_dataclasses import dataclass, field
from catalog.records import Document, ModelId, ObjectKey, SourceId
from catalog.retention.disk_names import DiskNames, EntryAt, nothing_known
from catalog.retention.needs import Name, Needs, is_by_hash, listed_words, names_of
from catalog.retention.policy import Best, Deed, Per, Policy
from catalog.store.retention import HEAVY, OwnFile, Retention, StandingModel
from catalog.text.slugs import stored_slug
from catalog.text.spelling import nearest

PAGE_MODELS = 500
QUOTING = frozenset({"tag", "stage", "alias", "best", "age"})
"""Rules whose sentence quotes a value of the model."""
PERIODS: Mapping[Any, int] = {"year": len("2026"), "month": len("2026-01"), "day": len("2026-01-01")}
"""How much of a date was said, by its precision."""
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
    reports for each rule of the best, `is_current` whether the index found the state that the store has, `is_hidden` whether anything of it is sensitive, `is_complete`
    whether all of its weights are here: what is not is never counted, so that it takes the place of none. `is_by_hash` is of an
    object that goes by its hash alone, which others name it by.
    """

    id: ModelId
    name: str
    version: str
    series: str
    source: SourceId
    revision: int
    place: Place
    date: str
    age_date: str
    stage: str | None
    aliases: tuple[str, ...]
    tags: tuple[str, ...]
    called: tuple[Name, ...]
    values: tuple[float | None, ...]
    is_current: bool
    is_hidden: bool
    is_complete: bool
    is_by_hash: bool


@dataclass(slots=True)
class Planning:
    """One policy at one moment. `matched` are the models that its search finds with the revision that it was found at,
    `protected` those that a search keeps with the reason, `undeclared` says why the files of a source must not be touched,
    `gone` are models that went by the same plan already, `entry` tells what a directory has under a name.
    """

    policy: Policy
    now: datetime
    matched: Mapping[str, int]
    protected: Mapping[str, str]
    undeclared: Callable[[SourceId], str | None]
    store: Retention
    gone: frozenset[ModelId] = frozenset()
    entry: EntryAt = nothing_known
    _looked: dict[ModelId, Looked] = field(default_factory=dict)
    _last: dict[str, tuple[bool, Place]] = field(default_factory=dict)
    _datasets: dict[str, set[str]] = field(default_factory=dict)
    _verdicts: dict[ModelId, Verdict] = field(default_factory=dict)
    _told_by: dict[ModelId, tuple[ModelId, ...]] = field(default_factory=dict)
    _needs: Needs = field(init=False)
    _names: DiskNames = field(init=False)
    _leaving_names: set[tuple[SourceId, ObjectKey]] = field(default_factory=set)

    def decide(self) -> None:
        """Everything that is to be known before files and models can be told. Raises UserError for a rule of the best by
        what no model reports, which would keep nothing, and for files that another source lists, too.
        """
        self._needs, self._names = Needs(self.policy), DiskNames(self.entry)
        for model in self.store.standing(whole=True):
            self._note(model)
        for page in _pages(sorted(self._looked)):
            self._told_by |= self.store.told_by(page)
        self._check_best()
        kept = {**self._best(), **self._newest()}
        for looked in self._looked.values():
            verdict = self._verdict(looked, kept.get(looked.id))
            self._verdicts[looked.id] = _discreet(verdict) if looked.is_hidden else verdict
        self._settle_files()
        overlap = self.store.overlap_of({self._looked[model].source for model in self._going()})
        if overlap is not None:
            raise UserError(
                f"{overlap[0]} lies within {overlap[1]}, and both are crawled: a file that goes would be gone in both.",
                advice="Keep one of them with modeldex forget. No plan was made.",
            )

    def models(self) -> Iterator[tuple[Looked, Verdict]]:
        """Every model that the policy looks at, in the order of ids."""
        for model in sorted(self._looked):
            yield self._looked[model], self._verdicts[model]

    def files(self) -> Iterator[PlannedFile]:
        """The files that go, by model and key, each once."""
        counted: set[str] = set()
        shared: set[tuple[SourceId, ObjectKey]] = set()
        for page in _pages(self._going()):
            files = list(self.store.files(page))
            owners = self._owners(files)
            for own in files:
                users = owners[own.source, own.key]
                if not self._all_go(users) or (own.source, own.key) in shared:
                    continue
                if len(users) > 1:
                    shared.add((own.source, own.key))
                yield PlannedFile(own, self._names.freed(own, self._leaving_names, counted))

    def _note(self, model: StandingModel) -> None:
        self._needs.note(model)
        if not model.is_live:
            return
        series, place = series_of(model)
        known = self._last.get(series)
        self._last[series] = max(known or (model.is_complete, place), (model.is_complete, place))
        if model.id in self.matched:
            self._looked[model.id] = self._look(model, series, place)
            for entry in model.document.get("evaluations") or () if self.policy.best else ():
                if isinstance(entry, Mapping) and isinstance(dataset := entry.get("dataset"), str):
                    self._datasets.setdefault(str(entry.get("metric")), set()).add(dataset)

    def _look(self, model: StandingModel, series: str, place: Place) -> Looked:
        document = model.document
        stage = document.get("stage")
        return Looked(
            id=model.id,
            name=model.name,
            version=str(document.get("version") or ""),
            series=series,
            source=model.source,
            revision=model.revision,
            place=place,
            date=str(document.get("best_date") or document.get("modified_at") or ""),
            age_date=_written(document, self.policy.age_by),
            stage=stage if isinstance(stage, str) else None,
            aliases=listed_words(document.get("aliases")),
            tags=listed_words(document.get("tags")),
            called=names_of(document, model.source),
            values=tuple(value_of(document, best) for best in self.policy.best),
            is_current=bool(document) and self.matched[model.id] == model.revision,
            is_hidden=bool(model.hidden),
            is_complete=model.is_complete,
            is_by_hash=is_by_hash(document),
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
        if looked.stage is not None and policy.keeps_stage(looked.stage):
            return _stays("stage", f"it is in stage {looked.stage}")
        if policy.aliases and looked.aliases:
            return _stays("alias", f"it has the alias {looked.aliases[0]}")
        if kept is not None:
            return kept
        young = self._too_young(looked)
        if young is not None:
            return young
        told_by = self._told_by.get(looked.id, ())
        needing = self._needs.of(looked.id, looked.called, told_by, is_by_hash=looked.is_by_hash)
        if needing is not None:
            return _stays("needed", needing)
        if looked.place >= self._last[looked.series][1]:
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
        if looked.age_date >= limit[: len(looked.age_date)]:  # of a period its end counts
            return _stays("age", f"{self.policy.age_by} is {looked.age_date[:10]}, not before {limit[:10]}")
        return None

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
            for rank, looked in _counted(ordered, number):
                kept[looked.id] = _stays(
                    "newest", f"it is number {rank} of the newest {number} of {len(group)}"
                )
        return kept

    def _check_best(self) -> None:
        for position, best in enumerate(self.policy.best):
            if not self._looked or any(
                looked.values[position] is not None for looked in self._looked.values()
            ):
                continue
            names = nearest(best.dataset or "", sorted(self._datasets.get(stored_slug(best.metric), ())))
            advice = f"It is reported on {', '.join(map(repr, names))}. " if names else ""
            raise UserError(
                f"keep.best: no model that the search finds reports {_words_of(best)}, so the rule keeps nothing.",
                advice=f"{advice}No plan was made.",
            )

    def _best(self) -> dict[ModelId, Verdict]:
        kept: dict[ModelId, Verdict] = {}
        for position, best in enumerate(self.policy.best):
            for group in self._groups():
                valued = [
                    (value, looked) for looked in group if (value := looked.values[position]) is not None
                ]
                valued.sort(key=lambda pair: pair[0], reverse=best.direction == "up")
                counted = list(_counted([looked for _, looked in valued], best.number))
                worst = valued[len(counted) - 1][0] if counted else None
                ranks = {looked.id: rank for rank, looked in counted}
                for value, looked in valued:
                    if looked.id not in ranks and value != worst:
                        break  # of equal values all are kept
                    rank = ranks.get(looked.id, best.number)
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
            listed = self.store.names_of({own.identity for own in files if own.identity is not None})
            self._names.note(files, listed)
            others = self._owners_of(place for names in listed.values() for place in names)
            for own in files:
                places.update(self._names.others(own))
                users, links = set[ModelId](), self._names.links_to(own)
                users.update(*(others.get(place, ()) for place in links))
                if any(not others.get(place) for place in links):
                    reason = "a link that is of no model leads to one of its files"
                    self._verdicts[own.model] = _stays("shared", reason)
                if own.role in HEAVY:
                    heavy.add(own.model)
                    users |= owners[own.source, own.key]
                    users.update(*(others.get(place, ()) for place in self._names.others(own)))
                for user in users - {own.model}:
                    ties.setdefault(user, set()).add(own.model)
        for model in going:
            if model not in heavy:
                self._verdicts[model] = _stays("no-files", "no weights lie here that are its own")
        # In one order: the reason that is told is hashed.
        staying = sorted(model for model in {*ties, *going} if not self._all_go([model]))
        while staying:
            model = staying.pop()
            for other in sorted(ties.get(model, ())):
                if self._verdicts[other].goes:
                    reason = f"it shares a file with {model[:12]}, which stays"
                    self._verdicts[other] = _stays("shared", reason)
                    staying.append(other)
        self._leaving_names = {
            place for place, users in self._owners_of(places).items() if self._all_go(users)
        }


def _counted(ordered: Sequence[Looked], number: int) -> Iterator[tuple[int, Looked]]:
    """The first models until so many of them are complete, each with its number."""
    rank = 1
    for looked in ordered:
        if rank > number:
            return
        yield rank, looked
        rank += looked.is_complete


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
    slugs = {stored_slug(value) for value in present if isinstance(value, str)}
    return wanted is None or stored_slug(wanted) in slugs


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _written(document: Document, name: str) -> str:
    """The date of this name, as much of it as was said: of a year four digits."""
    return str(document.get(name) or "")[: PERIODS.get(document.get(f"{name}_precision"))]


def _stays(rule: str, reason: str) -> Verdict:
    return Verdict(goes=False, rule=rule, reason=reason)


def _discreet(verdict: Verdict) -> Verdict:
    """The same without the value that decides: plans are kept in clear."""
    if verdict.goes:
        return Verdict(goes=True, rule=verdict.rule, reason="no rule keeps it")
    if verdict.rule in QUOTING:
        return _stays(verdict.rule, "one of its values keeps it, some of which are sensitive")
    return verdict


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
