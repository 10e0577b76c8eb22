"""What a kind of source lets a person set: checked when it is said, filled with secrets when the source is opened."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import Field
from typing import Any

from catalog import plugins
from catalog.errors import UserError
from catalog.settings import referred
from catalog.settings.sections import check_declared, leaves, nearest, typed

REFERENCE = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|file:\S.*")
BY_REFERENCE = "Give where it stands: env:NAME for a variable, file:PATH for a file."


def options_class(scheme: str) -> type[Any] | None:
    """The options that sources of this scheme declare; None if they declare none. Raises PluginUnavailable."""
    declared = getattr(plugins.load("source", scheme), "Options", None)
    return None if declared is None else check_declared(declared, scheme, kind="source")


def checked_options(
    scheme: str, options: Mapping[str, Any], credentials: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Both as they may be stored: options of their types, credentials as references. Raises UserError, which holds no secret."""
    declared = options_class(scheme)
    known = {} if declared is None else leaves(declared)
    public = {name: row for name, row in known.items() if not row.metadata["secret"]}
    secret = {name: row for name, row in known.items() if row.metadata["secret"]}
    for name in options:
        if name in secret:
            raise UserError(
                f"{name!r} is a credential of {scheme}:// sources, and no option.", advice=BY_REFERENCE
            )
        _check_known(name, public, f"{scheme}:// sources have no option {name!r}.")
    for name, reference in credentials.items():
        _check_known(name, secret, f"{scheme}:// sources have no credential {name!r}.")
        if not isinstance(reference, str) or not REFERENCE.fullmatch(reference):
            raise UserError(
                f"The credential {name!r} must not be written out: it would be stored in clear.",
                advice=BY_REFERENCE,
            )
    return (
        {name: typed(public[name], value, name=name) for name, value in options.items()},
        dict(credentials),
    )


def filled_options(scheme: str, options: Mapping[str, Any], credentials: Mapping[str, str]) -> Any | None:
    """The options that open a source, secrets included; None if its kind declares none. Raises UserError."""
    declared = options_class(scheme)
    values, references = checked_options(scheme, options, credentials)
    if declared is None:
        return None
    secrets = {
        name: typed(leaves(declared)[name], referred(reference, what=f"The credential {name!r}"), name=name)
        for name, reference in references.items()
    }
    return declared(**values, **secrets)


def _check_known(name: str, known: Mapping[str, Field[Any]], sentence: str) -> None:
    if name in known:
        return
    close = nearest(name, known)
    advice = f"Did you mean {close!r}?" if close else f"Known are: {', '.join(known)}." if known else None
    raise UserError(sentence, advice=advice)
