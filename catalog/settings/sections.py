"""What a section of settings is: a frozen dataclass whose fields are made by `setting`.

    @dataclass(frozen=True, slots=True, kw_only=True)
    class BucketSettings:
        SECTION: ClassVar[str] = "s3"

        endpoint_url: str = setting("", "Where the storage answers; empty means Amazon's own.")
        timeout_seconds: float = setting(10.0, "Longest wait for one answer.", unit="seconds", least=0.001)

It is declared by whoever uses it, and registered by a line in `catalog/plugins.py` or an entry point `modeldex.settings`
under the name of the section. The options of a source are declared in the same way (`crawler/source.py`).
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterable
from dataclasses import MISSING, Field, field
from typing import Any, ClassVar, Protocol

from catalog.errors import PluginUnavailable, UserError

SECTION_NAME = re.compile(r"[a-z][a-z0-9_]*")
TRUE_WORDS = frozenset({"true", "yes", "on", "1"})
FALSE_WORDS = frozenset({"false", "no", "off", "0"})


class Section(Protocol):
    """A section of settings, made with the values that were given; what was not given has its default."""

    SECTION: ClassVar[str]


def setting(
    default: Any,
    help_text: str,
    *,
    unit: str = "",
    secret: bool = False,
    least: float = 1,
    most: float = math.inf,
    formerly: str | None = None,
) -> Any:
    """A field of a section. Its type is that of the default: text, whole number, number, yes or no, tuple of texts.

    `least` and `most` bound a number, `secret` is never shown, `formerly` is the whole name that it had before there
    were sections, which keeps working.
    """
    return field(
        default=default,
        metadata={
            "help": help_text,
            "unit": unit,
            "secret": secret,
            "least": least,
            "most": most,
            "formerly": formerly,
        },
    )


def leaves(section: type[Any]) -> dict[str, Field[Any]]:
    """The settings of a section by name."""
    return {row.name: row for row in dataclasses.fields(section)}


def check_declared(section: Any, name: str, *, kind: str = "setting") -> type[Any]:
    """The section or options class as it was registered. Raises PluginUnavailable for one that is not made of settings."""
    if not (isinstance(section, type) and dataclasses.is_dataclass(section)):
        raise PluginUnavailable(kind, name, "what is registered is no dataclass of settings")
    for row in dataclasses.fields(section):
        if row.default is MISSING or not row.metadata.keys() >= {"help", "secret", "least", "most"}:
            raise PluginUnavailable(kind, name, f"its {row.name!r} is not made by catalog.settings.setting")
    return section


def typed(row: Field[Any], value: Any, *, name: str) -> Any:
    """The value as the setting's type and within its bounds. Raises UserError that calls the setting `name`."""
    wanted: Any = type(row.default)
    shown = "***" if row.metadata["secret"] else repr(value)
    if wanted is str:
        return _text(value, name, shown)
    if wanted is bool:
        return _switch(value, name, shown)
    if wanted is tuple:
        return _texts(value, name, shown)
    return _number(row, value, name, shown)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most like this one; None if none is."""
    # Not `catalog.text.spelling`: a setting's name often lacks a whole word, which is more than a few slips.
    import difflib  # noqa: PLC0415 - 5 ms that a correct setting need not pay

    close = difflib.get_close_matches(name, list(known), n=1)
    return close[0] if close else None


def _text(value: Any, name: str, shown: str) -> str:
    if not isinstance(value, str):
        raise UserError(f"Setting {name!r} must be text, not {shown}.")
    return value


def _switch(value: Any, name: str, shown: str) -> bool:
    word = value.strip().lower() if isinstance(value, str) else value
    if isinstance(word, bool):
        return word
    if word in TRUE_WORDS or word in FALSE_WORDS:
        return word in TRUE_WORDS
    raise UserError(f"Setting {name!r} must be true or false, not {shown}.")


def _texts(value: Any, name: str, shown: str) -> tuple[str, ...]:
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple) or not all(isinstance(part, str) for part in parts):
        raise UserError(f"Setting {name!r} must be a list of texts, not {shown}.")
    return tuple(part.strip() for part in parts if part.strip())


def _number(row: Field[Any], value: Any, name: str, shown: str) -> Any:
    wanted: Any = type(row.default)
    kind = "a whole number" if wanted is int else "a number"
    try:
        number = (
            wanted(value) if isinstance(value, str | wanted | int) and not isinstance(value, bool) else None
        )
    except ValueError:
        number = None
    if number is None:
        raise UserError(f"Setting {name!r} must be {kind}, not {shown}.")
    least, most = row.metadata["least"], row.metadata["most"]
    if not least <= number <= most or math.isinf(number):
        bounds = f"from {least:g}" if math.isinf(most) else f"from {least:g} to {most:,}"
        raise UserError(f"Setting {name!r} must be {kind} {bounds}, not {shown}.")
    return number
