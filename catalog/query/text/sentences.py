"""From plain sentences to conditions: "models trained after 2023 with >90% accuracy" is `after:2023 accuracy>90%`.

Fixed rules, no guessing: a rule fires on whole phrases only, what it made is shown, and quoted text is never touched.
Words that no rule reads stay words; filler words go only when a rule has fired.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from catalog.lazy_dataclasses import replace
from catalog.query.periods import is_year
from catalog.query.problems import Suggestion
from catalog.query.text import sentence_rules
from catalog.query.text.conditions import KnownNames
from catalog.query.text.function_words import (
    FILLER_WORDS,
    FUNCTION_WORDS,
    MODEL_WORDS,
    OPENING_WORDS,
    SHORT_WORDS,
)
from catalog.query.text.parse_context import Reading
from catalog.query.text.parser import APOSTROPHIZED, PLAIN_WORD
from catalog.query.text.printing import quoted
from catalog.query.text.rewriting import Rewriting, RewrittenPiece, assembled
from catalog.query.text.scanner import scan
from catalog.query.text.sentence_amount_lists import joined_amounts
from catalog.query.text.sentence_datasets import on_dataset
from catalog.query.text.sentence_dates import UNTOLD_VERBS
from catalog.query.text.sentence_licences import labelled_licence
from catalog.query.text.sentence_measured import written_on
from catalog.query.text.sentence_numbers import BYTE_UNITS, amount_at, span_at, unit_of
from catalog.query.text.sentence_orders import DIRECTIONS, place_at
from catalog.query.text.sentence_parts import Sentence, Word, numeric_name
from catalog.query.text.sentence_unanswered import is_open_comparison, unanswered
from catalog.query.text.sentence_values import formatted, named_by_alias, possessed
from catalog.query.text.sentence_words import EDGES, PLAIN, denying, mended, typed_words, words_of
from catalog.query.text.sentence_written import written_comparison
from catalog.query.text.targets import resolve
from catalog.query.text.tokens import MAX_TERMS, MAX_WORDS
from catalog.query.text.translation import in_english
from catalog.text.patterns import pattern

_SIGNS = frozenset(":=<>")
_NAMES = frozenset({"MIT"})
"""Written so, it is the licence, and no word of German."""
_OF_LISTS = frozenset("[],")


def rewrite(text: str, reading: Reading) -> Rewriting:
    """The text with every phrase that a rule reads as its condition; unchanged when no rule fires."""
    words = words_of(text)
    english = in_english([word.text for word in words])
    if english is not None:
        words = tuple(
            word if word.raw in _NAMES else replace(word, text=meant)
            for word, meant in zip(words, english, strict=True)
        )
    words = mended(denying(words))
    sentence = Sentence(words=words, vocabulary=reading.vocabulary, now=reading.now)
    pieces: list[RewrittenPiece] = []
    at = 0
    fired = False
    unread = 0
    enough = _Enough(text, reading)
    while at < len(words):
        if at >= MAX_WORDS or enough.are(pieces):
            unread = words[at].start
            pieces += [(word.start, word.end, None) for word in words[at:]]
            break
        grouped = _named_group(words, at) or _named_list(sentence, at)
        if grouped:
            pieces += [(word.start, word.end, None) for word in words[at : at + grouped]]
            at += grouped
            continue
        untold = unanswered(sentence, at)
        count, new = untold[:2] if untold is not None else _first(sentence, at) or (1, None)
        start, end = words[at].start, words[at + count - 1].end
        fired = fired or new is not None
        place = place_at(sentence, at)[0]
        if place and new is not None and new.endswith(f"limit:{place}"):
            typed = text[start:end]
            message = (
                f"{typed} is read as the first {place} in that order: no place in it can be asked for alone."
            )
            reading.problem("unsupported-operator", message, start, end)
        if untold is not None:
            reading.problem("unsupported-operator", f"{text[start:end]} {untold[2]}", start, end)
        compared = is_open_comparison(sentence, at) if new is None and count == 1 else 0
        if compared:
            named_from, named_to = start + words[at].whole.find(words[at].raw), words[at + compared - 1].end
            message = (
                f"{text[named_from:named_to]} is not understood here: a date, an age or a size must follow,"
                " or write a name and a number, as in accuracy > 0.9."
            )
            reading.problem("unsupported-operator", message, named_from, named_to)
        if new is not None and _untold_verb(words[at : at + count], new):
            message = (
                f"When a model was used is not known here; {text[start:end]} is read as when it was modified."
            )
            reading.problem("unsupported-operator", message, start, end)
        if new is None and count == 1 and words[at].elided:
            new, fired = words[at].raw, True
        filler = new is None and count == 1 and words[at].text.strip(EDGES) in FILLER_WORDS
        filler = filler or (words[at].text == "looking" and sentence.text(at + 1) == "for")
        fired = fired or (filler and _asks_in(english, words[at]))
        joins = english is not None and new is None and words[at].text in _JOINING
        if joins:
            new = words[at].text.upper()
            fired = True
        if not filler or joins:
            pieces.append((start, end, new))
        at += count
    if not fired or not pieces:
        asks_for_all = english is not None and {*english} & MODEL_WORDS and {*english} <= _SAYING_NOTHING
        return Rewriting(text="", changed=True) if asks_for_all else Rewriting(text=text)
    rewriting = replace(assembled(text, _together(text, _listed(text, pieces))), unread=unread)
    reads_on = _reads_on(sentence, text, rewriting, reading, translated=english is not None)
    return rewriting if reads_on else Rewriting(text=text)


class _Enough:
    """Whether the pieces of a text are more than are read of it: no rule looks at what stands behind them.

    Counted when their number has doubled, so that the scanner reads no text more than twice for it.
    """

    def __init__(self, text: str, reading: Reading) -> None:
        self._text, self._reading = text, reading
        self._counted_at = MAX_TERMS + _OPEN_END

    def are(self, pieces: list[RewrittenPiece]) -> bool:
        if len(pieces) <= self._counted_at:
            return False
        self._counted_at *= 2
        so_far = assembled(self._text, _listed(self._text, pieces)).text
        return len(scan(so_far, KnownNames(self._reading))) > MAX_TERMS + _OPEN_END


_OPEN_END = 10
"""Terms at the end of a text that what stands behind them may join."""
_SAYING_NOTHING = FUNCTION_WORDS | OPENING_WORDS | SHORT_WORDS
_ASKING = frozenset({"how", "many", "which"})


def _asks_in(english: Sequence[str] | None, word: Word) -> bool:
    """Whether it is a question word of another language: `combien de modèles bert`."""
    return english is not None and word.text in _ASKING and word.raw.casefold() != word.text


_LONGEST_NAME = 6
_DATED = pattern(r"in:(?!this-|last-|now-|today|yesterday).+")
"""Months and the like. Times that are told from today are no names: one model called this-year would turn everybody's question."""
_GRAMMATICAL = pattern(r"-.+|missing:.+")
"""What words of grammar alone become. In English they are no part of a name: a gate on `without license` must not wait for one."""


def _reads_on(
    sentence: Sentence, text: str, rewriting: Rewriting, reading: Reading, *, translated: bool
) -> bool:
    """Whether it is a sentence also where models have names.

    A name wins over words of grammar: `pas de deux` and `mars 2020`, where a model is called so.
    """
    words = sentence.words
    if reading.vocabulary is None or reading.named or not 1 < len(words) <= _LONGEST_NAME:
        return True
    if not all(_WORD_OF_NAME.fullmatch(word.whole) for word in words):
        return True
    changed = [rewriting.text[new:end] for new, end, _, _, rewritten in rewriting.segments if rewritten]
    of_grammar = any(map(_DATED.fullmatch, changed)) or (
        translated and any(map(_GRAMMATICAL.fullmatch, changed))
    )
    if not of_grammar:
        return True
    typed = text.strip()
    month = _month_of_others(words)
    if not reading.vocabulary.is_named(typed.casefold()) and not (
        month and reading.vocabulary.is_named(month)
    ):
        return True
    reading.named = True
    message = (
        f"{typed} is read as words of a name that a model has here; as a sentence it is {rewriting.text}."
    )
    offered = Suggestion(label=rewriting.text, text=rewriting.text)
    reading.problem("read-as-name", message, 0, len(text), offered)
    return False


def _month_of_others(words: Sequence[Word]) -> str:
    """The word before a year that is a month in another language and a name in English, such as mars; empty for others."""
    if len(words) != _MONTH_AND_YEAR or not is_year(words[1].raw):
        return ""
    return words[0].raw.casefold() if words[0].raw.casefold() != words[0].text else ""


_MONTH_AND_YEAR = 2
_WORD_OF_NAME = pattern(r"[\w.'\N{RIGHT SINGLE QUOTATION MARK}-]+")


def _untold_verb(words: Sequence[Word], condition: str) -> bool:
    """Whether a sentence asks for when models were used, which is read as when they were changed."""
    return "modified" in condition and any(word.text in UNTOLD_VERBS for word in words)


def _listed(text: str, pieces: list[RewrittenPiece]) -> list[RewrittenPiece]:
    """`english or german` as two values of one field: what stands beside them belongs to both."""
    listed: list[RewrittenPiece] = []
    for piece in pieces:
        listed.append(piece)
        if len(listed) < _ALTERNATIVES:
            continue
        (start, _, first), joining, (_, end, last) = listed[-_ALTERNATIVES:]
        left, right = (_VALUE.fullmatch(part or "") for part in (first, last))
        word = text[joining[0] : joining[1]].casefold()
        if left and right and left["field"] == right["field"] and word in {"or", "oder", "ou", "o"}:
            listed[-_ALTERNATIVES:] = [(start, end, f"{left['field']}:{left['values']},{right['values']}")]
    return listed


def _together(text: str, pieces: list[RewrittenPiece]) -> list[RewrittenPiece]:
    """`bert or llama under 1 GB`: of a sentence the conditions hold for both words around its only or.

    Where more words stand beside them, nobody knows where one of the two ends.
    """
    words = [text[start:end] for start, end, _ in pieces]
    joins = [place for place, word in enumerate(words) if word.casefold() in _JOINING | {"&&", "||", "|"}]
    if len(joins) != 1 or words[joins[0]] != "or" or not 0 < joins[0] < len(pieces) - 1:
        return pieces
    first, last = joins[0] - 1, joins[0] + 1
    around = [pieces[place][2] for place in (first - 1, last + 1) if 0 <= place < len(pieces)]
    both = [
        place for place in (first, last) if pieces[place][2] is None and PLAIN_WORD.fullmatch(words[place])
    ]
    if len(both) != len((first, last)) or not around or None in around:
        return pieces
    grouped = (pieces[first][0], pieces[last][1], f"({words[first]} OR {words[last]})")
    return [*pieces[:first], grouped, *pieces[last + 1 :]]


_ALTERNATIVES = 3
"""A value, the word between, and a value."""
_VALUE = pattern(r"(?P<field>[a-z_.]+):(?P<values>[\w.+-]+(?:,[\w.+-]+)*)")


def _first(sentence: Sentence, at: int) -> tuple[int, str | None] | None:
    if (licence := labelled_licence(sentence, at)) is not None:
        return licence
    if not sentence.words[at].plain:
        return (
            _directed(sentence, at)
            or written_on(sentence, at)
            or _grouped(sentence, at)
            or possessed(sentence, at)
            or _left_out(sentence, at)
            or joined_amounts(sentence, at)
        )
    if at and sentence.words[at - 1].raw[-1:] in _SIGNS:
        span = span_at(sentence, at)
        return None if span is None else (span[0], None)  # the value of `task: ner` and of `params: 7B - 13B`
    protected = written_comparison(sentence, at) or _asked_of_text(sentence, at)
    if protected is not None:
        return protected
    for rule in sentence_rules.RULES:
        match = rule(sentence, at)
        if match is not None:
            return match
    return None


def _asked_of_text(sentence: Sentence, at: int) -> tuple[int, None] | None:
    """How many words of `tags do not contain ner` stay as they are: the scanner reads them, and `ner` is a part of a tag."""
    raw = sentence.words[at].raw
    if not resolve(raw):
        return None
    asked = _ASKED_OF_TEXT.match(" ".join(word.raw for word in sentence.words[at : at + _LONGEST_ASKED]))
    return None if asked is None else (asked[0].count(" ") + 1, None)


_LONGEST_ASKED = 6
_ASKED_OF_TEXT = pattern(
    r"[\w.]+ (?:(?:do(?:es)? )?not |do(?:es)?n['\N{RIGHT SINGLE QUOTATION MARK}]?t )?"
    r"(?:contains?|(?:start|begin|end)s? ?with) (?=\S)",
    re.IGNORECASE,
)


def _named_list(sentence: Sentence, at: int) -> int:
    """How many words the numbers behind a name and a colon have, as in `params:1B, 7B to 13B`: the scanner reads them. 0 for others."""
    words = sentence.words
    if not _NAMED_NUMBER.fullmatch(words[at].whole):
        return 0
    first = _NAME_BEFORE.sub("", words[at].text)
    end = at + 1
    while end < len(words) and _LISTED_NUMBER.fullmatch(words[end].whole):
        spread = sentence.text(end + 1) in _TO_LAST and amount_at(sentence, end + 2) is not None
        following = end + (3 if spread else 1)
        if numeric_name(sentence, following) is not None:
            break  # `epochs:3, 12 layers`
        if _sizes_and_counts(first, words[end].text.rstrip(EDGES)):
            break  # `size:2GB, 7B`
        end = following
        if not words[end - 1].whole.endswith(","):
            break
    return end - at if end > at + 1 else 0


def _sizes_and_counts(first: str, other: str) -> bool:
    """Whether one is a number of bytes and the other of billions: two names are meant, and only one is there."""
    return {unit_of(first) in BYTE_UNITS, unit_of(other) in BYTE_UNITS} == {True, False} and (
        "B" in {unit_of(first), unit_of(other)}
    )


_NAME_BEFORE = pattern(r"^[^:=]*[:=]")
_NAMED_NUMBER = pattern(r"[+-]?[^\W\d_][\w.@]*[:=][\d.][\w.%]*,")
_LISTED_NUMBER = pattern(r"[\d.][\w.%]*,?")
_TO_LAST = frozenset({"to", "bis"})


def _named_group(words: tuple[Word, ...], at: int) -> int:
    """How many words the brackets behind a name have, as in `name:(bert ner)`: they are values of that name. 0 for others."""
    first = words[at].whole
    apart = at > 0 and first.startswith("(") and words[at - 1].whole[-1:] in _SIGNS
    if not apart and not _OPENING_GROUP.match(first):
        return 0
    depth = 0
    for count, word in enumerate(words[at:], 1):
        depth += word.whole.count("(") - word.whole.count(")")
        if depth <= 0:
            return count
    return len(words) - at


_OPENING_GROUP = pattern(r"[+-]?[\w.@]+(?::|!=|==?)\(")


def _grouped(sentence: Sentence, at: int) -> tuple[int, str] | None:
    """A word at the edge of brackets that means a value: `(german OR english) ner`."""
    word = sentence.words[at]
    grouped = _at_brackets(word)
    if grouped is None:
        return None
    alone = Sentence(
        words=(replace(word, plain=PLAIN.fullmatch(word.raw) is not None),),
        vocabulary=sentence.vocabulary,
        now=sentence.now,
    )
    match = named_by_alias(alone, 0)
    return None if match is None else (1, f"{grouped['opening']}{match[1]}{grouped['closing']}")


def _directed(sentence: Sentence, at: int) -> tuple[int, str] | None:
    """`sort:accuracy desc`, `sort:f1 @ conll2003`: the direction or the data set stands apart."""
    word = sentence.words[at].whole
    on = on_dataset(sentence, at + 1) if _ORDERED.fullmatch(word) else None
    if on is not None:
        name = word.partition(":")[2]
        return 1 + on[0], f"sort:{quoted(name + '@' + on[1])}"
    direction = DIRECTIONS.get(sentence.text(at + 1))
    return (2, f"{word}-{direction}") if direction and _ORDERED.fullmatch(word) else None


_ORDERED = pattern(r"sort:-?[\w.@]+")


def _left_out(sentence: Sentence, at: int) -> tuple[int, str] | None:
    """A word behind a minus that means a format: `-pickles`."""
    word = sentence.words[at]
    if word.whole != word.raw or not _LEFT_OUT.fullmatch(word.raw):
        return None
    rest = replace(word, text=word.text[1:], raw=word.raw[1:], plain=True)
    match = formatted(replace(sentence, words=(rest,)), 0)
    return None if match is None else (1, f"-{match[1]}")


_LEFT_OUT = pattern(r"-[A-Za-z0-9]+s")


def _at_brackets(word: Word) -> re.Match[str] | None:
    """The word with brackets on one side of it; None for others, such as one in brackets of its own."""
    grouped = _GROUPED.fullmatch(word.whole)
    return grouped if grouped is not None and bool(grouped["opening"]) != bool(grouped["closing"]) else None


def _means_more(word: str) -> bool:
    """Whether it is an operator or a condition, which no quotes may hide."""
    return word in {"AND", "OR", "NOT"} or '"' in word or any(sign in word for sign in _SIGNS)


_GROUPED = pattern(r"(?P<opening>\(*)[^()]+(?P<closing>\)*)")
_JOINING = frozenset({"and", "or", "not"})


def as_words(text: str, reading: Reading) -> str:
    """The text with every plain word in quotes, and where that is not enough the others in brackets: no rule reads it as a
    sentence.
    """
    quoted = _quoted_words(text, brackets=False)
    return _quoted_words(text, brackets=True) if rewrite(quoted, reading).changed else quoted


_LIKE = pattern(r'[\w.-]+ LIKE "(?:[^"\\]|\\.)*"')
"""A condition of three words, as patterns with blanks are written."""


def _quoted_words(text: str, *, brackets: bool) -> str:
    parts, at = [], 0
    conditions = [condition.span() for condition in _LIKE.finditer(text)]
    for word in typed_words(text):
        if any(start <= word.start < end for start, end in conditions):
            continue
        bare = word.raw.lstrip("<>=≥≤")
        grouped = _at_brackets(word) if not word.plain and word.raw[:1].isalnum() else None
        if grouped is not None and not _OF_LISTS & set(word.raw):
            inner = word.raw if _means_more(word.raw) else f'"{word.raw}"'
            parts += [text[at : word.start], f"{grouped['opening']}{inner}{grouped['closing']}"]
            at = word.end
            continue
        if not word.plain and APOSTROPHIZED.fullmatch(word.raw):
            parts += [text[at : word.start], f'"{word.raw}"']
            at = word.end
            continue
        if word.whole == word.raw and _LEFT_OUT.fullmatch(word.raw):
            parts += [text[at : word.start], f'-"{word.raw[1:]}"']
            at = word.end
            continue
        simple = word.plain and PLAIN_WORD.fullmatch(bare) is not None and bare not in {"AND", "OR", "NOT"}
        spelled = text[word.start : word.end]
        if simple:
            spelled = f'"{bare}"'
        elif brackets and word.plain and bare == word.raw and bare[:1].isalnum():
            spelled = f"({spelled})"  # in brackets a date or a span is a word, too, and in quotes it would be a phrase
        parts += [text[at : word.start], spelled]
        at = word.end
    return "".join((*parts, text[at:]))
