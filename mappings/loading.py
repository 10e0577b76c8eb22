"""The table of how models are loaded, and of what loading a format does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

from mappings.tables import table

Deed = Literal["data", "types", "pickle", "program", "code"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """What a file of a format does when its usual library opens it, and the format to ask for instead."""

    name: str
    does: Deed
    safer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How to load a model that fulfils the conditions; `code` has $-places that are filled with quoted values."""

    name: str
    tool: str
    needs: str
    language: Literal["python", "shell"]
    code: str
    formats: tuple[str, ...] = ()
    frameworks: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    architecture: str = ""
    adapter: bool | None = None
    single: bool = False


@cache
def formats() -> Mapping[str, Format]:
    """What is known of loading, by the format's name in documents."""
    return {name: Format(name=name, **row) for name, row in table("loading")["formats"].items()}


@cache
def recipes() -> tuple[Recipe, ...]:
    """Every recipe, those to be tried first in front."""
    return tuple(_recipe(name, row) for name, row in table("loading")["recipes"].items())


def class_of(architecture: str) -> str:
    """The class of transformers that makes a model of this architecture."""
    classes: Mapping[str, str] = table("loading")["classes"]
    fitting = [ending for ending in classes if architecture.endswith(ending)]
    return classes[max(fitting, key=len)] if fitting else "AutoModel"


def _recipe(name: str, row: Mapping[str, object]) -> Recipe:
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}
    recipe = Recipe(name=name, **{**values, "code": str(row["code"]).strip()})  # type: ignore[arg-type]  # checked by a test
    re.compile(recipe.architecture)
    return recipe
