"""Protocol buffers written as text, as configurations of Triton and of TensorFlow are: fields and their values, without a schema.

Source: protobuf.dev/reference/protobuf/textformat-spec.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from catalog.errors import LimitExceeded, Malformed

MAX_TOKENS = 200_000
MAX_DEPTH = 32

Message: TypeAlias = dict[str, list[Any]]
"""Every value of each field in order: text, int, float, bool for `true` and `false`, or another message. Names of enumerations are
text.
"""

_TOKEN = re.compile(
    r"""[ \t\r\n]+|\#[^\n]*
    |(?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
    |(?P<number>[-+]?(?:0[xX][0-9a-fA-F]{1,16}|(?:\d{1,40}(?:\.\d{0,40})?|\.\d{1,40})(?:[eE][-+]?\d{1,4})?[fF]?)(?![\w.]))
    |(?P<name>-?[A-Za-z_]\w{0,200})
    |(?P<extension>\[[A-Za-z_][\w./-]{0,200}\](?=\s*[:{<]))
    |(?P<mark>[{}<>\[\]:,;])""",
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(?:([0-7]{1,3})|[xX]([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_SURROGATES = range(0xD800, 0xE000)
"""Halves of characters of UTF-16, which no text has."""
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_BOOLEANS = {"true": True, "True": True, "false": False, "False": False}
_CLOSING = {"{": "}", "<": ">"}


def load(text: str) -> Message:
    """The fields of the whole text. Raises Malformed, LimitExceeded."""
    tokens = _Tokens(text)
    root: Message = {}
    open_messages: list[tuple[Message, str]] = [(root, "")]
    lists: list[str | None] = [None]
    """Of each open message the field whose list of messages is still open."""
    while (token := tokens.take()) is not None:
        message, closing = open_messages[-1]
        kind, value = token
        if kind == "mark" and value in {",", ";"}:
            continue
        if kind == "mark" and value == closing:
            open_messages.pop()
            lists.pop()
            continue
        if lists[-1] is not None:
            if kind == "mark" and value == "]":
                lists[-1] = None
                continue
            name = lists[-1]
        elif kind in {"name", "extension"}:
            name = str(value)
            token = _after_colon(tokens)
            if token == ("mark", "["):
                if tokens.peek() in {("mark", "{"), ("mark", "<")}:
                    lists[-1] = name
                else:
                    message.setdefault(name, []).extend(_scalars(tokens))
                continue
        else:
            raise Malformed(f"no field where one is expected (at character {tokens.position})")
        if token[0] == "mark" and token[1] in _CLOSING:
            if len(open_messages) > MAX_DEPTH:
                raise LimitExceeded("levels of messages", limit=MAX_DEPTH, found=len(open_messages))
            inner: Message = {}
            message.setdefault(name, []).append(inner)
            open_messages.append((inner, _CLOSING[str(token[1])]))
            lists.append(None)
        else:
            message.setdefault(name, []).append(_scalar(tokens, token))
    if len(open_messages) > 1 or lists[-1] is not None:
        raise Malformed("the text ends within a message")
    return root


def first(message: Mapping[str, Any], *path: str) -> Any:
    """The first value of a field, or of one in a message below; None where there is none."""
    value: Any = message
    for name in path:
        values = value.get(name) if isinstance(value, Mapping) else None
        value = values[0] if values else None
    return value


def messages(message: Mapping[str, Any], name: str) -> list[Message]:
    """The values of a field that are messages."""
    return [value for value in message.get(name, ()) if isinstance(value, dict)]


class _Tokens:
    """The tokens of a text, one after another."""

    def __init__(self, text: str) -> None:
        self._tokens = self._read(text)
        self._next: tuple[str, Any] | None = None
        self.position = 0

    def _read(self, text: str) -> Iterator[tuple[str, Any]]:
        count = 0
        while self.position < len(text):
            match = _TOKEN.match(text, self.position)
            if match is None:
                raise Malformed(f"no text of protocol buffers (at character {self.position})")
            self.position = match.end()
            if match.lastgroup is not None:
                count += 1
                if count > MAX_TOKENS:
                    raise LimitExceeded("tokens", limit=MAX_TOKENS, found=count)
                yield match.lastgroup, match[0]

    def take(self) -> tuple[str, Any] | None:
        token, self._next = self._next, None
        return token if token is not None else next(self._tokens, None)

    def peek(self) -> tuple[str, Any] | None:
        if self._next is None:
            self._next = next(self._tokens, None)
        return self._next


def _after_colon(tokens: _Tokens) -> tuple[str, Any]:
    token = tokens.take()
    if token == ("mark", ":"):
        token = tokens.take()
    elif token is not None and token not in {("mark", "{"), ("mark", "<"), ("mark", "[")}:
        raise Malformed(f"no colon behind the name of a field (at character {tokens.position})")
    if token is None:
        raise Malformed("the text ends behind the name of a field")
    return token


def _scalars(tokens: _Tokens) -> Iterator[Any]:
    while (token := tokens.take()) is not None:
        if token == ("mark", "]"):
            return
        if token != ("mark", ","):
            yield _scalar(tokens, token)
    raise Malformed("the text ends within a list")


def _scalar(tokens: _Tokens, token: tuple[str, Any]) -> Any:
    kind, text = token
    if kind == "string":
        parts = [text]
        while (following := tokens.peek()) is not None and following[0] == "string":
            parts.append(following[1])
            tokens.take()
        return "".join(_unescaped(part[1:-1]) for part in parts)
    if kind == "number":
        return _number(text)
    if kind == "name":
        return _BOOLEANS.get(text, text)
    raise Malformed(f"no value where one is expected (at character {tokens.position})")


def _number(text: str) -> int | float:
    digits = text.lower().removeprefix("+")
    if digits.lstrip("-").startswith("0x"):
        return int(digits, 16)
    return int(digits) if digits.lstrip("-").isdecimal() else float(digits.removesuffix("f"))


def _unescaped(text: str) -> str:
    def character(match: re.Match[str]) -> str:
        if match[1]:
            return chr(int(match[1], 8) & 0xFF)
        if match[2] or match[3]:
            number = int(match[2] or match[3], 16)
            return "\N{REPLACEMENT CHARACTER}" if number in _SURROGATES else chr(number)
        return _ESCAPED.get(match[4], match[4])

    return _ESCAPE.sub(character, text) if "\\" in text else text
