"""The door for formats: an extractor claims files by name and first bytes, and turns one into an Extraction.

A new format is one file in `crawler/extractors/` and one line in `catalog/plugins.py`; the suite to subclass is
`catalog.testing.extractors.ExtractorSuite`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from catalog.errors import ExtractError, LimitExceeded
from catalog.lazy_dataclasses import dataclass
from catalog.records import (
    Evidence,
    Extraction,
    FileStatus,
    Observation,
    Origin,
    Problem,
    Reference,
    Risk,
    Role,
    Severity,
    Subject,
    TensorSummary,
)
from crawler.formats.templates import assembled, suspicious
from crawler.reader import RangedReader

HEAD_BYTES = 4096
"""How many first bytes `claims` sees (fewer when the file is shorter)."""

MAX_TEXT_BYTES = 8 * 1024
MAX_BODY_BYTES = 256 * 1024  # of `all_text`, the body of a card
MAX_OBSERVATIONS = 20_000

_WITH_TEMPLATES = frozenset({Origin.CONFIG, Origin.EMBEDDED, Origin.SIDECAR})
_PROSE = frozenset({"all_text", "description"})
"""Where a card tells about templates, it is none."""
_CODE_MARKS = re.compile(r"\{\{|\{%")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """An extractor's word that it reads this file. The highest `confidence` wins: magic bytes 90, magic and name 100,
    an exact file name 80, a suffix alone 40. `format` is the file's format as documents show it.
    """

    format: str
    role: Role
    confidence: int


class Named(Protocol):
    """Whoever says something of a file."""

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> int: ...


class Extractor(Protocol):
    """Reads one format.

    `version` goes up whenever it would say something new about the same bytes: files are then read again.
    `description`, `reads` and `limits` make the table of formats in the docs. A class may also have `promises`, a
    `crawler.promises.Promise`: what its names alone say, such as suffixes and which files are one model; and `signs`,
    `crawler.candidates.Signs`: what each file has that it claims, so that it is not asked about others. One whose
    subjects find their models by `sha256:` sets `names_hashes` to True, one that tells the risks of every pickle in its files
    `checks_pickles`. One whose files grow with all that a team does, as the database of a tracker, sets `budgets` to how many
    budgets of one file it takes, at most 4.
    """

    name: str
    version: int
    description: str
    reads: str
    limits: str

    def claims(self, key: str, head: bytes) -> Claim | None:
        """Whether this extractor reads the file. Cheap and total: `key` is the full key, `head` up to HEAD_BYTES."""
        ...

    def extract(self, reader: RangedReader) -> Extraction:
        """Everything the file says. Raises ExtractError, SourceError, and nothing else."""
        ...


class Findings:
    """Collects what one extractor finds in one file and makes the Extraction of it."""

    def __init__(
        self,
        reader: RangedReader,
        extractor: Named,
        *,
        format: str | None,  # noqa: A002 - the document's word
        role: Role,
        origin: Origin,
        max_observations: int = MAX_OBSERVATIONS,
    ) -> None:
        self._reader = reader
        self._max_observations = max_observations
        self._is_full = False
        self._extractor = extractor
        self.format = format
        self.role = role
        self.origin = origin
        self.status = FileStatus.OK
        self.tensors: TensorSummary | None = None
        self._observations: list[Observation] = []
        self._references: list[Reference] = []
        self._subjects: list[Subject] = []
        self._join_keys: list[str] = []
        self._risks: list[Risk] = []
        self._problems: list[Problem] = []

    @property
    def file_name(self) -> str:
        """The last part of the file's key."""
        return self._reader.name

    @property
    def directory(self) -> str:
        """Where the file lies."""
        return self._reader.key.rpartition("/")[0]

    def say(
        self,
        field: str,
        raw: Any,
        pointer: str,
        *,
        evidence: Evidence = Evidence.EXPLICIT,
        origin: Origin | None = None,
        unit: str | None = None,
        context: Mapping[str, Any] | None = None,
        subject: str | None = None,
    ) -> None:
        """One observation. None and empty text are nothing said; an empty name below a field is `unnamed`."""
        if raw is None or raw == "":
            return
        if field.endswith("."):
            field += "unnamed"
        if (origin or self.origin) in _WITH_TEMPLATES and field not in _PROSE:
            self.look_for_templates(raw, pointer)
        if len(self._observations) >= self._max_observations:
            if not self._is_full:
                self._is_full = True
                self.problem(
                    "limit-exceeded",
                    f"more than {self._max_observations:,} values; the rest is left out",
                    pointer,
                )
            return
        self._observations.append(
            Observation(
                field=field,
                raw=bounded(raw, MAX_BODY_BYTES if field == "all_text" else MAX_TEXT_BYTES),
                pointer=pointer,
                key=self._reader.key,
                extractor=self._extractor.name,
                extractor_version=self._extractor.version,
                origin=origin or self.origin,
                evidence=evidence,
                unit=unit,
                context=context or {},
                subject=subject,
            )
        )

    def says_metrics(self) -> bool:
        """Whether the file reported any metric so far."""
        return bool(self.metric_names())

    def metric_names(self) -> set[str]:
        """The raw names of all metrics that the file reported so far."""
        return {
            seen.field.removeprefix("metrics.")
            for seen in self._observations
            if seen.field.startswith("metrics.")
        }

    def metric(
        self, name: str, raw: Any, pointer: str, *, subject: str | None = None, **context: Any
    ) -> None:
        """One reported metric by its raw name; `context` as Observation.context has it."""
        self.say(
            f"metrics.{name}",
            raw,
            pointer,
            context={k: v for k, v in context.items() if v is not None},
            subject=subject,
        )

    def metric_of_name(self, name: str, raw: Any) -> None:
        """A metric that only the file's name reports."""
        self.say(f"metrics.{name}", raw, "name:", origin=Origin.FILENAME, evidence=Evidence.INFERRED)

    def look_for_templates(self, value: Any, pointer: str) -> None:
        """A risk for every text in the value that is a template and reaches beyond its data when it is rendered, whatever
        key it stands under.
        """
        if isinstance(value, int) or (isinstance(value, str) and "{" not in value):
            return  # as nearly every value
        for place, text in _texts_below(value, pointer):
            if _CODE_MARKS.search(text) is None:
                continue
            if words := suspicious(text):
                detail = f"chat template reaches for {', '.join(words[:10])}"
                self.risk("template-injection", Severity.HIGH, detail, member=place[:200])
            elif words := assembled(text):
                detail = f"chat template holds what no template needs: {', '.join(words[:10])}"
                self.risk("template-injection", Severity.MEDIUM, detail, member=place[:200])

    def risk(self, kind: str, severity: Severity, detail: str, *, member: str | None = None) -> None:
        risk = Risk(kind=kind, severity=severity, detail=detail[:500], key=self._reader.key, member=member)
        if risk not in self._risks and len(self._risks) < 200:
            self._risks.append(risk)

    def problem(self, code: str, message: str, pointer: str | None = None) -> None:
        if len(self._problems) < 200:
            self._problems.append(
                Problem(code=code, message=message[:1000], key=self._reader.key, pointer=pointer)
            )

    def told_twice(self, value: Any, pointer: str) -> None:
        """Says which keys of an object stand twice in it: of two values one is left out."""
        for key in getattr(value, "duplicates", ()):
            self.problem("duplicate-key", f"the key {key[:200]!r} stands twice; the last one counts", pointer)

    def failed(self, error: ExtractError, *, status: FileStatus = FileStatus.PARTIAL) -> None:
        """A part could not be read: the rest stays true."""
        if isinstance(error, LimitExceeded):
            error = error.within(self._reader.size_bytes)
        self.problem(error.code, str(error))
        self.status = status

    def refers_to(self, reference: Reference) -> None:
        self._references.append(reference)

    def tells_of(self, subject: Subject) -> None:
        self._subjects.append(subject)

    def joins(self, key: str) -> None:
        self._join_keys.append(key)

    @property
    def risks(self) -> tuple[Risk, ...]:
        """Those that were found so far."""
        return tuple(self._risks)

    @property
    def is_full(self) -> bool:
        """Whether nothing more is taken in."""
        return len(self._observations) >= self._max_observations

    def extraction(self) -> Extraction:
        return Extraction(
            key=self._reader.key,
            extractor=self._extractor.name,
            extractor_version=self._extractor.version,
            format=self.format,
            role=self.role,
            status=self.status,
            observations=tuple(self._observations),
            tensors=self.tensors,
            references=tuple(self._references),
            subjects=tuple(self._subjects),
            join_keys=tuple(self._join_keys),
            risks=tuple(self._risks),
            problems=tuple(self._problems),
            bytes_read=self._reader.bytes_read,
            requests=self._reader.requests,
        )


def _texts_below(value: Any, pointer: str) -> Iterator[tuple[str, str]]:
    """Every text in a value with its place; 20,000 values at most."""
    waiting = [(pointer, value)]
    for _ in range(MAX_OBSERVATIONS):
        if not waiting:
            return
        place, item = waiting.pop()
        if isinstance(item, str):
            yield place, item
        elif isinstance(item, Mapping):
            waiting.extend(
                (f"{place.rstrip('/')}/{name}", inner) for name, inner in reversed(list(item.items()))
            )
        elif isinstance(item, (list, tuple)):
            waiting.extend((f"{place.rstrip('/')}/{number}", inner) for number, inner in enumerate(item))


def bounded(raw: Any, max_text: int = MAX_TEXT_BYTES) -> Any:
    """The raw value with long texts cut; containers are bounded by their walkers."""
    if isinstance(raw, str) and len(raw) > max_text:
        return raw[:max_text]
    return raw
