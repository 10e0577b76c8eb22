"""One object to what its file says: opened once, by the extractor with the best claim, within a budget."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import cast

from catalog.contracts import broken, only_errors
from catalog.errors import (
    ExtractError,
    LimitExceeded,
    ModeldexError,
    ObjectChanged,
    ObjectUnreadable,
    SourceError,
    described,
)
from catalog.lazy_dataclasses import dataclass, field, replace
from catalog.records import Extraction, FileStatus, ObjectMeta, Risk, Role, Severity
from catalog.store.entries import Entry, Reading, outlined
from catalog.store.shares import may_have_shares
from crawler import hashing, sniffing
from crawler.extractor import HEAD_BYTES, Extractor
from crawler.formats.byte_streams import ReaderStream
from crawler.formats.pickled_file import calls_something
from crawler.formats.pickles import read_pickle
from crawler.hidden_pickles import hidden_risks, may_be_loaded, with_hidden_pickles
from crawler.named_calls import unclaimed_risks, with_named_calls
from crawler.outcomes import (
    COULD_NOT_OPEN,
    LOOKED_AT,
    NOT_OPENED,
    NOT_RESTORED,
    Outcome,
    kept,
    put_off,
    skipped,
    without_secrets,
)
from crawler.reader import WHOLE_FILE_BYTES, Budget, RangedReader
from crawler.registry import Choice, Registry
from crawler.shared_bytes import SharedBytes
from crawler.shared_files import InParts, SharedFile
from crawler.source import Source

log = logging.getLogger(__name__)

MAGIC_CONFIDENCE = 90
"""From here on a claim rests on the bytes, and the bytes are believed."""

NAME_CONFIDENCE = 45
"""Up to here a claim rests on a suffix that several formats share."""

STORED = frozenset({Role.WEIGHTS, Role.PART, Role.DATA})
"""Roles of files that hold a model's bytes: an empty one has lost them, an empty sidecar never had any."""

STILL_WRITTEN = timedelta(seconds=2)
MAX_BUDGETS = 4
"""Of one file, that an extractor may ask for."""
TORCH = "torch-zip"
"""Whose files are models under any name: nothing else has its members."""
LOOKED_AT_HERE, LOOKED_AT_IN_STORAGE = 50_000, 1_000
"""So many of these each process of a run looks at: on this machine, and where each costs a request. A data set of ten million
pictures must not take hours; what is left out is told, and the next runs go on with it.
"""


def most_looked_at(source: Source) -> int:
    """How many files of which the name promises nothing one process of a run looks at, because of their bytes."""
    return LOOKED_AT_HERE if getattr(source, "is_read_in_processes", False) else LOOKED_AT_IN_STORAGE


@dataclass(slots=True)
class _Attempt:
    """How far the reading of one object got."""

    choice: Choice | None = None
    broken: Mapping[str, str] = field(default_factory=dict)


class ObjectReader:
    """Reads the objects of one source. Threads may share it.

    An extractor that breaks over a name would break over every file: it is asked no more.
    """

    def __init__(self, source: Source, registry: Registry, budget: Budget) -> None:
        self._shared = SharedBytes(source)
        self._registry = registry
        self._budget = budget
        self._broken: frozenset[str] = frozenset()
        self._most_looked_at = most_looked_at(source)
        self._looked_at = 0

    def read(self, meta: ObjectMeta, before: Entry | None) -> Outcome:
        """What the object says now. Never raises for what is in a file; `before` is what was known of it."""
        if sniffing.is_archived(meta.storage_class) and not sniffing.never_opened(meta.key):
            return without_secrets(self._archived(meta, before))
        reader = RangedReader(
            meta.key,
            meta.size_bytes,
            lambda start, end: self._from_storage(meta, start, end),
            budget=self._budget,
        )
        attempt = _Attempt()
        try:
            outcome = self._passed_over(meta, reader) or _of_a_model(self._read(meta, reader, attempt))
            outcome = kept(outcome, before)
        except (ObjectChanged, SourceError) as error:
            reason = str(error).removeprefix(f"{meta.key}: ")  # whoever shows it names the file
            outcome = put_off(meta, before, reason, is_changing=isinstance(error, ObjectChanged))
            outcome = kept(outcome, before)
        except Exception as error:  # noqa: BLE001 - the one place: a bug in one extractor costs one object
            _warn("extraction failed", meta, error)
            outcome = _of_a_model(self._failed(meta, before, attempt.choice, error, reader))
            outcome = kept(outcome, before)
        bytes_read = outcome.bytes_read + reader.bytes_read
        outcome = replace(outcome, bytes_read=bytes_read, broken=attempt.broken)
        if outcome.extraction is None or outcome.shares is not None or before is None:
            return outcome
        # What said nothing between may have rows of a reading before that: they stay as long as its extraction does.
        may_have_rows = before.outline is None or may_have_shares(before.outline)
        return replace(outcome, shares={}) if may_have_rows else outcome

    def unkept(self, meta: ObjectMeta, before: Entry | None, error: Exception) -> Outcome:
        """What the object is where nothing that was said of it can be kept: its own problem."""
        _warn("what was read cannot be kept", meta, error)
        return without_secrets(self._failed(meta, before, None, error, None))

    def _passed_over(self, meta: ObjectMeta, reader: RangedReader) -> Outcome | None:
        """The account of a file that no reader wants because of its name; None for all others, and where a loader might run
        something of it: loaders look at bytes alone.
        """
        if not sniffing.never_opened(meta.key):
            return None
        if meta.size_bytes == 0:
            return skipped(meta, LOOKED_AT, opened=False)
        if sniffing.is_archived(meta.storage_class):
            return skipped(meta, NOT_RESTORED, opened=False)
        if self._looked_at >= self._most_looked_at:
            return skipped(meta, NOT_OPENED, opened=False)
        self._looked_at += 1
        try:
            head = self._from_storage(meta, 0, min(HEAD_BYTES, meta.size_bytes))
            if may_be_loaded(head, reader):
                return None
        except ModeldexError:  # nobody misses what is in it; the next run tries again
            return skipped(meta, COULD_NOT_OPEN, opened=False)
        return skipped(meta, LOOKED_AT, opened=True, bytes_read=len(head))

    def _from_storage(self, meta: ObjectMeta, start: int, end: int) -> bytes:
        """The bytes. Whatever a stranger's source raises is storage's fault and not the file's."""
        try:
            with only_errors():
                data = self._shared.read(meta, start, end)
        except ModeldexError:
            raise
        except Exception as error:
            raise ObjectUnreadable(meta.key, described(error)) from error
        if not isinstance(data, bytes):
            raise ObjectUnreadable(meta.key, str(broken(data, "", "bytes")))
        return data

    def _read(self, meta: ObjectMeta, reader: RangedReader, attempt: _Attempt) -> Outcome:
        head = reader.head(HEAD_BYTES)
        best, attempt.broken = self._registry.best(meta.key, head, without=self._broken)
        if attempt.broken:
            self._broken |= attempt.broken.keys()
        if best is not None and best.claim.role not in STORED and sniffing.is_blank(meta.size_bytes, head):
            blank = sniffing.verdict_extraction(meta, sniffing.EMPTY, role=best.claim.role)
            return self._outcome(meta, blank, None)
        if best is None or best.claim.confidence < MAGIC_CONFIDENCE:
            if self._is_of_another_program(meta, reader, head, best):
                return Outcome(entry=self._unwanted(meta))
            verdict = sniffing.judge(meta.size_bytes, head) if _promises_model(meta, best) else None
            if verdict is not None:
                return self._outcome(meta, sniffing.verdict_extraction(meta, verdict), None)
        if best is None:
            return self._unclaimed(meta, reader, head)
        attempt.choice = best
        reader.widen(max(1, min(getattr(best.extractor, "budgets", 1), MAX_BUDGETS)))
        shares = None
        if _is_read_in_parts(type(best.extractor)):
            file = SharedFile()
            for part in cast("InParts", best.extractor).parts(reader):
                file.take(part)
            extraction, shares = file.finished()
        else:
            extraction = best.extractor.extract(reader)
        if extraction.format is None and best.claim.format:
            extraction = replace(extraction, format=best.claim.format)
        extraction = with_hidden_pickles(extraction, best.extractor, reader)
        extraction = with_named_calls(extraction, best.extractor, reader)
        return self._outcome(*_hashed(meta, reader, extraction), best.extractor, shares)

    def _is_of_another_program(
        self, meta: ObjectMeta, reader: RangedReader, head: bytes, best: Choice | None
    ) -> bool:
        if sniffing.is_of_another_program(meta.key, meta.size_bytes, head):
            return True
        by_name_alone = best is None or best.claim.confidence <= NAME_CONFIDENCE
        return (
            by_name_alone
            and sniffing.is_text_under_shared_suffix(meta.key, meta.size_bytes, head)
            and not calls_something(read_pickle(ReaderStream(reader)))
        )

    def _outcome(
        self,
        meta: ObjectMeta,
        extraction: Extraction,
        extractor: Extractor | None,
        shares: Mapping[bytes, bytes] | None = None,
    ) -> Outcome:
        entry = Entry(
            object=meta,
            reading=Reading.FAILED if _is_broken(extraction) else Reading.READ,
            signature=self._registry.signature(extractor),
            error=extraction.problems[0].message if _is_broken(extraction) and extraction.problems else None,
            outline=outlined(extraction),
        )
        return Outcome(entry=entry, extraction=extraction, shares=shares)

    def _unclaimed(self, meta: ObjectMeta, reader: RangedReader, head: bytes) -> Outcome:
        if sniffing.promised_format(meta.key) is None:
            return (
                self._hidden_risks(meta, reader)
                or self._named_calls(meta, reader)
                or Outcome(entry=self._unwanted(meta))
            )
        message = (
            f"the name promises a model, but nothing here reads a file that begins with {head[:8].hex(' ')}"
        )
        status = FileStatus.UNREADABLE if sniffing.promises_surely(meta.key) else FileStatus.OPAQUE
        extraction = sniffing.unreadable(meta, "unrecognised", message, status=status)
        risks = hidden_risks(reader, sniffing.Nobody())
        if not risks and status is FileStatus.OPAQUE:  # whoever loads it by its name runs what is in it
            detail = "Not checkable: nothing here reads it, and its name is one of a file that is loaded"
            risks = (Risk(kind="unchecked", severity=Severity.MEDIUM, detail=detail, key=meta.key),)
        extraction = replace(extraction, risks=risks)
        return self._outcome(*_hashed(meta, reader, extraction), None)

    def _hidden_risks(self, meta: ObjectMeta, reader: RangedReader) -> Outcome | None:
        """A file that nothing claims by its beginning, and of which a loader would yet run something."""
        risks = hidden_risks(reader, sniffing.Nobody())
        if not risks:
            return None
        message = "something that a loader would run, behind a beginning that is none of a model"
        extraction = sniffing.unreadable(meta, "unrecognised", message, status=FileStatus.OPAQUE)
        return self._outcome(meta, replace(extraction, risks=risks), None)

    def _named_calls(self, meta: ObjectMeta, reader: RangedReader) -> Outcome | None:
        """A text that nothing claims, and that has its loader call what it names: no model, and a risk of the one beside it."""
        risks = unclaimed_risks(reader)
        if not any(risk.severity >= Severity.MEDIUM for risk in risks):
            return None
        extraction = Extraction(
            key=meta.key,
            extractor=sniffing.EXTRACTOR,
            extractor_version=sniffing.VERSION,
            format=None,
            role=Role.AUXILIARY,
            risks=risks,
        )
        return self._outcome(meta, extraction, None)

    def _archived(self, meta: ObjectMeta, before: Entry | None) -> Outcome:
        """What its listing says: nobody can read it now. What was read before it was archived stays."""
        if before is not None and before.reading is Reading.READ and _same_writing(before.object, meta):
            kept = replace(meta, sha256=before.object.sha256)
            return Outcome(entry=replace(before, state="live", object=kept), opened=False)
        if sniffing.promised_format(meta.key) is None:
            return Outcome(entry=self._unwanted(meta), opened=False)
        message = f"it is archived ({meta.storage_class}): restore it, and the next crawl reads it"
        extraction = sniffing.unreadable(meta, "archived", message, status=FileStatus.ARCHIVED)
        return replace(self._outcome(meta, extraction, None), opened=False)

    def _unwanted(self, meta: ObjectMeta) -> Entry:
        return Entry(object=meta, reading=Reading.UNCLAIMED, signature=self._registry.signature(None))

    def _failed(
        self,
        meta: ObjectMeta,
        before: Entry | None,
        choice: Choice | None,
        error: Exception,
        reader: RangedReader | None,
    ) -> Outcome:
        """The file's own fault: final for these bytes, unless they are still being written."""
        if before is not None and before.outline is not None and _is_fresh(meta):
            retry = replace(before, state="live", reading=Reading.RETRY, attempts=before.attempts + 1)
            return Outcome(entry=replace(retry, error=f"{error}; it was being written"))
        if isinstance(error, LimitExceeded):
            error = error.within(meta.size_bytes)
        code = error.code if isinstance(error, ExtractError) else "extractor-error"
        message = described(error)
        extractor, claim = (choice.extractor, choice.claim) if choice else (None, None)
        if claim is None and sniffing.promised_format(meta.key) is None:
            entry = Entry(
                object=meta, reading=Reading.FAILED, signature=self._registry.signature(None), error=message
            )
            return Outcome(entry=entry)
        extraction = sniffing.unreadable(
            meta,
            code,
            message,
            extractor=extractor.name if extractor else sniffing.EXTRACTOR,
            version=extractor.version if extractor else sniffing.VERSION,
            role=claim.role if claim else Role.WEIGHTS,
            format=claim.format if claim else None,
        )
        if extractor is not None and reader is not None:
            try:
                with suppress(ExtractError, SourceError):  # it is unreadable already
                    extraction = with_hidden_pickles(extraction, extractor, reader)
                    extraction = with_named_calls(extraction, extractor, reader)
            except Exception as fault:  # noqa: BLE001 - a bug in the second look costs its risks, and not the crawl
                _warn("second look failed", meta, fault)
        return replace(self._outcome(meta, extraction, extractor), extraction=extraction)


def _warn(what: str, meta: ObjectMeta, error: Exception) -> None:
    """A line in the log where it is a bug; errors that are raised on purpose stand beside the file alone."""
    if not isinstance(error, ModeldexError):
        key = meta.key.encode("utf-8", "backslashreplace")
        log.warning("%s key=%s error=%s", what, key, type(error).__name__)


def _of_a_model(outcome: Outcome) -> Outcome:
    """The outcome as it is; of a file whose name says nothing of models only what is one of torch, or a risk."""
    extraction = outcome.extraction
    meta = outcome.entry.object
    if outcome.entry.reading is Reading.RETRY or not sniffing.never_opened(meta.key):
        return outcome
    if extraction is not None and (
        extraction.extractor == TORCH or any(risk.severity >= Severity.MEDIUM for risk in extraction.risks)
    ):
        return outcome
    return skipped(meta, LOOKED_AT, opened=True, bytes_read=outcome.bytes_read)


@cache
def _is_read_in_parts(extractor: type[Extractor]) -> bool:
    """Remembered: to hold a class against a protocol takes as long as the reading of a small file's header."""
    return issubclass(extractor, InParts)


def _same_writing(before: ObjectMeta, now: ObjectMeta) -> bool:
    """Whether both are what was written at one time, whatever class it is kept in."""
    written = before.last_modified
    return written is not None and written == now.last_modified and before.size_bytes == now.size_bytes


def _promises_model(meta: ObjectMeta, best: Choice | None) -> bool:
    by_claim = best is not None and best.claim.role is Role.WEIGHTS
    return by_claim or sniffing.promised_format(meta.key) is not None


def _is_broken(extraction: Extraction) -> bool:
    return extraction.status is FileStatus.UNREADABLE


def _is_fresh(meta: ObjectMeta) -> bool:
    return meta.last_modified is not None and datetime.now(UTC) - meta.last_modified < STILL_WRITTEN


def _hashed(meta: ObjectMeta, reader: RangedReader, extraction: Extraction) -> tuple[ObjectMeta, Extraction]:
    """With its hashes, if the file is weights and was read whole anyway."""
    whole = meta.size_bytes <= WHOLE_FILE_BYTES and reader.bytes_read >= meta.size_bytes
    if meta.sha256 is not None or not whole or extraction.role not in {Role.WEIGHTS, Role.DATA}:
        return meta, extraction
    hashes = hashing.hash_file(meta, reader.read, format=extraction.format)
    return replace(meta, sha256=hashes.sha256), replace(extraction, tensors_digest=hashes.tensors)
