"""What models need of each other: what they are made from, as they name it, and what entries elsewhere are the weights of."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from catalog.access.relatives import called
from catalog.layouts.content_addressed import content_key
from catalog.lazy_dataclasses import dataclass, field
from catalog.records import Document, ModelId, SourceId
from catalog.retention.policy import Policy
from catalog.store.retention import StandingModel

BASE_PATH = "adapter_base_model_path"
"""Below `extra`: the path of an adapter's base as its file has it, which may say nothing but a place."""
NAMED = 1
"""Of those that need a model one is named."""
Name = str | tuple[SourceId, str]
"""How others name a model: a name, or a place in a source; both without case."""


@dataclass(slots=True)
class Needs:
    """What is remembered of models that name others, and of entries that the policy keeps."""

    policy: Policy
    _made_from: dict[Name, list[tuple[ModelId, str]]] = field(default_factory=dict)
    _kept_entries: dict[ModelId, str] = field(default_factory=dict)

    def note(self, model: StandingModel) -> None:
        """Remembers what this model needs, there or not: it may come back."""
        path = str(model.document.get("path") or "")
        for base in _bases(model.document):
            for name in _meant(base, path, model.source):
                needing = self._made_from.setdefault(name, [])
                # One more than are named, since a model may name itself; each once, since it may have several bases.
                if len(needing) <= NAMED and all(other != model.id for other, _ in needing):
                    needing.append((model.id, "a model" if model.hidden else model.name))
        kept = self._why_kept(model.document)
        if kept:
            own = "an entry of it is kept" if model.hidden else f"{model.name} ({model.id[:12]}) {kept}"
            self._kept_entries[model.id] = own

    def of(
        self, model: ModelId, names: Iterable[Name], told_by: Sequence[ModelId], *, is_by_hash: bool
    ) -> str | None:
        """Who needs the model of these names, as a sentence; `told_by` are entries elsewhere that it is the weights of. An object
        that goes by its hash alone is needed by whoever names it.
        """
        for name in names:
            for other, title in self._made_from.get(name, ()):
                if other != model:
                    return f"{title} ({other[:12]}) is made from it"
        kept = next((entry for entry in told_by if entry in self._kept_entries), None)
        if kept is not None:
            return f"it is the weights of an entry elsewhere: {self._kept_entries[kept]}"
        return f"{told_by[0][:12]} names it by its hash" if is_by_hash and told_by else None

    def _why_kept(self, document: Document) -> str:
        stage, aliases = document.get("stage"), listed_words(document.get("aliases"))
        if isinstance(stage, str) and self.policy.keeps_stage(stage):
            return f"is in stage {stage}"
        return f"has the alias {aliases[0]}" if self.policy.aliases and aliases else ""


def names_of(document: Document, source: SourceId) -> tuple[Name, ...]:
    """All that others may call a model, each once."""
    return tuple(dict.fromkeys((*_called(document), *_places(document, source))))


def is_by_hash(document: Document) -> bool:
    """Whether a model is an object that goes by its hash alone."""
    return content_key(str(document.get("path") or "")) is not None


def listed_words(value: Any) -> tuple[str, ...]:
    """The words of a field that holds several."""
    return tuple(str(word) for word in value) if isinstance(value, list) else ()


def _bases(document: Document) -> Iterator[str]:
    """What the model says that it is made from, and the path of an adapter's base as it stands in its file."""
    for entry in document.get("base_model") or ():
        if isinstance(entry, Mapping) and isinstance(base := entry.get("id"), str):
            yield base
    extra = document.get("extra")
    path = extra.get(BASE_PATH) if isinstance(extra, Mapping) else None
    if isinstance(path, str):
        yield path


def _meant(base: str, path: str, source: SourceId) -> set[Name]:
    """What a model at this path may mean by its base: a name, the last part of a path, or a place beside it."""
    text = base.replace("\\", "/").strip().casefold()
    if not text:
        return set()
    names: set[Name] = {
        text,
        text.rstrip("/").rpartition("/")[2],
        posixpath.normpath(text).rpartition("/")[2],
    }
    folder = path.casefold()
    for start in (folder, posixpath.dirname(folder), ""):
        names.add((source, posixpath.normpath(posixpath.join(start, text))))
    return names - {"", ".", ".."}


def _places(document: Document, source: SourceId) -> Iterator[Name]:
    """Where a model lies; of one that is a single file its folder, too."""
    path = posixpath.normpath(str(document.get("path") or "").casefold())
    yield source, path
    if "." in posixpath.basename(path):
        yield source, posixpath.dirname(path) or "."


def _called(document: Document) -> Iterator[str]:
    """What others may call a model; of one that is a single file its folder, too."""
    folders = [part for part in str(document.get("path") or "").split("/") if part][:-1]
    for name in (*called(document), *folders[-1:], "/".join(folders[-2:])):
        yield name.casefold()
