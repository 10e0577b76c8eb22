"""How to load a model: lines to copy, made of the table of recipes and of what its files prove."""

from __future__ import annotations

import json
import posixpath
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from string import Template
from typing import Any
from urllib.parse import unquote, urlsplit

from catalog.lazy_dataclasses import dataclass
from mappings.loading import Recipe, class_of, recipes
from webui.documents import number_at, rows_at, text_at, values_at
from webui.text import shown

RECIPES_SHOWN = 3
CONTEXT_TOKENS = 8_192
"""The longest context that a line asks for: more is for who knows that it fits."""
LONGEST_PLACE = 4_096


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadRecipe:
    """One way to load the model. `needs` is the command that installs what the code needs, empty for nothing."""

    tool: str
    needs: str
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Loading:
    """The ways to load a model; `fetch` is where to copy it from first, where it is not on a disk."""

    recipes: tuple[LoadRecipe, ...]
    fetch: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """A model's place and its weight files as code names them."""

    path: str
    folder: str
    files: Sequence[tuple[str, str]]  # path and format
    fetch: str


def loading_of(document: Mapping[str, Any]) -> Loading:
    """Lines that load this model with the safe flags, the best known first, one for each tool."""
    place = _place(document)
    if place is None:
        return Loading(recipes=(), fetch="")
    by_tool: dict[str, LoadRecipe] = {}
    for recipe in recipes():
        if recipe.tool not in by_tool and _fits(recipe, document, place):
            code = _code(recipe, document, place)
            if code:
                needs = f"pip install {recipe.needs}" if recipe.needs else ""
                by_tool[recipe.tool] = LoadRecipe(tool=recipe.tool, needs=needs, code=code)
    return Loading(recipes=tuple(by_tool.values())[:RECIPES_SHOWN], fetch=shown(place.fetch, LONGEST_PLACE))


def local_path(uri: str) -> str:
    """The path that a file address names, empty for other addresses."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return ""
    return unquote(parts.path, errors="surrogateescape") if parts.scheme == "file" else ""


def _place(document: Mapping[str, Any]) -> _Place | None:
    uri, source = text_at(document, "uri"), text_at(document, "source")
    if not uri or len(uri) > LONGEST_PLACE:
        return None
    path, root = local_path(uri), local_path(source)
    fetch = "" if path else uri
    if not path:
        path = posixpath.basename(uri.rstrip("/")) or "."
    files = []
    for row in rows_at(document, "files"):
        key = row.get("key")
        if row.get("role") == "weights" and isinstance(key, str) and len(key) <= LONGEST_PLACE:
            where = posixpath.join(root, key) if root else _below(path, key)
            files.append((where, str(row.get("format") or "")))
    is_file = any(where == path for where, _ in files)
    return _Place(
        path=path, folder=posixpath.dirname(path) or "." if is_file else path, files=files, fetch=fetch
    )


def _below(path: str, key: str) -> str:
    """A key of elsewhere, as it lies after its model's folder was copied here."""
    _, separator, rest = f"/{key}".rpartition(f"/{path}/")
    return posixpath.join(path, rest) if separator else posixpath.basename(key)


def _fits(recipe: Recipe, document: Mapping[str, Any], place: _Place) -> bool:
    formats = {str(value) for value in values_at(document, "format")}
    is_adapter = "adapter" in values_at(document, "flags")
    wanted = {text_at(document, "library"), *_libraries_within(document)}
    by_name = recipe.libraries or recipe.frameworks
    return (
        (not recipe.formats or bool(formats.intersection(recipe.formats)))
        and (
            not by_name
            or bool(wanted.intersection(recipe.libraries))
            or text_at(document, "framework") in recipe.frameworks
        )
        and (recipe.adapter is None or recipe.adapter is is_adapter)
        and (not recipe.single or len(_files_for(recipe, place)) == 1)
        and bool(
            re.search(
                recipe.architecture,
                (text_at(document, "architecture") or text_at(document, "model_type")).lower(),
            )
        )
    )


def _libraries_within(document: Mapping[str, Any]) -> Iterator[str]:
    """An adapter in peft's own format says so by what it has, whatever its card says."""
    if text_at(document, "adapter.type") and any(
        str(row.get("format")) == "peft" for row in rows_at(document, "files")
    ):
        yield "peft"


def _files_for(recipe: Recipe, place: _Place) -> list[str]:
    return [where for where, form in place.files if not recipe.formats or form in recipe.formats]


def _code(recipe: Recipe, document: Mapping[str, Any], place: _Place) -> str:
    """The recipe's code with every place filled, empty where the model lacks something that it needs."""
    files = _files_for(recipe, place)
    bases = [str(value) for value in values_at(document, "base_model.id")]
    context = number_at(document, "context_length")
    texts = {
        "path": place.path,
        "folder": place.folder,
        "file": files[0] if files else "",
        "weights": posixpath.dirname(files[0]) or "." if files else "",
        "base": bases[0] if bases else "",
    }
    template = Template(recipe.code)
    needed = set(template.get_identifiers())
    if any(not texts.get(name, "known") for name in needed):
        return ""
    quote = _python if recipe.language == "python" else _shell
    quoted = {name: quote(text) for name, text in texts.items()}
    if any(name in needed and not text for name, text in quoted.items()):
        return ""
    return template.substitute(
        quoted,
        auto=class_of(text_at(document, "architecture")),
        context=str(int(min(context, CONTEXT_TOKENS)) if context and context > 0 else CONTEXT_TOKENS),
    )


def _python(text: str) -> str:
    """A literal that stands for just this text, whatever is in it."""
    return json.dumps(text, ensure_ascii=not text.isprintable())


def _shell(text: str) -> str:
    """A word of a shell; empty for what none can be sure to copy."""
    word = text if not text.startswith("-") else f"./{text}"
    return shlex.quote(word) if word.isprintable() else ""
