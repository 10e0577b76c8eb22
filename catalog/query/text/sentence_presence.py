"""What is there, what lacks and what is left out, in sentences: `that report f1`, `doesn't have a license`, `but not tiny`."""

from __future__ import annotations

from dataclasses import replace

from catalog.query.periods import is_year
from catalog.query.text.function_words import FUNCTION_WORDS, NEGATING_WORDS
from catalog.query.text.parse_context import opposite
from catalog.query.text.printing import quoted
from catalog.query.text.sentence_amount_lists import amounts_listed
from catalog.query.text.sentence_amounts import amount_alone
from catalog.query.text.sentence_datasets import on_dataset
from catalog.query.text.sentence_dates import dated
from catalog.query.text.sentence_licences import family_of_licences, licence_alone
from catalog.query.text.sentence_lists import UNTOLD, listed_before_name, tagged
from catalog.query.text.sentence_numbers import amount_at, bound_at, span_at
from catalog.query.text.sentence_origins import derived, optimized, said_of_bases
from catalog.query.text.sentence_parts import (
    LINKS,
    Replacement,
    Sentence,
    comparator,
    is_contracted,
    is_operator,
    next_member,
    numeric_name,
    spoken_name,
)
from catalog.query.text.sentence_values import (
    ARTICLES,
    HAVING,
    STATES_OF_MODELS,
    formatted,
    linked_value,
    named_by_alias,
    state,
    valued,
)
from catalog.query.text.sentence_versions import numbered, versioned
from catalog.query.text.targets import reported, resolve
from catalog.text.patterns import pattern
from mappings import fields


def named_thing(sentence: Sentence, at: int) -> tuple[int, str] | None:
    """A field or metric that may be there or lack, and how many words name it."""
    for count, words in spoken_name(sentence, at):
        whole = fields().get(_WHOLES.get(words, words))
        if whole is not None and (whole.type in {"metrics", "nested"} or whole.exists_by or words in _WHOLES):
            return count, whole.name
        targets = (*resolve(words), *reported(words, sentence.vocabulary))
        if targets and words not in FUNCTION_WORDS and targets[0].path not in {"name", "flags"}:
            metrics = [target for target in targets if target.kind == "metric"]
            return count, (metrics or targets)[0].name
    return None


def having(sentence: Sentence, at: int) -> Replacement:
    """`with a license`, `that report f1`, `has metrics`: what models say something about."""
    if sentence.text(at) not in HAVING:
        return None
    used = 1 + (sentence.text(at + 1) in ARTICLES)
    if sentence.text(at + used) == "both" and (first := named_thing(sentence, at + used + 1)) is not None:
        second = named_thing(sentence, at + used + first[0] + 2)
        if second is not None and sentence.text(at + used + 1 + first[0]) == "and":
            used += first[0] + second[0] + 2
            bound = bound_at(sentence, at + used)
            if bound is not None:
                compared = f"{bound.sign}{bound.amount.text}"
                return used + bound.count, f"{first[1]}{compared} {second[1]}{compared}"
            return used, f"has:{quoted(first[1])} has:{quoted(second[1])}"
    thing = named_thing(sentence, at + used)
    if thing is None or linked_value(sentence, at + used) is not None:
        return None
    used += thing[0]
    if on_dataset(sentence, at + used) is not None:
        return None
    other = named_thing(sentence, at + used + 1) if sentence.text(at + used) == "and" else None
    if other is not None and not _measured(sentence, at + used + 1 + other[0]):
        return used + 1 + other[0], f"has:{quoted(thing[1])} has:{quoted(other[1])}"
    if _measured(sentence, at + used):
        return None
    return used, f"has:{quoted(thing[1])}"


def _measured(sentence: Sentence, at: int) -> bool:
    """Whether a comparison or a number follows the name that ended there."""
    compared = comparator(sentence, at) or sentence.text(at) in LINKS
    return bool(compared or amount_at(sentence, at) or span_at(sentence, at))


_LACKING = frozenset({"without", "w/o", "lacking", "missing", "no"})
_MADE = frozenset({"trained", "made", "built", "created", "owned", "published", "released"})
_EXCEPT = {
    ("everything", "but"): 2,
    ("all", "but"): 2,
    ("anything", "but"): 2,
    ("but", "not"): 2,
    ("but", "no"): 2,
    ("other", "than"): 2,
    ("apart", "from"): 2,
    ("none", "of"): 2,
}
_EXCEPT_ALONE = frozenset(
    {"without", "w/o", "except", "exclude", "excluding", "minus", "neither", "nor", "senza", "zonder"}
)
_WHOLES = {
    **dict.fromkeys(
        (
            *("scores", "results", "metrik", "metriken", "eval", "evals", "benchmark", "benchmarks"),
            *(
                f"{begun} {end}"
                for begun in ("eval", "evaluation", "benchmark", "test")
                for end in ("results", "scores")
            ),
            *("eval metrics", "evaluation metrics"),
        ),
        "metrics",
    ),
    **dict.fromkeys(("readme", "readme file", "model card", "modelcard"), "description"),
}
"""What people call the metrics and the text of a model when they ask whether there are any."""


def lacking(sentence: Sentence, at: int) -> Replacement:
    """`without a license`, `no metrics`, `bert but not tiny`, `everything except pytorch`."""
    word = sentence.text(at)
    unequal = _not_compared(sentence, at) or _number_left_out(sentence, at)
    if unequal is not None:
        return unequal
    missing = (
        _not_in_state(sentence, at)
        or _missing(sentence, at)
        or _untold(sentence, at)
        or _not_of(sentence, at)
    )
    if missing is not None:
        return missing
    if word.startswith("non-") and (prefixed := _prefixed(sentence, at)) is not None:
        return 1, f"-{prefixed}"
    used = _excluding(sentence, at)
    if not used:
        return _not_done(sentence, at)
    dates = _dates_left_out(sentence, at + used)
    if dates is not None:
        return used + dates[0], dates[1]
    used += sentence.text(at + used) in _AFTER_A_NO
    several = listed_before_name(sentence, at + used)
    if several is not None:
        return used + several[0], f"-{several[1]}"
    first = _left_out(sentence, at + used)
    doubtful = is_contracted(sentence, at) and used == 1 and not _is_value(sentence, at + used)
    if first is None or (doubtful and _is_text(first[1])):
        return None  # "don't panic" may be a name
    more, conditions = _left_out_too(
        sentence, at + used + first[0], first[1], all_are=_leaves_out_a_whole_list(sentence, at)
    )
    return used + first[0] + more, conditions


def _not_in_state(sentence: Sentence, at: int) -> Replacement:
    """`not archived`, `not tagged`: of whole models, where nothing follows that it is about."""
    if sentence.text(at) != "not" or sentence.text(at + 2) not in _BEHIND_A_STATE:
        return None
    if at and (sentence.text(at - 1) in LINKS or resolve(sentence.text(at - 1))):
        return None  # "license is not empty"
    word = sentence.text(at + 1)
    if word in {"tagged", "labelled", "labeled"}:
        return 2, "missing:tags"
    if word in {"licensed", "licenced"}:
        return 2, "missing:license"
    condition = STATES_OF_MODELS.get(word, "sort:")
    if condition.startswith("sort:"):
        return None
    return 2, opposite(condition)


_BEHIND_A_STATE = frozenset({"", "and", "or", "models", "ones", "but"})


def _dates_left_out(sentence: Sentence, at: int) -> Replacement:
    """What stands there as a date, and the years behind it: `2023 or 2024`."""
    first = dated(sentence, at) or _year_left_out(sentence, at)
    if first is None or first[1].startswith(("(", "-")):
        return None
    end, conditions = at + first[0], [f"-{first[1]}"]
    while True:
        place = next_member(sentence, end) or (end + 1 if sentence.text(end) == "and" else 0)
        year = _year_left_out(sentence, place) if place else None
        if year is None:
            return end - at, " ".join(conditions)
        end = place + year[0]
        conditions.append(f"-{year[1]}")


def _year_left_out(sentence: Sentence, at: int) -> Replacement:
    """A year alone, as in `except 2024`: elsewhere it may be a part of a name."""
    year = sentence.text(at)
    return (1, f"in:{year}") if is_year(year) else None


_TOLD = frozenset({"set", "given", "specified", "known", "available", "defined", "stated", "provided"})


def _untold(sentence: Sentence, at: int) -> Replacement:
    """`license unknown`, `unknown license`, `task is not specified`: what models do not say."""
    if sentence.text(at) in UNTOLD | {"empty"}:
        thing = named_thing(sentence, at + 1)
        return None if thing is None else (1 + thing[0], f"missing:{quoted(thing[1])}")
    thing = named_thing(sentence, at)
    if thing is None:
        return None
    used = thing[0] + (sentence.text(at + thing[0]) in LINKS)
    denied = sentence.text(at + used) == "not" and sentence.text(at + used + 1) in _TOLD
    if not denied and sentence.text(at + used) not in UNTOLD:
        return None
    return used + 1 + denied, f"missing:{quoted(thing[1])}"


_AFTER_A_NO = frozenset({"for", "the", "with"})
"""Say nothing behind except, nor and without: `neither with pytorch nor with onnx`."""


def _left_out(sentence: Sentence, at: int) -> tuple[int, str] | None:
    """What stands there as a condition that leaves it out: `pickles`, `pytorch`, `german ones`."""
    articles = 0
    while sentence.text(at + articles) in ARTICLES and sentence.text(at + articles + 1):
        articles += 1
    at += articles
    numbers = amount_alone(sentence, at) or numbered(sentence, at)
    if numbers is not None:
        return articles + numbers[0], f"-{numbers[1]}"
    alias = (
        derived(sentence, at)
        or versioned(sentence, at)
        or formatted(sentence, at)
        or named_by_alias(sentence, at)
        or state(sentence, at)
        or linked_value(sentence, at)
        or tagged(sentence, at)
    )
    if alias is not None and " " not in alias[1]:
        used = alias[0] + (sentence.text(at + alias[0]) == "ones")
        return articles + used, alias[1].removeprefix("-") if alias[1].startswith("-") else f"-{alias[1]}"
    word = sentence.text(at)
    if (licence := licence_alone(sentence, at)) is not None:
        return articles + 1, f"-license:{quoted(licence)}"
    if not _PLAIN_WORD.fullmatch(word) or word in FUNCTION_WORDS:
        return None
    return articles + 1, f"-{sentence.words[at].raw.casefold()}"  # of another language: as it was typed


def _is_member(sentence: Sentence, at: int, match: tuple[int, str]) -> bool:
    """Whether one name or value stands there and then the list ends or goes on, and no condition of another kind begins:
    `and accuracy > 0.9`, `and after 2023`, `and best f1`.
    """
    behind = at + match[0]
    return (
        match[0] == 1
        and not resolve(sentence.text(at))
        and dated(sentence, at) is None
        and (sentence.text(behind) in _BEHIND_A_MEMBER or sentence.words[at].whole.endswith(","))
    )


_BEHIND_A_MEMBER = frozenset({"", "and", "or", "with", "by", "from", "on", "models", "ones"})


def _is_text(condition: str) -> bool:
    return ":" not in condition


def _leaves_out_a_whole_list(sentence: Sentence, at: int) -> bool:
    """Whether `and` goes on with what is left out: who says `except bert and gpt2` wants neither of them. `without bert and
    small` may want small ones.
    """
    return sentence.text(at) in _EXCEPTING or (sentence.text(at), sentence.text(at + 1)) in _EXCEPTING_PAIRS


_EXCEPTING = frozenset({"except", "excluding", "exclude"})
_EXCEPTING_PAIRS = frozenset(
    {("everything", "but"), ("all", "but"), ("anything", "but"), ("apart", "from"), ("other", "than")}
)


def _left_out_too(sentence: Sentence, at: int, first: str, *, all_are: bool) -> tuple[int, str]:
    """What else is left out behind `without pytorch`: `or onnx`; behind `and` and a comma what models have of the same kind, or,
    where `all_are`, whatever stands there.

    How many words, and all conditions.
    """
    conditions = [first]
    end = at
    while True:
        place = next_member(sentence, end)
        either = place > end
        if place in {0, end} and sentence.text(end) == "and":
            place = end + 1  # behind a comma, too
        place += bool(place) and sentence.text(place) in _AFTER_A_NO
        match = _left_out(sentence, place) if place else None
        if match is None or sentence.text(place) in _EXCEPT_ALONE | NEGATING_WORDS:
            break
        alike = match[1].partition(":")[0] == first.partition(":")[0]
        if _is_text(match[1]):
            alike = _is_text(first) and _is_value(sentence, place)
        if not (either or alike or (all_are and _is_member(sentence, place, match))):
            break
        conditions.append(match[1])
        end = place + match[0]
    return end - at, " ".join(conditions)


def _not_compared(sentence: Sentence, at: int) -> Replacement:
    """`accuracy not above 0.9`, `f1 isn't > 0.9`: no number that compares so."""
    named = numeric_name(sentence, at)
    if named is None:
        return None
    count, target = named
    linked = count + (sentence.text(at + count) in LINKS)
    if sentence.text(at + linked) not in {"not", "neither"}:
        return None
    compared, bare = comparator(sentence, at + linked), comparator(sentence, at + linked + 1, target)
    if compared is not None and (bare is None or bare[0] < compared[0]):
        return None  # "not less than" is a comparison itself, and "not less than or equal to" is none
    end, values = amounts_listed(sentence, at + linked + 1)
    if values:
        return end - at, " ".join(f"-{quoted(target.name)}:{value}" for value in values)
    bound = bound_at(sentence, at + linked + 1, target)
    if bound is None or bound.sign == "=":
        return None
    return linked + 1 + bound.count, f"-{quoted(target.name)}{bound.sign}{bound.amount.text}"


def _number_left_out(sentence: Sentence, at: int) -> Replacement:
    """`but not 0.95` behind `accuracy>0.9` or `accuracy > 0.9`: of the same name, where the number alone would be a word."""
    amount = amount_at(sentence, at + 2)
    if (sentence.text(at), sentence.text(at + 1)) != ("but", "not") or amount is None or amount.sign:
        return None
    if numeric_name(sentence, at + 2 + amount.count) is not None:
        return None
    for count in (1, 3):
        typed = "".join(word.raw for word in sentence.words[max(at - count, 0) : at])
        match = _WRITTEN_BOUND.fullmatch(typed)
        named = (*resolve(match[1]), *reported(match[1], sentence.vocabulary)) if match is not None else ()
        if named and named[0].numeric:
            return 2 + amount.count, f"-{quoted(named[0].name)}:{amount.text}"
    return None


_WRITTEN_BOUND = pattern(r"([^\W\d][\w.]*)[<>]=?\d[\w.]*%?")


def _excluding(sentence: Sentence, at: int) -> int:
    """How many words there leave out what stands behind them; 0 where none does."""
    word, following = sentence.text(at), sentence.text(at + 1)
    if word == "not" and following == "trained" and sentence.text(at + 2) in {"with", "using"}:
        return 3
    if word == "not" and following == "been":
        return 2  # "hasn't been updated in 2 years"
    if is_contracted(sentence, at) and sentence.words[at].raw[0].casefold() == "d":
        return 2 if following in _VERBS_OF_USE else 0  # do, does and did want a verb
    if word == "not" and sentence.words[at].raw.casefold() != word:
        # nicht, and isn't: in English the word itself is an operator, and "license isn't mit" a condition as it stands
        return int(not at or not resolve(sentence.text(at - 1)))
    if word == "not" and not is_operator(sentence, at) and _is_list(sentence, at + 1):
        return int(not at or not resolve(sentence.text(at - 1)))
    if word == "not" and not is_operator(sentence, at) and licence_alone(sentence, at + 1) is not None:
        return int(not at or not resolve(sentence.text(at - 1)))
    if word in _NO and (
        _is_value(sentence, at + 1)
        or linked_value(sentence, at + 1)
        or formatted(sentence, at + 1)
        or state(sentence, at + 1)
        or named_by_alias(sentence, at + 1)
    ):
        return 1
    if (word, following) == ("pas", "de") and _is_value(sentence, at + 2):
        return 2
    return 1 if word in _EXCEPT_ALONE else _EXCEPT.get((word, following), 0)


def _is_list(sentence: Sentence, at: int) -> bool:
    """Whether values with an or between them stand there: `not pytorch or onnx` wants neither."""
    end, count = at, 0
    while (match := _value_left_out(sentence, end)) is not None:
        count += 1
        end += match
        further = next_member(sentence, end)
        if not further or is_operator(sentence, end):
            break
        end = further
    return count > 1


def _value_left_out(sentence: Sentence, at: int) -> int | None:
    """How many words a value has that models have, or a version or an amount that says what it is of."""
    match = amount_alone(sentence, at) or numbered(sentence, at)
    if match is None and (_is_value(sentence, at) or named_by_alias(sentence, at) is not None):
        match = _left_out(sentence, at)
    return None if match is None else match[0]


_VERBS_OF_USE = frozenset({"use", "need", "require", "support", "include", "show", "list", "want"})
_NO = frozenset({"no", "non", "sin", "sem"})
"""Leave out only what models have: `sin` is Spanish, and a function of numbers."""


def _missing(sentence: Sentence, at: int) -> Replacement:
    """`no metrics`, `but no f1`, `doesn't have a license`: what there is nothing of."""
    opening = (sentence.text(at), sentence.text(at + 1))
    hasnt = opening[0] == "not" and sentence.words[at].raw.casefold().startswith("ha")
    if opening[0] in _LACKING or hasnt:
        used = 1
    elif opening == ("but", "no") or (opening[0] == "not" and opening[1] in HAVING):
        used = 2
    else:
        named = named_thing(sentence, at)
        lacks = (
            named is not None
            and sentence.text(at + named[0]) == "missing"
            and not sentence.text(at + named[0] + 1)
        )
        return (named[0] + 1, f"missing:{quoted(named[1])}") if named is not None and lacks else None
    used += sentence.text(at + used) in ARTICLES
    thing = named_thing(sentence, at + used)
    if thing is None:
        return None
    value = linked_value(sentence, at + used) or versioned(sentence, at + used)
    if value is not None:
        return used + value[0], f"-{value[1]}"
    used, name = used + thing[0], thing[1]
    dataset = on_dataset(sentence, at + used)
    if dataset is not None:
        used, name = used + dataset[0], f"{name}@{dataset[1]}"
    used_of = used + (sentence.text(at + used) in {"of", "score"})
    bound = bound_at(sentence, at + used_of)
    if bound is not None:  # "haven't f1 above 0.9": those that have it and less are meant, too
        return used_of + bound.count, f"-{quoted(name)}{bound.sign}{bound.amount.text}"
    conditions = [f"missing:{quoted(name)}"]
    used += sentence.text(at + used) in _TOLD
    while sentence.text(at + used) in {"or", "nor"}:
        after = used + 1 + (sentence.text(at + used + 1) in ARTICLES)
        other = named_thing(sentence, at + after)
        if other is None or _measured(sentence, at + after + other[0]):
            break
        conditions.append(f"missing:{quoted(other[1])}")
        used = after + other[0]
    return used, " ".join(conditions)


def _not_done(sentence: Sentence, at: int) -> Replacement:
    """`not stored in s3`: no model that says both, where the words alone would leave out one and ask for the other."""
    verb, link = sentence.text(at + 1), sentence.text(at + 2)
    thing = sentence.text(at + 3)
    if sentence.text(at) != "not" or not _DONE.fullmatch(verb) or link not in _LINKING:
        return None
    if not _PLAIN_WORD.fullmatch(thing) or thing in FUNCTION_WORDS:
        return None
    if dated(sentence, at + 1) is not None:
        return None  # "not trained in 2024" leaves out what was trained then
    if (
        tagged(sentence, at + 1)
        or valued(sentence, at + 1)
        or linked_value(sentence, at + 1)
        or said_of_bases(sentence, at + 1)
    ):
        return None  # what is done means a condition of its own
    return 4, f"-({verb} {thing})"


_DONE = pattern(r"[^\W\d_]{2,}(?:ed|en|elt|ilt|ert|iert)")
_LINKING = frozenset({"in", "on", "with", "by", "for", "at", "from", "as", "to", "using", "under"})
"""Between a participle and what it speaks of."""


def _not_of(sentence: Sentence, at: int) -> Replacement:
    """`not trained by erik`, `not trained on squad`: without what the words behind the verb mean."""
    if sentence.text(at) != "not" or sentence.text(at + 1) not in _MADE:
        return None
    for begun in (1, 2):
        match = valued(sentence, at + begun) or optimized(sentence, at + begun)
        if match is not None:
            single = not match[1].startswith("-") and " " not in match[1]
            return (begun + match[0], f"-{match[1]}") if single else None
    return None


_PLAIN_WORD = pattern(r"[^\W_][\w.+-]*", 0)


def _prefixed(sentence: Sentence, at: int) -> str | None:
    """What `english` of `non-english` means."""
    word = sentence.words[at]
    alone = replace(word, text=word.text.removeprefix("non-"), raw=word.raw[len("non-") :])
    single = replace(sentence, words=(alone,))
    match = named_by_alias(single, 0)
    if match is None:
        return alone.raw if _is_value(single, 0) else None
    return match[1]


def _is_value(sentence: Sentence, at: int) -> bool:
    """Whether the word is a value that models have: `no pytorch`, `non onnx`, `no gpl`."""
    word = sentence.text(at)
    if sentence.vocabulary is None or not word:
        return False
    if family_of_licences(sentence, at, "license") is not None:
        return True
    held_by = (
        known
        for name, known in sentence.vocabulary.values.items()
        if (row := fields().get(name)) is not None and row.canonical is not None
    )
    return any(word in (value.casefold() for value in known) for known in held_by)
