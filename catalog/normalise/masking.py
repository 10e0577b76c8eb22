"""What a file says, fit to be stored: no secret in any text of it, whichever extractor made it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from catalog.normalise.values import secrets
from catalog.records import (
    Contender,
    Document,
    Extraction,
    FieldProvenance,
    ModelRecord,
    Observation,
    Problem,
    Reference,
    Risk,
    Subject,
    TensorSummary,
)
from mappings import fields_where

MOST_REMEMBERED_CHARACTERS = 64 * 1024
NAMES_OF_FILES = ("path:", "dir:")
"""Join keys that name files. Names of files stay as they are: what they name must be found."""
ADDRESSES = frozenset(fields_where("address"))
"""Fields of a document that say where its files are. They stay for the same reason."""


def masked_extraction(extraction: Extraction) -> Extraction:
    """The extraction without secrets. One that holds none is returned as it is."""
    changed: dict[str, Any] = {}
    for name, part in _PARTS.items():
        items = getattr(extraction, name)
        if items and (masked := tuple(map(part, items))) != items:
            changed[name] = masked
    if extraction.tensors is not None and (tensors := _tensors(extraction.tensors)) != extraction.tensors:
        changed["tensors"] = tensors
    return replace(extraction, **changed) if changed else extraction


def masked_observation(seen: Observation) -> Observation:
    """The observation without secrets; `masked` says whether there was one."""
    name = seen.field.partition(".")[2] or seen.field
    raw, in_raw = secrets.masked(name, seen.raw)
    if not in_raw and secrets.is_secret_name(seen.pointer):
        raw, in_raw = secrets.masked(seen.pointer, raw)
    context, in_context = (
        secrets.masked("context", dict(seen.context)) if seen.context else (seen.context, False)
    )
    field, in_field = secrets.without_secrets(seen.field)
    pointer, in_pointer = secrets.without_secrets(seen.pointer)
    subject = None if seen.subject is None else _identifier(seen.subject)
    hidden = in_raw or in_context or in_field or in_pointer
    if (raw, context, field, pointer, subject) == (
        seen.raw,
        seen.context,
        seen.field,
        seen.pointer,
        seen.subject,
    ):
        return seen
    return replace(
        seen,
        raw=raw,
        context=context,
        field=field,
        pointer=pointer,
        subject=subject,
        masked=seen.masked or hidden,
    )


def _identifier(text: str) -> str:
    """An id or a key that must still be equal to itself elsewhere: without secrets, home directories as they are."""
    clean, hidden = secrets.without_secrets(text)
    return clean if hidden else text


def _join_key(key: str) -> str:
    return key if key.startswith(NAMES_OF_FILES) else _identifier(key)


def _subject(subject: Subject) -> Subject:
    return replace(
        subject,
        id=_identifier(subject.id),
        join_keys=tuple(map(_join_key, subject.join_keys)),
        name=None if subject.name is None else secrets.masked_text(subject.name),
        part_of=tuple(map(_identifier, subject.part_of)),
    )


def _risk(risk: Risk) -> Risk:
    member = None if risk.member is None else _identifier(risk.member)
    return replace(risk, detail=secrets.masked_text(risk.detail), member=member)


def _problem(problem: Problem) -> Problem:
    pointer = None if problem.pointer is None else secrets.masked_text(problem.pointer)
    return replace(problem, message=secrets.masked_text(problem.message), pointer=pointer)


def _reference(reference: Reference) -> Reference:
    """Its name is a file's and stays."""
    return replace(reference, tensors=_names(reference.tensors)) if reference.tensors else reference


def _tensors(summary: TensorSummary) -> TensorSummary:
    names = [tensor.name for tensor in summary.tensors]
    tallies = [
        text
        for tally in summary.tallies
        for text in (tally.part, tally.dtype, tally.suffix, *tally.companions)
    ]
    if _is_clean((*names, *tallies)):
        return summary
    return replace(
        summary,
        tensors=tuple(replace(tensor, name=_identifier(tensor.name)) for tensor in summary.tensors),
        tallies=tuple(
            replace(
                tally, suffix=_identifier(tally.suffix), companions=tuple(map(_identifier, tally.companions))
            )
            for tally in summary.tallies
        ),
    )


def _names(names: tuple[str, ...]) -> tuple[str, ...]:
    return names if _is_clean(names) else tuple(map(_identifier, names))


def _is_clean(texts: Iterable[str]) -> bool:
    """One look at all of them: a file may name thousands of tensors."""
    text = "\n".join(texts)
    return _is_known_clean(text) if len(text) <= MOST_REMEMBERED_CHARACTERS else _is_text_clean(text)


def _is_text_clean(text: str) -> bool:
    return not secrets.without_secrets(text)[1]


_is_known_clean = lru_cache(maxsize=16)(_is_text_clean)
"""Checkpoints of one run, and models of one architecture, name the same tensors."""

_PARTS: Mapping[str, Callable[[Any], Any]] = {
    "observations": masked_observation,
    "references": _reference,
    "subjects": _subject,
    "join_keys": _join_key,
    "risks": _risk,
    "problems": _problem,
}
"""What masks one of the items that an extraction has under a name."""


def masked_document(document: Document) -> Document:
    """The document without secrets. One that holds none is returned as it is."""
    masked: dict[str, Any] = {
        name: value if name in ADDRESSES else secrets.masked(name, value)[0]
        for name, value in document.items()
    }
    return document if masked == document else masked


def masked_record(record: ModelRecord) -> ModelRecord:
    """The record without secrets, its provenance included. One that holds none is returned as it is."""
    provenance = {name: _provenance(field_provenance) for name, field_provenance in record.provenance.items()}
    masked = replace(record, document=masked_document(record.document), provenance=provenance)
    return record if masked == record else masked


def _provenance(provenance: FieldProvenance) -> FieldProvenance:
    return replace(
        provenance,
        winners=tuple(map(_contender, provenance.winners)),
        losers=tuple(map(_contender, provenance.losers)),
    )


def _contender(contender: Contender) -> Contender:
    name = contender.observation.field.partition(".")[2] or contender.observation.field
    value = contender.value
    if name not in ADDRESSES:
        value = secrets.masked(name, value)[0]
    return replace(contender, observation=masked_observation(contender.observation), value=value)
