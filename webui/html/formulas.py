"""Formulas in a card stay as they are written, as code: Markdown takes their underscores, stars and backslashes for its own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from markupsafe import escape

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token

SIGN = "$$"
# As the hub and GitHub find it: "$5 and $6" is money.
_INLINE = re.compile(
    r"\$\$(?!\s)(?P<display>(?:\\.|[^\\$]|\$(?!\$))+?)(?<!\s)\$\$(?!\d)"
    r"|\$(?![\s$])(?P<text>(?:\\.|[^\\$])+?)(?<!\s)\$(?!\d)",
    re.DOTALL,
)
_ON_ONE_LINE = re.compile(r"\$\$((?:[^$]|\$(?!\$))+)\$\$")
_OPEN_UNTIL = "formula open until"
"""Where a card's lines were looked through for the end of a formula without finding one: each is looked through once."""


def read_formulas(parser: MarkdownIt) -> None:
    """Lets a parser know them, in lines and in blocks of their own."""
    parser.inline.ruler.before("escape", "formula", _read_inline)
    parser.block.ruler.before("fence", "formula_block", _read_block)
    parser.add_render_rule("formula", _inline)
    parser.add_render_rule("formula_block", _block)


def _read_inline(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] != "$" or (state.pos and state.src[state.pos - 1].isdigit()):
        return False
    formula = _INLINE.match(state.src, state.pos, state.posMax)
    if formula is None:
        return False
    if not silent:
        state.push("formula", "code", 0).content = formula[0]
    state.pos = formula.end()
    return True


def _read_block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    first = _line(state, start)
    if not first.startswith(SIGN) or state.is_code_block(start):
        return False
    on_one_line = _ON_ONE_LINE.fullmatch(first)
    last = start if on_one_line else _last_line(state, start, end) if SIGN not in first[2:] else None
    if last is None:
        return False
    if silent:
        return True
    lines = [
        first[2:],
        *(state.src[state.bMarks[line] : state.eMarks[line]] for line in range(start + 1, last + 1)),
    ]
    token = state.push("formula_block", "code", 0)
    token.block, token.map = True, [start, last + 1]
    token.content = "\n".join(lines).rstrip().removesuffix(SIGN).strip()
    state.line = last + 1
    return True


def _last_line(state: StateBlock, start: int, end: int) -> int | None:
    """The line that ends the formula; None where a blank one, or the end of what it stands in, comes before."""
    if start < state.env.get(_OPEN_UNTIL, 0):
        return None
    for line in range(start + 1, end):
        text = _line(state, line)
        if not text or state.sCount[line] < state.blkIndent:
            break
        if text.endswith(SIGN):
            return line
    else:
        line = end
    state.env[_OPEN_UNTIL] = line
    return None


def _line(state: StateBlock, line: int) -> str:
    return state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]].strip()


def _inline(_renderer: Any, tokens: Sequence[Token], index: int, _options: Any, _environment: Any) -> str:
    """With its signs, as one cannot be sure that it is TeX."""
    return f"<code>{escape(tokens[index].content)}</code>"


def _block(_renderer: Any, tokens: Sequence[Token], index: int, _options: Any, _environment: Any) -> str:
    return f"<pre><code>{escape(tokens[index].content)}</code></pre>\n"
