"""One observation's raw value in the type of its field: what it came to, what was done, or why it has no value."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from catalog.lazy_dataclasses import dataclass
from catalog.normalise.values.dates import DateReading, read_date
from catalog.normalise.values.units import parse_quantity, read_number, to_float, to_long
from catalog.records import Observation
from catalog.text import canonical, cleaning, licences
from mappings import Field, fields
from mappings.languages import languages

MAX_LIST = 2_000
MAX_EXACT_INTEGER = 2**53 - 1
"""Larger integers are not interoperable JSON. Source: RFC 7493, section 2.2."""
TRUE_WORDS = frozenset({"true", "yes", "1", "on"})
FALSE_WORDS = frozenset({"false", "no", "0", "off"})
NOTHING_WORDS = frozenset(
    {
        "",
        "none",
        "null",
        "n/a",
        "na",
        "nan",
        "unknown",
        "[more information needed]",
        "more information needed",
        "tbd",
        "-",
        "?",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """The typed value (a list for list fields), or None with the reason."""

    value: Any = None
    changes: tuple[str, ...] = ()
    reason: str | None = None
    date: DateReading | None = None
    rivals: tuple[str, ...] = ()  # other values that the same text names


def convert(field: Field, seen: Observation, *, now: datetime) -> Converted:
    """The raw value as the field holds it. Total: what cannot be converted has no value and a reason."""
    if field.type == "date":
        return _date(seen, now)
    if field.type in {"long", "double"}:
        return _number(field, seen)
    if field.type == "boolean":
        return _boolean(seen.raw)
    if field.name in {"inputs", "outputs"}:
        return Converted(
            value=[_port(item) for item in _items(seen.raw) if item not in {None, ""}]
            if _hashable_items(seen.raw)
            else _ports(seen.raw)
        )
    if field.list:
        return _words(field, seen.raw)
    return _word(field, seen.raw)


def scalar(raw: Any, *, name: str = "") -> Converted:
    """A free value as documents keep it: number, boolean, text, or a list of those; numbers in text become numbers, but
    for versions: 1.10 is not 1.1.
    """
    if isinstance(raw, bool):
        return Converted(value=raw)
    if isinstance(raw, list):
        values = [scalar(item).value for item in raw[:MAX_LIST] if not isinstance(item, dict | list)]
        kept = [value for value in values if value is not None]
        return Converted(value=kept) if kept else Converted(reason="empty")
    if isinstance(raw, str):
        is_version = name.endswith("version") and "." in raw
        return Converted(value=cleaning.clean(raw)) if is_version else _free_text(raw)
    reading = read_number(raw)
    if reading is None:
        return Converted(reason="not-a-number" if isinstance(raw, float) else "empty")
    value = to_long(reading.value) if isinstance(raw, int) else to_float(reading.value)
    if value is None or (isinstance(value, int) and abs(value) > MAX_EXACT_INTEGER):
        return Converted(value=str(raw)[:400])
    return Converted(value=value, changes=reading.changes)


def _free_text(raw: str) -> Converted:
    cleaned = cleaning.clean(raw)
    if not cleaned:
        return Converted(reason="empty")
    quoted = bool(getattr(raw, "quoted", False)) or getattr(raw, "plain", True) is False
    if not quoted and re.fullmatch(
        r"[+-]?(?:0|[1-9]\d{0,17})(?:\.\d+)?(?:[eE][+-]?\d{1,3})?|[+-]?\d{1,17}\.\d*", cleaned
    ):
        number = Decimal(cleaned)
        value = to_long(number) if re.fullmatch(r"[+-]?\d+", cleaned) else to_float(number)
        if value is not None and abs(value) <= MAX_EXACT_INTEGER:
            return Converted(value=value, changes=("text→number",))
    if cleaned.lower() in {"true", "false"} and not quoted:
        return Converted(value=cleaned.lower() == "true", changes=("text→boolean",))
    return Converted(value=cleaned)


def _date(seen: Observation, now: datetime) -> Converted:
    local = (
        seen.context.get("zone") == "local"
        or bool(seen.context.get("local"))
        or seen.unit == "local"
        or "date_saved" in seen.pointer
    )
    unit = seen.unit if isinstance(seen.unit, str) else None
    reading = read_date(seen.raw, now=now, unit=unit, local=local)
    if reading.value is None:
        return Converted(reason=f"date-{reading.reason}", date=reading)
    return Converted(value=reading.text, changes=reading.changes, date=reading)


def _number(field: Field, seen: Observation) -> Converted:
    raw = seen.raw[0] if isinstance(seen.raw, list) and len(seen.raw) == 1 else seen.raw
    unit = seen.unit or field.unit
    reading = read_number(raw)
    if reading is not None and not reading.percent and (seen.unit is None or seen.unit == field.unit):
        number: Decimal | None = reading.value
        changes = reading.changes if isinstance(raw, str) or "float32-shortest" in reading.changes else ()
    else:
        quantity = (
            parse_quantity(raw, field.unit)
            if isinstance(raw, str)
            else _in_unit(reading.value if reading else None, unit, field.unit)
        )
        number = None if quantity is None else Decimal(repr(quantity))
        changes = ("unit→number",) if number is not None else ()
    if number is None:
        return Converted(reason="not-a-number")
    value = _whole(number) if field.type == "long" else to_float(number)
    if value is None or (isinstance(value, int) and abs(value) > MAX_EXACT_INTEGER):
        return Converted(reason="out-of-bounds")
    if field.unit in {"count", "bytes", "tokens"} and value < 0:
        return Converted(reason="out-of-bounds")
    return Converted(value=value, changes=changes)


def _in_unit(value: Decimal | None, unit: str | None, target: str | None) -> int | float | None:
    """A bare number whose observation names another unit than the field's: 5 with unit min in seconds."""
    if value is None:
        return None
    return parse_quantity(f"{value} {unit}", target)


def _whole(number: Decimal) -> int | None:
    whole = to_long(number)
    if whole is not None:
        return whole
    rounded = number.to_integral_value() if number.is_finite() and number.adjusted() < 19 else None
    close = rounded is not None and abs(number - rounded) <= Decimal("1e-6") * max(abs(number), Decimal(1))
    return to_long(rounded) if close and rounded is not None else None


def _boolean(raw: Any) -> Converted:
    if isinstance(raw, bool):
        return Converted(value=raw)
    word = str(raw).strip().lower()
    if word in TRUE_WORDS | FALSE_WORDS:
        return Converted(value=word in TRUE_WORDS, changes=("text→boolean",))
    return Converted(reason="not-a-boolean")


def _word(field: Field, raw: Any) -> Converted:
    if isinstance(raw, list):
        words = [
            str(item) for item in raw if isinstance(item, str | int | float) and not isinstance(item, bool)
        ]
        joint = " AND " if field.canonical == "licence" else ", "
        several = field.canonical == "licence" or field.name in {"owner", "description"}
        raw = joint.join(dict.fromkeys(words)) if several and words else next(iter(words), None)
    if raw is None or isinstance(raw, dict):
        return Converted(reason="not-text")
    written = _as_text(raw)
    if field.canonical == "licence":
        return _licence(written)
    cleaned = cleaning.clean(written) if field.type == "text" else cleaning.keyword(written)
    if cleaned.lower() in NOTHING_WORDS and field.name != "license":
        return Converted(reason="empty")
    if not cleaned:
        return Converted(reason="empty")
    spelled = _canonical(field.name, cleaned)
    if spelled is None:
        return Converted(reason="not-known")
    changes = (f"alias {cleaned}→{spelled}",) if spelled != cleaned else ()
    return Converted(value=spelled, changes=changes)


_NAMES_A_FILE = re.compile(
    r"(?:please )?(?:see|refer to|read)(?: the)? licen[cs]e(?: file|(?: file)? in .{1,200}|[-\w]*\.(?:md|txt))?\.?",
    re.IGNORECASE,
)
"""Where people say that a file beside the model says it."""


def _licence(written: str) -> Converted:
    """One identifier; a text that contradicts itself (`Apache-2.0 (https://opensource.org/licenses/MIT)`) says so."""
    cleaned = cleaning.clean(written)
    if cleaned.lower() in NOTHING_WORDS - {"unknown"} | {
        "license",
        "licence",
    }:  # TRL's card says `licence: license`
        return Converted(reason="empty")
    if _NAMES_A_FILE.fullmatch(cleaned):
        return Converted(reason="empty")
    reading = licences.licence(cleaned)
    value = cleaning.keyword(reading.id)
    changes = (f"alias {cleaning.keyword(cleaned)}→{value}",) if value != cleaned else ()
    return Converted(value=value, changes=changes, rivals=reading.rivals)


def _words(field: Field, raw: Any) -> Converted:
    parts: list[str] = []
    split = False
    for item in _items(raw)[:MAX_LIST]:
        if item is None or isinstance(item, dict | list | bool):
            if isinstance(item, dict):
                parts.extend(
                    str(item[key])
                    for key in ("name", "id", "type", "title")
                    if isinstance(item.get(key), str)
                )
            continue
        word = _as_text(item)
        if field.name in {"tags", "language"} and not isinstance(raw, list) and "," in word:
            parts.extend(word.split(","))
            split = True
        else:
            parts.append(word)
    cleaned = [
        word
        for word in (cleaning.keyword(part) for part in parts)
        if word and word.lower() not in NOTHING_WORDS - {"no", "na"}
    ]
    values = list(
        dict.fromkeys(value for value in (_canonical(field.name, word) for word in cleaned) if value)
    )
    changes = (
        *(("split-at-commas",) if split else ()),
        *(("canonical",) if values != list(dict.fromkeys(cleaned)) else ()),
    )
    return Converted(value=values, changes=changes) if values else Converted(reason="empty")


def language_tag(word: str) -> str:
    """A BCP-47 tag in its usual case: EN → en, zh_hans_cn → zh-Hans-CN; German → de."""
    parts = word.strip().replace("_", "-").split("-")
    if not re.fullmatch(r"[A-Za-z]{2,3}", parts[0]):
        name = word.strip().lower()
        return languages().get(name, name)
    rest = [
        part.title() if len(part) == 4 else part.upper() if len(part) == 2 else part.lower()
        for part in parts[1:]
    ]
    return "-".join([parts[0].lower(), *rest])


CANONICAL: Mapping[str, Callable[[str], str | None]] = {
    "licence": lambda word: licences.licence(word)[0],
    "precision": lambda word: canonical.dtype(word) or (word if canonical.is_ggml_type(word) else None),
    "upper": str.upper,
    "lower": str.lower,
    "language": language_tag,
}
"""How words come to one spelling beside `canonical.rule`, by the table's column `canonical`."""


def _canonical(field: str, word: str) -> str | None:
    row = fields().get(field)
    kind = row.canonical if row is not None else None
    rule = CANONICAL.get(kind or "") or canonical.rule(kind)
    return word if rule is None else rule(word)


def _as_text(raw: Any) -> str:
    """Text as written; a number that JSON has read is written again the short way."""
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if isinstance(raw, float):
        return str(int(raw)) if raw.is_integer() and abs(raw) < 1e15 else repr(raw)
    return str(raw) if not isinstance(raw, int) or abs(raw) < 10**400 else "a number of more than 400 digits"


def _items(raw: Any) -> list[Any]:
    if isinstance(raw, list | tuple):
        return list(raw)
    return [raw]


def _hashable_items(raw: Any) -> bool:
    return not any(isinstance(item, dict | list) for item in _items(raw))


def _ports(raw: Any) -> list[dict[str, Any]]:
    return [_port(item) for item in _items(raw)[:MAX_LIST]]


def _port(item: Any) -> dict[str, Any]:
    """An input or output as {name, shape, dtype}; a free dimension is null or its symbol."""
    if not isinstance(item, dict):
        return {"name": cleaning.keyword(_as_text(item))}
    port: dict[str, Any] = {}
    for key, value in cleaning.cleaned(item).items():
        if key == "dtype" and isinstance(value, str):
            port[key] = canonical.dtype(value) or value
        elif key == "shape" and isinstance(value, list):
            port[key] = [None if isinstance(size, int | float) and size < 0 else size for size in value[:64]]
        elif value is not None:
            port[str(key)] = value
    return port
