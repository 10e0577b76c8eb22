"""What is refused, as Elasticsearch says it: a status, a type and a reason, in one shape."""

from __future__ import annotations

from typing import Any

from catalog.dsl.body import error_body
from catalog.errors import EngineError, ModeldexError, RequestRefused, StoreError, visible

Json = dict[str, Any]
ECHOED = 100
"""Characters of a caller's own text that an error repeats."""


class Fault(ModeldexError):
    """A refusal at this door, before or instead of a search. Raised and answered in `webui.es` only.

    `kind` is Elasticsearch's exception type; `details` stands beside it in the answer.
    """

    def __init__(self, status: int, kind: str, reason: str, **details: Any) -> None:
        super().__init__(reason)
        self.http_status = status
        self.kind = kind
        self.reason = reason
        self.details = details

    @property
    def headers(self) -> dict[str, str]:
        """Headers that belong to this refusal."""
        if self.http_status == 401:
            return {"WWW-Authenticate": "ApiKey"}
        named = {"Retry-After": "retry_after_seconds", "Allow": "allow"}
        return {
            header: str(self.details[detail]) for header, detail in named.items() if detail in self.details
        }


def illegal(part: str, reason: str) -> Fault:
    """400 for an argument that Elasticsearch refuses, too, or that means nothing here."""
    return Fault(400, "illegal_argument_exception", f"[{visible(part[:ECHOED])}] {reason}")


def no_such_index(name: str) -> Fault:
    name = visible(name[:ECHOED])
    kind = {"resource.type": "index_or_alias", "resource.id": name, "index_uuid": "_na_", "index": name}
    return Fault(404, "index_not_found_exception", f"no such index [{name}]", **kind)


def read_only(what: str) -> Fault:
    """403 for everything that would change something."""
    return Fault(
        403,
        "security_exception",
        f"[{visible(what[:ECHOED])}] is not allowed: this endpoint only reads. Models change by being crawled.",
    )


def no_such_context(identifier: str) -> Fault:
    shown = visible(identifier[:ECHOED])
    return Fault(404, "search_context_missing_exception", f"No search context found for id [{shown}]")


def body_of(error: ModeldexError) -> Json:
    """The answer to any error that we raise on purpose."""
    if isinstance(error, Fault):
        cause = {"type": error.kind, "reason": error.reason, **error.details}
        return {"error": {"root_cause": [cause], **cause}, "status": error.http_status}
    if isinstance(error, RequestRefused | EngineError):
        return error_body(error)
    return unexpected(error.http_status, error.public if isinstance(error, StoreError) else UNEXPECTED)


UNEXPECTED = "something went wrong here; the log has more under the request id"


def unexpected(status: int, reason: str = UNEXPECTED) -> Json:
    """The answer when nothing may be told."""
    cause = {"type": "exception", "reason": reason}
    return {"error": {"root_cause": [cause], **cause}, "status": status}
