"""Saved searches as pages and feeds: what is new in them, who shares them, and how scripts ask them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from catalog.access.news_sentence import news_sentence
from catalog.access.saved_searches import News, state_of
from catalog.lazy_dataclasses import dataclass
from catalog.records.searches import SavedSearch
from webui.documents import text_at, value_at
from webui.headline import metric_label
from webui.html.headline import scores
from webui.html.lineage import Relative
from webui.numbers import as_datetime, clock
from webui.text import shown
from webui.urls import Addresses

NAME_CHARACTERS = 120
QUERY_CHARACTERS = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedRow:
    """One saved search in the list; `news` is empty where nobody counted yet."""

    id: str
    name: str
    slug: str
    query: str
    own: bool
    shared: bool
    url: str
    search_url: str
    news: str
    is_new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedList:
    """All saved searches that a reader may see."""

    rows: tuple[SavedRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedPage:
    """One saved search with its news and what may be done with it."""

    row: SavedRow
    text: str
    arrivals: tuple[Relative, ...]
    departed: tuple[Relative, ...]
    more_new: int
    more_gone: int
    best: Relative | None
    not_understood: tuple[str, ...]
    saved_at: str
    as_of: str
    atom_url: str
    json_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedEntry:
    """One model in a feed."""

    id: str
    url: str
    title: str
    summary: str
    updated: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """The models of a saved search, those that came last in front."""

    id: str
    title: str
    updated: str
    home_url: str
    self_url: str
    entries: tuple[FeedEntry, ...]


def saved_row(saved: SavedSearch, reader: str, news: News | None, addresses: Addresses) -> SavedRow:
    """A saved search for people."""
    state = state_of(saved)
    chosen = [f"{field}:{','.join(values)}" for field, values in state.selections.items()]
    words = " ".join(part for part in (state.text, *chosen) if part)
    return SavedRow(
        id=str(saved.id),
        name=shown(saved.name, NAME_CHARACTERS),
        slug=shown(saved.slug, NAME_CHARACTERS),
        query=shown(words, QUERY_CHARACTERS) or "every model",
        own=saved.owner == reader,
        shared=saved.shared,
        url=addresses.saved(str(saved.id)),
        search_url=addresses.search(state),
        news="" if news is None else news_sentence(news),
        is_new=news is not None and not news.is_quiet,
    )


def saved_page(
    saved: SavedSearch,
    row: SavedRow,
    news: News,
    departed: Mapping[str, Mapping[str, Any]],
    addresses: Addresses,
) -> SavedPage:
    """The page of one saved search; `departed` are the documents of models that it no longer finds."""
    best = news.best
    return SavedPage(
        row=row,
        text=shown(state_of(saved).text, QUERY_CHARACTERS),
        arrivals=tuple(_relative(document, addresses) for document in news.arrivals),
        departed=tuple(_relative(departed.get(model, {"id": model}), addresses) for model in news.departed),
        more_new=max(0, (news.new or 0) - len(news.arrivals)),
        more_gone=max(0, (news.gone or 0) - len(news.departed)),
        best=None
        if best is None
        else Relative(
            name=f"{metric_label(best.metric)} {best.value:.4g}",
            url=addresses.model(best.model),
            note=shown("/".join(part for part in (best.dataset, best.split) if part), 80),
        ),
        not_understood=news.not_understood,
        saved_at=clock(saved.created_at),
        as_of=saved.updated_at.isoformat(),
        atom_url=addresses.feed(str(saved.id), "atom"),
        json_url=addresses.feed(str(saved.id), "json"),
    )


def feed_of(
    saved: SavedSearch, documents: Iterable[Mapping[str, Any]], root_url: str, addresses: Addresses
) -> Feed:
    """The feed of a saved search; `root_url` is the scheme and host in front of addresses."""
    entries = tuple(_entry(saved, document, root_url, addresses) for document in documents)
    return Feed(
        id=f"urn:modeldex:saved:{saved.id}",
        title=_of_xml(saved.name, NAME_CHARACTERS),
        updated=max((entry.updated for entry in entries), default=_stamp(saved.updated_at)),
        home_url=root_url + addresses.search(state_of(saved)),
        self_url=root_url + addresses.feed(str(saved.id), "atom"),
        entries=entries,
    )


def json_feed(feed: Feed, url: str) -> dict[str, Any]:
    """The same as a JSON Feed. Source: https://www.jsonfeed.org/version/1.1/."""
    return {
        "version": "https://jsonfeed.org/version/1.1",
        "title": feed.title,
        "home_page_url": feed.home_url,
        "feed_url": url,
        "items": [
            {
                "id": entry.id,
                "url": entry.url,
                "title": entry.title,
                "content_text": entry.summary,
                "date_published": entry.updated,
            }
            for entry in feed.entries
        ],
    }


def _relative(document: Mapping[str, Any], addresses: Addresses) -> Relative:
    identifier = text_at(document, "id")
    values = [f"{score.label} {score.value.text}" for score in scores(document)[:1]]
    return Relative(
        name=shown(text_at(document, "name") or identifier, NAME_CHARACTERS),
        url=addresses.model(identifier),
        note=shown(" · ".join([*values, text_at(document, "path")]), NAME_CHARACTERS),
    )


def _entry(saved: SavedSearch, document: Mapping[str, Any], root_url: str, addresses: Addresses) -> FeedEntry:
    relative = _relative(document, addresses)
    first_seen = as_datetime(value_at(document, "first_seen"))
    description = text_at(document, "description")
    return FeedEntry(
        id=f"urn:modeldex:saved:{saved.id}:{shown(text_at(document, 'id'), 80)}",
        url=root_url + relative.url,
        title=_of_xml(relative.name, NAME_CHARACTERS),
        summary=_of_xml(" · ".join(part for part in (relative.note, description) if part), 500),
        updated=_stamp(first_seen or saved.created_at),
    )


def _of_xml(text: str, characters: int) -> str:
    """Text without the two signs that no XML may hold. Source: XML 1.0, production 2."""
    return shown(text, characters).translate(dict.fromkeys((0xFFFE, 0xFFFF), "\N{REPLACEMENT CHARACTER}"))


def _stamp(value: datetime) -> str:
    """As RFC 3339 writes it."""
    return value.isoformat(timespec="seconds").replace("+00:00", "Z")
