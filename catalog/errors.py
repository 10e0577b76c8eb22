"""The error tree. Errors carry fields; the sentence for people is made at the edge from `str(error)`.

A problem *inside* somebody's file or query is a value (`Problem`), because the answer must still be built.
"""

from __future__ import annotations

import json

EXIT_INTERRUPTED = 130
"""Of a command that is told to end, by whatever signal. Source: the shell's convention for Ctrl-C, 128 and the signal's number."""


class ModeldexError(Exception):
    """Every error that Modeldex raises on purpose. The command line shows its text and exits with `exit_code`."""

    exit_code = 1
    http_status = 500
    retryable = False

    @property
    def public(self) -> str:
        """What of it may be told to whoever asks over the network: nothing of where things are."""
        return str(self)


MAX_DESCRIBED_CHARACTERS = 500


def described(error: BaseException) -> str:
    """An error as one sentence: its own where it is ours, else its type and, on one line and cut, what it says."""
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - a stranger's error that cannot even say what it is
        text = ""
    if isinstance(error, ModeldexError):
        return text
    text = " ".join(text.split())
    if len(text) > MAX_DESCRIBED_CHARACTERS:
        text = f"{text[:MAX_DESCRIBED_CHARACTERS]}…"
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


class UserError(ModeldexError):
    """Wrong use or input. Raised by any room, shown as it is: exit code 2, HTTP 400.

    `advice` is the next thing to do, for example a command to type.
    """

    exit_code = 2
    http_status = 400

    def __init__(self, message: str, *, advice: str | None = None) -> None:
        super().__init__(message if advice is None else f"{message} {advice}")
        self.message = message
        self.advice = advice


class NotAcceptable(UserError):
    """A run whose losses a person wants to accept does not wait for that, or not any more. Raised by the store of runs,
    shown as other wrong use: exit code 2, but HTTP 409, because it may have waited a moment ago.
    """

    http_status = 409


class NotStorable(UserError):
    """What somebody gives is no value that a database can hold or look for, such as bytes that are no text. Raised where the store is
    left by such an error, shown as other wrong use: exit code 2, HTTP 400.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"What was given can neither be kept nor looked for: {reason}.")


class SearchChanged(UserError):
    """A saved search is not what it was when its form was shown, so that what the form says would undo what was changed since.
    Raised by saved searches, shown as other wrong use: exit code 2, but HTTP 409.
    """

    http_status = 409


class SourceError(ModeldexError):
    """Storage could not answer. Raised by sources and readers; the crawl records it and goes on."""


class ListingIncomplete(SourceError):
    """A listing broke off: nothing in `scope` may be taken for missing."""

    def __init__(self, scope: str, reason: str) -> None:
        super().__init__(f"{scope}: the listing broke off: {reason}")
        self.scope = scope
        self.reason = reason


class ObjectChanged(SourceError):
    """The object is no longer the one that was listed; the next crawl reads it again."""

    retryable = True

    def __init__(self, key: str) -> None:
        super().__init__(f"{key}: changed while it was being read")
        self.key = key


class ObjectUnreadable(SourceError):
    """The object exists but its bytes cannot be had (permission, I/O error). Its last known state stays."""

    retryable = True

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"{key}: cannot be read: {reason}")
        self.key = key
        self.reason = reason


class AccessDenied(ObjectUnreadable):
    """Storage refused these credentials. Never taken for absence."""


class ExtractError(ModeldexError):
    """A file's own fault. Raised by format walkers, recorded as the object's problem, never retried for the same bytes."""

    code = "malformed"


class Malformed(ExtractError):
    """The bytes are not what the format promises."""

    code = "malformed"

    def __init__(self, what: str, *, where: str | None = None) -> None:
        super().__init__(what if where is None else f"{what} (at {where})")
        self.what = what
        self.where = where


class Truncated(Malformed):
    """The file ends before the last of what it says it holds: a download or a copy that broke off."""

    code = "truncated"


class LimitExceeded(ExtractError):
    """A length, depth, count or time from outside met a limit. Says which limit, its value and what was found.

    `inflated` is what decompressing would make: that may be more than the file has bytes.
    """

    code = "limit-exceeded"

    def __init__(
        self, what: str, *, limit: float, found: float | None = None, inflated: bool = False
    ) -> None:
        measured = "" if found is None else f", found {found:,}"
        super().__init__(f"{what}: limit {limit:,}{measured}")
        self.what = what
        self.limit = limit
        self.found = found
        self.inflated = inflated

    def within(self, size_bytes: int) -> ExtractError:
        """What it is in a file of this size: a file that announces more than it has bytes is damaged, whatever the limit."""
        if self.found is None or self.inflated or self.found <= size_bytes:
            return self
        return Malformed(f"damaged: {self.found:,} {self.what} announced, in a file of {size_bytes:,} bytes")


class Unsupported(ExtractError):
    """Recognised, but this variant is not read (encrypted, compressed by an unknown method, future version)."""

    code = "unsupported"

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class PromiseBroken(ExtractError):
    """A plug-in of others returned something else than its door promises. Raised where such are called; of an extractor it is the
    problem of the file that was read, of a source it ends the listing, of an engine it is an EngineUnavailable.
    """

    code = "extractor-error"

    def __init__(self, returned: str, place: str, promised: str, *, by: str = "") -> None:
        at, who = f" as {place}" if place else "", f"{by}: " if by else ""
        super().__init__(f"{who}returned {returned}{at} where {promised} was promised")
        self.returned = returned
        self.place = place
        self.promised = promised

    def of(self, by: str) -> PromiseBroken:
        """The same, with the name of the plug-in."""
        return PromiseBroken(self.returned, self.place, self.promised, by=by)


class EngineError(ModeldexError):
    """The search engine's side. The catalog stays readable; the store knows what was not indexed."""

    http_status = 503


class EngineUnavailable(EngineError):
    """The engine cannot be reached or opened now. `advice` says what to do."""

    retryable = True

    def __init__(self, engine: str, reason: str, *, advice: str | None = None) -> None:
        super().__init__(f"{engine}: {reason}" if advice is None else f"{engine}: {reason} {advice}")
        self.engine = engine
        self.reason = reason


class EngineBusy(EngineUnavailable):
    """Another process writes this index now; what it does not write is written later."""


BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Characters that count as letters or symbols and show nothing. Source: Unicode, Default_Ignorable and U+2800."""


def visible(name: str) -> str:
    """The name as it is; as JSON where it would show nothing, or holds what cannot be printed."""
    shown = name.isprintable() and not all(character.isspace() or character in BLANK for character in name)
    return name if shown else json.dumps(name)


class RequestRefused(EngineError):
    """A request that this engine, or every engine, refuses by name rather than answer wrongly. HTTP 400, exit code 2.

    `part` names the refused part as the caller wrote it, `reason` says why and what to use instead. Both engines
    refuse the same request in the same words. A name that nobody could see is written as JSON.
    """

    exit_code = 2
    http_status = 400

    def __init__(self, part: str, reason: str) -> None:
        self.part = visible(part)
        self.reason = reason
        super().__init__(f"[{self.part}] {reason}")


class DocumentRejected(EngineError):
    """The engine refuses one document for what it contains; it becomes a dead letter with this reason."""

    def __init__(self, model_id: str, reason: str) -> None:
        super().__init__(f"{model_id}: {reason}")
        self.model_id = model_id
        self.reason = reason


class StoreError(ModeldexError):
    """The record store cannot be used: newer than this code, locked by another writer, damaged.

    `fault` is what is wrong with it in words that say nothing of where it is.
    """

    def __init__(self, message: str, *, fault: str = "") -> None:
        super().__init__(message)
        self.fault = fault

    @property
    def public(self) -> str:
        return f"The store of this catalog cannot be used now{f': {self.fault}' if self.fault else ''}."


class StoreUnavailable(StoreError):
    """The database server does not answer, or does not let us in. It may do so again later."""

    http_status = 503
    retryable = True

    @property
    def public(self) -> str:
        return "The store of this catalog cannot be reached now."


class StoreDamaged(StoreError):
    """Something in the store is not what was written there. `what` names it, `advice` is the next thing to do."""

    def __init__(self, what: str, reason: str, advice: str) -> None:
        super().__init__(
            f"{what[:1].upper()}{what[1:]} is damaged ({' '.join(reason.split())[:300]}). {advice}"
        )
        self.what = what
        self.reason = reason
        self.advice = advice

    @property
    def public(self) -> str:
        what = "the store of this catalog" if self.what.startswith("the store ") else self.what
        return f"{what[:1].upper()}{what[1:]} is damaged."


class StoreTooNew(StoreError):
    """The store was written by a newer Modeldex."""

    http_status = 503

    @property
    def public(self) -> str:
        return "The store of this catalog was written by a newer Modeldex than the one that answers here."

    def __init__(self, schema: str) -> None:
        super().__init__(
            f"The store was written by a newer Modeldex (schema {schema}). Upgrade Modeldex, or use another --home."
        )
        self.found = schema


class WriterBusy(StoreError):
    """Another process does what only one may do at a time. `holder` says which, `task` what it is doing."""

    def __init__(self, holder: str, *, task: str = "is writing to this store") -> None:
        super().__init__(f"Another Modeldex process {task} ({holder}). Wait for it to end, or stop it.")
        self.holder = holder


class LeaseLost(StoreError):
    """Another process took over the writing while this one was stopped; its own writes are refused."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The lease {name!r} was taken over by another process. Nothing more was written; start again."
        )
        self.name = name


class EditRefused(UserError):
    """An edit that no model can take: of a field that nobody may set, or with a value that it cannot hold."""

    def __init__(self, reasons: tuple[str, ...]) -> None:
        super().__init__(f"Nothing was changed: {'; '.join(reasons)}.")
        self.reasons = reasons


class RevisionConflict(StoreError):
    """Somebody else changed the model since it was looked at: the change that was to be made to `expected` was not made."""

    http_status = 409

    def __init__(self, model: str, *, expected: int, present: int) -> None:
        super().__init__(
            f"The model {model[:12]} is at revision {present} by now, not {expected}, and nothing was changed. "
            f"Look at it again: modeldex show {model[:12]}"
        )
        self.model = model
        self.expected = expected
        self.present = present

    @property
    def public(self) -> str:
        return str(self)


class NotRemakable(StoreError):
    """The store does not know enough of this model to make its record again."""

    http_status = 409

    def __init__(self, model: str, reason: str) -> None:
        super().__init__(f"The model {model[:12]} cannot be changed: {reason}")
        self.model = model
        self.reason = reason

    @property
    def public(self) -> str:
        return str(self)


class PluginUnavailable(ModeldexError):
    """A plug-in is known but cannot be loaded: its extra is not installed, or its module is broken."""

    def __init__(self, kind: str, name: str, reason: str) -> None:
        super().__init__(f"The {kind} {name!r} cannot be used: {reason}")
        self.kind = kind
        self.name = name
        self.reason = reason


class NotAllowed(ModeldexError):
    """Whoever asks may not do it. What they may not even see is not there for them instead."""

    http_status = 403

    def __init__(self, what: str) -> None:
        super().__init__(f"You may not {what}. Ask whoever administers this catalog.")
        self.what = what
