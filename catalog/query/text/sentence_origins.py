"""What models come from, in sentences: `finetunes of llama`, `based on bert`, `lora for sdxl`, `trained with adamw`."""

from __future__ import annotations

from catalog.query.text.function_words import FUNCTION_WORDS
from catalog.query.text.printing import name_of, quoted
from catalog.query.text.sentence_numbers import amount_at
from catalog.query.text.sentence_parts import Replacement, Sentence, is_contracted, spoken_date
from catalog.query.text.sentence_values import ARTICLES, value_of
from catalog.query.text.targets import resolve
from catalog.text.patterns import pattern

_BASE = "base_model.id"
_MADE_FROM = frozenset(
    {
        *("finetune", "finetunes", "fine-tune", "fine-tunes", "finetuned", "fine-tuned", "tunes", "tuned"),
        *("children", "child", "descendants", "descendant", "derivatives", "derivative", "offspring"),
        *(
            "derived",
            "based",
            "built",
            "distilled",
            "distillations",
            "forks",
            "fork",
            "variants",
            "quantized",
        ),
    }
)
_MERGED = frozenset({"merge", "merges", "merged"})
_BEHIND_ITS_BASE = frozenset(
    {"finetunes", "fine-tunes", "derivatives", "descendants", "offspring", "children", *_MERGED}
)
_FROM = frozenset({"of", "from", "on", "upon", "by", "in"})
_SHORTEST_BASE = 3


def derived(sentence: Sentence, at: int) -> Replacement:
    """`finetunes of llama`, `derived from X`, `merges of mistral`, `llama finetunes`: by the base that models declare."""
    begun = int(sentence.text(at) == "fine" and sentence.text(at + 1) in {"tunes", "tune", "tuned"})
    word = sentence.text(at + begun)
    if word in _MADE_FROM | _MERGED and sentence.text(at + begun + 1) in _FROM:
        used = begun + 2 + (sentence.text(at + begun + 2) in ARTICLES)
        base = None if _tells_more(sentence, at + used) else _base_at(sentence, at + used)
        return None if base is None else (used + base[0], _declared(base[1], merged=word in _MERGED))
    if not any(sentence.text(at + count) in _BEHIND_ITS_BASE for count in (1, 2, 3)):
        return None
    if word in FUNCTION_WORDS or word in _MADE_FROM:
        return None
    base = _base_at(sentence, at)
    behind = sentence.text(at + base[0]) if base is not None else ""
    if base is None or behind not in _BEHIND_ITS_BASE or sentence.text(at + base[0] + 1) in _FROM:
        return None
    return base[0] + 1, _declared(base[1], merged=behind in _MERGED)


def _tells_more(sentence: Sentence, at: int) -> bool:
    """Whether a time or who did it stands there: `quantized in 2023`, `built by meta`, whatever bases are called."""
    of_owner = sentence.text(at - 1) == "by" and value_of(sentence, at, "owner") is not None
    return of_owner or spoken_date(sentence, at) is not None


def _declared(base: str, *, merged: bool) -> str:
    return f"base:merge:{base}" if merged else f"base:{base}"


def _base_at(sentence: Sentence, at: int) -> tuple[int, str] | None:
    """How many words name a base that models declare, and how to ask for it: by its whole name, or by these letters of it."""
    vocabulary = sentence.vocabulary
    if vocabulary is None or _BASE not in vocabulary.complete or not sentence.text(at):
        return None
    whole = value_of(sentence, at, _BASE)
    if whole is not None:
        return whole[0], quoted(whole[1])
    known = [base.casefold() for base in vocabulary.values.get(_BASE, {})]
    for count in (3, 2, 1):
        words = [sentence.text(at + offset) for offset in range(count)]
        part = "-".join(words)
        if not all(words) or len(part) < _SHORTEST_BASE or not _PART_OF_BASE.fullmatch(part):
            continue
        if words[0] not in FUNCTION_WORDS and any(_begins_in(part, base) for base in known):
            return count, f"*{part}*"
    return None


def _begins_in(part: str, base: str) -> bool:
    """Whether a word of the name begins so: `meta` in meta-llama, no `eta`."""
    at = base.find(part)
    while at > 0 and base[at - 1].isalnum():
        at = base.find(part, at + 1)
    return at >= 0


_PART_OF_BASE = pattern(r"[^\W_][\w.\-/]*[^\W_]")


def told_of_base(sentence: Sentence, at: int) -> Replacement:
    """`lora for sdxl`: a base by the short name that people have for it, or the word itself."""
    begun = _BASES.get(sentence.text(at))
    if begun is None or sentence.vocabulary is None:
        return None
    bases = sentence.vocabulary.values.get(_BASE, {})
    if not any(begun in base.casefold() for base in bases):
        return None
    return 1, f"({sentence.text(at)} OR base:*{begun}*)"


_BASES = {
    "sdxl": "stable-diffusion-xl",
    "sd15": "stable-diffusion-v1-5",
    "sd1.5": "stable-diffusion-v1-5",
    "sd21": "stable-diffusion-2-1",
    "sd3": "stable-diffusion-3",
}
"""Source: names of base models on Civitai, repositories of stabilityai and runwayml."""


def said_of_bases(sentence: Sentence, at: int) -> Replacement:
    """`fine-tuned from`, `based on`: words before a base that no model names so; the name itself stays a word."""
    if at and is_contracted(sentence, at - 1):
        return None  # "wasn't trained on wine": without these words it would ask for wine
    for count in (3, 2):
        if tuple(sentence.text(at + offset) for offset in range(count)) in _DERIVING:
            dated = sentence.text(at + count - 1) == "in" and spoken_date(sentence, at + count) is not None
            return (count, "") if sentence.text(at + count) and not dated else None
    return None


_DERIVING = frozenset(
    [
        *((word, "of") for word in ("finetunes", "fine-tunes", "derivatives", "finetune", "fine-tune")),
        ("similar", "to"),
        ("fine-tuned", "from"),
        ("finetuned", "from"),
        ("fine-tuned", "on"),
        ("finetuned", "on"),
        ("fine", "tuned", "from"),
        ("based", "on"),
        *((word, link) for word in ("based", "derived") for link in ("by", "in", "of")),
        ("built", "on"),
        ("derived", "from"),
        ("trained", "on"),
        ("versions", "of"),
        ("variants", "of"),
    ]
)


_USING = frozenset({"with", "using", "by"})


def optimized(sentence: Sentence, at: int) -> Replacement:
    """`trained with adamw`, `optimizer adam`, `sgd optimizer`: what optimizes, also where it is told with more (`adamw_torch`)."""
    denied = sentence.text(at) in _TRAINED and sentence.text(at + 1) == "without"
    used = 2 if denied or (sentence.text(at) in _TRAINED and sentence.text(at + 1) in _USING) else 0
    used = used or int(sentence.text(at) in {"with", "using"})
    used += sentence.text(at + used) in ARTICLES
    named = sentence.text(at + used) == "optimizer"
    used += named + (named and sentence.text(at + used + 1) in {"is", "of"})
    word = sentence.text(at + used)
    behind = sentence.text(at + used + 1) == "optimizer"
    if not (used or behind) or not word or sentence.vocabulary is None:
        return None
    target = resolve("optimizer")[0]
    known = [value.casefold() for value in sentence.vocabulary.values.get(target.path, {})]
    alike = sorted(
        value
        for value in known
        if value == word or (_OF_OPTIMIZER.match(value.removeprefix(word)) and value.startswith(word))
    )
    if not alike:
        return None
    condition = f"{name_of(target.path)}:{','.join(map(quoted, alike))}"
    return used + 1 + behind, f"-{condition}" if denied else condition


_TRAINED = frozenset({"trained", "fine-tuned", "finetuned", "optimized", "optimised"})
_OF_OPTIMIZER = pattern(r"[^A-Za-z]")


def trained(sentence: Sentence, at: int) -> Replacement:
    """The verb before what is a condition or a word of its own: `trained with` lora, `trained` 3 epochs."""
    if sentence.text(at) not in _TRAINED or (at and is_contracted(sentence, at - 1)):
        return None
    if sentence.text(at + 1) in {"with", "using"} and sentence.text(at + 2):
        return 2, ""
    if sentence.text(at + 1) == "without" and sentence.text(at + 2):
        return 1, ""
    return (1, "") if amount_at(sentence, at + 1) is not None and sentence.text(at) == "trained" else None
