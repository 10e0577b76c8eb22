"""What a person gives to several commands: numbers of rows, files of text."""

from __future__ import annotations

from pathlib import Path

import click

from catalog.errors import UserError

STORED_NUMBER = click.IntRange(0, 2**63 - 1)
"""The number of a row, as databases hold them: SQLite calls a greater one an overflow."""


def text_of(file: Path) -> str:
    """What stands in the file. Raises UserError where it cannot be read or is no text."""
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text in UTF-8"
        raise UserError(f"{file} cannot be read: {reason}.") from error
