"""Secrets and people's home directories out of everything that is stored, the raw values included."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

MASK = "[masked]"
MAX_DEPTH = 32
LABEL_CHARACTERS = 100

_SECRET_KEY = re.compile(
    r"(?:^|_)(?:secret|secrets|password|passwd|passphrase|pwd|api_?key|apikey|access_?key|secret_?key|private_?key|signing_?key"
    r"|encryption_?key|account_?key|credential|credentials|client_?secret|connection_?string|bearer|authorization"
    r"|(?:hub|hf|access|auth|api|refresh|bearer|session|github|gitlab|wandb|slack|bot|security|sas|id|personal_access|huggingface|openai|write|read|user|deploy|job)_?token"
    r"|webhook_?url)(?:_?\d+)?$|^token$|_secret_|_password_|(?:^|_)api_?key_"
)
_NOT_SECRET_WORDS = frozenset(
    {
        "",
        "none",
        "null",
        "true",
        "false",
        "no",
        "yes",
        "n/a",
        "unset",
        MASK,
        "<hub_token>",
        "default",
        "unknown",
    }
)
_SECRET_SHAPES = (
    r"\bhf_[A-Za-z0-9]{20,}\b",
    r"\b(?:sk|pk|rk)-(?:proj-|ant-)?[A-Za-z0-9_-]{20,}",
    r"\b(?:sk|rk)_live_[A-Za-z0-9]{16,}\b",
    r"\bgh[pousr]_[A-Za-z0-9]{30,}\b",
    r"\bgithub_pat_[A-Za-z0-9_]{30,}\b",
    r"\bglpat-[A-Za-z0-9_-]{18,}",
    r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    r"\bxox[abeprs]-[A-Za-z0-9-]{10,}",
    r"\bAIza[0-9A-Za-z_-]{35}\b",
    r"\bya29\.[0-9A-Za-z_-]{20,}",
    r"\bnpm_[A-Za-z0-9]{36}\b",
    r"\bpypi-[A-Za-z0-9_-]{40,}",
    r"\bdop_v1_[0-9a-f]{64}\b",
    r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}",
    r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[\s\S]{0,8192}?(?:-----END [A-Z ]{0,30}PRIVATE KEY-----|\Z)",
    r"(?i:\b(?:AccountKey|SharedAccessKey|aws_secret_access_key)\s*[=:]\s*)[A-Za-z0-9+/=]{20,}",
    r"(?i:\bBearer\s+)[A-Za-z0-9._~+/-]{20,}=*",
)
_CONTENT = re.compile("|".join(_SECRET_SHAPES))
_ASSIGNED = re.compile(
    r"(?i)(\b(?:password|passwd|secret|api[_-]?key|access[_-]?token|auth[_-]?token|hub[_-]?token)\b[\"']?\s*[=:]\s*[\"']?)([^\s\"',;&]{6,})"
)
_URL_PASSWORD = re.compile(
    r"(?P<head>\b[a-zA-Z][a-zA-Z0-9+.-]{1,20}://[^\s/:@]{0,128}:)(?P<password>[^\s/@]{1,256})(?=@)"
)
_HOME = re.compile(
    r"(?:/home/|/Users/|/export/home/|/var/home/)[^/\s\"'<>|:]+|[A-Za-z]:(?:\\{1,2}|/)Users(?:\\{1,2}|/)[^\\/\s\"'<>|:]+|(?<![\w.~-])/root(?=/|$)"
)


@lru_cache(maxsize=4096)
def is_secret_name(name: str) -> bool:
    """Whether a value under this name is one to hide. `pad_token` and `max_tokens` are not."""
    last = re.split(r"[./:]", name)[-1]
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", last)
    return bool(_SECRET_KEY.search(re.sub(r"[^a-z0-9]+", "_", snake.lower()).strip("_")))


def masked(name: str, value: Any) -> tuple[Any, bool]:
    """The value fit to be kept, and whether a secret was taken out of it. Home directories become `~`."""
    return _masked(name, value, 0)


def _masked(name: str, value: Any, depth: int) -> tuple[Any, bool]:
    if isinstance(value, str):
        return _masked_text(name, value)
    if isinstance(value, dict | list | tuple) and depth >= MAX_DEPTH:
        return MASK, False
    if isinstance(value, dict):
        return _masked_mapping(name, value, depth)
    if isinstance(value, list | tuple):
        pairs = [_masked(name, item, depth + 1) for item in value]
        return [item for item, _ in pairs], any(found for _, found in pairs)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 9999 and is_secret_name(name):
        return MASK, True
    return value, False


def _masked_mapping(name: str, value: dict[Any, Any], depth: int) -> tuple[dict[Any, Any], bool]:
    kept: dict[Any, Any] = {}
    found = False
    for key, item in value.items():
        clean_key = _without_secrets(key)[0] if isinstance(key, str) else key
        inner = str(key) if not is_secret_name(name) else name
        kept[clean_key], here = _masked(inner, item, depth + 1)
        found = found or here
    return kept, found


def _masked_text(name: str, text: str) -> tuple[str, bool]:
    if text.strip().lower() not in _NOT_SECRET_WORDS and is_secret_name(name):
        return MASK, True
    return _without_secrets(text)


def _without_secrets(text: str) -> tuple[str, bool]:
    if len(text) < 6:
        return text, False
    return _searched_label(text) if len(text) <= LABEL_CHARACTERS else _searched(text)


@lru_cache(maxsize=4096)
def _searched_label(text: str) -> tuple[str, bool]:
    """Pointers and names are the same in many models."""
    return _searched(text)


def _searched(text: str) -> tuple[str, bool]:
    clean = _CONTENT.sub(MASK, text)
    clean = _ASSIGNED.sub(
        lambda match: match[1] + (match[2] if match[2].lower() in _NOT_SECRET_WORDS else MASK), clean
    )
    if "://" in clean and "@" in clean:
        clean = _URL_PASSWORD.sub(lambda match: f"{match['head']}{MASK}", clean)
    found = clean != text
    return (_HOME.sub("~", clean) if "/" in clean or "\\" in clean else clean), found
