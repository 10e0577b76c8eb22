"""Secrets and people's home directories out of everything that is stored, the raw values included."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from catalog.text.patterns import pattern

MASK = "[masked]"
MAX_DEPTH = 32
SHORTEST_SECRET, SHORTEST_SHAPE = 6, 16
LONGEST_REMEMBERED, LONGEST_NAME = 200, 64

_SECRET_KEY = pattern(
    r"(?:^|_)(?:secret|secrets|(?:db|database|smtp|mail|ftp|user|admin|root|login|proxy|service|mysql|postgres|redis)_?pass|pgpassword|password|passwords|passwd|passphrase|pwd|api_?keys?|apikey|access_?key|secret_?key|private_?key|signing_?key"
    r"|encryption_?key|account_?key|credential|credentials|client_?secret|connection_?string|bearer|authorization"
    r"|(?:hub|hf|access|auth|api|refresh|bearer|session|github|gitlab|wandb|slack|bot|security|sas|id|personal_access|private|job|huggingface|openai|write|read|user|deploy"
    r"|tracking|gh|dagshub|oauth|app|client|admin|login|registry|service|pypi|npm|docker|ngrok|vault|sso)_?token"
    r"|(?:storage|master|deploy|session|kaggle)_key"
    r"|webhook_?url)(?:_?\d+)?$|^token$|_secret_|_password_|(?:^|_)api_?key_"
)
_SECRET_PARENT = pattern(r"^(?:secrets?|passwords?|credentials?|api_?keys?)$")
"""What makes everything below it a secret. A token does not: metrics are counted per token."""
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
_STANDS_IN = (
    r"<[^<>]*>|\$\{[^}]*\}|\$[A-Z_][A-Z0-9_]*|\{\{.*\}\}|\*+|(?i:x+|your[_-]\w+|(?:os\.)?(?:environ|getenv)\b.*"
    r"|process\.env\b.*|env\.\w+)"
)
_PLACEHOLDER = pattern(_STANDS_IN)
"""A value that stands for the secret and is none: `${HF_TOKEN}`, `<your key>`, `os.environ["KEY"]`."""
_EXPRESSION = pattern(rf"{_STANDS_IN}|[<$].*|\{{.*|\w+\(.*|\[masked\].*|\.+")
"""The same in a line of text, where a value may also be code or the beginning of a placeholder: `get_token()`."""
_RANDOM = r"(?=[A-Za-z0-9._~+/-]*[0-9])"
_SECRET_SHAPES = (
    r"\bhf_(?:oauth_|jwt_)?[A-Za-z0-9]{20,}\b",
    r"\bapi_org_[A-Za-z]{34}\b",
    r"\b(?:sk|pk|rk)-(?=[A-Za-z0-9_-]*[0-9])(?=[A-Za-z0-9_-]*[A-Za-z0-9]{12})[A-Za-z0-9_-]{20,}",
    r"\b(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,}\b",
    r"\bgh[pousr]_[A-Za-z0-9]{30,}\b",
    r"\bgithub_pat_[A-Za-z0-9_]{30,}\b",
    r"\bgl(?:pat|rt|dt|cbt|ptt|ft|imt|agent|soat)-[A-Za-z0-9_-]{18,}",
    r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    r"\bxox[abeprs]-[A-Za-z0-9-]{10,}",
    r"\bhttps://hooks\.slack\.com/services/[A-Za-z0-9/]{20,}",
    r"\bhttps://discord(?:app)?\.com/api/webhooks/[0-9]+/[A-Za-z0-9_-]{30,}",
    r"\bAIza[0-9A-Za-z_-]{35}\b",
    r"\bGOCSPX-[A-Za-z0-9_-]{24,}",
    r"\bya29\.[0-9A-Za-z_-]{20,}",
    r"\bnpm_[A-Za-z0-9]{36}\b",
    r"\bpypi-[A-Za-z0-9_-]{40,}",
    r"\bdckr_pat_[A-Za-z0-9_-]{20,}",
    r"\bdop_v1_[0-9a-f]{64}\b",
    r"\bdapi[0-9a-f]{32}\b",
    r"\bgsk_[A-Za-z0-9]{40,}\b",
    r"\br8_[A-Za-z0-9]{30,}\b",
    r"\b(?:tgp_v1_|lsv2_(?:pt|sk)_|ntn_|lin_api_|shp(?:at|ca|pa|ss)_|sntry[su]_|pscale_(?:tkn|pw)_|sbp_)(?=[A-Za-z_]*[0-9])[A-Za-z0-9_]{20,}",
    r"\b(?:pplx|xai|nvapi|NRAK|pul)-(?=[A-Za-z_]*[0-9])[A-Za-z0-9_-]{20,}",
    r"\bfw_(?=[A-Za-z]*[0-9])[A-Za-z0-9]{22,}\b",
    r"\bsq0(?:atp|csp|idp)-[A-Za-z0-9_-]{20,}",
    r"\bhv[sbr]\.[A-Za-z0-9_-]{20,}",
    r"\bAGE-SECRET-KEY-1[A-Z0-9]{50,}",
    r"\b[0-9]{8,10}:AA[A-Za-z0-9_-]{32,}",
    r"\bkey-[0-9a-f]{32}\b",
    r"\bSG\.[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{30,}",
    r"\bxapp-[0-9]-[A-Z0-9]+-[0-9]+-[0-9a-f]{32,}",
    r"\b(?:wandb_v1|pcsk|figd)_[A-Za-z0-9_-]{30,}",
    r"\bls__[0-9a-f]{32}\b",
    r"\bsk_[0-9a-f]{40,}\b",
    r"\bpa-(?=[A-Za-z_-]*[0-9])[A-Za-z0-9_-]{32,}",
    r"\ba[ks]-(?=[A-Za-z]*[0-9])(?=[a-z0-9]*[A-Z])[A-Za-z0-9]{22}\b",
    r"\b[A-Za-z0-9_~.-]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34}",
    r"\b(?:LTAI[A-Za-z0-9]{12,24}|AKID(?=[A-Za-z]*[0-9])[A-Za-z0-9]{32})\b",
    r"\bSK[0-9a-f]{32}\b",
    r"\bdp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9._-]{40,}",
    r"\bpat[A-Za-z0-9]{14}\.[0-9a-f]{64}\b",
    r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}",
    r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----(?:[^-]|-(?!----)){0,16384}+(?:-----END [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----)?",
    r"(?i:\b(?:AccountKey|SharedAccessKey|SecretAccessKey|aws_secret_access_key)[\"']?\s*[=:]\s*[\"']?)[A-Za-z0-9+/=]{20,}",
    rf"(?i:\bBearer\s+){_RANDOM}[A-Za-z0-9._~+/-]{{16,}}=*",
    rf"(?i:\bAuthorization[\"']?\s*[=:]\s*[\"']?(?:(?:token|api-?key|key|digest)\s+)?){_RANDOM}[A-Za-z0-9._~+/-]{{16,}}=*",
    r"(?i:\bAuthorization[\"']?\s*[=:]\s*[\"']?Basic\s+)[A-Za-z0-9+/]{8,}=*",
    r"(?i:[\"']auth[\"']\s*:\s*[\"'])[A-Za-z0-9+/]{16,}=*",
)
_CONTENT = pattern("|".join(_SECRET_SHAPES))
_CONTENT_HINTS = (
    "hf_", "api_org_", "sk-", "pk-", "rk-", "k_live_", "k_test_", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "gl",
    "AKIA", "ASIA", "xox", "hooks.slack", "/api/webhooks/", "AIza", "GOCSPX-", "ya29.", "npm_", "pypi-", "dckr_pat_", "dop_v1_",
    "dapi", "gsk_", "r8_", "SG.", "eyJ", "-----BEGIN ", "tgp_v1_", "lsv2_", "ntn_", "lin_api_", "shp", "sntry", "pscale_", "sbp_", "fw_",
    "xapp-", "wandb_v1_", "pcsk_", "figd_", "ls__", "sk_", "pa-", "ak-", "as-", "Q~", "LTAI", "AKID", "SK", "dp.", "pat",
    "pplx-", "xai-", "nvapi-", "NRAK-", "pul-", "sq0", "hvs.", "hvb.", "hvr.", "AGE-SECRET", ":AA", "key-",
)  # fmt: skip
"""One of these is in every text that `_CONTENT` finds something in, but for the last five of its shapes."""
_WORD_HINTS = ("accountkey", "accesskey", "access_key", "bearer", "authorization", 'auth"', "auth'")
_WORDS = (
    "password",
    "passwd",
    "passphrase",
    "secret",
    "key",
    "token",
    "credential",
    "pwd",
    "pass",
    "connection",
    "webhook",
)
_REST = r"[A-Za-z0-9_.-]{0,48}+"
_VALUE = r"(?P<value>[^\s\"',;&]{6,})"
_ASSIGNED = pattern(
    rf"(?P<head>(?:(?i:{'|'.join(_WORDS)})){_REST}(?:\\?[\"']?\]?\s*[=:]\s*|\\?[\"']\s*,\s*(?=\\?[\"']))\\?[\"']?){_VALUE}"
)
_IN_LINE = pattern(
    r"(?P<head>(?:(?<!\S)(?:setenv|ENV|ARG)\s+|<)(?P<name>[A-Za-z][A-Za-z0-9_.-]{1,64}+)(?:\s+|>))(?P<value>[^\s\"'<>]{6,})"
)
"""Names and values with a blank or brackets between them: of shells, of Dockerfiles, of XML."""
_COMMAND = pattern(
    r"(?P<head>\b(?:curl\s(?:[^\n]{0,100}?\s)?(?:-u|--user)\s+[\"']?[^\s:\"']{1,64}:|sshpass\s+-p\s*|docker\s+login\s(?:[^\n]{0,100}?\s)?-p\s+"
    r"|wandb\s+login\s+(?:--relogin\s+)?(?!-)|mysql\s(?:[^\n]{0,100}?\s)?-p(?=\S)))(?P<value>[^\s\"']{6,256})"
)
_COMMANDS = ("curl ", "sshpass ", "docker ", "wandb ", "mysql ")
"""From the word that makes a name a secret's; what the name has before it is looked up when there is a value."""
_FLAG = pattern(rf"(?P<head>(?<!\S)--(?P<name>[A-Za-z]{_REST})\s+[\"']?)(?!-){_VALUE}")
_BEFORE = pattern(rf"[A-Za-z0-9_.-]{{0,{LONGEST_NAME}}}\Z")
_IN_PROSE = pattern(
    r"(?i)(?:.*[_-])?(?:password|passwd|secret|api[_-]?key|access[_-]?token|auth[_-]?token|hub[_-]?token)"
)
_LOGIN_CALL = pattern(
    r"(?P<head>\blogin\((?:[^()\n]{0,100}?,)?\s*(?:(?:key|token|password)\s*=\s*)?\\?[\"'])(?P<value>[^\s\"']{16,256})(?=\\?[\"'])"
)
_NAMED_VALUE = pattern(
    r"(?P<head>\bname[\"']?:\s*[\"']?(?P<name>[A-Za-z][A-Za-z0-9_.-]{1,64}+)[\"']?,?\s{0,64}[\"']?value[\"']?:\s*[\"']?)(?P<value>[^\s\"']{6,})"
)
"""A name and a value as neighbours, as Kubernetes and others list an environment."""
_LOGIN = pattern(r"(?P<head>\blogin\s+\S{1,128}\s+password\s+)(?P<value>\S{4,256})")
"""Source: netrc(5)."""
_URL_PASSWORD = pattern(
    r"(?P<head>\b[a-zA-Z][a-zA-Z0-9+.-]{1,20}://[^\s/:@]{0,128}:)(?P<value>[^\s/]{1,256})(?=@(?!sha\d))"
)
_URL_TOKEN = pattern(
    r"(?P<head>\bhttps?://)(?P<value>(?=[A-Za-z]*[0-9_-])[A-Za-z0-9_-]{20,256})(?=@[A-Za-z0-9])"
)
_URL_PARAMETER = pattern(
    r"(?P<head>[?&;](?:amp;)?(?P<name>[A-Za-z][A-Za-z0-9_.-]{1,40})=)(?P<value>(?:\[masked\])?[^\s&\"'<>#;\])]{0,4096})"
)
LEAST_PARAMETER_CHARACTERS = 6
LEAST_POLICY_CHARACTERS = 64
_SIGNING = frozenset(
    {"sig", "signature", "x-amz-signature", "x-amz-credential", "x-amz-security-token", "x-goog-signature"}
    | {"x-goog-credential", "awsaccesskeyid", "googleaccessid", "key-pair-id", "sas", "auth"}
    | {"ossaccesskeyid", "x-oss-signature", "x-oss-credential", "security-token", "q-ak", "q-signature"}
)
"""Parameters of signed addresses. Sources: AWS, Authenticating Requests: Using Query Parameters; Google Cloud, Signed
URLs; Azure, Create a service SAS."""
_HOME = pattern(
    r"(?:/home/|/Users/|/export/home/|/var/home/)[^/\s\"'<>|:]+|[A-Za-z]:(?:\\{1,2}|/)Users(?:\\{1,2}|/)[^\\/\s\"'<>|:]+|(?<![\w.~-])/root(?=/|$)"
)


@lru_cache(maxsize=8192)
def is_secret_name(name: str) -> bool:
    """Whether a value under this name is one to hide. `pad_token` and `max_tokens` are not."""
    *parents, last = (_snake(part) for part in re.split(r"[./:]", name))
    return bool(_SECRET_KEY.search(last)) or any(_SECRET_PARENT.match(part) for part in parents)


def _snake(name: str) -> str:
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return re.sub(r"[^a-z0-9]+", "_", snake.lower()).strip("_")


def masked(name: str, value: Any) -> tuple[Any, bool]:
    """The value fit to be kept, and whether a secret was taken out of it. Home directories become `~`."""
    return _masked(name, value, 0)


def masked_text(text: str) -> str:
    """A sentence fit to be kept: without secrets and home directories."""
    return without_secrets(text)[0]


def _masked(name: str, value: Any, depth: int) -> tuple[Any, bool]:
    if isinstance(value, str):
        return _masked_text(name, value)
    if isinstance(value, dict | list | tuple) and depth >= MAX_DEPTH:
        return MASK, False
    if isinstance(value, dict):
        return _masked_mapping(name, value, depth)
    if isinstance(value, list | tuple):
        pairs = [_masked(name, item, depth + 1) for item in value]
        return [item for item, _ in pairs], any(has_secret for _, has_secret in pairs)
    if isinstance(value, bytes):
        return _masked_text(name, value.decode("utf-8", "backslashreplace"))
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 9999 and is_secret_name(name):
        return MASK, True
    return value, False


def _masked_mapping(name: str, value: dict[Any, Any], depth: int) -> tuple[dict[Any, Any], bool]:
    kept: dict[Any, Any] = {}
    has_secret = False
    stands_for = _name_in_pair(value)
    for key, item in value.items():
        clean_key, in_key = without_secrets(key) if isinstance(key, str) else (key, False)
        inner = str(key) if not is_secret_name(name) else name
        if stands_for is not None and key == "value":
            inner = stands_for
        kept[clean_key], here = _masked(inner, item, depth + 1)
        has_secret = has_secret or here or in_key
    return kept, has_secret


def _name_in_pair(value: dict[Any, Any]) -> str | None:
    """The name in a pair such as `{"key": "HF_TOKEN", "value": …}`, as trackers list tags and environments."""
    names = (value[key] for key in ("name", "key") if "value" in value and isinstance(value.get(key), str))
    return next((name for name in names if is_secret_name(name)), None)


def _masked_text(name: str, text: str) -> tuple[str, bool]:
    if text.strip().lower() not in _NOT_SECRET_WORDS and is_secret_name(name):
        return (text, False) if _PLACEHOLDER.fullmatch(text.strip()) else (MASK, True)
    return without_secrets(text)


def without_secrets(text: str) -> tuple[str, bool]:
    """The text with each secret in it masked, and whether there was one. Home directories become `~`."""
    return _without_secrets(text) if len(text) > LONGEST_REMEMBERED else _remembered(str(text))


def _without_secrets(text: str) -> tuple[str, bool]:
    if len(text) < SHORTEST_SECRET:
        return text, False
    clean, small = text, text.lower()
    if len(text) >= SHORTEST_SHAPE and (_hints(text, _CONTENT_HINTS) or _hints(small, _WORD_HINTS)):
        clean = _CONTENT.sub(MASK, clean)
    if _hints(small, _WORDS):
        clean = _ASSIGNED.sub(_assigned, clean)
        if "--" in clean:
            clean = _FLAG.sub(_flag, clean)
        if "setenv" in small or "env " in small or "arg " in small or "<" in clean:
            clean = _IN_LINE.sub(_flag, clean)
        if "login" in small:
            clean = _LOGIN.sub(_hidden, clean)
        if "value" in small and "name" in small:
            clean = _NAMED_VALUE.sub(_flag, clean)
    if "login(" in clean:
        clean = _LOGIN_CALL.sub(_hidden, clean)
    if _hints(small, _COMMANDS):
        clean = _COMMAND.sub(_hidden, clean)
    if "://" in clean:
        clean = _without_keys_of_addresses(clean)
    has_secret = clean != text
    return (_HOME.sub("~", clean) if "/" in clean or "\\" in clean else clean), has_secret


_remembered = lru_cache(maxsize=4_096)(_without_secrets)
"""A crawl meets the same names, pointers and short values in every file."""


def _hints(text: str, hints: tuple[str, ...]) -> bool:
    for hint in hints:  # noqa: SIM110 - a generator takes twice the time
        if hint in text:
            return True
    return False


def _without_keys_of_addresses(text: str) -> str:
    if "@" in text:
        text = _URL_TOKEN.sub(_hidden, _URL_PASSWORD.sub(_hidden, text))
    return _URL_PARAMETER.sub(_parameter, text) if "=" in text else text


def _hidden(match: re.Match[str]) -> str:
    return f"{match['head']}{MASK}"


def _parameter(match: re.Match[str]) -> str:
    name = match["name"].lower()
    length = len(match["value"])
    is_secret = (length >= LEAST_PARAMETER_CHARACTERS and (name in _SIGNING or is_secret_name(name))) or (
        name == "policy" and length >= LEAST_POLICY_CHARACTERS
    )
    return _hidden(match) if is_secret else match[0]


def _assigned(match: re.Match[str]) -> str:
    before = _BEFORE.search(match.string, max(0, match.start() - LONGEST_NAME), match.start())
    name = (before[0] if before else "") + match["head"].rstrip("\"' \t\r\n=:,]\\")
    return _hidden(match) if _is_given(name.lstrip("-._"), match["value"]) else match[0]


def _flag(match: re.Match[str]) -> str:
    return _hidden(match) if _is_given(match["name"], match["value"]) else match[0]


def _is_given(name: str, value: str) -> bool:
    """Whether a line of text gives this secret to its name; a name that has other uses needs a value of random letters."""
    if value.lower() in _NOT_SECRET_WORDS or _EXPRESSION.fullmatch(value) or _refers(name, value):
        return False
    return bool(_IN_PROSE.fullmatch(name)) or (is_secret_name(name) and _looks_random(value))


def _refers(name: str, value: str) -> bool:
    """`api_key=config.api_key` is code that says where the key is."""
    return value.rstrip(")]}").rpartition(".")[2].lower() == name.lower()


def _looks_random(value: str) -> bool:
    return len(value) >= 8 and any(map(str.isdigit, value)) and any(map(str.isalpha, value))
