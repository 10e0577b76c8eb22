"""Conditions on versions, which have an order of their own: `version > 1.9` finds 1.10, `version<2` finds 2.0-rc1."""

from __future__ import annotations

from catalog.query.nodes import And, Not, Or, Query, Range
from catalog.query.text.parse_context import Leaf
from catalog.query.text.printing import name_of
from catalog.query.text.targets import Target
from catalog.query.text.tokens import Piece, Token
from catalog.query.validate import MAX_ORDERED_CHARACTERS
from catalog.text.natural import version_key
from catalog.text.patterns import pattern
from mappings import fields

_VERSION = pattern(r"v?\d[\w.+-]*", 0)
_PLAIN = pattern(r"v?\d+(?:\.\d+){0,1}")
_OR_LATER = pattern(r"v?\d+(?:\.\d+)*\+")
_PARTS = 3
"""2 is 2.0 and 2.0.0. Source: PEP 440, version specifiers: a release is filled up with zeros to be compared."""
_OPEN = frozenset({"", "*"})


def order_of(target: Target) -> str | None:
    """The field that holds the order of this one's versions; None for fields without."""
    row = fields().get(target.path)
    ordered = fields().get(row.ordered_by or "") if row is not None else None
    return ordered.name if ordered is not None and ordered.indexed_as == "versions" else None


def version_leaves(token: Token, target: Target) -> tuple[list[Leaf], tuple[Piece, ...]]:
    """The comparisons and ranges of versions among the values, and the other values."""
    order = order_of(target)
    if order is None:
        return [], token.values
    read = [(piece, _version_leaf(piece, token, target, order)) for piece in token.values]
    return [leaf for _, leaf in read if leaf is not None], tuple(
        piece for piece, leaf in read if leaf is None
    )


def _version_leaf(piece: Piece, token: Token, target: Target, order: str) -> Leaf | None:
    """What a comparison or range of versions asks for; None where it is none."""
    if piece.quoted and token.operator not in _SIGNS:
        return None
    name, text = name_of(target.path), piece.text.strip()
    if token.operator in _SIGNS:
        if not _is_version(text):
            return None
        node = _compared(order, token.operator, text)
        return Leaf(node=node, label=f"{name}{token.operator}{text}", explanation="as versions are counted")
    if _OR_LATER.fullmatch(text):
        node = _compared(order, ">=", text[:-1])
        return Leaf(node=node, label=f"{name}>={text[:-1]}", explanation="as versions are counted")
    low, dots, high = text.partition("..")
    ends = (
        (">" if low.startswith(">") else ">=", low.lstrip(">=")),
        ("<" if high.startswith("<") else "<=", high.lstrip("<=")),
    )
    given = [(sign, end) for sign, end in ends if end not in _OPEN]
    if not dots or not given or not all(_is_version(end) for _, end in given):
        return None
    clauses = tuple(_compared(order, sign, end) for sign, end in given)
    node = clauses[0] if len(clauses) == 1 else And(clauses)
    return Leaf(node=node, label=f"{name}:{text}", explanation="as versions are counted")


_SIGNS = frozenset({">", ">=", "<", "<="})


def _is_version(text: str) -> bool:
    return (
        _VERSION.fullmatch(text) is not None
        and len(_filled(version_key(text), text)[-1]) <= MAX_ORDERED_CHARACTERS
    )


def _filled(key: str, text: str) -> list[str]:
    """The keys of a version and of what is the same with zeros behind it, in their order."""
    keys = [key]
    if _PLAIN.fullmatch(text):
        bare = text.removeprefix("v")
        keys += [version_key(bare + ".0" * count) for count in range(1, _PARTS - bare.count("."))]
    return keys


def _compared(order: str, sign: str, text: str) -> Query:
    """The versions beyond this one, and what is built of it (`2.1+cu118` of 2.1), or those up to it."""
    strict = sign in {">", "<="}
    *same, last = _filled(version_key(text), text)
    ends = [*((key, f"{key[:-1]}{_POINT}") for key in same), (last, _NUMBERS_END)]
    beyond = [
        Range(field=order, gt=key if strict else None, gte=None if strict else key, lt=end)
        for key, end in ends
    ]
    above: Query = beyond[0] if len(beyond) == 1 else Or(tuple(beyond))
    if sign.startswith(">"):
        return above
    return And((Range(field=order, gte=_NUMBERS_BEGIN, lt=_NUMBERS_END), Not(above)))


_POINT = "/"
"""What stands for the point behind a number in a key, and sorts behind everything that is built of the number."""
_NUMBERS_BEGIN, _NUMBERS_END = "0", ":"
"""Keys of words (`latest`) are beyond no number, nor before one: `:` follows 9."""
