"""JSON that somebody sends."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from catalog.errors import UserError
from catalog.text.folding import is_text

ESCAPE = "\\u"


def json_value(body: bytes, *, parse_constant: Callable[[str], Any] | None = None) -> Any:
    """The value that was sent. Raises UserError for what is no JSON, and for halves of characters, which JSON can spell and no text has."""
    try:
        text = body.decode(json.detect_encoding(body))  # json itself lets halves of characters through here
        value = json.loads(text, parse_constant=parse_constant)
        is_whole = ESCAPE not in text or is_text(json.dumps(value, ensure_ascii=False))
    except RecursionError as error:
        raise UserError("The body is nested too deep to be read.") from error
    except ValueError as error:
        raise UserError(f"The body is no JSON: {str(error)[:200]}.") from error
    if not is_whole:
        raise UserError(
            "The body holds half of a character, which is in no text: an escape such as \\ud83d has a second one behind it."
        )
    return value
