"""Which index a request means. There is one, so a path can ask for it or for nothing: it never chooses another."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from typing import Any

from webui.es.arguments import Arguments
from webui.es.faults import illegal, no_such_index

INDEX = "models"
_NAMES = (INDEX, "models-1")
"""The alias, and the versioned index that it stands for, so that `models-*` finds it as it does in Elasticsearch."""
MAX_EXPRESSION = 1_000
_FORBIDDEN = frozenset('\\/?"<>| #:')


def means_models(
    expression: str | None, *, ignore_unavailable: bool = False, allow_no_indices: bool = True
) -> bool:
    """True when the expression names the models, False when it is a pattern that names nothing.

    Commas separate names, `*` stands for anything. Raises Fault: 404 for an unknown name, 400 for what cannot be one.
    """
    if expression is None:
        return True
    if len(expression) > MAX_EXPRESSION:
        raise illegal("index", "is too long.")
    exists = False
    for name in expression.split(","):
        exists = _names_models(name, ignore_unavailable) or exists
    if not exists and not allow_no_indices:
        raise no_such_index(expression)
    return exists


def _names_models(name: str, ignore_unavailable: bool) -> bool:
    if name == "_all":
        raise illegal("_all", f"is every index of a cluster; here is one: {INDEX}.")
    if not name or name[0] in "_-+." or not _FORBIDDEN.isdisjoint(name) or name != name.lower():
        raise illegal(name or "index", f"is no name of an index here; ask for {INDEX}.")
    if "*" in name:
        return any(fnmatch.fnmatchcase(known, name) for known in _NAMES)
    if name in _NAMES:
        return True
    if ignore_unavailable:
        return False
    raise no_such_index(name)


def among_models(arguments: Arguments, index: str | None, header: Mapping[str, Any] | None = None) -> bool:
    """Whether the models are among the indices of a request, or of one `header` of many.

    Raises Fault for an index that is not there.
    """
    ignore = arguments.flag("ignore_unavailable")
    allow = arguments.flag("allow_no_indices", default=True)
    if header is not None:
        ignore = _header_flag(header, "ignore_unavailable", ignore)
        allow = _header_flag(header, "allow_no_indices", allow)
        given = header.get("index", index)
        index = ",".join(map(str, given)) if isinstance(given, list) else given
        if index is not None and not isinstance(index, str):
            raise illegal("index", "is a name.")
    return means_models(index, ignore_unavailable=ignore, allow_no_indices=allow)


def _header_flag(header: Mapping[str, Any], name: str, default: bool) -> bool:
    value = header.get(name, default)
    if str(value).lower() not in {"true", "false"}:
        raise illegal(name, "is true or false.")
    return str(value).lower() == "true"
