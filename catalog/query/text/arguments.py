"""Options of programs, arguments of calls, and lines of files as conditions: `--lr 3e-5`, `dict(num_leaves=63)`, `"license": "mit",`.

Each reader puts blanks for what says nothing, so that all else keeps its place.
"""

from __future__ import annotations

import re
from itertools import pairwise

from catalog.query.text.parse_context import Reading
from catalog.query.text.targets import reported, resolve
from catalog.text.patterns import pattern
from catalog.text.slugs import stored_slug

_LINE_OF_JSON = pattern(
    r"^\s*[\"'](?P<name>[^\W\d_][\w.\-/@]*)[\"']\s*:\s*(?P<value>\"[^\"]*\"|'[^']*'|-?[\d.][\w.+-]*|true|false|null)\s*,?\s*$"
)
"""`"license": "mit",` out of a file."""
_OPTIONS = pattern(
    r"(?<!\S)(?:--(?P<name>[A-Za-z][\w.-]*)(?:(?:=|\s+)(?P<value>(?!-{1,2}[A-Za-z])\S+))?"
    r"|-(?P<short>[A-Za-z]{2,3})\s+(?P<number>[\d.]\S*))"
)
"""With one hyphen only a short name before a number that stands apart: else it leaves out, as in `-license mit` and `-lr=3e-5`."""
_PROGRAM = pattern(
    r"\s*(?:[$!%] *)?(?:(?:python[\d.]*|torchrun|accelerate\s+launch|deepspeed|uv\s+run)\s+(?:-m\s+)?[\w./-]+\s+)?(?=--?[A-Za-z])"
)
"""A program that trains, before its options."""
_CLIENT = pattern(r"(?:[\w.]+\s*=\s*)?[\w.]+\(")
"""The beginning of a call."""
_NAMED = pattern(
    r"\s*(?:(?P<name>[A-Za-z_]\w*)\s*=\s*)?"
    r"(?P<value>\"[^\"]*\"|'[^']*'|\[[^\[\]]*\]|-?[\w.]+)\s*(?P<end>,|(?=\))|$)"
)
_CALL_OVER = pattern(r"\)\s*;?\s*")
_LISTED = pattern(r"\s*(?P<quote>[\"'])(?P<key>(?:(?!(?P=quote)).)*)(?P=quote)\s*(?:,|$)")
_AS_SHOWN = frozenset({"run_view_type", "output_format", "page_token", "search_all_experiments"})
"""Arguments that say how the runs are given, not which. Source: MLflow, search_runs."""
_OF_CLIENTS = frozenset({"filter", "filter_string", "order_by"})
"""One of these makes arguments those of such a client."""
_ELSEWHERE = frozenset({"experiment_ids", "experiment_names", "locations"})
"""Where runs are looked for there: nothing here is called so."""
_ORDER_KEY = pattern(r"[`\"]?(?P<name>[\w.@ -]+?)[`\"]?(?:\s+(?P<direction>asc|desc))?", re.IGNORECASE)
_QUOTED_PLACE = pattern(
    r"\s*(?P<quote>[\"'])(?P<place>(?:[A-Za-z]:\\|\\\\|/|~/)[^\"'\s]*[\\/][^\"'\s]*)(?P=quote)\s*"
)
"""As "Copy as path" of Windows puts it."""
_PLAIN_CALL = pattern(
    r"\s*(?:(?:dict|\w+(?:\.\w+)*\.filter(?:_by)?|(?:\w+\.)*list_models)\()(?P<inner>[^()]*=[^()]*)\)\s*;?\s*"
)
"""`dict(num_leaves=63)`, `models.filter(license="mit")`."""


def blank(match: re.Match[str]) -> str:
    """As many blanks as were matched."""
    return " " * len(match[0])


def alone(text: str, spans: list[tuple[int, int]]) -> str:
    """Those spans in their places, blanks for all others."""
    parts, at = [], 0
    for start, end in spans:
        parts += [" " * (start - at), text[start:end]]
        at = end
    return "".join((*parts, " " * (len(text) - at)))


def of_client(text: str, reading: Reading) -> str:
    """The filter, order, limit and conditions of a call of MLflow's client, or of the arguments alone: all of it, or the text.

    Source: MLflow, search_runs.
    """
    arguments = _arguments(text) if "filter" in text or "order_by" in text else None
    if arguments is None:
        return text
    asked: list[str] = []
    filters = 0
    for argument in arguments:
        name, value = argument["name"] or "experiment_ids", argument["value"]
        if name in {"filter", "filter_string"}:
            asked.append(f"({value[1:-1]})")
            filters += 1
        elif name == "order_by":
            asked.append(f"sort:{keys}" if (keys := _order(value)) else "")
        elif name == "max_results":
            asked.append(f"limit:{value}")
        elif name in _ELSEWHERE:
            message = f"{name} is no condition here, where all models are searched; it is left out."
            reading.problem("unknown-field", message, argument.start(), argument.end("value"))
        elif name not in _AS_SHOWN:
            asked.append(f"{name}={value}")
    others = [part for part in asked if part and not part.startswith(("sort:", "limit:"))]
    if filters == 1 == len(others):
        asked = [part[1:-1] if part is others[0] else part for part in asked]
    return " ".join(filter(None, asked)).ljust(len(text))


def _arguments(text: str) -> list[re.Match[str]] | None:
    """The arguments of a call, or those that stand alone, the first perhaps a list without a name; None for all else."""
    start = len(text) - len(text.lstrip())
    client = _CLIENT.match(text, start)
    arguments: list[re.Match[str]] = []
    at = start if client is None else client.end()
    while (argument := _NAMED.match(text, at)) is not None:
        listed = argument["value"].startswith("[")
        if argument["name"] is None and (arguments or not listed or client is None):
            return None
        if argument["name"] in {"filter", "filter_string"} and argument["value"][0] not in "\"'":
            return None
        if argument["name"] == "order_by" and _order(argument["value"]) is None:
            return None
        arguments.append(argument)
        at = argument.end()
        if argument["end"] != ",":
            break
    is_over = at == len(text) if client is None else _CALL_OVER.fullmatch(text, at) is not None
    return arguments if is_over and any(argument["name"] in _OF_CLIENTS for argument in arguments) else None


def _order(listed: str) -> str | None:
    """`["metrics.f1 DESC", "start_time"]` as the keys of an order; None for what is none."""
    keys, at, inner = [], 0, listed[1:-1] if listed.startswith("[") else listed
    while inner[at:].strip():
        quoted = _LISTED.match(inner, at)
        key = _ORDER_KEY.fullmatch(quoted["key"].rpartition(".")[2].strip()) if quoted is not None else None
        if quoted is None or key is None:
            return None
        ending = f"-{key['direction'].lower()}" if key["direction"] else ""
        keys.append(f"{stored_slug(key['name'])}{ending}")
        at = quoted.end()
    return ",".join(keys)


def of_keywords(text: str) -> str:
    """The keyword arguments of a call that says nothing else, the place without the quotes around it."""
    called, place = _PLAIN_CALL.fullmatch(text), _QUOTED_PLACE.fullmatch(text)
    if place is not None:
        return alone(text, [place.span("place")])
    return text if called is None else alone(text, [called.span("inner")])


def of_options(text: str, reading: Reading) -> str | None:
    """`python train.py --lr 3e-5`: the options of a program as conditions; None where none of them is called as anything here.

    One without a value, or that is called as nothing here, is left out, which is said.
    """
    program = _PROGRAM.match(text)
    options = list(_OPTIONS.finditer(text, program.end())) if program is not None else []
    if program is None or not options or text[options[-1].end() :].strip():
        return None
    if text[program.end() : options[0].start()].strip():
        return None
    if any(text[option.end() : following.start()].strip() for option, following in pairwise(options)):
        return None
    if not program[0].strip("$!% \t") and not any(option["name"] for option in options):
        return None  # alone, one hyphen leaves out
    known = [_option_field(option, reading) for option in options]
    if not any(
        name and (option["value"] or option["number"]) for option, name in zip(options, known, strict=True)
    ):
        return None
    parts = []
    for option, name in zip(options, known, strict=True):
        value = option["value"] or option["number"]
        if name and value:
            parts.append(f"{name}={value}")
            continue
        message = f"{option[0].partition('=')[0].split()[0]} is no condition here; it is left out."
        reading.problem("unknown-field", message, option.start(), option.end())
    return " ".join(parts).ljust(len(text))


def _option_field(option: re.Match[str], reading: Reading) -> str:
    """What an option is called here: by its name, or by the end of it, as in `--num_train_epochs`. A short one is a number."""
    name = stored_slug(option["name"] or option["short"])
    for spelled in (name, name.removeprefix("num_train_"), name.removeprefix("per_device_train_")):
        targets = (*resolve(spelled), *reported(spelled, reading.vocabulary))
        if any(
            option["name"] or target.numeric or target.path.startswith("hyperparameters.")
            for target in targets
        ):
            return spelled
    return ""


def of_member(text: str, reading: Reading) -> str:
    """A line of a JSON file as the condition that its name and value make."""
    return _LINE_OF_JSON.sub(lambda line: _member(line, reading), text)


def _member(line: re.Match[str], reading: Reading) -> str:
    value = line["value"]
    known = resolve(line["name"]) or reported(line["name"], reading.vocabulary)
    if not known or value == "null":
        return line[0]
    return f"{line['name']}:{value}".ljust(len(line[0]))
