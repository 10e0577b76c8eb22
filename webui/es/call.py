"""What one request has, and what all requests share."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

from catalog.lazy_dataclasses import dataclass, field
from webui.credentials import Key, read_keys
from webui.es.contexts import Contexts, Holder
from webui.es.gate import Gate, Runner
from webui.es.indices import among_models
from webui.settings import ApiSettings

if TYPE_CHECKING:
    from catalog.access.catalog import Catalog
    from catalog.settings import Settings
    from webui.es.arguments import Arguments

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """Who may use this door, and how much of it. Counts and contexts are this process's own."""

    keys: tuple[Key, ...]
    gate: Gate
    runner: Runner
    contexts: Contexts

    @classmethod
    def of(cls, settings: Settings) -> Dialect:
        limits = settings.section(ApiSettings)
        return cls(
            keys=read_keys(limits.keys),
            gate=Gate(together=max(1, limits.concurrency), per_minute=max(1, limits.requests_per_minute)),
            runner=Runner(limits.timeout_seconds),
            contexts=Contexts(),
        )

    def close(self) -> None:
        """Ends what is held open between requests."""
        self.contexts.close()
        self.runner.close()


@dataclass(slots=True, kw_only=True)
class Call:
    """One request: who asks, what there is for them, under which number it is logged, and the calls that run for it."""

    dialect: Dialect
    catalog: Catalog = field(init=False)  # once it is known who asks
    id: str
    opaque_id: str = ""
    user: str = ""
    part: str = ""
    content_type: str = "application/json"
    inside: bool = False
    started: float = field(default_factory=time.monotonic)
    running: list[Future[Any]] = field(default_factory=list)

    @property
    def holder(self) -> Holder:
        """Whose points in time and scrolls these are."""
        return Holder(self.user, self.catalog.principal)

    def run(self, call: Callable[[], Answer], *, seconds: float | None = None) -> Answer:
        """The catalog's answer within the time limit. Raises Fault 408 after it."""
        running: list[Future[Answer]] = []
        try:
            return self.dialect.runner.run(call, seconds=seconds, running=running)
        finally:
            self.running += running

    def leave(self) -> None:
        """Gives the user's place back: now, or when an engine call that outlived its request ends."""
        if not self.inside:
            return
        self.inside = False
        gate, user = self.dialect.gate, self.user
        late = [future for future in self.running if not future.done()]
        if late:
            late[-1].add_done_callback(lambda _: gate.leave(user))
        else:
            gate.leave(user)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the path asks: the index expression if there is one, and what follows the endpoint's name."""

    call: Call
    arguments: Arguments
    index: str | None = None
    parameter: str = ""

    def among_models(self, header: Mapping[str, Any] | None = None) -> bool:
        """Whether the models are among the indices of this request, or of one `header` of many. Raises Fault."""
        return among_models(self.arguments, self.index, header)
