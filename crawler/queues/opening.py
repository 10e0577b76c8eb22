"""The queue that the settings name, by the form of its address."""

from __future__ import annotations

from crawler.queue import Queue
from crawler.queues.cmq import SCHEME as CMQ
from crawler.queues.cmq import CmqQueue
from crawler.settings import EventSettings


def open_queue(settings: EventSettings) -> Queue:
    """Raises UserError, SourceError, PluginUnavailable."""
    if settings.queue_url.startswith(CMQ):
        return CmqQueue(settings)
    from crawler.queues.sqs import SqsQueue  # noqa: PLC0415 - boto3 is an extra

    return SqsQueue(settings)


__all__ = ["open_queue"]
