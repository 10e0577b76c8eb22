"""Secrets and people's home directories out of everything that is stored, the raw values included."""

from __future__ import annotations

import re
from base64 import b64decode
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from catalog.text.patterns import pattern

MASK = "[masked]"
MAX_DEPTH = 32
SHORTEST_SECRET, SHORTEST_SHAPE = 6, 16
LONGEST_REMEMBERED, LONGEST_NAME = 200, 64

_VENDORS = (
    "openai|anthropic|cohere|mistral|groq|gemini|google|gcp|azure|aws|minio|hf|huggingface|wandb|comet|neptune|clearml|replicate"
    "|together|deepseek|serpapi|tavily|pinecone|langsmith|langfuse|datadog|mixpanel|stripe|sendgrid|mailgun|twilio|algolia|kaggle"
)
_SECRET_KEY = pattern(
    r"(?:^|_)(?:secret|secrets|(?:db|database|smtp|mail|ftp|user|admin|root|login|proxy|service|mysql|postgres|redis|become|ssh|vault"
    r"|key_?store|trust_?store|store|key|ldap|bind|sudo)_?(?:pass|pw)|pgpassword|password|passwords|passwd|passphrase|passcode|pwd"
    r"|passwort|kennwort|contrasena|mot_de_passe|senha|api_?keys?|apikey|access_?key|secret_?key|private_?key|signing_?key"
    r"|encryption_?key|fernet_?key|account_?key|credential|credentials|creds|client_?secret|connection_?string|bearer|authorization"
    r"|(?:set_)?cookie|(?:basic|http|proxy)_auth|docker_?config_?json|(?:recovery|backup)_codes?|secret_?key_?base|jaas_config"
    r"|(?:hub|hf|access|auth|api|refresh|bearer|session|github|gitlab|git|wandb|slack|bot|security|sas|id|personal_access|private|job|huggingface|openai|write|read|user|deploy"
    r"|tracking|gh|dagshub|oauth|app|client|admin|login|registry|service|pypi|npm|docker|ngrok|vault|sso|secret)_?token"
    r"|(?:storage|master|deploy|session|kaggle)_key"
    r"|(?:slack|discord|teams)_?webhook|webhook_?url)"
    r"(?:_?\d+|_(?:value|string|json|pem|b64|base64|raw|confirmation|hash|prod|production|dev|staging|default|primary|secondary|read|write|ro|rw|old|new))*$"
    r"|^token$|_secret_|_password_|_account_key_|(?:^|_)api_?key_"
)
_LIKELY_KEY = pattern(
    rf"(?:^|_)(?:{_VENDORS}|ssh|rsa|tls|ssl|consumer|client|app|subscription|license|auth|write|read)_?key(?:_?\d+)?$"
    r"|(?:^|_)(?:jwt|pat|sas|auth|client_key_data)$|^fs_azure_sas_"
)
"""Names that secrets have among other things, so that the value decides: `license_key: mit` and `auth: oauth2` hold none."""
_KEY_SHAPE = pattern(
    r"(?=[^0-9]*[0-9])(?=[^A-Za-z]*[A-Za-z])(?!(?:[A-Za-z]+[0-9]{0,2}|[0-9]{1,3})(?:[_-](?:[A-Za-z]+[0-9]{0,2}|[0-9]{1,3}))++\Z)"
    r"[A-Za-z0-9+=_-]{20,}"
)
"""Letters and digits that are no words with numbers behind them."""
_SECRET_WORDS = frozenset({"пароль", "密码", "密碼", "口令", "パスワード", "비밀번호", "contraseña"})
"""What people call passwords in letters that keys of programs do not have."""
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
_RANDOM = r"(?=[A-Za-z._~+/-]{0,256}+[0-9])"
_SHAPES = (
    r"(?:tgp_v1_|lsv2_(?:pt|sk)_|ntn_|lin_api_|shp(?:at|ca|pa|ss)_|sntry[su]_|pscale_(?:tkn|pw)_|sbp_)(?=[A-Za-z_]{0,256}+[0-9])[A-Za-z0-9_]{20,}",
    r"hf_(?:oauth_|jwt_)?[A-Za-z0-9]{20,}\b",
    r"api_org_[A-Za-z]{34}\b",
    r"(?:sk|pk|rk)-(?=[A-Za-z_-]{0,256}+[0-9])(?=(?:[A-Za-z0-9]{0,11}+[_-]){0,32}+[A-Za-z0-9]{12})[A-Za-z0-9_-]{20,}",
    r"(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,}\b",
    r"gh[pousr]_[A-Za-z0-9]{30,}\b",
    r"github_pat_[A-Za-z0-9_]{30,}\b",
    r"gl(?:pat|rt|dt|cbt|ptt|ft|imt|agent|soat)-[A-Za-z0-9_-]{18,}",
    r"(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    r"xox[abeprs]-[A-Za-z0-9-]{10,}",
    r"https://hooks\.slack\.com/services/[A-Za-z0-9/]{20,}",
    r"https://[a-z0-9-]{1,64}\.webhook\.office\.com/[A-Za-z0-9/@_-]{20,}",
    r"https://discord(?:app)?\.com/api/webhooks/[0-9]+/[A-Za-z0-9_-]{30,}",
    r"AIza[0-9A-Za-z_-]{35}\b",
    r"GOCSPX-[A-Za-z0-9_-]{24,}",
    r"ya29\.[0-9A-Za-z_-]{20,}",
    r"npm_[A-Za-z0-9]{36}\b",
    r"pypi-[A-Za-z0-9_-]{40,}",
    r"dckr_pat_[A-Za-z0-9_-]{20,}",
    r"dop_v1_[0-9a-f]{64}\b",
    r"dapi[0-9a-f]{32}\b",
    r"gsk_[A-Za-z0-9]{40,}\b",
    r"(?:pplx|xai|nvapi|NRAK|pul)-(?=[A-Za-z_]{0,256}+[0-9])[A-Za-z0-9_-]{20,}",
    r"sq0(?:atp|csp|idp)-[A-Za-z0-9_-]{20,}",
    r"hv[sbr]\.[A-Za-z0-9_-]{20,}",
    r"AGE-SECRET-KEY-1[A-Z0-9]{50,}",
    r"SG\.[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{30,}",
    r"xapp-[0-9]-[A-Z0-9]+-[0-9]+-[0-9a-f]{32,}",
    r"(?:wandb_v1|pcsk|figd)_[A-Za-z0-9_-]{30,}",
    r"ls__[0-9a-f]{32}\b",
    r"(?:LTAI[A-Za-z0-9]{12,24}|AKID(?=[A-Za-z]*[0-9])[A-Za-z0-9]{32})\b",
    r"eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}",
)
"""Of secrets that are known by how they begin."""
_SHORT_SHAPES = (
    r"r8_[A-Za-z0-9]{30,}\b",
    r"fw_(?=[A-Za-z]*[0-9])[A-Za-z0-9]{22,}\b",
    r"[0-9]{8,10}:AA[A-Za-z0-9_-]{32,}",
    r"key-[0-9a-f]{32}\b",
    r"sk_[0-9a-f]{40,}\b",
    r"pa-(?=[A-Za-z_-]{0,256}+[0-9])[A-Za-z0-9_-]{32,}",
    r"a[ks]-(?=[A-Za-z]*[0-9])(?=[a-z0-9]*[A-Z])[A-Za-z0-9]{22}\b",
    r"[A-Za-z0-9_~.-]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34}",
    r"SK[0-9a-f]{32}\b",
    r"dp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9._-]{40,}",
    r"pat[A-Za-z0-9]{14}\.[0-9a-f]{64}\b",
)
"""Of those whose beginning is that of other things, too: no part of a name with underscores."""
_OTHER_SHAPES = (
    r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----(?:[^-]|-(?!----)){0,16384}+(?:-----END [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----)?",
    r"(?i:\b(?:AccountKey|SharedAccessKey|SecretAccessKey|aws_secret_access_key)[\"']?\s*[=:]\s*[\"']?)[A-Za-z0-9+/=]{20,}",
    rf"(?i:\bBearer\s+){_RANDOM}[A-Za-z0-9._~+/-]{{16,}}=*",
    rf"(?i:\bAuthorization[\"']?\s*[=:]\s*[\"']?(?:(?:token|api-?key|key|digest)\s+)?){_RANDOM}[A-Za-z0-9._~+/-]{{16,}}=*",
    r"(?i:\bAuthorization[\"']?\s*[=:]\s*[\"']?Basic\s+)[A-Za-z0-9+/]{8,}=*",
    r"(?i:[\"']auth[\"']\s*:\s*[\"'])[A-Za-z0-9+/]{16,}=*",
    r"(?i::_auth\s*=\s*)[A-Za-z0-9+/]{8,}=*",
    r"(?i:\b(?:set-)?cookie[\"']?\s*[:=]\s*[\"']?)[A-Za-z0-9_.-]{1,64}+=[^\s\"';,]{6,}[^\n\"']{0,4096}",
    r"[\"']username[\"']\s*:\s*[\"'][^\"'\s]{1,64}[\"']\s*,\s*[\"']key[\"']\s*:\s*[\"'][0-9a-f]{32}",
)
_ESCAPED = r"(?<=\\[bfnrt])|(?<=%[0-9A-Fa-f]{2})|(?<=\\u[0-9A-Fa-f]{4})|(?<=\\x[0-9A-Fa-f]{2})"


def _content(behind: str) -> re.Pattern[str]:
    """Secrets by their shapes; `behind` is what they may follow beside what is no letter and no digit."""
    shapes, short, other = map("|".join, (_SHAPES, _SHORT_SHAPES, _OTHER_SHAPES))
    return pattern(rf"(?:(?<![A-Za-z0-9]){behind})(?:{shapes})|(?:\b{behind})(?:{short})|{other}")


_CONTENT = _content("")
_CONTENT_IN_TEXT = _content(f"|{_ESCAPED}")
"""The same in a text inside a text or an address, where an escape stands for the sign before a secret."""
_CONTENT_HINTS = (
    "hf_", "api_org_", "sk-", "pk-", "rk-", "k_live_", "k_test_", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "gl",
    "AKIA", "ASIA", "xox", "hooks.slack", "/api/webhooks/", "AIza", "GOCSPX-", "ya29.", "npm_", "pypi-", "dckr_pat_", "dop_v1_",
    "dapi", "gsk_", "r8_", "SG.", "eyJ", "-----BEGIN ", "tgp_v1_", "lsv2_", "ntn_", "lin_api_", "shp", "sntry", "pscale_", "sbp_", "fw_",
    "xapp-", "wandb_v1_", "pcsk_", "figd_", "ls__", "sk_", "pa-", "ak-", "as-", "Q~", "LTAI", "AKID", "SK", "dp.", "pat",
    "pplx-", "xai-", "nvapi-", "NRAK-", "pul-", "sq0", "hvs.", "hvb.", "hvr.", "AGE-SECRET", ":AA", "key-",
)  # fmt: skip
"""One of these is in every text that `_CONTENT` finds something in, but for those that `_WORD_HINTS` names."""
_WORD_HINTS = (
    "accountkey", "accesskey", "access_key", "bearer", "authorization", 'auth"', "auth'", "_auth", "cookie", "username", "webhook.office",
)  # fmt: skip
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
    "passcode",
    "passwort",
    "kennwort",
    "senha",
    "creds",
    "jwt",
)
_QUOTE = r"(?:\\{0,8}+(?:[\"']|&(?:quot|apos|#3[49]|#x2[27]);))"
"""Of a text, of a text inside a text, of HTML."""
_REST = r"[A-Za-z0-9_.-]{0,48}+"
_VALUE = r"(?P<value>[^\s\"',;&]{6,})"
_ASSIGNED = pattern(
    rf"(?P<head>(?:(?i:{'|'.join(_WORDS)})){_REST}(?:{_QUOTE}?\]?\s*[=:]\s*|{_QUOTE}\s*,\s*(?={_QUOTE})){_QUOTE}?){_VALUE}"
)
LEAST_ENCODED = 24
_PERCENT = pattern(r"[^\s\"'<>&?=;%]{0,256}%(?:3A%2F%2F|3D|3a%2f%2f|3d)[^\s\"'<>&?=;]{6,4096}")
"""Addresses and assignments inside addresses."""
_ENCODED_HINTS = ("aGZf", "c2st", "Z2hw", "Z2hz", "QUtJQ", "LS0tLS1CRUdJTi", "Z2xwYXQt", "eyJ", "ewog")
"""How base64 of `hf_`, `sk-`, `ghp_`, `ghs_`, `AKIA`, `-----BEGIN `, `glpat-` and of JSON begins."""
_BASE64 = pattern(
    r"(?<![A-Za-z0-9+/_-])(?:aGZf|c2st|Z2hw|Z2hz|QUtJQ|LS0tLS1CRUdJTi|Z2xwYXQt|eyJ|ewog)[A-Za-z0-9+/_-]{20,16384}=*"
)
_IN_LINE = pattern(
    r"(?P<head>(?:(?<!\S)(?:setenv|ENV|ARG)\s+|<)(?P<name>[A-Za-z][A-Za-z0-9_.-]{1,64}+)(?:\s+|>))(?P<value>[^\s\"'<>]{6,})"
)
"""Names and values with a blank or brackets between them: of shells, of Dockerfiles, of XML."""
_COMMAND = pattern(
    r"(?P<head>\b(?:curl\s(?:[^\n]{0,100}?\s)?(?:-u|--user)\s+[\"']?[^\s:\"']{1,64}:|sshpass\s+-p\s*"
    r"|docker[ \t]+login[ \t](?:[^\n;&|]{0,100}?[ \t\n])?-p\s+"
    r"|wandb\s+login\s+(?:--relogin\s+)?(?!-)|mysql\s(?:[^\n]{0,100}?\s)?-p(?=\S)))(?P<value>[^\s\"']{6,256})"
)
LENGTH_OF_PAIR, MOST_OF_PAIR, MOST_WORDS = 2, 32, 200
_NAME_KEYS, _VALUE_KEYS = ("name", "key", "k"), frozenset({"value", "val", "v", "default"})
"""What trackers, environments and commands call the two sides of a setting, in small letters."""
_MANIFEST_KEYS = frozenset({"data", "stringData"})
"""Of a Secret of Kubernetes, whose values are in base64 or plain. Source: kubernetes.io, Secret v1."""
_COMMANDS = ("curl ", "sshpass ", "docker ", "wandb ", "mysql ")
"""From the word that makes a name a secret's; what the name has before it is looked up when there is a value."""
_FLAG = pattern(rf"(?P<head>(?<!\S)--(?P<name>[A-Za-z]{_REST})\s+[\"']?)(?!-){_VALUE}")
_NAME = pattern(r"[A-Za-z0-9_.-]+")
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
    r"(?P<head>\bhttps?://)(?P<value>(?=[A-Za-z]*[0-9_-])[A-Za-z0-9_-]{20,256})(?=(?::[^\s/@]{0,256})?@[A-Za-z0-9])"
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
    *parents, last = parts = [_snake(part) for part in re.split(r"[./:]", name)]
    if _SECRET_KEY.search(last) or any(_SECRET_PARENT.match(part) for part in parents):
        return True
    if len(parts) > 1 and _SECRET_KEY.search("_".join(parts)):  # `fs.s3a.access.key`
        return True
    return not name.isascii() and name.strip().lower() in _SECRET_WORDS


@lru_cache(maxsize=8192)
def _is_likely_name(name: str) -> bool:
    return bool(_LIKELY_KEY.search(_snake(name)))


def _snake(name: str) -> str:
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
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
        items = _without_given(value)
        pairs = [_masked(name, item, depth + 1) for item in items]
        return [item for item, _ in pairs], items is not value or any(has_secret for _, has_secret in pairs)
    if isinstance(value, bytes):
        return _masked_text(name, value.decode("utf-8", "backslashreplace"))
    if isinstance(value, int) and not isinstance(value, bool) and _is_secret_number(name, value):
        return MASK, True
    return value, False


def _is_secret_number(name: str, value: int) -> bool:
    """Whether a number is more than a count, a port or, as in `bot_token: 128001`, the place of a token in a vocabulary."""
    places = LARGEST_VOCABULARY if _TOKEN.search(name) else LARGEST_COUNT
    return abs(value) > places and is_secret_name(name)


LARGEST_COUNT = 9_999
LARGEST_VOCABULARY = 10_000_000
_TOKEN = pattern(r"token(?:_?ids?)?$", re.IGNORECASE)
_VOCABULARIES = frozenset({"vocab", "label2id", "token2id", "word2idx", "added_tokens_encoder"})
"""Mappings of words, those of secrets among them, to numbers."""


def _without_given(items: list[Any] | tuple[Any, ...]) -> list[Any] | tuple[Any, ...]:
    """The items without the values of a command's flags, and of a name with its value; themselves, if there are none."""
    if len(items) == LENGTH_OF_PAIR and isinstance(items[0], str) and _is_pair(items[0], items[1]):
        return [items[0], MASK]
    texts = [item for item in items if isinstance(item, str)]
    line = f" {' '.join(texts)} " if texts else ""
    return _without_arguments(items) if " -" in line or _hints(line, _COMMANDS) else items


def _is_pair(name: str, value: Any) -> bool:
    """Whether the second of two texts is a secret under the name of the first; two labels or tags are none."""
    if not isinstance(value, str) or name.startswith("-") or not _looks_random(value):
        return False
    return _is_given(name, value) and (name.lower() != "token" or _has_key_shape(value))


def _without_arguments(items: list[Any] | tuple[Any, ...]) -> list[Any] | tuple[Any, ...]:
    """A command's words without what stands behind a flag of a secret, or where a program takes one."""
    kept, flag = list(items), ""
    for at, item in enumerate(items):
        if isinstance(item, str) and not item.startswith("-"):
            if flag and not _is_no_secret(item) and (_IN_PROSE.fullmatch(flag) or _is_given(flag, item)):
                kept[at] = MASK
            flag = ""
        else:
            flag = item.lstrip("-") if isinstance(item, str) and "=" not in item else ""
    line = " ".join(item for item in kept[:MOST_WORDS] if isinstance(item, str))
    commands = _COMMAND.finditer(line) if _hints(line, _COMMANDS) else ()
    given = {match["value"] for match in commands if not _EXPRESSION.fullmatch(match["value"])}
    kept = [_without_any(item, given) for item in kept] if given else kept
    return kept if kept != list(items) else items


def _without_any(item: Any, given: set[str]) -> Any:
    """The word without the secret that is in it; names in front, as of `me:secret`, go with it."""
    return MASK if isinstance(item, str) and any(item.endswith(secret) for secret in given) else item


def _is_no_secret(text: str) -> bool:
    """Whether the text says that there is none, or stands for one."""
    text = text.strip()
    return text.lower() in _NOT_SECRET_WORDS or bool(_PLACEHOLDER.fullmatch(text))


def _masked_mapping(name: str, value: dict[Any, Any], depth: int) -> tuple[dict[Any, Any], bool]:
    kept: dict[Any, Any] = {}
    has_secret = False
    stands_for = _name_in_pair(value)
    is_manifest = value.get("kind") == "Secret"
    for key, item in value.items():
        if isinstance(item, int) and name in _VOCABULARIES:
            kept[key] = item
            continue
        clean_key, in_key = without_secrets(key) if isinstance(key, str) else (key, False)
        inner = str(key) if not is_secret_name(name) else name
        if stands_for is not None and str(key).lower() in _VALUE_KEYS:
            inner = stands_for
        if is_manifest and key in _MANIFEST_KEYS:
            inner = "secrets.data"
        kept[clean_key], here = _masked(inner, item, depth + 1)
        has_secret = has_secret or here or in_key
    return kept, has_secret


def _name_in_pair(value: dict[Any, Any]) -> str | None:
    """The name in a pair such as `{"key": "HF_TOKEN", "value": …}`, as trackers list tags and environments."""
    keys = {key.lower(): key for key in value if isinstance(key, str)} if len(value) <= MOST_OF_PAIR else {}
    if not keys.keys() & _VALUE_KEYS:
        return None
    names = (value[keys[key]] for key in _NAME_KEYS if key in keys)
    return next((name for name in names if isinstance(name, str) and is_secret_name(name)), None)


def _masked_text(name: str, text: str) -> tuple[str, bool]:
    if not _is_no_secret(text) and (is_secret_name(name) or (_is_likely_name(name) and _has_key_shape(text))):
        return MASK, True
    return (text, False) if is_secret_name(name) else without_secrets(text)


def _has_key_shape(text: str) -> bool:
    return bool(_KEY_SHAPE.fullmatch(text.strip()))


def without_secrets(text: str) -> tuple[str, bool]:
    """The text with each secret in it masked, and whether there was one. Home directories become `~`."""
    return _without_secrets(text) if len(text) > LONGEST_REMEMBERED else _remembered(str(text))


def _without_secrets(text: str) -> tuple[str, bool]:
    if len(text) < SHORTEST_SECRET:
        return text, False
    clean, small = text, text.lower()
    if len(text) >= SHORTEST_SHAPE and (_hints(text, _CONTENT_HINTS) or _hints(small, _WORD_HINTS)):
        clean = (_CONTENT_IN_TEXT if "\\" in clean or "%" in clean else _CONTENT).sub(MASK, clean)
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
        clean = _COMMAND.sub(_hidden_in_command, clean)
    if "://" in clean:
        clean = _without_keys_of_addresses(clean)
    if "%" in clean:
        clean = _PERCENT.sub(_decoded_percent, clean)
    if len(text) >= LEAST_ENCODED and _hints(clean, _ENCODED_HINTS):
        clean = _BASE64.sub(_decoded_base64, clean)
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


def _decoded_percent(match: re.Match[str]) -> str:
    """A piece of an address that is an address itself, as of where a sign-in leads back to."""
    return MASK if _without_secrets(unquote(match[0]))[1] else match[0]


def _decoded_base64(match: re.Match[str]) -> str:
    try:
        plain = b64decode(
            match[0][: len(match[0]) // 4 * 4], altchars=b"-_" if "-" in match[0] or "_" in match[0] else None
        )
    except ValueError:
        return match[0]
    text = plain.decode("utf-8", "replace")
    return MASK if _CONTENT.search(text) or _ASSIGNED.sub(_assigned, text) != text else match[0]


def _hidden_in_command(match: re.Match[str]) -> str:
    """A command of a card that says `$WANDB_API_KEY` or `<your key>` tells no secret."""
    return match[0] if _EXPRESSION.fullmatch(match["value"]) else _hidden(match)


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
    named = _NAME.match(match["head"])
    name = (before[0] if before else "") + (named[0] if named else "")
    return _hidden(match) if _is_given(name.lstrip("-._"), match["value"]) else match[0]


def _flag(match: re.Match[str]) -> str:
    return _hidden(match) if _is_given(match["name"], match["value"]) else match[0]


def _is_given(name: str, value: str) -> bool:
    """Whether a line of text gives this secret to its name; a name that has other uses needs a value of random letters."""
    if value.lower() in _NOT_SECRET_WORDS or _EXPRESSION.fullmatch(value) or _refers(name, value):
        return False
    if _IN_PROSE.fullmatch(name) or (is_secret_name(name) and _looks_random(value)):
        return True
    return _is_likely_name(name) and _has_key_shape(value.rstrip(")]}>.\\"))


def _refers(name: str, value: str) -> bool:
    """`api_key=config.api_key` is code that says where the key is."""
    return value.rstrip(")]}").rpartition(".")[2].lower() == name.lower()


def _looks_random(value: str) -> bool:
    return len(value) >= 8 and any(map(str.isdigit, value)) and any(map(str.isalpha, value))
