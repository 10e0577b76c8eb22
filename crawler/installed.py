"""The extractors that can be used here: our own as they are, those of other packages held to what their door promises."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from catalog import plugins
from catalog.contracts import broken, only_errors, taken, taken_type
from catalog.errors import PluginUnavailable, PromiseBroken, described
from catalog.lazy_dataclasses import replace as replaced
from catalog.records import Extraction, Observation, Origin, Problem, Reference, Risk
from crawler.candidates import checked_signs
from crawler.extractor import MAX_BODY_BYTES, MAX_TEXT_BYTES, Claim, Extractor, Named, bounded
from crawler.formats.siblings import sibling
from crawler.reader import RangedReader
from mappings import fields

P = TypeVar("P")

OPEN_FIELDS = ("metrics.", "hyperparameters.", "extra.")
OBSERVED_ALTHOUGH_DERIVED = frozenset({"all_text", "evaluations"})
MOST_CONFIDENCE = 100
_DIGEST = re.compile("[0-9a-f]{1,512}")


def installed_extractors() -> tuple[tuple[Extractor, ...], tuple[str, ...]]:
    """Every registered extractor that can be loaded and made, by the names of their plug-ins, and of each that cannot a sentence
    that says why.
    """
    usable: dict[str, Extractor] = {}
    unavailable: list[str] = []
    names = plugins.names("extractor")
    for name in sorted(names, key=lambda name: name not in plugins.EXTRACTORS):
        try:
            extractor = _instance(name)
        except PluginUnavailable as error:
            unavailable.append(str(error))
            continue
        if any(extractor.name == other.name for other in usable.values()):
            reason = f"another one is called {extractor.name!r}"
            unavailable.append(str(PluginUnavailable("extractor", name, reason)))
            continue
        usable[name] = extractor
    return tuple(usable[name] for name in names if name in usable), tuple(unavailable)


def _instance(name: str) -> Extractor:
    kind = plugins.load("extractor", name)
    try:
        with only_errors():
            extractor: Extractor = kind()
            if name in plugins.EXTRACTORS:
                return extractor
            return _InParts(extractor) if hasattr(extractor, "parts") else _Checked(extractor)
    except Exception as error:  # a stranger's plug-in costs its own format alone
        raise PluginUnavailable("extractor", name, described(error)) from error


class _Checked:
    """An extractor of another package. Whatever it returns that is not what was promised is an error, as what it raises is."""

    def __init__(self, extractor: Extractor) -> None:
        self._extractor = extractor
        self.name = taken_type(str, getattr(extractor, "name", None), "name")
        self.version = taken_type(int, getattr(extractor, "version", None), "version")
        self.description, self.reads, self.limits = (
            str(getattr(extractor, name, "")) for name in ("description", "reads", "limits")
        )
        self.budgets = taken_type(int, getattr(extractor, "budgets", 1), "budgets")
        self.checks_pickles = bool(getattr(extractor, "checks_pickles", False))
        self.names_hashes = bool(getattr(extractor, "names_hashes", False))
        self.signs = checked_signs(getattr(extractor, "signs", None))

    def claims(self, key: str, head: bytes) -> Claim | None:
        with only_errors():
            claim: Claim | None = taken_type(Claim | None, self._extractor.claims(key, head), "")
        if claim is not None and claim.confidence > MOST_CONFIDENCE:
            raise PromiseBroken(f"{claim.confidence:,}", "confidence", f"one up to {MOST_CONFIDENCE}")
        return claim

    def extract(self, reader: RangedReader) -> Extraction:
        with self._named(), only_errors():
            return checked(self._extractor.extract(reader), self, reader.key)

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except PromiseBroken as error:
            raise error.of(f"extractor {self.name}") from error


class _InParts(_Checked):
    """One that says what a file tells of its models some at a time (`crawler.shared_files.InParts`)."""

    def parts(self, reader: RangedReader) -> Iterator[Extraction]:
        with self._named(), only_errors():
            parts = self._extractor.parts(reader)  # type: ignore[attr-defined]  # it was asked whether it has it
            if not isinstance(parts, Iterable):
                raise broken(parts, "", "a list of extractions")
            rest = iter(parts)
        while (part := self._next(rest, reader.key)) is not None:
            yield part

    def _next(self, rest: Iterator[Extraction], key: str) -> Extraction | None:
        """The next part. Nothing is yielded in here: that the caller wants no more is no error of the stranger's."""
        with self._named(), only_errors():
            try:
                part = next(rest)
            except StopIteration:
                return None
            return checked(part, self, key)


def checked(extraction: Any, extractor: Named, key: str) -> Extraction:
    """What an extractor returned, if it is what it promised: of this file, by itself, with fields that there are. Texts are cut
    as `Findings` cuts them. Raises PromiseBroken.
    """
    whole = taken(Extraction, extraction)
    for part, place in _keyed(whole):
        if part.key != key:
            raise PromiseBroken(repr(part.key)[:200], f"{place}key", f"the key of the file, {key!r},")
    _check_author(whole, extractor, "")
    if whole.tensors_digest is not None and not _DIGEST.fullmatch(whole.tensors_digest):
        shown = repr(whole.tensors_digest)[:200]
        raise PromiseBroken(shown, "tensors_digest", "a number in hexadecimal digits")
    subjects: set[str] = set()
    for subject, place in _placed(whole.subjects, "subjects"):
        if not subject.id or subject.id in subjects:
            raise PromiseBroken(repr(subject.id)[:200], f"{place}id", "a text that no other subject has")
        subjects.add(subject.id)
    for seen, place in _placed(whole.observations, "observations"):
        _check_author(seen, extractor, place)
        _check_field(seen, place)
    for reference, place in _placed(whole.references, "references"):
        _check_reference(reference, place)
    return replaced(whole, observations=tuple(map(_cut, whole.observations)))


def _placed(parts: Iterable[P], name: str) -> Iterator[tuple[P, str]]:
    for number, part in enumerate(parts):
        yield part, f"{name}[{number}]."


def _keyed(whole: Extraction) -> Iterator[tuple[Extraction | Observation | Risk | Problem, str]]:
    """The parts that name the file which they are of. A problem may leave that out."""
    yield whole, ""
    yield from _placed(whole.observations, "observations")
    yield from _placed(whole.risks, "risks")
    for problem, place in _placed(whole.problems, "problems"):
        if problem.key is not None:
            yield problem, place


def _check_author(part: Extraction | Observation, extractor: Named, place: str) -> None:
    if (part.extractor, part.extractor_version) != (extractor.name, extractor.version):
        by = f"{part.extractor!r} of version {part.extractor_version}"
        raise PromiseBroken(by[:200], f"{place}extractor", "its own name and version")


def _check_field(seen: Observation, place: str) -> None:
    if seen.origin is Origin.EDIT:
        raise PromiseBroken("an edit", f"{place}origin", "what files say, and no person,")
    if not is_observed(seen.field):
        raise PromiseBroken(repr(seen.field)[:200], f"{place}field", "a field that files may say")


def is_observed(name: str) -> bool:
    """Whether files may say this: a field of the table that is not derived, or a name below one of the open ones."""
    if name.startswith(OPEN_FIELDS):
        return not name.endswith(".")
    field = fields().get(name)
    return field is not None and (field.rule != "derived" or name in OBSERVED_ALTHOUGH_DERIVED)


def _check_reference(reference: Reference, place: str) -> None:
    if sibling(reference.name) is None:
        shown = repr(reference.name)[:200]
        raise PromiseBroken(shown, f"{place}name", "a name below the directory of the file")


def _cut(seen: Observation) -> Observation:
    raw = bounded(seen.raw, MAX_BODY_BYTES if seen.field == "all_text" else MAX_TEXT_BYTES)
    return seen if raw is seen.raw else replaced(seen, raw=raw)
