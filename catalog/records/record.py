"""Groups of files, the record that the normaliser makes of one, and the states it goes through."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any

from msgspec import field

from catalog.lazy_dataclasses import dataclass
from catalog.records.extraction import Extraction, Observation, Role
from catalog.records.objects import ModelId, ObjectKey, ObjectMeta, SourceId
from catalog.records.values import Value

Document = dict[str, Any]
"""The model as JSON: nested objects, the same in the store, both engines and every API. Absent fields are left out."""


@lru_cache(maxsize=2_048)  # asked a dozen times of each model of a page
def model_id(source: SourceId, group_key: str) -> ModelId:
    """The identity of the model at `group_key` of `source`: 64 hex digits, stable over time."""
    text = f"{source}\0{group_key}".encode("utf-8", errors="surrogateescape")
    return ModelId(hashlib.sha256(text).hexdigest())


class Place(Value, frozen=True, kw_only=True):
    """Where a person finds a model: as text beside its source, as its source's own URI, and everywhere it is."""

    path: str
    uri: str
    locations: tuple[str, ...]


class EditKind(StrEnum):
    """What a person does to a field."""

    SET = "set"  # the value counts, whatever files say; None gives the field back to the files
    MERGE = "merge"  # what files say counts, with the words of `add` and without those of `remove`
    EMPTY = "empty"  # the model has no value here, whatever files say


@dataclass(frozen=True, slots=True, kw_only=True)
class EditState:
    """What is said of a field by hand: kind and value. None of it is said where a person gave the field back."""

    kind: EditKind = EditKind.SET
    value: Any = None

    @property
    def is_none(self) -> bool:
        return self.kind is EditKind.SET and self.value is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """A person's value for one field of a model: it wins over what files say.

    `batch` names what was changed in one go, and `before` is what was said of the field by hand until then: both make
    one undo. `overrides` is what files said when it was made, in a tuple of one; None where that is not known.
    """

    id: int
    field: str
    value: Any
    made_by: str
    made_at: datetime
    kind: EditKind = EditKind.SET
    batch: str = ""
    before: EditState = EditState()
    overrides: tuple[Any] | None = None

    @property
    def state(self) -> EditState:
        return EditState(kind=self.kind, value=self.value)


class Member(Value, frozen=True, kw_only=True):
    """One file of a group. `alternative` marks the same weights in another format, not counted."""

    object: ObjectMeta
    extraction: Extraction | None
    subject: str | None = None  # only this subject's observations of the file belong to the group
    subject_digest: str = ""  # equal as long as the file says the same of it; empty where that is not known
    distance: int = 0  # directories between the file and the group's own directory; parents are negative
    promised_sha256: str | None = None  # of its object, where another name of the same bytes says it

    @property
    def is_shared(self) -> bool:
        """Whether the file tells of several things, and this is one of them: a tracker's database."""
        return self.subject is not None and self.extraction is not None and len(self.extraction.subjects) > 1

    @property
    def is_part(self) -> bool:
        """Whether the file goes with a model and is not the model."""
        return self.extraction is not None and self.extraction.role is Role.PART


class Group(Value, frozen=True, kw_only=True):
    """The files of one model. `key` is its path (file, directory, or shard pattern) inside the source."""

    source: SourceId
    key: str
    kind: str  # file | shards | directory | pipeline | run | registry
    members: tuple[Member, ...]
    name_hint: str | None = None
    version_hint: str | None = None  # what the layout calls this version: the 2 of `resnet/2/model.onnx`
    owner_hint: str | None = None  # whose it is by its layout: the publisher's directory
    uri: str | None = None  # the source's own URI of `key`; None makes it of the source's id and the key
    orphan: bool = False  # bytes in a store that goes by hashes, and nothing names them any more
    copies: tuple[ObjectKey, ...] = ()  # objects of such a store that hold the same bytes once more
    place: Place | None = None
    edits: tuple[Observation, ...] = ()  # what persons say of the model
    lent: tuple[Observation, ...] = ()  # what files of other sources say of it
    hearsay: frozenset[ObjectKey] = frozenset()  # those of them that know no more than its address


class Contender(Value, frozen=True, kw_only=True):
    """One observation in the competition for a field: what it came to, and why it won or lost.

    `changes` lists what was done to the raw value in order: `percent÷100`, `alias acc→accuracy`, `float32-shortest`,
    `date-assumed-utc`, `packed×8`. `lost_because` is None for the winner: rank, counted-beats-declared, equal,
    ambiguous, implausible, not-headline.
    """

    observation: Observation
    value: Any
    changes: tuple[str, ...] = ()
    lost_because: str | None = None


class FieldProvenance(Value, frozen=True, kw_only=True):
    """Who said a field's value, and who said otherwise. Union fields have several winners."""

    field: str
    winners: tuple[Contender, ...]
    losers: tuple[Contender, ...] = ()
    conflict: bool = False


class ModelRecord(Value, frozen=True, kw_only=True):
    """What the normaliser made of one group: the document and the provenance of every value in it.

    The document lacks only what the store knows: revision, first_seen, last_seen, duplicate_group, locations of copies.
    """

    id: ModelId
    source: SourceId
    group_key: str
    document: Document
    provenance: Mapping[str, FieldProvenance] = field(default_factory=dict)
    file_keys: tuple[ObjectKey, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One state of a record. `sha256` is over its RFC 8785 canonical document, `parent_sha256` the state before.

    `chain_sha256` is over these two, who made the state, why and when, and the chain's hash of the revision before, so
    that nothing of a history changes without it. `author` is empty where nobody but a crawl was at it.
    Where a secret was taken out of the document later, `redacted_sha256` is over what is left, and the others stay.
    """

    model_id: ModelId
    number: int
    sha256: str
    parent_sha256: str | None
    made_by: str  # crawl | edit | bulk | undo | restore
    made_at: datetime
    document: Document
    redacted_sha256: str | None = None
    author: str = ""
    cause: str = ""  # which run, which batch of edits, which revision was restored
    chain_sha256: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredModel:
    """A record as the store has it now: its whole document with revision and seen dates, and its provenance."""

    id: ModelId
    revision: int
    document: Document
    provenance: Mapping[str, FieldProvenance]


@dataclass(frozen=True, slots=True, kw_only=True)
class CardText:
    """What a model's card says in prose: Markdown as its author wrote it, secrets masked."""

    key: ObjectKey
    text: str


class RunState(StrEnum):
    """How one crawl of one source ended."""

    RUNNING = "running"
    COMPLETE = "complete"
    PARTIAL = "partial"  # something could not be read or listed; the rest is true
    FAILED = "failed"
    HELD = "held"  # too much would go missing: waits for a person
    INTERRUPTED = "interrupted"


WOULD_LOSE, ACCEPTED, ACCEPTED_AT = "would_lose", "accepted", "accepted_at"
ACCEPTED_HOURS = 24
"""So long what a person accepted holds. They looked at the storage as it was: a worker crawls it within minutes, and one that
was down overnight is up again by then; what is absent later may be so because of another outage.
"""
CLOCKS_DIFFER = timedelta(minutes=15)
"""So far apart the clocks of machines that share a store may be: storages refuse a machine whose clock is further off. What is
dated further ahead was dated by a clock that was wrong, and nothing waits for it.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One crawl of one source: when, what it counted, what it could not read. `listed_to` is the last key of its listing
    that was taken and written, of one that did not come to its end.
    """

    id: int
    source: SourceId
    started_at: datetime
    finished_at: datetime | None
    state: RunState
    counts: Mapping[str, int]
    problems: tuple[str, ...] = ()
    listed_to: ObjectKey | None = None

    @property
    def would_lose(self) -> int:
        """Of a held run, the models that it found no more."""
        return self.counts.get(WOULD_LOSE, 0)

    @property
    def accepted(self) -> int:
        """Of a held run, how many models may go missing now since a person accepted it; 0 while nobody has, or no longer."""
        return self.accepted_at(datetime.now(UTC))

    def accepted_at(self, moment: datetime) -> int:
        """The same at another moment. Clocks of several machines may differ: what is accepted in a while is so, too."""
        away_seconds = abs(moment.timestamp() - self.counts.get(ACCEPTED_AT, 0))
        return self.counts.get(ACCEPTED, 0) if away_seconds <= ACCEPTED_HOURS * 3600 else 0

    def lapse_at(self, moment: datetime) -> str:
        """That it was accepted, and is no longer at this moment; empty where that is not so."""
        if not self.counts.get(ACCEPTED, 0) or self.accepted_at(moment):
            return ""
        return f"What was accepted of run {self.id} lapsed: it holds for {ACCEPTED_HOURS} hours."
