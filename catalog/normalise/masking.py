"""What a file says, fit to be stored: no secret in any text of it, whichever extractor made it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
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

NAMES_OF_FILES = ("path:", "dir:")
"""Join keys that name files. Names of files stay as they are: what they name must be found."""
ADDRESSES = frozenset(fields_where("address"))
"""Fields of a document that say where its files are. They stay for the same reason."""


def masked_extraction(extraction: Extraction) -> Extraction:
    """The extraction without secrets. One that holds none is returned as it is."""
    masked: dict[str, Any] = {
        "observations": tuple(map(masked_observation, extraction.observations)),
        "tensors": None if extraction.tensors is None else _tensors(extraction.tensors),
        "references": tuple(map(_reference, extraction.references)),
        "subjects": tuple(map(_subject, extraction.subjects)),
        "join_keys": tuple(map(_join_key, extraction.join_keys)),
        "risks": tuple(map(_risk, extraction.risks)),
        "problems": tuple(map(_problem, extraction.problems)),
    }
    changed = {name: value for name, value in masked.items() if value != getattr(extraction, name)}
    return replace(extraction, **changed) if changed else extraction


def masked_observation(seen: Observation) -> Observation:
    """The observation without secrets; `masked` says whether there was one."""
    name = seen.field.partition(".")[2] or seen.field
    raw, in_raw = secrets.masked(name, seen.raw)
    if not in_raw and secrets.is_secret_name(seen.pointer):
        raw, in_raw = secrets.masked(seen.pointer, raw)
    context, in_context = secrets.masked("context", dict(seen.context))
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
    return not secrets.without_secrets("\n".join(texts))[1]


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
