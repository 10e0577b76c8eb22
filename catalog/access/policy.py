"""A policy file of the shape that CAM has, read as grants. What it says and this cannot express is refused by name.

    {"version": "2.0", "statement": [{"effect": "allow", "action": ["modeldex:Read"],
      "resource": ["qcs::modeldex:::source/lab/*"], "condition": {"string_equal": {"modeldex:tag": "prod"}}}]}

Source: Tencent Cloud, CAM, "Syntax Logic" and "Conditions".
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from catalog.access.scopes import check_scope, scope_of_source
from catalog.errors import UserError
from catalog.query.text.printing import quoted
from catalog.query.text.targets import resolve
from catalog.records.accounts import Action, Effect, Grant
from mappings import fields

VERSION = "2.0"
SERVICE = "modeldex"
RESOURCE = re.compile(rf"qcs::{SERVICE}:[^:]*:[^:]*:(?P<place>[^:]*)")
ACTIONS: Mapping[str, frozenset[Action]] = {
    "Read": frozenset({Action.READ}),
    "Edit": frozenset({Action.EDIT}),
    "SaveSearches": frozenset({Action.SAVE}),
    "ReadSensitive": frozenset({Action.DISCLOSE}),
    "Crawl": frozenset({Action.CRAWL}),
    "ReadAudit": frozenset({Action.AUDIT}),
    "Manage": frozenset({Action.MANAGE}),
    "*": frozenset(Action) - {Action.ACCOUNT},
}
STATEMENT_KEYS = frozenset({"effect", "action", "resource", "condition"})
EQUAL = "string_equal"
MAX_STATEMENTS = 100

SourceId = Callable[[str], str | None]
"""The id of the source of a name, None if there is none."""


def grants_of_policy(text: str, source_id: SourceId, *, label: str) -> tuple[Grant, ...]:
    """The grants that a policy file means. Raises UserError with everything in it that cannot be expressed."""
    try:
        policy = json.loads(text)
    except ValueError as error:
        raise UserError(f"{label} is no JSON: {error}.") from error
    reader = _Reader(source_id, label)
    granted = reader.policy(policy)
    if reader.refused:
        raise UserError(f"{label} cannot be taken: {'; '.join(reader.refused)}.")
    return granted


class _Reader:
    """Collects every refusal, so that a policy is mended in one go."""

    def __init__(self, source_id: SourceId, label: str) -> None:
        self._source_id = source_id
        self._label = label
        self.refused: list[str] = []

    def policy(self, policy: Any) -> tuple[Grant, ...]:
        if not isinstance(policy, dict):
            self.refused.append("it is no object")
            return ()
        self._unknown(policy, frozenset({"version", "statement"}), "the policy")
        if policy.get("version") != VERSION:
            self.refused.append(f"version is {policy.get('version')!r} and not {VERSION!r}")
        statements = _listed(policy.get("statement"))
        if not statements or len(statements) > MAX_STATEMENTS:
            self.refused.append(f"statement holds {len(statements)} and not 1 to {MAX_STATEMENTS}")
            return ()
        return tuple(
            grant
            for number, statement in enumerate(statements)
            for grant in self._statement(statement, f"statement[{number}]")
        )

    def _statement(self, statement: Any, where: str) -> tuple[Grant, ...]:
        if not isinstance(statement, dict):
            self.refused.append(f"{where} is no object")
            return ()
        self._unknown(statement, STATEMENT_KEYS, where)
        effect = str(statement.get("effect")).lower()
        if effect not in {Effect.ALLOW, Effect.DENY}:
            self.refused.append(f"{where}.effect is {statement.get('effect')!r}")
            return ()
        actions = self._actions(statement.get("action"), f"{where}.action")
        resources = self._resources(statement.get("resource"), f"{where}.resource")
        condition = self._condition(statement.get("condition"), f"{where}.condition")
        if not actions or not resources:
            return ()
        return tuple(
            Grant(
                effect=Effect(effect),
                actions=actions,
                scope=" ".join(part for part in (resource, condition) if part),
                label=f"{effect} by {self._label} {where}",
            )
            for resource in resources
        )

    def _actions(self, named: Any, where: str) -> frozenset[Action]:
        actions: set[Action] = set()
        names = _listed(named)
        if not names:
            self.refused.append(f"{where} is missing")
        for name in names:
            service, _, verb = str(name).partition(":")
            known = ACTIONS.get(verb) if service == SERVICE else None
            if known is None and name != "*":
                self.refused.append(
                    f"{where} {name!r} is none of {', '.join(f'{SERVICE}:{action}' for action in ACTIONS)}"
                )
            actions |= known or (ACTIONS["*"] if name == "*" else frozenset())
        return frozenset(actions)

    def _resources(self, named: Any, where: str) -> list[str]:
        """The scope of each resource."""
        scopes: list[str] = []
        names = _listed(named)
        if not names:
            self.refused.append(f"{where} is missing")
        for name in names:
            place = str(name)
            if (own := RESOURCE.fullmatch(place)) is not None:
                place = own["place"]
            kind, _, rest = place.partition("/")
            source = rest.removesuffix("/*")
            if place == "*":
                scopes.append("")
            elif kind == "source" and source and rest.endswith("/*") and "*" not in source:
                identifier = self._source_id(source)
                if identifier is None:
                    self.refused.append(f"{where} {name!r}: there is no source {source!r}")
                else:
                    scopes.append(scope_of_source(identifier))
            else:
                self.refused.append(f"{where} {name!r} is neither '*' nor '…:source/NAME/*'")
        return scopes

    def _condition(self, condition: Any, where: str) -> str:
        if condition is None:
            return ""
        if not isinstance(condition, dict):
            self.refused.append(f"{where} is no object")
            return ""
        if not condition:
            self.refused.append(f"{where} is empty")
        parts = []
        for operator, compared in condition.items():
            if operator != EQUAL or not isinstance(compared, dict):
                self.refused.append(f"{where} {operator!r} is not {EQUAL!r}")
                continue
            if not compared:
                self.refused.append(f"{where}.{operator} compares nothing")
            for key, values in compared.items():
                parts.append(self._compared(str(key), _listed(values), f"{where}.{operator}"))
        return " ".join(part for part in parts if part)

    def _compared(self, key: str, values: list[Any], where: str) -> str:
        service, _, name = key.partition(":")
        targets = resolve(name) if service == SERVICE and name else ()
        path = targets[0].path if len(targets) == 1 else ""
        if path not in fields() or fields()[path].type != "keyword":
            self.refused.append(f"{where} {key!r} is not {SERVICE}: and a field of words")
            return ""
        if not values or not all(isinstance(value, str) and value for value in values):
            self.refused.append(f"{where} {key!r} holds no texts")
            return ""
        text = f"{name}:{','.join(_exactly(value) for value in values)}"
        try:
            return check_scope(text)
        except UserError as error:
            self.refused.append(f"{where} {key!r}: {error.message}")
            return ""

    def _unknown(self, given: Mapping[str, Any], known: frozenset[str], where: str) -> None:
        self.refused += [f"{where} has {key!r}, which is not known here" for key in given if key not in known]


def _exactly(value: str) -> str:
    return f'"{value}"' if quoted(value) == value else quoted(value)


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
