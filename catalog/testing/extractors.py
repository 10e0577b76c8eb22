"""The suite that every extractor passes: subclass it, add one real sample and what it says.

class TestSafetensors(ExtractorSuite):
    extractor = SafetensorsExtractor
    expected = {"framework": "pytorch"}

    def sample(self) -> Sample:
        return Sample(key="model/model.safetensors", data=(DATA / "tiny.safetensors").read_bytes())
"""

from __future__ import annotations

import contextlib
import inspect
import json
import re
import tracemalloc
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, ClassVar

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument

from catalog import plugins
from catalog.errors import ExtractError, LimitExceeded, ObjectUnreadable, SourceError
from catalog.lazy_dataclasses import dataclass, field
from catalog.records import Extraction, Reference, Role
from crawler.candidates import Candidates, Signs
from crawler.extractor import HEAD_BYTES, MAX_BODY_BYTES, MAX_TEXT_BYTES, Claim, Extractor
from crawler.promises import Promise
from crawler.reader import Budget, RangedReader
from mappings import fields

MAX_PEAK_BYTES = 256 * 1024 * 1024
"""Python memory that reading one damaged sample may take."""

OBSERVED_ALTHOUGH_DERIVED = frozenset({"all_text", "evaluations"})
OPEN_FIELDS = ("metrics.", "hyperparameters.", "extra.")
RISK_KINDS = frozenset(
    {
        "code-execution",
        "lambda-layer",
        "template-injection",
        "path-traversal",
        "zip-bomb",
        "secret",
        "remote-code",
    }
    | {"needs-trust", "external-data", "unchecked", "suspicious-structure", "legacy-format"}
)
RELATIONS = frozenset({"shard", "data", "component", "tensor-map", "layer", "part"})
PARTS = frozenset({"model", "buffer", "optimizer", "ema", "auxiliary", "constant"})
MAX_DEPTH_OF_PATTERNS = 3
HOSTILE_NUMBERS = (2**63, 2**60, 2**64 - 1, 2**32 - 1, 2**31, 10**12, 0)
OTHER_VALUES: tuple[Any, ...] = (
    *(None, True, 0, -1, 1.5, 2**63, "", "x", "../x", "NaN", "\0", [], [[]], [1, "a", None], {}, {"a": 1}),
    *(
        {"": [None]},
        {"a": {"b": [1, {"c": None}]}},
        {"value": {"value": 1}},
        {"type": ["x"]},
        {"name": {"x": 1}},
    ),
)

_POINTER = re.compile(r"[a-z][a-z0-9-]*:")
_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_FUZZ = settings(
    max_examples=25,  # of each of eight tests for each of 110 extractors; `make fuzz` and `make fuzz-readers` draw more
    deadline=None,  # the reader's budget bounds time; a loaded machine is no failure
    database=None,
    suppress_health_check=[
        HealthCheck.differing_executors,
        HealthCheck.too_slow,
    ],  # one suite, many subclasses
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One file: its key as storage names it, and its bytes."""

    key: str
    data: bytes


@dataclass(slots=True)
class Storage:
    """Bytes behind ranges. Records every request; breaks after `breaks_after` of them."""

    data: bytes
    breaks_after: int | None = None
    ranges: list[tuple[int, int]] = field(default_factory=list)
    broke: bool = False

    def fetch(self, start: int, end: int) -> bytes:
        if self.breaks_after is not None and len(self.ranges) >= self.breaks_after:
            self.broke = True
            raise ObjectUnreadable("sample", "the storage broke")
        self.ranges.append((start, end))
        return self.data[start:end]

    @property
    def bytes_served(self) -> int:
        return sum(min(end, len(self.data)) - start for start, end in self.ranges)


_SAMPLES: dict[type[ExtractorSuite], Sample] = {}  # made once per suite: some samples are built


class ExtractorSuite:
    """What every extractor promises, as tests over one real sample and damaged copies of it.

    `expected` are values that must be observed: field to raw value. `max_requests` is the number of range requests
    that the sample may take.
    """

    extractor: ClassVar[type[Extractor]]
    expected: ClassVar[Mapping[str, Any]] = {}
    max_requests: ClassVar[int] = 1

    def sample(self) -> Sample:
        """A real file, written by the format's own library."""
        raise NotImplementedError

    # -- who it is ----------------------------------------------------------------------------------------------

    def test_extractor_is_registered_under_its_name_and_describes_itself(self) -> None:
        extractor = self.extractor()
        assert plugins.load("extractor", extractor.name) is self.extractor
        assert _SLUG.fullmatch(extractor.name)
        assert extractor.version >= 1
        assert extractor.description
        assert extractor.reads
        assert extractor.limits

    # -- claims -------------------------------------------------------------------------------------------------

    def test_sample_is_claimed(self) -> None:
        sample = self._sample()
        claim = self.extractor().claims(sample.key, sample.data[:HEAD_BYTES])
        assert claim is not None
        check_claim(claim)
        assert self._is_offered(sample.key, sample.data[:HEAD_BYTES])

    @_FUZZ
    @given(key=st.text(max_size=60), head=st.binary(max_size=200))
    def test_claims_are_total_on_any_file(self, key: str, head: bytes) -> None:
        claim = self.extractor().claims(key, head)
        assert claim is None or (check_claim(claim) and self._is_offered(key, head))

    @_FUZZ
    @given(head=st.binary(max_size=200))
    def test_claims_are_total_on_its_own_name_with_other_bytes(self, head: bytes) -> None:
        claim = self.extractor().claims(self._sample().key, head)
        assert claim is None or (check_claim(claim) and self._is_offered(self._sample().key, head))

    def test_no_file_is_claimed_that_has_none_of_the_declared_signs(self) -> None:
        """Such a file is never offered: nobody would read it, and nobody would know."""
        sample, extractor, candidates = self._sample(), self.extractor(), Candidates([self.extractor()])
        names, heads = _known_files()
        heads = [*heads, sample.data[:HEAD_BYTES], b" \n" + sample.data[: HEAD_BYTES - 2]]
        stem = sample.key.rpartition("/")[2].partition(".")[0]
        keys = [
            sample.key,
            sample.key.upper(),
            sample.key.rpartition("/")[2],
            *names,
            *(name.replace("m/model.", f"m/{stem}.") for name in names),
            *_names_in_code(extractor),
        ]
        overlooked = [
            (key, head[:16])
            for key in keys
            for head in heads
            if not candidates.of(key, head) and extractor.claims(key, head) is not None
        ]
        assert not overlooked

    @_FUZZ
    @given(data=st.data())
    def test_what_its_own_patterns_find_is_offered_where_it_is_claimed(self, data: st.DataObject) -> None:
        """Folders, endings and beginnings that stand in an expression alone are no words that can be read off its code."""
        sample, extractor = self._sample(), self.extractor()
        if not isinstance(getattr(extractor, "signs", None), Signs):
            return  # it is offered every file
        keys, heads = _found_by_its_patterns(type(extractor))
        key = data.draw(st.one_of(st.just(sample.key), *keys))
        head = data.draw(st.one_of(st.just(sample.data[:HEAD_BYTES]), st.just(b""), *heads))
        place = data.draw(st.sampled_from(["", "m/", sample.key.rpartition("/")[0] + "/"])) + key
        assert extractor.claims(place, head) is None or self._is_offered(place, head)

    # -- extraction ---------------------------------------------------------------------------------------------

    def test_extraction_is_complete_and_says_what_is_expected(self) -> None:
        extraction = self.extract(self._sample().data)
        check_extraction(extraction, self.extractor())
        values: dict[str, list[Any]] = {}
        for observation in extraction.observations:
            values.setdefault(observation.field, []).append(observation.raw)
        missing = {name: value for name, value in self.expected.items() if value not in values.get(name, [])}
        assert not missing, f"not said: {missing}; said: { {name: values.get(name) for name in missing} }"

    def test_extraction_is_deterministic(self) -> None:
        data = self._sample().data
        assert self.extract(data) == self.extract(data)

    def test_sample_takes_no_more_requests_than_promised(self) -> None:
        sample = self._sample()
        storage = Storage(sample.data)
        extraction = self.extractor().extract(RangedReader(sample.key, len(sample.data), storage.fetch))
        assert extraction.requests == len(storage.ranges)
        assert extraction.bytes_read == storage.bytes_served
        assert len(storage.ranges) <= self.max_requests

    def test_storage_that_breaks_is_never_taken_for_a_broken_file(self) -> None:
        sample = self._sample()
        for working in range(self.max_requests):
            storage = Storage(sample.data, breaks_after=working)
            reader = RangedReader(sample.key, len(sample.data), storage.fetch)
            try:
                self.extractor().extract(reader)
            except SourceError:
                continue
            assert not storage.broke, "an error of the storage was swallowed"

    # -- damage -------------------------------------------------------------------------------------------------

    @_FUZZ
    @given(data=st.data())
    def test_truncated_file_is_an_error_or_less_said(self, data: st.DataObject) -> None:
        sample = self._sample().data
        self.check_damaged(sample[: data.draw(st.integers(0, max(0, len(sample) - 1)))])

    @_FUZZ
    @given(data=st.data())
    def test_flipped_bytes_are_an_error_or_otherwise_said(self, data: st.DataObject) -> None:
        damaged = bytearray(self._sample().data)
        for place in data.draw(st.lists(self._places(), min_size=1, max_size=8)):
            damaged[place % max(1, len(damaged))] = data.draw(st.integers(0, 255))
        self.check_damaged(bytes(damaged))

    @_FUZZ
    @given(data=st.data())
    def test_hostile_numbers_are_an_error_or_otherwise_said(self, data: st.DataObject) -> None:
        damaged = bytearray(self._sample().data)
        place = data.draw(self._places()) % max(1, len(damaged))
        width = data.draw(st.sampled_from([4, 8]))
        number = data.draw(st.sampled_from(HOSTILE_NUMBERS)) % 2 ** (8 * width)
        damaged[place : place + width] = number.to_bytes(width, data.draw(st.sampled_from(["little", "big"])))
        self.check_damaged(bytes(damaged))

    @_FUZZ
    @given(data=st.data())
    def test_removed_and_doubled_parts_are_an_error_or_otherwise_said(self, data: st.DataObject) -> None:
        sample = self._sample().data
        start, end = sorted((data.draw(self._places()), data.draw(self._places())))
        part = sample[start:end]
        self.check_damaged(sample[:start] + part * data.draw(st.sampled_from([0, 2, 3])) + sample[end:])

    def test_json_of_other_types_is_an_error_or_otherwise_said(self) -> None:
        """For samples that are JSON: a list where an object belongs, text where a number belongs, and so on."""
        try:
            value = json.loads(self._sample().data)
        except ValueError:
            return
        self._check_other_types(value)

    @_FUZZ
    @given(data=st.data())
    def _check_other_types(self, value: Any, data: st.DataObject) -> None:
        for _ in range(data.draw(st.integers(1, 3))):
            value = _with_other_type(value, data)
        self.check_damaged(json.dumps(value).encode())

    def test_empty_file_is_an_error_or_nothing_said(self) -> None:
        self.check_damaged(b"")

    def test_memory_for_a_damaged_file_is_bounded(self) -> None:
        sample = self._sample().data
        tracemalloc.start()
        try:
            for place in (*range(0, min(len(sample), 128), 8), *range(128, min(len(sample), 512), 32)):
                damaged = bytearray(sample)
                damaged[place : place + 8] = (2**60).to_bytes(8, "little")
                self.check_damaged(bytes(damaged))
            assert tracemalloc.get_traced_memory()[1] < MAX_PEAK_BYTES
        finally:
            tracemalloc.stop()

    @_FUZZ
    @given(requests=st.integers(0, 3), size_bytes=st.integers(0, 300_000))
    def test_budget_is_never_exceeded(self, requests: int, size_bytes: int) -> None:
        sample = self._sample()
        storage = Storage(sample.data)
        budget = Budget(requests=requests, bytes=size_bytes)
        reader = RangedReader(sample.key, len(sample.data), storage.fetch, budget=budget)
        with contextlib.suppress(LimitExceeded):
            check_extraction(self.extractor().extract(reader), self.extractor())
        assert len(storage.ranges) <= requests
        assert storage.bytes_served <= size_bytes

    # -- for subclasses -----------------------------------------------------------------------------------------

    def extract(self, data: bytes, *, key: str | None = None) -> Extraction:
        """The extraction of these bytes under the sample's key, or another one."""
        reader = RangedReader(key or self._sample().key, len(data), Storage(data).fetch)
        return self.extractor().extract(reader)

    def check_damaged(self, data: bytes) -> None:
        """Damaged bytes end in a typed error or in a well-formed extraction, never in anything else."""
        try:
            extraction = self.extract(data)
        except (ExtractError, SourceError):
            return
        check_extraction(extraction, self.extractor())

    def _is_offered(self, key: str, head: bytes) -> bool:
        return bool(Candidates([self.extractor()]).of(key, head))

    def _sample(self) -> Sample:
        if type(self) not in _SAMPLES:
            _SAMPLES[type(self)] = self.sample()
        return _SAMPLES[type(self)]

    def _places(self) -> st.SearchStrategy[int]:
        """Positions in the sample, the first half kilobyte more often: headers are there."""
        last = max(0, len(self._sample().data) - 1)
        return st.one_of(st.integers(0, min(512, last)), st.integers(0, last))


@cache
def _known_files() -> tuple[list[str], list[bytes]]:
    """Keys and first bytes of all kinds that any installed extractor declares."""
    names, heads = {"m/model", "m/model.bin"}, {b"", b"{", b"[", b"0"}
    for name in plugins.names("extractor"):
        extractor = plugins.load("extractor", name)
        signs = getattr(extractor, "signs", Signs())
        names.update(f"m/{own}" for own in signs.names)
        names.update(f"m/model{suffix}" for suffix in signs.suffixes)
        names.update(f"m/{folder}/model" for folder in signs.folders)
        heads.update(list(signs.beginnings)[:4])
        promises = getattr(extractor, "promises", Promise())
        names.update(f"m/model{suffix}" for suffix in promises.formats)
    return sorted(names), sorted(heads)


@cache
def _found_by_its_patterns(
    kind: type[Extractor],
) -> tuple[list[st.SearchStrategy[str]], list[st.SearchStrategy[bytes]]]:
    """Keys and first bytes that the regular expressions find which the module of an extractor has."""
    # Of a name with other characters everybody is asked.
    printable = st.characters(min_codepoint=32, max_codepoint=126)
    keys: list[st.SearchStrategy[str]] = []
    heads: list[st.SearchStrategy[bytes]] = []
    for expression in _patterns_in(vars(inspect.getmodule(kind) or kind)):
        if isinstance(expression.pattern, bytes):
            heads.append(st.from_regex(re.compile(expression.pattern, expression.flags), fullmatch=True))
            continue
        source = re.compile(expression.pattern, expression.flags)
        with contextlib.suppress(InvalidArgument):  # it finds nothing that is printable
            key = st.from_regex(source, fullmatch=True, alphabet=printable)
            key.validate()
            keys.append(key.map(lambda key: key.removeprefix("/")))
    return keys, heads


def _patterns_in(value: Any, depth: int = 0) -> Iterator[re.Pattern[Any]]:
    """Those in the names of a module, and in the tuples and mappings that they mean."""
    if isinstance(getattr(value, "pattern", None), str | bytes) and isinstance(
        getattr(value, "flags", None), int
    ):
        yield value
    elif isinstance(value, Mapping | tuple | list) and depth < MAX_DEPTH_OF_PATTERNS:
        for part in value.values() if isinstance(value, Mapping) else value:
            yield from _patterns_in(part, depth + 1)


def _names_in_code(extractor: Extractor) -> list[str]:
    """Keys made of whatever the module of an extractor writes down: names, suffixes and folders among it."""
    source = inspect.getsource(inspect.getmodule(type(extractor)) or type(extractor))
    words = {word for word in re.findall(r"""["']([\w./-]{1,40})["']""", source) if not word.isidentifier()}
    return [key for word in sorted(words) for key in (f"m/{word}", f"m/model{word}")]


def _with_other_type(value: Any, data: st.DataObject) -> Any:
    """The value with something else at one place that hypothesis chooses."""
    deeper = isinstance(value, (dict, list)) and bool(value) and data.draw(st.integers(0, 5)) > 0
    if not deeper:
        return data.draw(st.sampled_from(OTHER_VALUES))
    if isinstance(value, list):
        place = data.draw(st.integers(0, len(value) - 1))
        return [*value[:place], _with_other_type(value[place], data), *value[place + 1 :]]
    key = data.draw(st.sampled_from(sorted(value)))
    return {**value, key: _with_other_type(value[key], data)}


def check_claim(claim: Claim) -> bool:
    """A claim names a format, a role and a confidence from 1 to 100."""
    assert claim.format
    assert isinstance(claim.role, Role)
    assert 0 < claim.confidence <= 100
    return True


def check_extraction(extraction: Extraction, extractor: Extractor) -> None:
    """Every promise about an Extraction that holds for all formats."""
    assert extraction.extractor == extractor.name
    assert extraction.extractor_version == extractor.version
    for observation in extraction.observations:
        assert observation.key == extraction.key
        assert observation.extractor == extractor.name
        assert observation.extractor_version == extractor.version
        assert _POINTER.match(observation.pointer), f"pointer without a kind: {observation.pointer!r}"
        check_field(observation.field)
        check_raw(observation.raw, MAX_BODY_BYTES if observation.field == "all_text" else MAX_TEXT_BYTES)
        json.dumps(dict(observation.context), allow_nan=False).encode()
        observation.pointer.encode()
    for reference in extraction.references:
        check_reference(reference)
    for risk in extraction.risks:
        assert risk.kind in RISK_KINDS, risk.kind
        assert risk.key == extraction.key
        risk.detail.encode()
    for problem in extraction.problems:
        assert _SLUG.fullmatch(problem.code), problem.code
        assert problem.message
        problem.message.encode()
    if extraction.tensors is not None:
        assert sum(tally.tensors for tally in extraction.tensors.tallies) == extraction.tensors.count
        assert {tally.part for tally in extraction.tensors.tallies} <= PARTS
        assert all(0 <= tally.elements < 2**63 for tally in extraction.tensors.tallies)


def check_field(name: str) -> None:
    """A field of the table that is observed, or a name below metrics, hyperparameters or extra."""
    if any(name.startswith(prefix) and len(name) > len(prefix) for prefix in OPEN_FIELDS):
        name.encode()
        return
    assert name in fields(), f"{name!r} is no field"
    rule = fields()[name].rule
    assert rule != "derived" or name in OBSERVED_ALTHOUGH_DERIVED, f"{name!r} is derived, never observed"


def check_raw(raw: Any, max_text: int) -> None:
    """A JSON value that every store and engine can hold."""
    json.dumps(raw, allow_nan=False, ensure_ascii=False).encode()
    assert raw is not None
    assert not isinstance(raw, str) or len(raw) <= max_text


def check_reference(reference: Reference) -> None:
    """A name below the file's own directory."""
    assert reference.relation in RELATIONS
    assert reference.name
    assert not reference.name.startswith(("/", "\\"))
    assert ".." not in reference.name.replace("\\", "/").split("/")
    assert "\0" not in reference.name
