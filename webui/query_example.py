"""A search of the page as others would ask it: Elasticsearch JSON, curl, Python. All of it is ASCII and quoted."""

from __future__ import annotations

import json
import shlex
from typing import Any

from catalog.dsl.body import MAX_SIZE, from_dsl, to_dsl
from catalog.errors import RequestRefused
from catalog.lazy_dataclasses import dataclass
from catalog.query.request import SearchRequest

KEY = "YOUR_KEY"


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryExample:
    """One search in three spellings. Sent to /es/, each finds what the page shows."""

    dsl: str
    curl: str
    python: str


def query_example(request: SearchRequest, url: str, *, needs_key: bool) -> QueryExample | None:
    """The spellings of a request for the endpoint at `url`; None for a search beyond what may be asked there."""
    body = {**to_dsl(request), "track_total_hits": True}
    body["size"] = min(request.size, MAX_SIZE)
    text = json.dumps(body)
    try:
        from_dsl(text)
    except RequestRefused:
        return None
    return QueryExample(
        dsl=json.dumps(body, indent=2), curl=_curl(text, url, needs_key), python=_python(body, url, needs_key)
    )


def _curl(body: str, url: str, needs_key: bool) -> str:
    key = [f"-H {shlex.quote(f'Authorization: ApiKey {KEY}')}"] if needs_key else []
    parts = [
        f"curl -s {shlex.quote(f'{url}/models/_search?pretty')}",
        *key,
        "-H 'Content-Type: application/json'",
        f"-d {shlex.quote(body)}",
    ]
    return " ".join(parts)


def _python(body: dict[str, Any], url: str, needs_key: bool) -> str:
    key = f', api_key="{KEY}"' if needs_key else ""
    return (
        "from elasticsearch import Elasticsearch\n"
        f"client = Elasticsearch({url!a}{key})\n"
        f'found = client.search(index="models", body={body!a})'
    )
