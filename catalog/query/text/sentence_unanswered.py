"""What sentences ask for that nothing here answers: each is said, whatever is read of the words around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from catalog.query.text.function_words import FUNCTION_WORDS
from catalog.query.text.sentence_numbers import amount_at
from catalog.query.text.sentence_parts import UNITS_OF_TIME, Sentence, comparator
from catalog.query.text.targets import reported, resolve

_EACH = frozenset({"per", "each", "every"})
_BEFORE_EACH = frozenset({"for", "in", "of", "within", "on"})
_GROUPED: Sequence[tuple[str, ...]] = (
    ("group", "by"),
    ("grouped", "by"),
    ("broken", "down", "by"),
    ("split", "by"),
)
_ALIKE = frozenset(
    {
        *(("similar", "to"), ("comparable", "to"), ("equivalent", "to"), ("akin", "to"), ("ähnlich", "wie")),
        *(("semblable", "à"), ("semblables", "à"), ("similaire", "à"), ("similaires", "à"), ("similar", "a")),
        *(("similares", "a"), ("parecido", "a"), ("parecidos", "a"), ("semelhante", "a"), ("simile", "a")),
        *(("simili", "a"), ("vergelijkbaar", "met"), ("semelhantes", "a"), ("parecido", "com")),
    }
)
_NOT_ALWAYS = frozenset({"only", "just", "merely", "necessarily", "always", "solely"})


def unanswered(sentence: Sentence, at: int) -> tuple[int, str | None, str] | None:
    """How many words ask it, what they are read as, and why that is not answered: `per dataset`, `similar to`, `not only`."""
    alike = _alike(sentence, at)
    if alike:
        return alike, "", "is not understood here: models are not compared by likeness; it is left out."
    popular = _by_popularity(sentence, at)
    if popular:
        message = "how often models are downloaded or liked is not known here; they are not ordered by it."
        return popular, "", f"is not understood here: {message}"
    counted = _count_of_downloads(sentence, at)
    if counted:
        message = "how often models are downloaded or liked is not known here; the words are looked for."
        return counted, None, f"is not understood here: {message}"
    each = _of_each(sentence, at)
    if each:
        message = "models are found as one list, not so many of each; the words are looked for."
        return each, None, f"is not understood here: {message}"
    vague = _vague_time(sentence, at)
    if vague:
        message = "say how many, as in 3 days ago; the words are looked for."
        return vague, None, f"is not understood here: {message}"
    sized = _size_of_something(sentence, at)
    if sized:
        message = "no model here has a number that is called so; its name is looked for in the text."
        return sized, f'"{sentence.text(at)} size"', f"is not understood here: {message}"
    not_always = _not_always(sentence, at)
    if not_always:
        message = "write the conditions that must hold; the words are looked for."
        return not_always, None, f"is not understood here: {message}"
    return None


def _of_each(sentence: Sentence, at: int) -> int:
    """The words of `per dataset`, `for each task`, `grouped by framework`."""
    for grouped in _GROUPED:
        count = len(grouped)
        if tuple(sentence.text(at + offset) for offset in range(count)) == grouped:
            return count + 1 if resolve(sentence.text(at + count)) else 0
    begun = int(sentence.text(at) in _BEFORE_EACH)
    name = sentence.text(at + begun + 1)
    is_field = name not in FUNCTION_WORDS and bool(resolve(name))
    return begun + 2 if is_field and sentence.text(at + begun) in _EACH else 0


def _alike(sentence: Sentence, at: int) -> int:
    if at + 1 >= len(sentence.words):
        return 0
    typed = tuple(sentence.words[place].raw.casefold() for place in (at, at + 1))
    if typed in _ALIKE:
        return 2
    return 1 if sentence.text(at) == "like" and at and sentence.text(at - 1) in _BEFORE_LIKE else 0


_BEFORE_LIKE = frozenset({"something", "anything", "model", "models", "one", "ones"})


def _by_popularity(sentence: Sentence, at: int) -> int:
    """The words of `most popular`, `most downloaded`, `most liked`."""
    return 2 if sentence.text(at) in {"most", "least"} and sentence.text(at + 1) in _POPULAR else 0


def _count_of_downloads(sentence: Sentence, at: int) -> int:
    """The words of `more than 1000 downloads`."""
    compared = comparator(sentence, at)
    used = compared[0] if compared is not None else 0
    amount = amount_at(sentence, at + used)
    counted = amount is not None and sentence.text(at + used + amount.count) in _COUNTED
    return used + amount.count + 1 if amount is not None and counted else 0


_COUNTED = frozenset({"downloads", "likes", "stars"})
_POPULAR = frozenset({"popular", "downloaded", "liked", "starred"})
_SIZED = frozenset(
    {
        *("vocab", "vocabulary", "embedding", "hidden", "intermediate", "patch", "kernel", "image"),
        *("window", "head", "ffn", "chunk", "block"),
    }
)


def _size_of_something(sentence: Sentence, at: int) -> int:
    """The words of `vocab size > 50000` where no model has such a number: it is no size of a model."""
    if sentence.text(at) not in _SIZED or sentence.text(at + 1) != "size":
        return 0
    name = f"{sentence.text(at)} size"
    if resolve(name) or reported(name, sentence.vocabulary):
        return 0
    used = 2
    compared = comparator(sentence, at + used)
    used += compared[0] if compared is not None else 0
    amount = amount_at(sentence, at + used)
    return used + amount.count if amount is not None else 0


_FEW = frozenset({"few", "several", "some", "couple"})


def _vague_time(sentence: Sentence, at: int) -> int:
    """The words of `a few days ago`, `vor einigen Tagen`, `in the last few weeks`: a time of which nobody says how long it is."""
    used = int(sentence.text(at) == "ago")
    before = bool(used) or (at > 0 and sentence.text(at - 1) in {"last", "past"})
    while sentence.text(at + used) in {"a", "the"}:  # il y a quelques jours
        used += 1
    if sentence.text(at + used) not in _FEW:
        return 0
    used += 1 + (sentence.text(at + used) == "couple" and sentence.text(at + used + 1) == "of")
    if sentence.text(at + used).removesuffix("s") not in {*UNITS_OF_TIME, "time"}:
        return 0
    used += 1
    behind = sentence.text(at + used) == "ago"
    return used + behind if before or behind else 0


def _not_always(sentence: Sentence, at: int) -> int:
    return 2 if sentence.text(at) == "not" and sentence.text(at + 1) in _NOT_ALWAYS else 0


_COMPARATIVES = frozenset(
    [
        "newer",
        "older",
        "younger",
        "smaller",
        "larger",
        "bigger",
        "better",
        "worse",
        "faster",
        "slower",
        "lighter",
        "heavier",
        "higher",
        "lower",
        "greater",
        "shorter",
        "longer",
        "best",
        "worst",
    ]
)
_LINKS: Mapping[str, str] = {"more": "than", "less": "than", "as": "as"}


def is_open_comparison(sentence: Sentence, at: int) -> int:
    """How many words compare models with something that no rule has read: `newer than the last release`, `better than bert`, `more
    accurate than bert`, `as good as bert`. 0 for others.
    """
    word = sentence.text(at) or sentence.words[at].text.lstrip("-+")
    if word in _COMPARATIVES and sentence.text(at + 1) == "than":
        return 2 if at + 2 < len(sentence.words) else 0
    is_linked = word in _LINKS and sentence.text(at + 2) == _LINKS[word] and sentence.text(at + 1).isalpha()
    is_linked = is_linked and sentence.text(at + 1) not in {"well", "soon", "long"}
    return 3 if is_linked and at + 3 < len(sentence.words) else 0
