"""Values and states in the words of sentences: `in pytorch`, `license is mit`, `incomplete models`, `llama vs mistral`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache

from catalog.query.periods import is_year
from catalog.query.text.function_words import FILLER_WORDS, FUNCTION_WORDS, MODEL_WORDS
from catalog.query.text.printing import quoted
from catalog.query.text.sentence_aliases import alias_of, canonical
from catalog.query.text.sentence_licences import family_of_licences, hyphened_licence, licence_in_full
from catalog.query.text.sentence_numbers import amount_at
from catalog.query.text.sentence_parts import LINKS, Replacement, Sentence, spoken_date, spoken_name
from catalog.query.text.sentence_versions import numbered
from catalog.query.text.targets import folded, resolve
from catalog.text.patterns import pattern
from mappings import fields, fields_where
from mappings.languages import languages

ARTICLES = frozenset({"a", "an", "any", "the", "some", "their"})
HAVING = frozenset({"with", "has", "have", "having", "report", "reports", "reporting", "including"})
_NOUNS = frozenset(
    {
        "model",
        "models",
        "file",
        "files",
        "version",
        "versions",
        "checkpoint",
        "checkpoints",
        "ones",
        "weights",
    }
)


def valued(sentence: Sentence, at: int) -> Replacement:
    """`in pytorch`, `for token-classification`, `by google`, `trained on squad`: only for values that exist."""
    if sentence.vocabulary is None:
        return None
    for opening, names in _openings():
        if [sentence.text(at + offset) for offset in range(len(opening))] != list(opening):
            continue
        article = sentence.text(at + len(opening)) == "the"
        date = spoken_date(sentence, at + len(opening) + article)
        for name in sorted(
            names, key=lambda name: not _named_behind(sentence, at + len(opening) + article, name)
        ):
            match = _value(sentence, at + len(opening) + article, name)
            if match is not None and (
                date is None or date[0] <= match[0]
            ):  # of may 2024, where May owns some
                used = len(opening) + article + match[0]
                return used + _is_called(sentence, at + used, name), f"{name}:{quoted(match[1])}"
    return None


def _named_behind(sentence: Sentence, at: int, name: str) -> bool:
    """Whether the one word there is followed by the name of the field: `in onnx format`, of which there is a framework, too."""
    return _is_called(sentence, at + 1, name)


def _is_called(sentence: Sentence, at: int, name: str) -> bool:
    """Whether the field is named behind its value: `in gguf format`, `half precision`."""
    return name in keyword_fields(sentence.text(at))


@cache
def _openings() -> Sequence[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Words that name fields before a value of theirs, the longest openings first."""
    spoken: dict[tuple[str, ...], list[str]] = {}
    for row in fields_where("spoken").values():
        for opening in row.spoken:
            spoken.setdefault(tuple(opening.split()), []).append(row.name)
    return [(words, tuple(spoken[words])) for words in sorted(spoken, key=lambda words: (-len(words), words))]


def _value(
    sentence: Sentence, at: int, field: str, *, beside_keyword: bool = False
) -> tuple[int, str] | None:
    """A value that models have; written as one word (llama 3.1: llama3.1) only where the field is named, too."""
    values = {} if sentence.vocabulary is None else sentence.vocabulary.values.get(field, {})
    known = {folded(value): value for value in values}
    if field == "language":
        known |= {name: tag for name, tag in languages().items() if tag in known}
    if field == "base_model.id":
        known |= {folded(tail): tail for tail in (value.rpartition("/")[2] for value in values)}
    for count, words in spoken_name(sentence, at):
        if folded(words) in known:
            return count, known[folded(words)]
        joined = folded(words.replace(" ", "")) if beside_keyword and count > 1 else ""
        if joined in known:
            return count, known[joined]
    return None


def value_of(sentence: Sentence, at: int, field: str) -> tuple[int, str] | None:
    """A value of the field that models have, beside the name of the field, by that or another name of the value."""
    return (
        _value(sentence, at, field, beside_keyword=True)
        or alias_of(sentence, at, field)
        or family_of_licences(sentence, at, field)
    )


def linked_value(sentence: Sentence, at: int) -> Replacement:
    """`framework pytorch`, `license is mit`, `task ner`, and the other way round: `mit license`."""
    if sentence.vocabulary is None:
        return None
    if sentence.text(at) == "under":
        used = 1 + (sentence.text(at + 1) in {*ARTICLES, "of"})  # German "der" is both
        match = linked_value(sentence, at + used)
        if match is not None and match[1].startswith("license:"):
            return match[0] + used, match[1]
    for count, words in spoken_name(sentence, at):
        for name in keyword_fields(words):
            used = count + (sentence.text(at + count) in LINKS)
            match = value_of(sentence, at + used, name)
            if match is not None:
                return used + match[0], f"{name}:{quoted(match[1])}"
    for name in fields_where("spoken_before"):
        match = value_of(sentence, at, name)
        if match is None:
            continue
        used, values = match[0], [match[1]]
        if (
            sentence.text(at + used) == "or"
            and (other := value_of(sentence, at + used + 1, name)) is not None
        ):
            used, values = used + 1 + other[0], [*values, other[1]]
        if name in keyword_fields(sentence.text(at + used)):
            return used + 1, f"{name}:{','.join(map(quoted, values))}"
    return hyphened_licence(sentence, at) or licence_in_full(sentence, at)


def formatted(sentence: Sentence, at: int) -> Replacement:
    """`pickles`, `gguf files`: a format by its name, in the plural or of files."""
    if sentence.vocabulary is None:
        return None
    word, following = sentence.text(at), sentence.text(at + 1)
    known = {value.casefold() for value in sentence.vocabulary.values.get("format", {})}
    if word in known and following in {"file", "files"}:
        return 2, f"format:{quoted(word)}"
    singular = word.removesuffix("s")
    return (1, f"format:{quoted(singular)}") if singular != word and singular in known else None


def keyword_fields(words: str) -> Iterator[str]:
    """The field of listed values that is called so."""
    if words == "licensed":
        words = "license"
    for target in resolve(words) if words else ():
        row = fields().get(target.path)
        if row is not None and row.type == "keyword" and row.facet == "terms":
            yield target.path


def named_by_alias(sentence: Sentence, at: int) -> Replacement:
    """`german`, `ner`, `sklearn`, `text classification`, `4 bit`: words that mean a value of a field, where models have it."""
    vocabulary = sentence.vocabulary
    if vocabulary is None or not sentence.text(at):
        return None
    word = sentence.text(at)
    if (bits := _bits(sentence, at)) is not None:
        return bits
    if (task := _spoken_task(sentence, at)) is not None:
        return task
    if word in {"quantized", "quantised"} and "quantized" in vocabulary.values.get("flags", {}):
        return 1, "is:quantized"
    if word == "half" and (
        sentence.text(at + 1) in {"a", "the", "of", "year", "years"} or is_year(sentence.text(at + 1))
    ):
        return None  # half a billion, half a year
    for count, words in spoken_name(sentence, at):
        for name, known in vocabulary.values.items():
            row = fields().get(name)
            if row is None or row.canonical is None or row.group not in {"identity", "weights"}:
                continue
            if row.canonical == "licence" or (count > 1 and name not in _OF_SEVERAL_WORDS):
                continue
            present = {value.casefold() for value in known}
            for spelled in dict.fromkeys((words, words.removesuffix("s"), words.removesuffix("e"))):
                meant = canonical(row.canonical, spelled)
                if meant.casefold() != words and meant.casefold() in present:
                    return count + _is_called(sentence, at + count, name), f"{name}:{quoted(meant)}"
    return None


def _spoken_task(sentence: Sentence, at: int) -> Replacement:
    """`rerankers`, `text embeddings`: what people call the models of a task, the first of these that models have."""
    assert sentence.vocabulary is not None  # the caller checked
    known = {value.casefold() for value in sentence.vocabulary.values.get("task", {})}
    for count in (3, 2, 1):
        words = " ".join(sentence.text(at + offset) for offset in range(count))
        task = next((task for task in _TASKS_SPOKEN.get(words, ()) if task in known), None)
        if task is not None:
            return count, f"task:{task}"
    return None


_EMBEDDINGS = ("sentence-similarity", "feature-extraction")
_TASKS_SPOKEN: Mapping[str, Sequence[str]] = {
    **dict.fromkeys(("embeddings", "text embeddings"), _EMBEDDINGS),
    **dict.fromkeys(
        ("recognition of speech", "speech2text", "speech 2 text"), ("automatic-speech-recognition",)
    ),
    "generation of text": ("text-generation",),
    "classification of images": ("image-classification",),
    "classification of text": ("text-classification",),
}


def _bits(sentence: Sentence, at: int) -> Replacement:
    """`4 bit`, `4-bit`, `int4`: where models are quantised to so many."""
    assert sentence.vocabulary is not None  # the caller checked
    word = sentence.text(at)
    for count, words in ((1, word), (2, f"{word} {sentence.text(at + 1)}")):
        match = _BITS.fullmatch(words)
        number = match[1] or match[2] if match is not None else ""
        known = {f"{float(bits):g}" for bits in sentence.vocabulary.values.get("quantization.bits", {})}
        if number in known:
            return count, f"bits:{number}"
    return None


_BITS = pattern(r"(\d)[ -]?bits?|int([48])")
_OF_SEVERAL_WORDS = frozenset({"task"})

_STATES: Mapping[tuple[str, ...], str] = {
    tuple(words.split()): condition
    for condition, phrases in {
        "is:incomplete": "incomplete|not complete|cut off|truncated|missing shards|partial",
        "is:unreadable,incomplete": "corrupt|corrupted|damaged|unreadable",
        "is:duplicate": "duplicates|duplicated",
        "-is:quantized": "non-quantized|unquantized|unquantised|nonquantized|non quantized",
        "risk:secret": "leaked secrets|with secrets|contain secrets|containing secrets",
        "is:adapter": "adapters",
        '"encoder only"': "encoder only",
        '"decoder only"': "decoder only",
        "lora": "loras",
        "is:quantized": "quants|quantizations|quantisations",
        "(reranker OR task:text-ranking)": "rerankers|reranking|re-rankers|re-ranking",
        "missing:license": "unlicensed|unlicenced",
        "missing:tags": "untagged",
        "missing:risks": "no risks|without risks|harmless",
        "severity:high,critical": "dangerous|malicious|unsafe|harmful",
        "risk:code-execution": "execute code|executes code|run code|runs code|code execution",
        "license_kind:permissive": "permissive|permissively licensed",
        "license_kind:permissive,copyleft": "open source|open-source|opensource|commercial use|commercially usable"
        "|commercial use allowed|commercial use permitted|allows commercial use|allowing commercial use"
        "|free for commercial use|for commercial use|allowed commercially|usable commercially",
        "license_kind:non-commercial": "non-commercial|noncommercial|non commercial|not for commercial use"
        "|no commercial use",
        "license_kind:copyleft": "copyleft",
    }.items()
    for words in phrases.split("|")
}
"""Phrases that name a state or a kind of licence."""
STATES_OF_MODELS: Mapping[str, str] = {
    "duplicate": "is:duplicate",
    "missing": "is:missing",
    "archived": "is:archived",
    "moved": "is:moved",
    "empty": "is:empty",
    "broken": "is:unreadable,incomplete",
    "complete": "-is:incomplete",
    "risky": "has:risks",
    "safe": "missing:risks",
    "small": "sort:size",
    "tiny": "sort:size",
    "lightweight": "sort:size",
    "large": "sort:-size",
    "big": "sort:-size",
    "recent": "sort:-date",
    "new": "sort:-date",
}
"""Words that name a state only right before the models: elsewhere they may be a part of a name."""


def state(sentence: Sentence, at: int) -> Replacement:
    """`incomplete`, `broken models`, `non-commercial`, `dangerous`."""
    if sentence.vocabulary is None:
        return None
    for count in (4, 3, 2, 1):
        condition = _STATES.get(tuple(sentence.text(at + offset) for offset in range(count)))
        if condition is not None:
            behind = _LICENCES if condition.startswith("license_kind") else _STORED
            return count + (sentence.text(at + count) in behind), _known_values(condition, sentence)
    condition = STATES_OF_MODELS.get(sentence.text(at))
    if condition is None:
        return _high_risk(sentence, at)
    if sentence.text(at + 1) in _NOUNS:
        return 2, condition
    if not condition.startswith("sort:") and named_by_alias(sentence, at + 1) is not None:
        return 1, condition  # "safe image classifiers"
    if not condition.endswith("size") or any(word.text not in FILLER_WORDS for word in sentence.words[:at]):
        return None  # "whisper large german model" names a size of Whisper
    # "a small english model": what has a size is the model, whatever is said of it in between
    later = {sentence.text(place) for place in range(at + 2, len(sentence.words))}
    return (1, condition) if later & MODEL_WORDS else None


def _high_risk(sentence: Sentence, at: int) -> Replacement:
    """`high-risk models`, `models with high risk`: beside other words a risk may be what a model is about."""
    words = (sentence.text(at), sentence.text(at + 1))
    used = 1 if words[0] == "high-risk" else 2 if words in {("high", "risk"), ("risk", "high")} else 0
    behind = sentence.text(at + used)
    said_of_models = behind in _NOUNS or (not behind and (not at or sentence.text(at - 1) in HAVING))
    return (used, _known_values("severity:high,critical", sentence)) if used and said_of_models else None


_LICENCES = frozenset({"license", "licenses", "licence", "licences", "licensed", "licenced"})
_STORED = frozenset({"file", "files", "download", "downloads", "risk", "risks"})


def _known_values(condition: str, sentence: Sentence) -> str:
    """Of several values those that models have: the others only make a notice."""
    name, _, listed = condition.partition(":")
    field = next((target.path for target in resolve(name)), "")
    known = sentence.vocabulary.values.get(field, {}) if sentence.vocabulary is not None else {}
    kept = [value for value in listed.split(",") if value in known]
    return f"{name}:{','.join(kept)}" if "," in listed and kept else condition


def possessed(sentence: Sentence, at: int) -> Replacement:
    """`carol's models`, where models have such an owner."""
    owner = sentence.words[at].text.removesuffix("'s").removesuffix("\N{RIGHT SINGLE QUOTATION MARK}s")
    if sentence.vocabulary is None or owner == sentence.words[at].text:
        return None
    owners = {value.casefold() for value in sentence.vocabulary.values.get("owner", {})}
    return (1, f"owner:{quoted(owner)}") if owner in owners else None


def called(sentence: Sentence, at: int) -> Replacement:
    """`a model called bert`, `models named bert`."""
    if sentence.text(at) not in {"called", "named"} or not at or sentence.text(at - 1) not in _NOUNS:
        return None
    name = sentence.text(at + 1)
    if not _COMPARED.fullmatch(name) or name in FUNCTION_WORDS or name in {"and", "or", "not"}:
        return None
    return 2, f"name:{quoted(sentence.words[at + 1].raw)}"


def ending(sentence: Sentence, at: int) -> Replacement:
    """`.gguf files`: the word behind an ending says nothing more."""
    before = sentence.words[at - 1].raw if at else ""
    return (1, "") if sentence.text(at) in {"file", "files"} and _ENDING.fullmatch(before) else None


_ENDING = pattern(r"\*?\.[a-z]\w*")


def compared(sentence: Sentence, at: int) -> Replacement:
    """`compare llama and mistral`, `llama vs mistral`: the one or the other, among whatever else is asked for."""
    asked = sentence.text(at) == "compare" and not at and len(sentence.words) >= _COMPARING
    opening = (2 if sentence.text(1) == "models" else 1) if asked else 0
    joining = _VERSUS | {"and"} if asked else _VERSUS
    place, operands = at + opening, []
    while (operand := _operand(sentence, place)) is not None:
        place += operand[0]
        operands.append(operand[1])
        if sentence.text(place) not in joining or _operand(sentence, place + 1) is None:
            break
        joining = _VERSUS
        place += 1
    if len(operands) > 1:
        return place - at, f"({' OR '.join(operands)})"
    return (opening, "") if asked else None


_COMPARING = 3
_VERSUS = frozenset({"vs", "versus"})


def _operand(sentence: Sentence, at: int) -> tuple[int, str] | None:
    """A plain word that is compared, with the number of its series: `llama 3`."""
    word = sentence.text(at)
    if not _COMPARED.fullmatch(word) or word in FUNCTION_WORDS | _VERSUS | {"and", "or", "not"}:
        return None
    meant = numbered(sentence, at) or named_by_alias(sentence, at)
    if meant is not None:
        return meant
    amount = amount_at(sentence, at + 1)
    if not _OF_SERIES.fullmatch(sentence.text(at + 1)) or (amount is not None and amount.count > 1):
        return (1, sentence.words[at].raw) if word[0].isalpha() else None
    return 2, f"{sentence.words[at].raw} {sentence.words[at + 1].raw}"


_COMPARED = pattern(r"[^\W_][\w.+/-]*", 0)
_OF_SERIES = pattern(r"\d{1,3}(?:\.\d{1,3}){0,2}[a-z]?")
