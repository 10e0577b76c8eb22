"""Questions to an MLflow server, without MLflow: one at a time or page after page, each bounded and asked again if it fails.

Source: mlflow/mlflow, mlflow/protos/service.proto and model_registry.proto (MLflow 2 and 3, `/api/2.0/mlflow`).
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

import urllib3
from urllib3.exceptions import (
    HTTPError,
    NameResolutionError,
    NewConnectionError,
    ProtocolError,
)
from urllib3.exceptions import TimeoutError as HttpTimeout

from catalog.answer_deadline import TimelyPools
from catalog.errors import ExtractError, SourceError
from catalog.text import cleaning
from crawler.answers import AnswerUnbounded, read_within
from crawler.buckets.spending import Spending
from crawler.formats import jsons
from crawler.formats.json_values import mapping
from crawler.mlflow_server.options import MlflowOptions

API = "/api/2.0/mlflow/"
PAGE = 50
"""Entries of a page: the most that MLflow gives of logged models, and a run may have a thousand values."""
MAX_PAGES = 200_000
MAX_ANSWER_BYTES = 64 * 1024 * 1024
MAX_ANSWER_SECONDS = 300.0
ANSWER = jsons.JsonLimits(size_bytes=MAX_ANSWER_BYTES, depth=60, nodes=4_000_000)
CONNECT_SECONDS = 10.0
FIRST_PAUSE_SECONDS = 0.2
"""Before a question is asked again: a random time up to this, which doubles."""
BUSY = frozenset({429, 500, 502, 503, 504})
ABSENT = frozenset({"RESOURCE_DOES_NOT_EXIST"})
UNKNOWN_CALL = frozenset({"ENDPOINT_NOT_FOUND"})
REFUSED = frozenset({401, 403})
OLDEST, NEWEST = 1, 3
"""Major versions whose answers are known."""


class NotAnswered(SourceError):
    """A server that is not there, is not MLflow, or breaks off."""

    retryable = True


class CallRefused(SourceError):
    """The server understood and said no. `status` is HTTP's, `code` MLflow's."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(
            f"the server answers {status}{f' {code}' if code else ''}{f': {message}' if message else ''}"
        )
        self.status = status
        self.code = code

    @property
    def is_absent(self) -> bool:
        """Whether there is no such entry."""
        return self.code in ABSENT

    @property
    def is_unknown_call(self) -> bool:
        """Whether the server is too old or too small for this question."""
        return self.code in UNKNOWN_CALL or (self.status == 404 and not self.code)


class MlflowClient:
    """One server. Threads may share it."""

    def __init__(self, url: str, options: MlflowOptions, spending: Spending) -> None:
        self._url = url
        self._spending = spending
        self._attempts = options.attempts
        self._headers = {"Accept": "application/json", "User-Agent": "modeldex", **_credentials(options)}
        self._pool = TimelyPools(
            maxsize=options.concurrency,
            timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=options.read_seconds),
            retries=False,  # an answer that breaks off is asked for again as well as one that does not come
            ca_certs=options.ca_file or None,
        )

    def version(self) -> str:
        """What the server says it is; empty where it does not say. Raises SourceError."""
        try:
            status, data = self._asked("GET", f"{self._url}/version", None)
        except CallRefused as error:
            if error.is_unknown_call:
                return ""
            raise
        text = data.decode("utf-8", "replace").strip()
        return text if status == 200 and len(text) < 40 and text[:1].isdigit() else ""

    def get(self, call: str, **asked: Any) -> Mapping[str, Any]:
        """The answer to a question in the address. Raises SourceError."""
        return self._answer("GET", f"{self._url}{API}{call}?{urlencode(asked)}", None)

    def post(self, call: str, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        """The answer to a question in the body. Raises SourceError."""
        return self._answer("POST", f"{self._url}{API}{call}", asked)

    def pages(
        self, call: str, name: str, asked: Mapping[str, Any], *, method: str = "GET"
    ) -> Iterator[list[Mapping[str, Any]]]:
        """The entries `name` of all answers, page after page. Raises SourceError."""
        token = ""
        for _ in range(MAX_PAGES):
            question = {**asked, "max_results": PAGE, **({"page_token": token} if token else {})}
            answer = self.get(call, **question) if method == "GET" else self.post(call, question)
            entries = answer.get(name, [])
            if not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
                raise NotAnswered(f"{call} answers with something else than a list of {name}")
            yield entries
            following = answer.get("next_page_token") or ""
            if not isinstance(following, str) or (following and following == token):
                raise NotAnswered(f"{call} answers with the same page again")
            if not following:
                return
            token = following
        raise NotAnswered(f"{call} has more than {MAX_PAGES:,} pages")

    def _answer(self, method: str, url: str, body: Mapping[str, Any] | None) -> Mapping[str, Any]:
        _, data = self._asked(method, url, body)
        try:
            answer = jsons.load(data, limits=ANSWER)
        except ExtractError as error:
            raise NotAnswered(f"what answers there is not MLflow's interface: {error}") from error
        if not isinstance(answer, Mapping):
            raise NotAnswered("what answers there is not MLflow's interface: it gives no JSON object")
        return answer

    def _asked(self, method: str, url: str, body: Mapping[str, Any] | None) -> tuple[int, bytes]:
        """Status and body of an answer that is no refusal. Raises NotAnswered, CallRefused, NothingMoreAsked."""
        pause = FIRST_PAUSE_SECONDS
        for attempt in range(self._attempts):
            is_last = attempt + 1 == self._attempts
            self._spending.check()
            self._spending.request()
            try:
                status, data = self._sent(method, url, body)
            except HTTPError as error:
                if is_last:
                    raise NotAnswered(_reason(error)) from error
            else:
                if status < 300:
                    return status, data
                if status not in BUSY or is_last:
                    raise _refusal(status, data)
            time.sleep(random.uniform(0, pause))  # noqa: S311 - spreads questions, keeps no secret
            pause *= 2
        raise AssertionError("attempts are at least one")

    def _sent(self, method: str, url: str, body: Mapping[str, Any] | None) -> tuple[int, bytes]:
        response = self._pool.request(
            method, url, json=body, headers=self._headers, preload_content=False, redirect=False
        )
        try:
            data = _read(response)
        except BaseException:
            response.close()
            raise
        self._spending.receive(len(data))
        response.release_conn()
        return response.status, data


def _read(response: urllib3.BaseHTTPResponse) -> bytes:
    """The whole body, if it ends within bounds; each part is waited for as long as the pool says."""
    try:
        return read_within(response, size_bytes=MAX_ANSWER_BYTES, seconds=MAX_ANSWER_SECONDS)
    except AnswerUnbounded as error:
        raise NotAnswered(str(error)) from error


def is_known_version(version: str) -> bool:
    """Whether a server that says this of itself is one whose answers are known."""
    major = version.partition(".")[0]
    return not major.isdigit() or OLDEST <= int(major[:6]) <= NEWEST


def _credentials(options: MlflowOptions) -> dict[str, str]:
    if options.token:
        return {"Authorization": f"Bearer {options.token}"}
    if options.username:
        return dict(urllib3.make_headers(basic_auth=f"{options.username}:{options.password}"))
    return {}


def _refusal(status: int, data: bytes) -> SourceError:
    if 300 <= status < 400:
        return NotAnswered(f"the server answers {status}: it sends elsewhere, as to a page to sign in")
    try:
        body = mapping(jsons.load(data[: 64 * 1024]))
    except ExtractError:
        body = {}
    code = body.get("error_code")
    message = body.get("message")
    return CallRefused(
        status,
        str(code)[:60] if code is not None else "",
        cleaning.clean(message, 200) if isinstance(message, str) else "",
    )


def _reason(error: HTTPError) -> str:
    """What went wrong, in a few words of a person."""
    cause = getattr(error, "reason", error)
    if isinstance(cause, (NewConnectionError, NameResolutionError)):
        return f"nobody answers there: {str(cause).rpartition(': ')[2]}"
    if isinstance(cause, HttpTimeout):
        return "nobody answers there in time"
    if isinstance(cause, ProtocolError):
        return "the answer breaks off"
    return f"nobody answers there: {type(cause).__name__} {cause}"[:300]
