"""Documents of visible models, saying nothing of models that are not visible."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

URI, PLACES, GROUP, FLAGS = "uri", "locations", "duplicate_group", "flags"
COPY, MOVED, EXTRA = "duplicate", "moved", "extra"
ELSEWHERE = ("described_at", "stored_at")
"""Of the other values those that list where models of other sources are."""


def moved_to(document: Mapping[str, Any]) -> str | None:
    """The id under which the model of the document is now."""
    extra = document.get("extra")
    target = extra.get("moved_to") if isinstance(extra, Mapping) else None
    return None if target is None else str(target)


def without_hidden(
    document: Mapping[str, Any], places: frozenset[str], targets: frozenset[str]
) -> Mapping[str, Any]:
    """The document without copies and targets that are not visible."""
    if document.get(GROUP):
        document = _with_copies(document, places)
    target = moved_to(document)
    return document if target is None or target in targets else _unmoved(document)


def elsewhere(document: Mapping[str, Any]) -> Iterator[str]:
    """Where the models of other sources are that the document links to."""
    extra = document.get(EXTRA)
    if not isinstance(extra, Mapping):
        return
    for name in ELSEWHERE:
        places = extra.get(name) or ()
        yield from map(str, [places] if isinstance(places, str) else places)


def with_elsewhere(document: Mapping[str, Any], places: frozenset[str]) -> Mapping[str, Any]:
    """The document with links to these places alone."""
    if places.issuperset(elsewhere(document)):
        return document
    extra = dict(document[EXTRA])
    for name in ELSEWHERE:
        listed = extra.pop(name, None) or ()
        kept = [place for place in ([listed] if isinstance(listed, str) else listed) if str(place) in places]
        if kept:
            extra[name] = kept
    rest = {name: value for name, value in document.items() if name != EXTRA}
    return rest | ({EXTRA: extra} if extra else {})


def _with_copies(document: Mapping[str, Any], places: frozenset[str]) -> dict[str, Any]:
    uri = document.get(URI)
    kept = [place for place in document.get(PLACES, ()) if place == uri or place in places]
    if any(place != uri for place in kept):
        return {**document, PLACES: kept}
    alone = {name: value for name, value in document.items() if name not in {GROUP, PLACES}}
    if kept:
        alone[PLACES] = kept
    return _without_flag(alone, COPY)


def _unmoved(document: Mapping[str, Any]) -> dict[str, Any]:
    extra = {name: value for name, value in document["extra"].items() if name != "moved_to"}
    problems = [problem for problem in document.get("problems", ()) if problem.get("code") != MOVED]
    rest = {name: value for name, value in document.items() if name not in {"extra", "problems"}}
    return _without_flag(
        rest | ({"extra": extra} if extra else {}) | ({"problems": problems} if problems else {}), MOVED
    )


def _without_flag(document: dict[str, Any], flag: str) -> dict[str, Any]:
    others = [other for other in document.get(FLAGS, ()) if other != flag]
    rest = {name: value for name, value in document.items() if name != FLAGS}
    return rest | ({FLAGS: others} if others else {})
