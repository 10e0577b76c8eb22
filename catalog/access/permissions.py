"""Who may change what. The one place that is asked before anything of a model is changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from catalog.access.principals import Principal


def may_edit(principal: Principal, document: Mapping[str, Any]) -> bool:  # noqa: ARG001 - what rules will look at
    """Whether this principal may set values of the model of this document, which they see."""
    return principal.sees_all
