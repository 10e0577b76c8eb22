"""What stands around a filter or a name where people copy it from: commands, calls, SQL, dataframes, addresses, pipelines.

Each reader puts blanks for what says nothing, so that all else keeps its place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields as parts_of
from itertools import accumulate
from urllib.parse import parse_qsl

from catalog.query.state import ResultView
from catalog.query.text.arguments import alone, blank, of_client, of_keywords, of_member, of_options
from catalog.query.text.json_filters import of_json
from catalog.query.text.parse_context import Reading
from catalog.query.text.printing import quote
from catalog.text.patterns import pattern

_COMMAND = pattern(
    r"\s*(?:[$!%] *)?(?:ollama\s+(?:pull|run|show)|(?:huggingface-cli|hf|modelscope)\s+download|git\s+(?:lfs\s+)?clone"
    r"|git\s+(?:checkout|switch|show)|pip3?\s+install|lms\s+get|vllm\s+serve)\s+(?=\S)"
)
_COPYING = pattern(
    r"\s*(?:[$!%] *)?(?:aws\s+s3\s+\w+|gsutil\s+(?:-m\s+)?\w+|gcloud\s+storage\s+\w+|s3cmd\s+\w+|mc\s+\w+|rclone\s+\w+"
    r"|wget|curl|cp|mv|cd|ls|du|cat|stat|tree|open|code|scp|rsync|dvc\s+(?:get|import|pull)|llama-(?:cli|server|run|bench))\s+(?=\S)"
)
"""Commands of which the first place is what they speak of."""
_CALLED = pattern(
    r"\s*(?:[\w.]+\s*=\s*)?(?:(?:[\w.]*\bfrom_pretrained|snapshot_download|SentenceTransformer|pipeline)\("
    r"|(?:[\w.]*\b(?:load_model|create_model|hf_hub_download|model_download)|(?:torch|joblib|spacy|pickle)\.load"
    r"|YOLO|LLM|CrossEncoder|WhisperModel|Llama)\(\s*(?=[\w=]*[\"']))"
)
"""How a model is fetched or loaded elsewhere, before its name."""
_ARGUMENT_NAMED = pattern(
    r"\b(?:model|model_uri|model_path|repo_id|model_id|pretrained_model_name_or_path|model_name_or_path)\s*=\s*"
    r"[\"'](?P<name>[^\"',()]*[\w/][^\"',()]*)"
)
_ARGUMENT_QUOTED = pattern(r"[\"'](?P<name>[^\"',()]*[\w/][^\"',()]*)")
_ARGUMENT_BARE = pattern(r"\s*(?P<name>[\w./@:-]*\w[\w./@:-]*)")
_CALL_END = pattern(r"\)\S*")
_OPTIONS_OF_VALUES = frozenset(
    {
        "--repo-type",
        "--depth",
        "--revision",
        "--local-dir",
        "--include",
        "--exclude",
        "--branch",
        "--dtype",
        "-b",
        "--port",
        "--host",
        "--max-model-len",
        "--tensor-parallel-size",
        "--gpu-memory-utilization",
        "--quantization",
    }
)
_ARGUMENT = pattern(r"\S+")
_OPTION = pattern(r"--[\w-]+(?:=\S*)?|-\w")
_FILE_OF_MODEL = pattern(r"[\w*-]*(?:[./][\w*-]+)+")
_A_PLACE = pattern(r"\S*\w/\S*|/\S+|[\w.\-+]+\.[A-Za-z][A-Za-z0-9]{1,11}")
_TAG_OF_OLLAMA = pattern(r"(?<=[\w.])([:/]|:latest\b)(?=[\w.-]*\s*$)")

_QUERIED = pattern(
    r"\s*(?:[\w.]+\s*=\s*)?(?:[\w.]+\.)?(?:query|filter|where|search_runs|search_models|search_logged_models"
    r"|search_registered_models|search_model_versions)\(\s*(?:filter_string\s*=\s*|filter\s*=\s*)?(?P<quote>[\"'])"
    r"(?P<filter>.*)(?P=quote)\s*\)\s*;?\s*"
)
_SELECTING = pattern(
    r"\s*(?:\.\[\]\s*\|\s*)?(?:select|filter)\((?P<filter>[^()]*[<>=][^()]*)\)\s*|\s*\w+(?:\.loc)?\[(?P<rows>.*(?:[<>=:]| (?:IN|EXISTS|CONTAINS|STARTSWITH|ENDSWITH)).*)\]\s*"
)
"""`select(.accuracy > 0.9)` of jq, `df[df.accuracy > 0.9]` of pandas."""
_LABELS = pattern(r"\s*\{(?P<filter>[^{}:]*=[^{}:]*)\}\s*")
"""`{framework="pytorch"}` of Prometheus and Loki."""
_OF_JQ = pattern(r"\s*jq\s+(?:-\w+\s+)*'(?P<filter>[^']*)'\s*[\w./-]*\s*")
_TILDE = pattern(r"(?<![\w)\]])~(?=\w+[.\[])")
"""Before a column of pandas: not."""
_LAMBDA = pattern(r"\s*lambda\s+(?P<variable>\w+)\s*:\s*")
_COLUMN = pattern(r"\b\w+\[[\"'](?P<name>[\w.@/-]+)[\"']\](?=\s*(?:[<>=!.)]|in\b|not\b))")
_FILTERED = pattern(r"\bfilter\[(?P<name>[\w.@/-]+)\](?=\s*[\[=])")
_METHOD = pattern(
    r"(?<=\w)(?:\.str)?\.(?:(?P<asked>starts_?with|ends_?with|contains|isin)\((?P<value>[^()]{1,200})\)"
    r"|(?P<empty>isnull|isna|notnull|notna)\(\))",
    re.IGNORECASE,
)
"""Methods of strings and of columns. Source: pandas, Series.str."""
_CALLED_NAME = pattern(
    r"\b(?:Metric|Config|Summary|Tags|col|F\.col)\([\"'](?P<name>[\w.@/-]+)[\"']\)(?=\s*[<>=!])"
)

_SELECTED = pattern(
    r"\s*(?:select\s[^;]{1,500}?\sfrom\s+[\w.\"`]+(?:\s+where\b|\s*(?=;?\s*$|order\s+by\b|group\s+by\b|limit\b))|where\s)",
    re.IGNORECASE,
)
_COMPUTED = pattern(r"\b\w+\s*\([^()]*\)")
_GROUPED = pattern(
    r"\b(?:group\s+by|having)\b.{0,500}?(?=\border\s+by\b|\blimit\s+\d|;?\s*$)", re.IGNORECASE | re.DOTALL
)
_ADDRESS_QUERY = pattern(
    r"\s*\??[\w.\[\]]+(?:[!<>]?=|[<>])[^\s&]*(?:&(?!&)[\w.\[\]]+(?:[!<>]?=|[<>])[^\s&]*)+\s*"
)
_QUOTED_WORDS = r"(?:(?<!\S)|(?<=[:-]))(?P<words>\"[^\"]*\")(?!\s*:)"
_ODATA = pattern(rf"{_QUOTED_WORDS}|\s*\??\$filter=(?=\S)")
"""Source: OData 4, system query options."""
_OWN_SEARCH = pattern(
    r"(?<!\S)(?:https?://[^/\s?]+)?/(?:api/(?:v1/)?(?:search|export\.\w+))?\?(?=(?:\S*&)?q=)(?P<asked>\S+)"
)
"""A search of this catalog, as its address."""
_SHOWN_AS = frozenset({"view", "page", "per_page", "lenient", *(part.name for part in parts_of(ResultView))})
"""Parameters that say how results are shown, and which of them, not what is asked for."""
_HUB_SEARCH = pattern(
    r"(?<!\S)(?:https?://)?(?:www\.)?(?:huggingface\.co|hf\.co|hf-mirror\.com)/models/?\?(?=[\w.]+=)"
)
_HUB_WORDS = pattern(r"(?<!\S)(?:other|apps)=")
"""Parameters of a hub that are tags and programs: words here."""
_REPEATED_NAME = pattern(r"(?<![^\s?&])(?P<name>\w+)=(?P<again>\w+):(?=\S)")
_ESCAPED = pattern(r"%([2-7][0-9A-Fa-f])")
_WORDS_PARAMETER = pattern(r"(?<![^\s?&])(?:search|q|query)=")
_SEPARATOR = pattern(r"(?<=[\w\"'\])]);(?=\s*[^\W\d_][\w.]*\s*(?:[<>=!]|:(?!//)))")
"""Between conditions, as in `license=mit;framework=onnx`."""
_BUCKET_NAME = pattern(r"(?<!\S)arn:aws[\w-]*:s3:::")

_QUOTED_ENDS = pattern(r"\bBETWEEN\s+'(?P<low>[^'\s]+)'\s+AND\s+'(?P<high>[^'\s]+)'", re.IGNORECASE)
_SQUARED = pattern(rf"{_QUOTED_WORDS}|\b(?P<letter>[rR])\^2\b")
_PIPE = pattern(
    r"\s\|\s+(?P<command>head|limit|take|sort(?:\s+by)?|order\s+by|where|search|filter"
    r"|table|fields|top|rare|lookup|render|distinct|tail|uniq|wc|jq|tojson|render|sample"
    r"|stats|eventstats|timechart|chart|eval|extend|dedup|rename|project|summarize|count|keep|drop|mv_expand)\b(?=\s|$)",
    re.IGNORECASE,
)
"""Steps behind a bar. Source: Splunk SPL, Elastic ES|QL, Kusto."""
_STARTED = pattern(
    r"\s*(?:search\s+)?(?:(?:from|index|source)(?:\s+|\s*=\s*)[\w.*-]+)(?=\s|$)", re.IGNORECASE
)
_STEP_COUNT = pattern(r"\s*(\d{1,6})\s*")
_STEP_ORDER = pattern(
    r"\s*(?P<sign>-)?\s*(?P<name>[\w.@]+)(?:\s+(?P<direction>asc|desc))?\s*(?:nulls\s+(?:first|last)\s*)?",
    re.IGNORECASE,
)


def bare_filter(reading: Reading) -> str:
    """The text, blanks for what stands around the filter or name. What is left out without being understood is a problem."""
    text = _SEPARATOR.sub(" ", _BUCKET_NAME.sub(lambda match: "s3://".rjust(len(match[0])), reading.text))
    text = _QUOTED_ENDS.sub(
        lambda ends: ends[0].replace("'", " "),
        _SQUARED.sub(lambda match: match["words"] or f"{match['letter']}2 ", text),
    )
    text = of_keywords(of_client(text, reading))
    pasted = _of_command(text) or _of_call(text)
    if pasted is not None:
        return _of_address(pasted, reading)
    optioned = of_options(text, reading)
    if optioned is not None:
        return optioned
    filtered = of_json(text, reading)
    if filtered is not None:
        return filtered
    text = _without_offset(of_member(text, reading), reading)
    text = _of_pipeline(_of_address(_of_dataframe(text), reading), reading)
    selected = _SELECTED.match(text)
    if selected is not None:
        computed = _COMPUTED.search(selected[0])
        if computed is not None:
            message = f"{computed[0].strip()} is not understood: models are found, nothing is computed; it is left out."
            reading.problem("unsupported-operator", message, *computed.span())
        _tell_distinct(selected, reading)
        counted = _TOP_ROWS.match(selected[0])
        begun = f" limit:{counted[1]}".ljust(len(selected[0])) if counted is not None else blank(selected)
        text = begun + text[selected.end() :]
        text = _without_groups(text, selected.end(), reading)
    ended = selected is not None or _ENDED.search(text) is not None
    return text.rstrip().removesuffix(";") if ended else text


_ENDED = pattern(r"(?:'|[<>=]\s*[\d.]+\s?[%\w]*);\s*$")
"""What ends a statement, behind a value."""
_TOP_ROWS = pattern(r"\s*select\s+top\s*\(?\s*(\d{1,6})\b", re.IGNORECASE)
"""Source: T-SQL, TOP."""
_DISTINCT = pattern(r"\s*select\s+(?P<word>distinct)\b", re.IGNORECASE)
_OFFSET = pattern(r"\blimit\s+\d{1,6}(?P<offset>\s+offset\s+\d{1,9})\s*;?\s*$", re.IGNORECASE)


def _tell_distinct(selected: re.Match[str], reading: Reading) -> None:
    distinct = _DISTINCT.match(selected[0])
    if distinct is not None:
        message = f"{distinct['word']} is not understood: models are found one by one; it is left out."
        reading.problem("unsupported-operator", message, *distinct.span("word"))


def _without_offset(text: str, reading: Reading) -> str:
    """The text without the `OFFSET 10` behind a limit, which is said."""
    offset = _OFFSET.search(text)
    if offset is None:
        return text
    message = f"{offset['offset'].strip()} is not understood: a search begins with the first models it finds; it is left out."
    start, end = offset.span("offset")
    reading.problem("unsupported-operator", message, start, end)
    return f"{text[:start]}{' ' * (end - start)}{text[end:]}"


def is_wrapped(text: str, reading: Reading) -> bool:
    """Whether something in it would be read as standing around a filter or name."""
    return bare_filter(Reading(text=text, now=reading.now, vocabulary=reading.vocabulary)) != text


def _of_command(text: str) -> str | None:
    """The name that a command fetches and the words that no command has, blanks for the rest."""
    copying = _COPYING.match(text)
    if copying is not None:
        place = next(
            (word for word in _ARGUMENT.finditer(text, copying.end()) if _A_PLACE.fullmatch(word[0])), None
        )
        if place is None:
            return None
        start, end = place.span()
        quoted = text[start] in "'\"" and text[end - 1] == text[start] and end - start > 1
        return alone(text, [(start + quoted, end - quoted)])
    command = _COMMAND.match(text)
    if command is None:
        return None
    kept: list[re.Match[str]] = []
    files, takes_value = "ollama" not in command[0], False
    for word in _ARGUMENT.finditer(text, command.end()):
        if takes_value or _OPTION.fullmatch(word[0]):
            takes_value = not takes_value and word[0] in _OPTIONS_OF_VALUES
        elif not kept or not files or not _FILE_OF_MODEL.fullmatch(word[0]):
            kept.append(word)
    if not kept:
        return None
    kept_words = alone(text, [word.span() for word in kept])
    if files:
        return kept_words
    name, rest = (
        kept_words[: kept[0].end()],
        kept_words[kept[0].end() :],
    )  # mistral:7b is a name and what of it is meant
    return f"{_TAG_OF_OLLAMA.sub(blank, name) if '/' not in name else name}{rest}"


def _of_call(text: str) -> str | None:
    """The name that a call loads, and what stands behind the call, blanks for the rest."""
    called = _CALLED.match(text)
    if called is None:
        return None
    end = _CALL_END.search(text, called.end())
    last = len(text) if end is None else end.start()
    name = (
        _ARGUMENT_NAMED.search(text, called.end(), last)
        or _ARGUMENT_QUOTED.search(text, called.end(), last)
        or _ARGUMENT_BARE.match(text, called.end(), last)
    )
    behind = (last if end is None else end.end(), len(text))
    return alone(text, [name.span("name"), behind]) if name is not None else None


def _of_dataframe(text: str) -> str:
    """The condition of a query of pandas, jq or a tracker's client, with the names of its columns alone."""
    for shell in (_LABELS, _OF_JQ):
        inside = shell.fullmatch(text)
        text = text if inside is None else alone(text, [inside.span("filter")])
    if not {"(", "[", ":"} & set(text):
        return text
    text = _TILDE.sub("-", text)
    queried = _QUERIED.fullmatch(text)
    if queried is not None and queried["quote"] not in queried["filter"].replace(f"\\{queried['quote']}", ""):
        return alone(text, [queried.span("filter")]).replace(f"\\{queried['quote']}", f" {queried['quote']}")
    for named in (_COLUMN, _CALLED_NAME, _FILTERED):
        text = named.sub(_name_alone, text)
    text = _METHOD.sub(_asked, text)
    selecting = _SELECTING.fullmatch(text) if text.rstrip().endswith((")", "]")) else None
    if selecting is not None:
        text = alone(text, [selecting.span("filter" if selecting["filter"] is not None else "rows")])
    variable = _LAMBDA.match(text)
    if variable is not None:
        rest = re.sub(rf"\b{re.escape(variable['variable'])}\.", blank, text[variable.end() :])
        text = blank(variable) + rest
    return text


def _asked(method: re.Match[str]) -> str:
    """A method as the words that ask for it."""
    if method["empty"]:
        return (":none" if method["empty"].startswith("is") else " EXISTS").ljust(len(method[0]))
    word = method["asked"].replace("_", "").upper()
    spelled = f" {'IN' if word == 'ISIN' else word} {method['value']}"
    return spelled.ljust(len(method[0]))


def _name_alone(match: re.Match[str]) -> str:
    return match["name"].rjust(len(match[0]))


def _of_address(text: str, reading: Reading) -> str:
    """The parameters of an address as conditions beside each other."""
    if "=" not in text:
        return text
    text = _ODATA.sub(lambda match: match["words"] or blank(match), text)
    own = _OWN_SEARCH.search(text)
    if own is not None:
        try:
            asked = " ".join(_parameters(own, reading))
        except ValueError:  # more parameters than are read: the address stays words
            return text
        return f"{text[: own.start()]}{asked}{text[own.end() :]}".ljust(len(text))
    hub = _HUB_SEARCH.search(text)
    if hub is not None:
        address = _ARGUMENT.match(text, hub.end())
        end = hub.end() if address is None else address.end()
        asked = text[hub.end() : end].replace("&", " ").replace("+", " ")
        asked = _ESCAPED.sub(lambda match: chr(int(match[1], 16)), asked)
        asked = _HUB_WORDS.sub(blank, asked)
        asked = _REPEATED_NAME.sub(_repeated_name, asked).ljust(end - hub.end())
        text = f"{text[: hub.start()]}{blank(hub)}{asked}{text[end:]}"
    elif _ADDRESS_QUERY.fullmatch(text):
        text = text.replace("&", " ").replace("?", " ", 1)
    return _WORDS_PARAMETER.sub(blank, text)


def _parameters(own: re.Match[str], reading: Reading) -> Iterator[str]:
    """The words and the chosen values of an address, as conditions. Values of one name are alternatives."""
    query, words = own["asked"], ""
    chosen: dict[str, list[str]] = {}
    for name, value in parse_qsl(query, max_num_fields=_PARAMETERS_READ):
        if name == "q":
            words = value
        elif name == "as_of":
            message = f"as_of={value[:40]} is not understood in a search of the models of now; it is left out. Open the address for those of then."
            reading.problem("unknown-field", message, own.start(), own.end())
        elif name not in _SHOWN_AS:
            chosen.setdefault(name, []).append(value)
    if chosen and _ALTERNATIVES.search(words):
        words = f"( {words if _is_balanced(words) else words.translate(_NO_BRACKETS)} )"
    yield words
    for name, values in chosen.items():
        spelled = [quote(value) if set(value) & set(' ",()') else value for value in values if value != _NONE]
        conditions = [f"{name}:{','.join(spelled)}"] if spelled else []
        if _NONE in values:
            conditions.append(f"missing:{name}")
        yield conditions[0] if len(conditions) == 1 else f"({' OR '.join(conditions)})"


_ALTERNATIVES = pattern(r"(?<!\S)(?:or|\|{1,2}|vs|versus)(?!\S)", re.IGNORECASE)
_NO_BRACKETS = str.maketrans("()", "  ")


def _is_balanced(words: str) -> bool:
    """Whether each bracket is closed behind where it was opened."""
    depths = list(accumulate((letter == "(") - (letter == ")") for letter in words))
    return not depths or (min(depths) >= 0 and depths[-1] == 0)


_NONE = "(none)"
"""Chosen for the models that say nothing of a field."""


_PARAMETERS_READ = 200


def _repeated_name(match: re.Match[str]) -> str:
    """`license=license:mit`, as tags of the hub name a field again."""
    if match["name"] != match["again"]:
        return match[0]
    return f"{match['name']}=".rjust(len(match[0]))


def _of_pipeline(text: str, reading: Reading) -> str:
    """The steps of a pipeline as conditions, an order and a limit; other steps are left out, which is said."""
    steps = list(_PIPE.finditer(text))
    if not steps:
        return text
    started = _STARTED.match(text)
    parts = [blank(started) + text[started.end() : steps[0].start()] if started else text[: steps[0].start()]]
    for step, end in zip(steps, (*(step.start() for step in steps[1:]), len(text)), strict=True):
        parts.append(_step(step, text[step.end() : end], reading))
    return "".join(parts)


def _step(step: re.Match[str], rest: str, reading: Reading) -> str:
    command = " ".join(step["command"].casefold().split())
    if command in {"where", "search", "filter"}:
        return blank(step) + rest
    count, order = _STEP_COUNT.fullmatch(rest), _STEP_ORDER.fullmatch(rest)
    if command in {"head", "limit", "take"} and count is not None:
        spelled = f" limit:{count[1]}"
    elif command.startswith(("sort", "order")) and order is not None:
        direction = f"-{order['direction'].lower()}" if order["direction"] else ""
        spelled = f" sort:{order['sign'] or ''}{order['name']}{direction}"
    else:
        left_out = f"{step[0].strip()}{rest}".strip()
        message = f"{left_out} is a step of another language that is not understood; it is left out."
        reading.problem("unsupported-operator", message, step.start(), step.end() + len(rest))
        spelled = ""
    return spelled.ljust(len(step[0]) + len(rest))[: len(step[0]) + len(rest)]


def _without_groups(text: str, start: int, reading: Reading) -> str:
    grouped = _GROUPED.search(text, start)
    if grouped is None:
        return text
    message = f"{grouped[0].strip()} is not understood: models are found one by one; it is left out."
    reading.problem("unsupported-operator", message, grouped.start(), grouped.end())
    return f"{text[: grouped.start()]}{blank(grouped)}{text[grouped.end() :]}"
