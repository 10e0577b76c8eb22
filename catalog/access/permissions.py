"""Who may change what. The one place that is asked before anything of a model is changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from catalog.access.principals import Principal


def may_edit(principal: Principal, document: Mapping[str, Any]) -> bool:  # noqa: ARG001 - what rules will look at
    """Whether this principal may set values of the model of this document, which they see."""
    return principal.sees_all


def may_edit_some(principal: Principal) -> bool:
    """Whether there may be a model that this principal may change: whether changing is offered to them at all."""
    return principal.sees_all
