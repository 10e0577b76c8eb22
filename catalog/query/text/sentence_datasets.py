"""Data sets that models are evaluated on, in sentences: `f1 on the conll2003 dataset`, `f1 @ conll2003`, `never evaluated`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from catalog.query.text.printing import quoted
from catalog.query.text.sentence_numbers import amount_at
from catalog.query.text.sentence_parts import Replacement, Sentence, numeric_name
from catalog.query.text.targets import resolve
from catalog.text.patterns import pattern

MAX_DATASETS_ASKED = 4
"""Data sets of one sentence that the catalog is asked for, where they are not among those at hand."""
_ON = frozenset({"on", "auf", "su", "op", "@"})
_NEAR = frozenset({"for", "in", "en", "over", "against"})
"""Say so much of a data set only that evaluations name."""
_NOUNS = frozenset({"dataset", "corpus", "benchmark", "datensatz", "testset"})
_NOUNS_OF_TWO = frozenset({("data", "set"), ("test", "set"), ("jeu", "of")})


def on_dataset(sentence: Sentence, at: int) -> tuple[int, str] | None:
    """How many words `on conll2003`, `on the conll2003 dataset` and `(conll2003)` have, and the data set of evaluations."""
    bracketed = _in_brackets(sentence, at)
    if bracketed is not None:
        return 1, bracketed
    link = sentence.text(at)
    if link not in _ON | _NEAR:
        return None
    used = 1 + (sentence.text(at + 1) == "the")
    used += _noun(sentence, at + used)
    known = dataset_at(sentence, at + used)
    if known is None and link in _ON:
        known = _asked_for(sentence, at + used)
    return None if known is None else (used + 1 + _noun(sentence, at + used + 1), known)


def datasets_alone(sentence: Sentence, at: int) -> tuple[int, Sequence[str], str] | None:
    """How many words `on conll2003 or mnist` has that stands behind no metric and no number that one is compared with, the data
    sets, and what joins them. What models were trained on or not evaluated on is none of them.
    """
    counted = at > 1 and sentence.text(at - 2) in {"top", "best", "first"}
    before = sentence.text(at - 1) if at else ""
    if before and not counted and amount_at(sentence, at - 1) is not None:
        return None
    if before and sentence.text(at) and any(target.kind == "metric" for target in resolve(before)):
        return None
    if before.endswith(_TRAINED) or _is_denied(sentence, at):
        return None
    end, datasets, joining = _datasets_at(sentence, at)
    return (end - at, datasets, joining) if datasets else None


_TRAINED = ("trained", "tuned")


def _is_denied(sentence: Sentence, at: int) -> bool:
    """Whether `not`, `not evaluated`, `not been evaluated` or `without evaluation` stands before."""
    place = at - 1
    while place >= 0 and sentence.text(place) in _EVALUATED | _EVALUATION | {"been", "any"}:
        place -= 1
    return place >= 0 and sentence.text(place) in _DENYING


_IN_BRACKETS = pattern(r"[(\[][^()\[\]]+[)\]]")


def _in_brackets(sentence: Sentence, at: int) -> str | None:
    """The data set of `(conll2003)` and `[conll2003]`."""
    if at >= len(sentence.words) or not _IN_BRACKETS.fullmatch(sentence.words[at].whole):
        return None
    inside = sentence.words[at].raw.strip("[]")
    alone = replace(sentence, words=(replace(sentence.words[at], text=inside.casefold(), plain=True),))
    return dataset_at(alone, 0)


def _asked_for(sentence: Sentence, at: int) -> str | None:
    """The data set where the catalog has it beyond those at hand."""
    name = sentence.text(at)
    if sentence.vocabulary is None or not name[:1].isalpha():
        return None
    if sum(word.text in _ON for word in sentence.words) > MAX_DATASETS_ASKED:
        return None
    return name if sentence.vocabulary.is_evaluated_on(name) else None


def _noun(sentence: Sentence, at: int) -> int:
    """How many words there say that it is a data set."""
    if (sentence.text(at), sentence.text(at + 1)) in _NOUNS_OF_TWO:
        return 2
    return int(sentence.text(at) in _NOUNS)


def dataset_at(sentence: Sentence, at: int) -> str | None:
    """The data set of evaluations that this word names: `conll2003`, and `imagenet` where imagenet-1k alone begins so."""
    name = sentence.text(at)
    if sentence.vocabulary is None or not name:
        return None
    known = sentence.vocabulary.evaluated_on
    if name in known:
        return name
    begun = [dataset for dataset in known if dataset.startswith((f"{name}-", f"{name}_", f"{name} "))]
    return begun[0] if len(begun) == 1 and " " not in begun[0] else None


_EVALUATED = frozenset({"evaluated", "tested", "benchmarked", "scored", "validated"})
_EVALUATION = frozenset({"evaluation", "evaluations"})
_PLAIN_NAME = pattern(r"[^\W_][\w.\-]*\d[\w.\-]*|[a-z]+[-_][\w.\-]+")
"""A word with digits or parts, as data sets are called."""
_DENYING = frozenset({"not", "without", "no"})
_MAX_LISTED = 8


def evaluated(sentence: Sentence, at: int) -> Replacement:
    """`evaluated on conll2003`, `not tested on mnist or coco`, `never evaluated`, `without evaluation`."""
    if sentence.text(at) in {"unevaluated", "unbenchmarked"}:
        return 1, "missing:metrics"
    denied = sentence.text(at) in _DENYING
    place = at + denied
    place += denied and sentence.text(place) in {"been", "any"}
    verb = sentence.text(place) in (_EVALUATED | _EVALUATION if denied else _EVALUATED)
    if not (denied or verb):
        return None
    end, datasets, joining = _datasets_at(sentence, place + verb)
    behind = denied and not verb and sentence.text(end) in _EVALUATED  # "nicht auf conll2003 evaluiert"
    if datasets and (verb or behind):
        return end + behind - at, told_on(datasets, joining, denied=denied)
    unknown = sentence.text(place + verb + 1)
    if denied and verb and sentence.text(place + verb) == "on" and _PLAIN_NAME.fullmatch(unknown):
        return place + verb + 2 - at, told_on([unknown], "", denied=True)  # nobody was: that is said
    alone = denied and sentence.text(place) in _EVALUATION | {"evaluated"}
    if not alone or sentence.text(place + 1) in _ON | _NEAR | {"with", "by"}:
        return None  # denied is only what follows
    return place + 1 - at, "missing:metrics"


def _datasets_at(sentence: Sentence, at: int) -> tuple[int, list[str], str]:
    """Where `on conll2003 or mnist` ends that begins there, the data sets, and the word between them."""
    datasets, joining, end = list[str](), "", at
    on = on_dataset(sentence, at)
    while on is not None and len(datasets) < _MAX_LISTED:
        end += on[0]
        datasets.append(on[1])
        word = sentence.text(end)
        if word not in {"or", "nor", "and"} or joining not in {"", word}:
            break
        on = on_dataset(sentence, end + 1) or _named(sentence, end + 1)
        if on is not None:
            joining, end = word, end + 1
    return end, datasets, joining


def _named(sentence: Sentence, at: int) -> tuple[int, str] | None:
    known = dataset_at(sentence, at)
    return None if known is None or numeric_name(sentence, at + 1) is not None else (1, known)


def measured_on(sentence: Sentence, at: int, name: str, bound: str) -> tuple[int, str] | None:
    """How many words `on conll2003 and mnist` have behind a metric, and what it comes to on each of these data sets."""
    end, datasets, joining = _datasets_at(sentence, at)
    if not datasets:
        return None
    conditions = [f"{quoted(f'{name}@{dataset}')}{bound}" for dataset in datasets]
    joined = (" " if joining == "and" else " OR ").join(conditions)
    return end - at, joined if len(conditions) == 1 else f"({joined})"


def told_on(datasets: Sequence[str], joining: str, *, denied: bool) -> str:
    conditions = [f"{'missing' if denied else 'has'}:{quoted(f'metrics@{dataset}')}" for dataset in datasets]
    return f"({' OR '.join(conditions)})" if joining == "or" and not denied else " ".join(conditions)
