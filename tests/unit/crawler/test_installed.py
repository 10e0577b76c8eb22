"""What an extractor of another package returns is what it promised, or one sentence that says what is not."""

from __future__ import annotations

import math
import pickle
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta, timezone

import pytest

from catalog.errors import PromiseBroken
from catalog.lazy_dataclasses import dataclass as quick_dataclass
from catalog.records import (
    Extraction,
    Observation,
    Origin,
    Reference,
    Risk,
    Role,
    Severity,
    Subject,
    TensorSummary,
    TensorTally,
)
from crawler.candidates import Candidates, Signs
from crawler.extractor import Claim
from crawler.installed import _Checked, _InParts, checked


class Duo:
    name, version = "duo", 1


KEY = "a/x.duo"
SEEN = Observation(
    field="extra.x",
    raw=1,
    pointer="json:/x",
    key=KEY,
    extractor="duo",
    extractor_version=1,
    origin=Origin.EMBEDDED,
)
WHOLE = Extraction(
    key=KEY, extractor="duo", extractor_version=1, format="duo", role=Role.WEIGHTS, observations=(SEEN,)
)


class Text(str):
    """A text that remembers something, as those of YAML readers do."""

    __slots__ = ()


def saying(**changes):
    return replace(WHOLE, observations=(replace(SEEN, **changes),))


def counting(elements):
    tally = TensorTally(
        part="model", dtype="F32", suffix="w", companions=(), tensors=1, elements=elements, bytes=4
    )
    return replace(WHOLE, tensors=TensorSummary(tallies=(tally,), tensors=(), count=1, names_sha256=""))


def cyclic():
    inner = {}
    inner["x"] = [inner] * 9
    return inner


RISK = Risk(kind="code-execution", severity="high", detail="calls", key=KEY)

REFUSED = {
    "nothing": (None, "None where an Extraction was promised"),
    "a mapping": ({}, "a dict where an Extraction was promised"),
    "a generator": ((part for part in [WHOLE]), "a generator where an Extraction was promised"),
    "the class": (Extraction, "the class Extraction where an Extraction was promised"),
    "no observations": (
        replace(WHOLE, observations=None),
        "None as observations where a list of observations was promised",
    ),
    "texts": (
        replace(WHOLE, observations=("a",)),
        "a str as observations[0] where an Observation was promised",
    ),
    "one text": (replace(WHOLE, join_keys="abc"), "a str as join_keys where a list of texts was promised"),
    "no role": (replace(WHOLE, role="king"), "a str as role where one of weights, index,"),
    "a severity as text": (
        replace(WHOLE, risks=(RISK,)),
        "a str as risks[0].severity where one of 1, 2, 3, 4, 5 was",
    ),
    "another file": (
        replace(WHOLE, key="b"),
        "'b' as key where the key of the file, 'a/x.duo', was promised",
    ),
    "another file's value": (saying(key="b"), "'b' as observations[0].key where the key of the file"),
    "another extractor": (
        replace(WHOLE, extractor="unread"),
        "'unread' of version 1 as extractor where its own",
    ),
    "no such field": (
        saying(field="nonsense"),
        "'nonsense' as observations[0].field where a field that files",
    ),
    "a derived field": (saying(field="id"), "'id' as observations[0].field where a field that files may say"),
    "a person": (saying(origin=Origin.EDIT), "an edit as observations[0].origin where what files say"),
    "a way up": (
        replace(WHOLE, references=(Reference(name="../b", relation="shard"),)),
        "'../b' as references[0].name where a name below the directory of the file was promised",
    ),
    "an object": (saying(raw=object()), "an object as observations[0].raw where a JSON value was promised"),
    "a cycle": (saying(raw=cyclic()), "more than 64 levels or 200,000 parts as observations[0].raw"),
    "a tuple as a name": (
        saying(raw={(1, 2): 3}),
        "a tuple as observations[0].raw where text as a name in it",
    ),
    "a long number": (saying(raw=10**5000), "a number of more than 10,000 bits as observations[0].raw"),
    "half a character": (saying(raw="\ud800"), "a str as observations[0].raw where text without halves"),
    "a context that is none": (saying(context=[1]), "a list as observations[0].context where a mapping was"),
    "a time that UTC does not have": (
        saying(raw=datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))),
        "a datetime as observations[0].raw where a time of the years from 1 to 9999 was promised",
    ),
    "less than nothing": (counting(-9), "-9 as tensors.tallies[0].elements where a whole number from 0 on"),
    "no number": (counting(math.nan), "nan as tensors.tallies[0].elements where a whole number from 0 on"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_was_not_promised_is_refused_in_one_sentence_that_names_its_place(case):
    """It ended the crawl of all files, some with the sentence that the store was damaged."""
    returned, sentence = REFUSED[case]
    with pytest.raises(PromiseBroken) as refused:
        checked(returned, Duo, KEY)
    assert str(refused.value).startswith(f"returned {sentence}")


@pytest.mark.parametrize(
    ("returned", "raw"),
    [
        (saying(raw=Text("abc")), "abc"),
        (saying(raw={1: (2, Text("x"))}), {"1": [2, "x"]}),
        (saying(raw="x" * 10_000), "x" * 8192),
        (saying(raw=math.inf), math.inf),
        (saying(raw=2**70), 2**70),
        (replace(WHOLE, observations=[SEEN], role="weights"), 1),
    ],
    ids=["subclass", "names and tuples", "long text", "infinity", "large number", "lists and texts of roles"],
)
def test_what_can_be_kept_is_taken_as_json_has_it(returned, raw):
    taken = checked(returned, Duo, KEY)
    assert taken == replace(WHOLE, observations=(replace(SEEN, raw=raw),))
    assert type(taken.observations[0].raw) is type(raw)
    assert taken.role is Role.WEIGHTS


def test_what_was_promised_is_taken_as_it_is():
    whole = replace(WHOLE, risks=(replace(RISK, severity=Severity.HIGH),))
    assert checked(whole, Duo, KEY) == whole


def test_what_is_of_a_class_below_the_promised_one_is_taken_as_the_promised_one():
    """No other process knows a stranger's class: crawls ended in a traceback once their files were enough for processes."""

    class Longer(Observation, frozen=True, kw_only=True):
        more: int = 3

    longer = Longer(**{row.name: getattr(SEEN, row.name) for row in fields(Observation)})
    taken = checked(replace(WHOLE, observations=(longer,)), Duo, KEY)
    assert type(taken.observations[0]) is Observation
    assert pickle.loads(pickle.dumps(taken)) == WHOLE  # noqa: TID251 - between our own processes


@pytest.mark.parametrize("decorator", [dataclass, quick_dataclass(frozen=True, slots=True, kw_only=True)])
def test_a_dataclass_of_a_stranger_below_a_struct_of_ours_is_told_what_to_leave_out(decorator):
    """It was "type object 'Value' has no attribute '__dataclass_params__'"."""
    with pytest.raises(AttributeError, match="gets its fields without @dataclass, which is to be left out"):

        @decorator
        class Longer(Observation):
            more: int = 3

    assert not hasattr(Observation, "__dataclass_params__")


class Asked:
    """An extractor of which each test says how it answers."""

    name, version, description, reads, limits = "duo", 1, "", "", ""

    def __init__(self, answer, **more):
        self.answer = answer
        vars(self).update(more)

    def claims(self, key, head):
        return self.answer()

    def extract(self, reader):
        return self.answer()

    def parts(self, reader):
        yield WHOLE
        yield self.answer()


class Reader:
    key = KEY


def ending(error):
    def end():
        raise error

    return end


@pytest.mark.parametrize("error", [SystemExit(3), GeneratorExit()], ids=repr)
def test_what_no_except_exception_sees_costs_a_file_and_not_the_crawl(error):
    """A stranger's library that raised GeneratorExit ended the crawl of all files in a traceback."""
    asked = _InParts(Asked(ending(error)))
    parts = asked.parts(Reader)
    assert next(parts) == WHOLE
    for call in (lambda: asked.claims(KEY, b""), lambda: asked.extract(Reader), lambda: next(parts)):
        with pytest.raises(RuntimeError, match=type(error).__name__):
            call()


def test_parts_of_which_nobody_wants_more_are_no_error():
    parts = _InParts(Asked(lambda: WHOLE)).parts(Reader)
    assert next(parts) == WHOLE
    parts.close()


def test_a_stranger_is_asked_about_files_with_its_signs_alone():
    """They were declared as the guide says, and nobody looked at them."""
    signs = Signs(suffixes=[".duo"], beginnings={b"DUO1"})
    candidates = Candidates([_Checked(Asked(lambda: None, signs=signs))])
    offered = [
        bool(candidates.of(key, head)) for key, head in (("a.duo", b""), ("a", b"DUO1"), ("a.txt", b"x"))
    ]
    assert offered == [True, True, False]


@pytest.mark.parametrize(
    ("signs", "sentence"),
    [
        (Signs(names="MLmodel"), "a str as signs.names where a list of str was promised"),
        (Signs(beginnings=b"DUO1"), "a bytes as signs.beginnings where a list of bytes was promised"),
        (
            Signs(suffixes=(suffix for suffix in [".duo"])),
            "a generator as signs.suffixes where a list of str was promised",
        ),
        (
            Signs(suffixes=[""]),
            "a str as signs.suffixes where a list of str, each with something in it,",
        ),
        ({"names": ["a"]}, "a dict as signs where Signs was promised"),
    ],
    ids=["one text", "bytes", "a generator", "an empty one", "a mapping"],
)
def test_signs_that_would_hide_files_are_refused(signs, sentence):
    """The letters of a text in place of a list would have been the signs: no file would ever have been offered."""
    with pytest.raises(PromiseBroken) as refused:
        _Checked(Asked(lambda: Claim(format="duo", role=Role.WEIGHTS, confidence=9), signs=signs))
    assert str(refused.value).startswith(f"returned {sentence}")


SAYING_OF_SUBJECTS = {
    "no name": (Subject(id="", join_keys=()),),
    "one twice": (Subject(id="run:1", join_keys=("path:a",)), Subject(id="run:1", join_keys=("path:b",))),
}


@pytest.mark.parametrize("case", SAYING_OF_SUBJECTS)
def test_subjects_that_cannot_be_told_apart_are_refused(case):
    """The store refused the second row of one subject, and the crawl of all files ended."""
    with pytest.raises(PromiseBroken, match=r"as subjects\[\d\]\.id where a text that no other subject has"):
        checked(replace(WHOLE, subjects=SAYING_OF_SUBJECTS[case]), Duo, KEY)


def test_a_digest_of_tensors_is_a_number():
    """It was summed up with those of other files when a record was made, and ended the crawl of all files."""
    with pytest.raises(PromiseBroken, match="tensors_digest where a number in hexadecimal digits"):
        checked(replace(WHOLE, tensors_digest="sha256:12"), Duo, KEY)
