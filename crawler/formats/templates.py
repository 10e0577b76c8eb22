"""Chat templates (Jinja): does one reach for Python's inside when it is rendered?

Only expressions and statements are looked at, with their string literals blanked, so prose that says `scenarios.` or
`os.` is no alarm; a literal that is nothing but a dunder name is one, because `x["__class__"]` needs it. A template is
never rendered.

Source: CVE-2024-34359 (llama-cpp-python), CVE-2026-5760 (SGLang).
"""

from __future__ import annotations

import re

from catalog.text.patterns import pattern

MAX_TEMPLATE_CHARACTERS = 1024 * 1024

_CODE = pattern(r"\{\{(.*?)(?:\}\}|\Z)|\{%(.*?)(?:%\}|\Z)|\{#.*?(?:#\}|\Z)", re.DOTALL)
_LITERAL = pattern(r"""'[^'\\]*+(?:\\.[^'\\]*+)*+'?|"[^"\\]*+(?:\\.[^"\\]*+)*+"?""", re.DOTALL)
_DUNDER = pattern(
    r"__(?:class|globals|mro|base|bases|subclasses|builtins|import|init|getattribute|dict|code|reduce|reduce_ex|module|self|func)__"
)
_SUSPICIOUS = pattern(
    r"\|\s*(attr)\s*\("
    r"|(?<![\w.])(lipsum)\b"
    r"|(?<![\w.])((?:cycler|joiner|namespace)\s*\.\s*__)"
    r"|(?<![\w.])(os|sys|subprocess|importlib)\s*\."
    r"|\b(popen|getattr|eval|exec|__import__)\s*\("
    r"|(?<![\w.])((?:request|config|self|url_for|get_flashed_messages)\s*\.\s*_)"
)
_JOIN = pattern(r"""(['"])\s{0,100}[~+]\s{0,100}\1""")
_NAME = pattern(r"[\w.]*")
_LOADING = pattern(r"[-+]?\s*(include|import|from|extends)\b")


def suspicious(text: str) -> list[str]:
    """What in this template would reach beyond its data when rendered, as short words; empty when nothing does."""
    words: dict[str, None] = {}
    for code in _CODE.finditer(text[:MAX_TEMPLATE_CHARACTERS]):
        source = code.group(1) if code.group(1) is not None else code.group(2)
        if source:
            words.update(dict.fromkeys(_in_code(source)))
    return list(words)


def assembled(text: str) -> list[str]:
    """What may be put together to such a name, or brings in another file: parts of dunder names as literals, and the
    statements that load templates. No chat template needs either.
    """
    words: dict[str, None] = {}
    for code in _CODE.finditer(text[:MAX_TEMPLATE_CHARACTERS]):
        source = code[1] if code[1] is not None else code[2]
        if not source:
            continue
        literals = [_unescaped(literal[1:].rstrip(literal[0])) for literal in _LITERAL.findall(source)]
        words.update({part: None for part in literals if "__" in part and _NAME.fullmatch(part)})
        if code[2] is not None and (statement := _LOADING.match(source)) is not None:
            words[statement[1]] = None
    return list(words)


def _in_code(source: str) -> list[str]:
    joined = _JOIN.sub("", source)  # '__cla' ~ 'ss__'
    words = [name for literal in _LITERAL.findall(joined) for name in _hidden_names(literal)]
    bare = _LITERAL.sub("''", source)
    words += _DUNDER.findall(bare)
    words += [next(filter(None, match.groups())).replace(" ", "") for match in _SUSPICIOUS.finditer(bare)]
    return words


def _hidden_names(literal: str) -> list[str]:
    """Dunder names of a literal that is nothing but a name, ready for `x[name]` or `attr(name)`."""
    text = _unescaped(literal[1:].rstrip(literal[0]))
    return _DUNDER.findall(text) if _NAME.fullmatch(text) else []


def _unescaped(literal: str) -> str:
    return re.sub(
        r"\\x([0-9a-fA-F]{2})|\\u([0-9a-fA-F]{4})|\\U0010?([0-9a-fA-F]{4,6})|\\([0-7]{1,3})",
        lambda match: chr(
            int(match[4], 8) if match[4] else int(match[1] or match[2] or match[3], 16) & 0xFFFFF
        ),
        literal,
    )
