"""Licences by one identifier: SPDX in lower case, as model hubs write them, or the hubs' own (`llama3.1`, `gemma`).

Used by the normaliser on what files say and by the query on what people type, so both agree. Names, addresses and texts
are rows of `mappings/licences.toml`; Creative Commons licences and "or later" are read by rule.

SPDX identifiers are compared without regard to case. Source: SPDX specification 3.0, annex B.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from typing import NamedTuple

from catalog.text.patterns import pattern
from mappings.licences import licences

MAX_EXPRESSION_CHARS = 200
MAX_TEXT_CHARS = 16 * 1024
MAX_PARTS = 12
MAX_WORDS = 40
MAX_NAME_WORDS = 9

_NOISE = frozenset(
    {
        "the", "a", "an", "license", "licence", "licenses", "licensed", "licences", "licenseref", "version", "ver", "v", "of", "terms",
        "under", "software", "agreement", "international", "unported", "generic", "universal", "for", "is", "this", "its", "osi",
        "approved",
    }
)  # fmt: skip
"""Words that tell no licence from another."""
_WORD = pattern(r"[a-z]+\+*|\d+(?:\.\d+)*\+?")
_GLUED_VERSION = pattern(r"(?<=[a-z])v(?=\d)")
_ADDRESS = pattern(r"(?:https?://|www\.)[^\s<>()\[\]{}\"'|]+", re.IGNORECASE)
_BRACKETED = pattern(r"[(\[{][^()\[\]{}]*[)\]}]")
_OR_LATER = pattern(
    r"\s*,?\s*\(?(?:or[- ](?:any[- ])?(?:later|newer)(?:[- ]versions?)?)\)?\s*$|(?<=\d)\+$", re.IGNORECASE
)
_ONLY = pattern(r"[- ]only$", re.IGNORECASE)
_AT_LEAST = pattern(r"\(?\s*>=\s*(\d+(?:\.\d+)*)\s*\)?")
_DUAL = pattern(
    r"^(?:dual(?:ly)?|triple)[- ]?(?:licen[sc]ed?)?(?:\s*(?:under|as|with|:|-))?(?:\s+the)?\s+(?=\S)",
    re.IGNORECASE,
)
"""Whoever offers several licences leaves the choice. Source: SPDX specification 3.0, annex B (`OR`)."""
_PURPOSE = pattern(
    r"\s*\((?:for )?(?:the )?(?:source )?(?:code|weights?|models?(?: weights)?|data(?:set)?|docs?)(?:\)|$)",
    re.IGNORECASE,
)
"""What each of several licences is for, in brackets behind it."""
_JOINED = pattern(r"\s+(?:and|or)\s+|\s*[/;|&,]\s*")
_PLACED_UNDER = pattern(
    r"\b(?:licen[sc]ed|released|distributed|available|provided|published|covered|made available|shared|falls?|is|are)\b[^.;]{0,40}?"
    r"\b(?:under|by|with)\b\s+(?:the\s+|an?\s+)?(?P<name>[^;,()\n]{2,80}?)(?=\s+licen[sc]e|[;,()\n]|\.(?!\d)|$)",
    re.IGNORECASE,
)
_HEAD = pattern(r"^(?P<head>.{2,120}?)(?:\s*[;:,(\[–—]|\s+[-|]\s|\.\s|\s+see\b|\s+for\b|\s+with\b|\s+as\b|\s+by\b|\s+found\b|\s+copyright\b|\s*©)", re.IGNORECASE)  # fmt: skip
_LICENCE_WORD = pattern(r"\blicen[sc]e\b", re.IGNORECASE)
_RIDER = pattern(
    r"\b(?:modified|modification|amended|clause|additional|restrict\w*|except\w*|custom|like|style|compatible|not|no|based)\b",
    re.IGNORECASE,
)
_NON_COMMERCIAL = pattern(r"\bnon[- ]?commercial|\bresearch[- ]only\b", re.IGNORECASE)
_OPERATORS = pattern(r"\b(?:AND|OR|WITH)\b")
_TOLD = pattern(
    r"(?:opensource\.org/licenses?|spdx\.org/licenses|choosealicense\.com/licenses|licenses\.nuget\.org|"
    r"api\.github\.com/licenses)/(?P<name>[a-z0-9.+-]+?)(?:\.html|\.json|\.txt|\.php)?/?$"
)
_CC_ADDRESS = pattern(r"creativecommons\.org/licenses/(?P<parts>[a-z-]+)(?:/(?P<version>\d\.\d))?")
_CC_TITLE = pattern(
    r"attribution(?:[-– ]{1,3}(?:non-?commercial|no ?derivatives|no ?derivs|share-?alike))*[- ,]{1,2}(?:v\.? ?)?\d\.\d"
)
_CC_PARTS: Mapping[str, tuple[str, ...]] = {
    "by": ("by",), "attribution": ("by",), "nc": ("nc",), "noncommercial": ("nc",), "nd": ("nd",), "noderivatives": ("nd",),
    "noderivs": ("nd",), "sa": ("sa",), "sharealike": ("sa",),
    # in two words, joined below
    "non commercial": ("nc",), "no derivatives": ("nd",), "no derivs": ("nd",), "share alike": ("sa",), "non derivatives": ("nd",),
}  # fmt: skip
_CC_SILENT = frozenset({"cc", "creative", "commons", "public", "use", "only", "deed", "legal", "code"})


class LicenceReading(NamedTuple):
    """The identifier, or the text as it is where `known` is False; `rivals` are other licences that the text names."""

    id: str
    known: bool
    rivals: tuple[str, ...] = ()


@lru_cache(maxsize=4096)
def licence(text: str) -> LicenceReading:
    """What a licence text names: an identifier, an expression of several, or itself. Total."""
    written = " ".join(text.split())
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) > 2 or len(written) > MAX_EXPRESSION_CHARS:
        return _long_text(text, lines, written)
    addresses = _ADDRESS.findall(written)
    bare = " ".join(_ADDRESS.sub(" ", written).split()).strip(" ()[]{}<>,;:-.\"'`*#")
    by_address = list(dict.fromkeys(name for item in addresses if (name := of_address(item)) is not None))
    named = _expression(_ADDRESS.sub(" ", written).strip()) if _OPERATORS.search(bare) else _named(bare)
    if named is not None:
        # An address of a file in a repository says nothing; one of another licence contradicts.
        rivals = tuple(name for name in by_address if name not in named and not _is_version(name, named))
        return LicenceReading(named, known=True, rivals=rivals)
    if by_address:
        return LicenceReading(by_address[0], known=True, rivals=tuple(by_address[1:]))
    identifier = _valid_id(bare)
    return LicenceReading(identifier, known=True) if identifier else LicenceReading(written, known=False)


def typed(text: str) -> str:
    """What a person's word in a query names, without the 0.3 s that the list of all SPDX licences takes to read."""
    bare = text.strip()
    if _OPERATORS.search(bare):
        return _in_hub_spelling(bare)
    return _named(bare) or of_address(bare) or " ".join(text.split()).lower()


def atoms(identifier: str) -> tuple[str, ...]:
    """The single licences of an expression, in its order: `mit OR apache-2.0` → mit, apache-2.0."""
    parts = re.split(r"\bAND\b|\bOR\b|[()]", identifier)
    names = (part.partition(" WITH ")[0].strip() for part in parts)
    return tuple(dict.fromkeys(name for name in names if name))


def contradict(said_of: str, text_of: str) -> bool:
    """Whether a licence and the one that a text is of cannot both be right: a text says no "or later", and `other` nothing."""
    first, second = ({_family(name) for name in atoms(identifier)} for identifier in (said_of, text_of))
    if not first or not second or {"other", "unknown"} & (first | second):
        return False
    return not any(name.startswith(text) or text.startswith(name) for name in first for text in second)


def _family(name: str) -> str:
    return name.casefold().removesuffix("-or-later").removesuffix("-only").removesuffix("+")


STRICTEST_FIRST = ("non-commercial", "copyleft", "permissive")
CUSTOM = "custom"
"""Terms of its own: a model vendor's licence, or one that nobody knows."""


@lru_cache(maxsize=4096)
def kind(identifier: str) -> str:
    """What a licence asks: permissive, copyleft, non-commercial or custom; of several that hold together, the strictest.

    Where one may choose between licences, the mildest.
    """
    choices = [_strictest(choice) for choice in re.split(r"\sOR\s", identifier)]
    return next((mild for mild in reversed(STRICTEST_FIRST) if mild in choices), CUSTOM)


def _strictest(identifier: str) -> str:
    kinds = [_kind_of_one(name) for name in atoms(identifier) or (identifier,)]
    if CUSTOM in kinds and "non-commercial" not in kinds:
        return CUSTOM
    return next((strict for strict in STRICTEST_FIRST if strict in kinds), CUSTOM)


def _kind_of_one(name: str) -> str:
    name = name.strip("() ").casefold().removesuffix("-or-later").removesuffix("-only").removesuffix("+")
    row = licences().get(name)
    if row is not None:
        return row.kind or CUSTOM
    if name.startswith("cc-by"):
        parts = name.split("-")
        asked = {"nc": "non-commercial", "nd": CUSTOM, "sa": "copyleft"}
        return next((kind for part, kind in asked.items() if part in parts), "permissive")
    return CUSTOM


def of_text(text: str) -> str | None:
    """The licence whose phrases all stand in the text, the one that begins first; None for a text that is not known."""
    plain = " ".join(text[:MAX_TEXT_CHARS].lower().split())
    places: list[tuple[int, int, str]] = []
    for rank, row in enumerate(licences().values()):
        if row.text and all(phrase in plain for phrase in row.text):
            places.append((plain.index(row.text[0]), rank, row.id))
    title = _CC_TITLE.search(plain)
    common = _creative_commons(_words(title[0])) if title else None
    if title and common is not None:
        places.append((title.start(), -1, common))
    return min(places)[2] if places else None


def of_address(address: str) -> str | None:
    """The licence whose text is at an address, None for any other place."""
    place = re.sub(r"^(?:https?://)?(?:www\.)?", "", address.strip().lower()).rstrip("/.,;")
    common = _CC_ADDRESS.match(place)
    if common is not None:
        return "-".join(part for part in ("cc", common["parts"], common["version"]) if part)
    named_there = _TOLD.match(place)
    if named_there is not None:
        name = named_there["name"]
        return _looked_up(name) or _valid_id(name)
    known = [
        (len(start), row.id) for row in licences().values() for start in row.urls if place.startswith(start)
    ]
    return max(known)[1] if known else None


def _named(bare: str) -> str | None:
    """The licence or licences that a short text names, by its words."""
    single = _single(bare)
    if single is not None:
        return single
    dual = _DUAL.match(bare)
    if dual is not None and (choice := _several(bare[dual.end() :])) is not None:
        return choice.replace(" AND ", " OR ")
    several = _several(_PURPOSE.sub("", bare))
    if several is not None:
        return several
    placed = _PLACED_UNDER.search(bare)
    if placed is not None and (name := _single(placed["name"])) is not None:
        return (
            name
            if _agrees(bare[placed.end("name") :], name) and not _rider(bare, placed["name"], name)
            else None
        )
    head = _HEAD.match(bare)
    if head is not None and (name := _single(head["head"])) is not None:
        return (
            name if _agrees(bare[head.end("head") :], name) and not _rider(bare, head["head"], name) else None
        )
    return _only_one_within(bare)


def _only_one_within(text: str) -> str | None:
    """The one licence that stands among other words, by a name that nothing else has: with a number, or before "license"."""
    pieces = re.findall(r"[\w.+:-]+", text)[:MAX_WORDS]
    named: dict[str, str] = {}
    start = 0
    while start < len(pieces):
        end = min(len(pieces), start + MAX_NAME_WORDS)
        while end > start and not (name := _telling(pieces[start:end], pieces[end : end + 1])):
            end -= 1
        if end > start:
            assert name is not None
            named.setdefault(name, " ".join(pieces[start:end]))
        start = max(end, start + 1)
    if len(named) != 1:
        return None
    (name, written), *_ = named.items()
    return None if _rider(text, written, name) else name


def _rider(text: str, written: str, name: str) -> bool:
    """Whether the other words make it another licence: modified MIT, Apache 2.0 with the Commons Clause, BSD-style."""
    rest = text.replace(written, " ", 1)
    return bool(_RIDER.search(rest) or (_NON_COMMERCIAL.search(rest) and "nc" not in name.split("-")))


def _telling(pieces: Sequence[str], after: Sequence[str]) -> str | None:
    text = " ".join(pieces)
    telling = (
        any(char.isdigit() for char in text)
        or (text.isupper() and len(text) > 2)
        or _LICENCE_WORD.search(text)
        or any(_LICENCE_WORD.search(piece) for piece in after)
    )
    return _single(text) if telling and _words(text) else None


def _single(text: str) -> str | None:
    """The licence of a name: as it stands, without what brackets add, and with `or later` where that makes another."""
    bare = text.rpartition("::")[2].strip(" .,;:\"'`*")  # package classifiers name the kind before `::`
    at_least = _AT_LEAST.search(bare)
    if at_least is not None:
        bare = f"{_AT_LEAST.sub(' ', bare).strip()} {at_least[1]}+"
    later = _OR_LATER.search(bare)
    stem = _ONLY.sub("", bare[: later.start()] if later else bare)
    identifier = _looked_up(stem) or _looked_up(_BRACKETED.sub(" ", stem))
    if identifier is None and (inner := _BRACKETED.search(stem)):
        identifier = _looked_up(inner[0]) if not _words(_BRACKETED.sub(" ", stem)) else None
    if identifier is None:
        return None
    row = licences().get(identifier)
    gnu = row is not None and row.gnu and any(char.isdigit() for char in identifier)
    return f"{identifier}-or-later" if later and gnu else identifier


def _several(bare: str) -> str | None:
    """`MIT or Apache 2.0`, `Apache-2.0/MIT`: an expression where every part is a licence."""
    if not _JOINED.search(bare) or _OPERATORS.search(bare):
        return None
    marks = {match[0].strip().lower() for match in _JOINED.finditer(bare)}
    pieces = _JOINED.split(bare)
    if len(pieces) > MAX_PARTS:
        return None
    names = [_single(piece) for piece in pieces if piece.strip()]
    if not names or None in names or {"other", "unknown"} & set(names):
        return None
    distinct = list(dict.fromkeys(name for name in names if name))
    return (" OR " if marks <= {"or", "/", "|"} else " AND ").join(distinct)


def _agrees(rest: str, name: str) -> bool:
    """Whether what follows a licence's name names no other one: `MIT for code, CC-BY-NC-4.0 for weights` is no MIT."""
    for piece in re.split(r"[;,()\[\]:/]|\s-\s|\bfor\b|\band\b|\bor\b|\bunder\b|\bwith\b", rest):
        other = _single(piece) if piece.strip() else None
        if (
            other is not None
            and other not in {name, "other", "unknown", "proprietary"}
            and not _is_version(name, other)
        ):
            return False
    return True


def _is_version(name: str, other: str) -> bool:
    return name.startswith(f"{other}-") or other.startswith(f"{name}-")


def _long_text(text: str, lines: Sequence[str], written: str) -> LicenceReading:
    """The text of a licence, or an account of one that begins with its name."""
    by_text = of_text(text)
    if by_text is not None:
        return LicenceReading(by_text, known=True)
    for line in lines[:3]:
        if len(line) <= MAX_EXPRESSION_CHARS and (name := _named(line.strip(" #*=-"))) is not None:
            return LicenceReading(name, known=True)
    return LicenceReading(written, known=False)


@lru_cache(maxsize=4096)
def _looked_up(name: str) -> str | None:
    folded = " ".join(name.lower().split()).strip(" .,;:()[]\"'`*")
    if folded in licences():
        return folded
    words = _words(name)
    key = " ".join(words)
    return _keys().get(key) or _creative_commons(words)


@cache
def _keys() -> Mapping[str, str]:
    """Identifier by the words of its name and of its other names."""
    keys: dict[str, str] = {}
    for row in licences().values():
        for name in (row.id, *row.names):
            keys.setdefault(" ".join(_words(name)), row.id)
    keys.pop("", None)
    return keys


def _words(text: str) -> list[str]:
    """Words and numbers that tell licences apart: `GPLv3` and `GPL 3.0` are both gpl, 3."""
    spaced = _GLUED_VERSION.sub(" ", text.lower().replace("c++", "cpp"))
    words = [word for word in _WORD.findall(spaced) if word not in _NOISE]
    return [re.sub(r"(?:\.0)+$", "", word) if word[0].isdigit() else word for word in words]


def _creative_commons(words: Sequence[str]) -> str | None:
    """CC BY-NC-SA 4.0, Creative Commons Attribution Non Commercial 4.0 → cc-by-nc-sa-4.0, cc-by-nc-4.0.

    A version that is not said is not made up: `CC BY-SA` is cc-by-sa.
    """
    if not words or not (
        words[0] in {"cc", "attribution", "by"} or list(words[:2]) == ["creative", "commons"]
    ):
        return None
    parts: list[str] = []
    version: str | None = None
    index = 0
    while index < len(words):
        word = words[index]
        pair = " ".join(words[index : index + 2])
        if pair in _CC_PARTS:
            parts.extend(_CC_PARTS[pair])
            index += 1
        elif word in _CC_PARTS:
            parts.extend(_CC_PARTS[word])
        elif re.fullmatch(r"\d(?:\.\d)?", word) and version is None:
            version = word if "." in word else f"{word}.0"
        elif word not in _CC_SILENT:
            return None
        index += 1
    if "by" not in parts or (words[0] == "by" and len(parts) == 1):
        return None
    ordered = [part for part in ("by", "nc", "nd", "sa") if part in parts]
    return "-".join(["cc", *ordered, *([version] if version else [])])


def _expression(text: str) -> str | None:
    """An SPDX expression in the hubs' spelling; None for words between which AND, OR or WITH happen to stand."""
    if len(text) > MAX_EXPRESSION_CHARS:
        return None
    spelled = _in_hub_spelling(text)
    if (
        all(name in licences() or name.startswith("licenseref-") for name in atoms(spelled))
        and "WITH" not in spelled
    ):
        return spelled
    parsed = _spdx(text)
    return _in_hub_spelling(parsed) if parsed else _named(text.lower())


def _in_hub_spelling(expression: str) -> str:
    """The expression with each licence by its identifier; its operators stay capitals."""
    parts = re.split(r"(\s*\b(?:AND|OR|WITH)\b\s*|\s*[()]\s*)", expression.strip())
    return "".join(
        re.sub(r"\s+", " ", part) if place % 2 else _single(part) or part.lower()
        for place, part in enumerate(parts)
    )


def _valid_id(name: str) -> str | None:
    """An SPDX identifier that the table has no row for, in lower case."""
    if not re.fullmatch(r"[\w.+-]{1,100}", name):
        return None
    parsed = _spdx(name)
    return _in_hub_spelling(parsed) if parsed else None


@lru_cache(maxsize=1)
def _licensing() -> object:
    import license_expression  # noqa: PLC0415 - builds an automaton of 2,000 names, 0.3 s that only a crawl pays

    return license_expression.get_spdx_licensing()


def spdx_expression(identifier: str) -> str | None:
    """The identifier or expression in SPDX's own spelling, Apache-2.0; None for what SPDX does not know."""
    return _spdx(identifier)


def _spdx(text: str) -> str | None:
    licensing = _licensing()
    try:
        parsed = licensing.parse(text, validate=True)  # type: ignore[attr-defined] # the library has no types
        return str(parsed) if parsed is not None else None
    except Exception:  # noqa: BLE001 - the parser raises its own and its dependency's errors for texts that are no expressions
        return None
