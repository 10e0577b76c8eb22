"""`Client`: the catalog of a `modeldex serve`, asked and told from a script."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any, Self
from urllib.parse import quote, urlencode, urlsplit

import urllib3

from modeldex.plain_values import measured, plain
from modeldex.sidecar import checked

PER_PAGE = 100
READ_AT_MOST = 10_000
"""As far as pages go; `export` reads everything."""
MAX_ANSWER_BYTES = 64 * 1024 * 1024
MAX_LINE_BYTES = 16 * 1024 * 1024
"""One model of an export."""
LONGEST_REST_SECONDS = 5.0
LONGEST_RETRY_SECONDS = 60.0
"""However long a server that is busy says to wait."""
SHORTEST_REST_SECONDS = 0.1

Document = dict[str, Any]


class ClientError(Exception):
    """A question that was not answered, in a sentence."""


class NotReached(ClientError):
    """Nobody answers there, or not in time, or not in the words of a catalog."""


class Refused(ClientError):
    """The server understood and said no. `status` is HTTP's, `detail` what it says, `advice` what to do instead."""

    def __init__(self, status: int, detail: str, advice: str = "") -> None:
        super().__init__(f"{detail} {advice}".strip())
        self.status = status
        self.detail = detail
        self.advice = advice


class NotFound(Refused):
    """The catalog has no such model."""


class TookTooLong(ClientError):
    """What was waited for did not come in time."""


class _Retry(urllib3.Retry):
    """Waits as a server asks for (`Retry-After`), within reason."""

    def get_retry_after(self, response: urllib3.BaseHTTPResponse) -> float | None:
        asked = super().get_retry_after(response)
        return None if asked is None else min(asked, LONGEST_RETRY_SECONDS)


class Client:
    """The catalog at `url`, for who has `token` where the server asks for one.

    `timeout_seconds` bounds the wait for a connection and for each part of an answer. A question is repeated up to `retries`
    times where nobody answered or the server was too busy (429, 502, 503, 504), and so is `log`, which may be told twice.

    Raises: NotReached, Refused, NotFound; all of them are ClientError.
    """

    def __init__(
        self, url: str, *, token: str | None = None, timeout_seconds: float = 10.0, retries: int = 3
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"{url!r} is no address of a server, such as http://127.0.0.1:8080")
        self.url = url.rstrip("/")
        self._attempts = max(retries, 0) + 1
        self._headers = {"Accept": "application/json", "User-Agent": "modeldex-client"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._pool = urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=timeout_seconds, read=timeout_seconds),
            retries=_Retry(
                total=retries,
                backoff_factor=0.2,
                status_forcelist=(429, 502, 503, 504),
                allowed_methods=None,  # what is logged twice is logged once
                raise_on_status=False,
                redirect=3,
            ),
        )

    def search(
        self, query: str = "", *, limit: int | None = None, sort: str | None = None
    ) -> Iterator[Document]:
        """The documents that a query finds, best first, page after page; at most `limit` and at most READ_AT_MOST.

        A condition that is not understood is Refused with what was probably meant, never left out.
        """
        rest = READ_AT_MOST if limit is None else min(limit, READ_AT_MOST)
        page = 1
        while rest > 0:
            asked = {"q": query, "page": page, "per_page": min(PER_PAGE, limit or PER_PAGE)}
            answer = self._json("GET", "/api/search", {**asked, **({"sort": sort} if sort else {})})
            results = self._part(answer, "results", list)[:rest]
            for result in results:
                yield self._part(result, "document", dict)
            rest -= len(results)
            page += 1
            if not results or not self._part(answer, "paging", dict).get("next_url"):
                return

    def export(self, query: str = "") -> Iterator[Document]:
        """Every document that a query finds, however many, in one stream."""
        address = f"{self.url}/api/export.ndjson?{urlencode({'q': query})}"
        response = self._send("GET", address)
        try:
            if response.status >= 400:
                raise _refusal(response.status, response.read(MAX_ANSWER_BYTES))
            waiting = b""
            for part in response.stream(64 * 1024):
                *lines, waiting = (waiting + part).split(b"\n")
                yield from map(self._parsed, filter(None, lines))
                if len(waiting) > MAX_LINE_BYTES:
                    raise NotReached(f"The answer of {self.url} is larger than a catalog's.")
            if waiting:
                raise NotReached(f"The answer of {self.url} breaks off.")
        except urllib3.exceptions.HTTPError as error:
            raise NotReached(f"The answer of {self.url} breaks off: {error}.") from error
        finally:
            response.close()  # who stops reading leaves the rest of it on the connection

    def get(self, model: str) -> Document:
        """The document of a model by its id or the beginning of one. Raises NotFound."""
        answer = self._json("GET", f"/api/models/{quote(model, safe='')}")
        document: Document = self._part(answer, "document", dict)
        return document

    def count(self, query: str = "") -> int:
        """How many models a query finds."""
        answer = self._json("GET", "/api/search", {"q": query, "per_page": 1})
        total: int = self._part(answer, "total", int)
        return total

    def wait_for(self, query: str, *, timeout_seconds: float = 300.0) -> Document:
        """The first model that a query finds, as soon as there is one. Raises TookTooLong.

        A server that is not up yet or is restarted meanwhile is waited for, too.
        """
        until = time.monotonic() + timeout_seconds
        rest, trouble = SHORTEST_REST_SECONDS, ""
        while True:
            try:
                document = next(self.search(query, limit=1), None)
                trouble = ""
            except NotReached as error:
                document, trouble = None, f" {error}"
            if document is not None:
                return document
            if time.monotonic() + rest > until:
                raise TookTooLong(f"No model came in {timeout_seconds:g} seconds that is {query!r}.{trouble}")
            time.sleep(rest)
            rest = min(rest * 1.5, LONGEST_REST_SECONDS)

    def log(self, model: str, metrics: Mapping[str, Any] | None = None, **what: Any) -> Document:
        """Tells the catalog what was measured of a model that it knows, by id, name or address; the server's answer.

        Takes what `modeldex.log` takes and checks it likewise, before anything is sent. Needs the token that the server has
        as `api.log_token`. Raises LogRefused, Refused, NotFound.
        """
        checked(metrics, **what)
        report = {"model": model, "metrics": dict(metrics or {}), **what}
        return self._json(
            "POST", "/api/v1/models", body=json.dumps(_as_sent(report), allow_nan=False).encode()
        )

    def close(self) -> None:
        self._pool.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _json(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        body: bytes | None = None,
    ) -> Document:
        address = f"{self.url}{path}" + (f"?{urlencode(parameters)}" if parameters else "")
        status, content = self._answer(method, address, body)
        if status >= 400:
            raise _refusal(status, content)
        return self._parsed(content)

    def _answer(self, method: str, address: str, body: bytes | None) -> tuple[int, bytes]:
        """Status and body. Asked again where the body breaks off."""
        for attempt in range(1, self._attempts + 1):
            response = self._send(method, address, body=body)
            try:
                content = response.read(MAX_ANSWER_BYTES + 1)
                if len(content) > MAX_ANSWER_BYTES:
                    response.close()  # nobody goes on with a connection on which more comes
                    raise NotReached(f"The answer of {self.url} is larger than a catalog's.")
            except urllib3.exceptions.HTTPError as error:
                if attempt == self._attempts:
                    raise NotReached(f"The answer of {self.url} breaks off: {error}.") from error
            else:
                return response.status, content
            finally:
                response.release_conn()
        raise AssertionError("there is one attempt at least")

    def _parsed(self, content: bytes) -> Document:
        try:
            answer = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise NotReached(f"What answers at {self.url} is no catalog.") from error
        if not isinstance(answer, dict):
            raise NotReached(f"What answers at {self.url} is no catalog.")
        return answer

    def _part(self, answer: Any, name: str, kind: type) -> Any:
        """What stands there under this name. Raises NotReached where a catalog would say something else."""
        part = answer.get(name) if isinstance(answer, dict) else None
        if not isinstance(part, kind):
            raise NotReached(f"What answers at {self.url} is no catalog.")
        return part

    def _send(self, method: str, address: str, *, body: bytes | None = None) -> urllib3.BaseHTTPResponse:
        headers = {**self._headers, **({"Content-Type": "application/json"} if body is not None else {})}
        try:
            return self._pool.request(method, address, body=body, headers=headers, preload_content=False)
        except urllib3.exceptions.MaxRetryError as error:
            raise NotReached(f"Nobody answers at {self.url}: {error.reason or error}.") from error
        except urllib3.exceptions.HTTPError as error:
            raise NotReached(f"Nobody answers at {self.url}: {error}.") from error


def _as_sent(report: Document) -> Document:
    """As it was checked: numbers of other libraries as JSON's own."""
    numbers = {name: measured(value) for name, value in report.pop("metrics").items() if value is not None}
    sent = {name: plain(value) for name, value in report.items() if value is not None}
    return {**sent, "metrics": numbers}


def _refusal(status: int, body: bytes) -> ClientError:
    try:
        error = json.loads(body)["error"]
        detail = str(error.get("detail") or error.get("title") or f"HTTP {status}")
        advice = str(error.get("advice") or "")
    except (ValueError, KeyError, TypeError, AttributeError):
        return NotReached(f"What answers is no catalog: HTTP {status}.")
    if status >= 500:
        return NotReached(f"{detail} {advice}".strip())
    return (NotFound if status == 404 else Refused)(status, detail, advice)
