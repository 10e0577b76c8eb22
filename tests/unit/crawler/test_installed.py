"""What an extractor of another package returns is what it promised, or one sentence that says what is not."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from catalog.errors import PromiseBroken
from catalog.records import (
    Extraction,
    Observation,
    Origin,
    Reference,
    Risk,
    Role,
    Severity,
    TensorSummary,
    TensorTally,
)
from crawler.installed import checked


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
