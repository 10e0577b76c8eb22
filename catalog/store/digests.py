"""SHA-256 in half of its letters: hex text in the program, 32 bytes in the database, in the same order."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Dialect, LargeBinary, TypeDecorator

HEX_CHARACTERS = 64
DIGEST_BYTES = 32
KINDS = ("tensors", "moved", "objects", "files")
"""What may stand before a digest and a colon: one byte, counted from 1. Whatever is added here comes last."""
TEXT = b"\0"
"""Before anything else that a column of digests is given or asked for, so that it equals no digest."""
TIE_KIND = b"sha256:"
DIGEST_TIE, OTHER_TIE = TIE_KIND + b"\xff", TIE_KIND + b"\xfe"
"""How ties begin that are a digest, and those whose text would begin like either: all between `sha256:` and `sha256;`, as
those ask who look for ties of that kind."""


def raw_digest(text: str | None) -> bytes | None:
    """The text as the database has it. Whatever it is, no other text has the same bytes."""
    if not text:
        return None if text is None else b""
    if (raw := _raw(text)) is not None:
        return raw
    kind, _, digest = text.rpartition(":")
    if kind in KINDS and (raw := _raw(digest)) is not None:
        return bytes([KINDS.index(kind) + 1]) + raw
    data = text.encode("utf-8", "backslashreplace")
    return (2 * TEXT if len(data) == DIGEST_BYTES - 1 else TEXT) + data


def digest_text(data: bytes | str | None) -> str | None:
    """What `raw_digest` was given. A text is one already: SQLite keeps whatever somebody else wrote there."""
    if data is None or isinstance(data, str):
        return data
    if len(data) == DIGEST_BYTES:
        return data.hex()
    if not data:
        return ""
    if 1 <= data[0] <= len(KINDS) and len(data) == DIGEST_BYTES + 1:
        return f"{KINDS[data[0] - 1]}:{data[1:].hex()}"
    # A damaged one comes here, too, and is like no other.
    return data.lstrip(TEXT).decode("utf-8", "backslashreplace")


def raw_tie(tie: bytes | None) -> bytes | None:
    """The tie as the database has it. Whatever it is, no other tie has the same bytes."""
    if tie is None or not tie.startswith(TIE_KIND):
        return tie
    text = tie[len(TIE_KIND) :]
    if (raw := _raw(text.decode("latin-1"))) is not None:
        return DIGEST_TIE + raw
    return OTHER_TIE + text if tie.startswith((DIGEST_TIE, OTHER_TIE)) else tie


def tie_name(data: bytes | None) -> bytes | None:
    """What `raw_tie` was given."""
    if data is None or not data.startswith((DIGEST_TIE, OTHER_TIE)):
        return data
    rest = data[len(DIGEST_TIE) :]
    return TIE_KIND + (rest.hex().encode("ascii") if data.startswith(DIGEST_TIE) else rest)


def _raw(text: str) -> bytes | None:
    """The bytes of 64 lower-case hex digits; None for anything else, of which capitals and spaces are read alike."""
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        return None
    return raw if len(raw) == DIGEST_BYTES and raw.hex() == text else None


class Digest(TypeDecorator[str]):
    """A column of hex digests, and of ids that are digests."""

    impl = LargeBinary
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Any:  # noqa: ARG002 - SQLAlchemy's
        return raw_digest

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:  # noqa: ARG002 - SQLAlchemy's
        return digest_text


class RawTie(TypeDecorator[bytes]):
    """A column of ties, most of which are digests of files."""

    impl = LargeBinary
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Any:  # noqa: ARG002 - SQLAlchemy's
        return raw_tie

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:  # noqa: ARG002 - SQLAlchemy's
        return tie_name
