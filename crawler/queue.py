"""The door for queues of events: messages are received, and acknowledged only when what they say is committed.

Whatever is received and not acknowledged comes again. A message that is no event is told and acknowledged: it must not
hold up the others, and would be the same the next time.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Protocol

from catalog.errors import ExtractError
from catalog.lazy_dataclasses import dataclass
from catalog.store import Store
from crawler.event_bodies import Hint, hints_of
from crawler.event_inbox import note_hints

SHOWN_CHARACTERS = 300

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Message:
    """One message, and what acknowledges it."""

    body: str
    receipt: str


class Queue(Protocol):
    """Messages of storages, each at least once, in any order."""

    def receive(self) -> Sequence[Message]:
        """The next ones; none if none came for a while. Raises SourceError if the queue does not answer."""
        ...

    def ack(self, messages: Sequence[Message]) -> None:
        """These need not come again. Raises SourceError."""
        ...


@dataclass(slots=True)
class QueueReport:
    """What came of one batch."""

    received: int = 0
    kept: int = 0
    refused: int = 0


def take_batch(queue: Queue, store: Store) -> QueueReport:
    """Keeps what the next messages say, then acknowledges them. Raises SourceError."""
    messages = queue.receive()
    report = QueueReport(received=len(messages))
    hints: list[Hint] = []
    for message in messages:
        try:
            hints += hints_of(message.body)
        except ExtractError as error:
            report.refused += 1
            log.warning("message refused reason=%s body=%r", error, message.body[:SHOWN_CHARACTERS])
    report.kept = note_hints(store, hints)
    if messages:
        queue.ack(messages)
    return report
