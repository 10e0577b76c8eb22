"""Log lines on stderr: text for people, or one JSON object each for a collector.

A message is an event with values, as in `log.info("crawl ended source=%s exit_code=%s", ...)`. As JSON, the event and each
of its values has a name of its own, so that nobody has to cut sentences apart.
"""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime
from typing import Any, ClassVar

from catalog.errors import UserError
from catalog.lazy_dataclasses import dataclass
from catalog.settings import Settings, setting

FORMATS = ("text", "json")
TEXT = "%(asctime)s %(levelname)s %(message)s"
_VALUE = re.compile(r"\b([a-z][a-z0-9_]*)=%[sdrf]")
_PLACE = re.compile(r"%[sdrf]")


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    """What services write to stderr."""

    SECTION: ClassVar[str] = "log"

    format: str = setting("text", "Form of a log line: text, or json with one object a line.")

    def __post_init__(self) -> None:
        """Raises UserError for another form."""
        if self.format not in FORMATS:
            raise UserError(f"There is no log format {self.format!r}.", advice="Known are: text, json.")


class JsonLines(logging.Formatter):
    """A record as one line: time (UTC), level, logger, event, and each value under its own name."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        line |= _values(record)
        if record.exc_info:
            line["stack"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def _values(record: logging.LogRecord) -> dict[str, Any]:
    """The event without its values, and these; nothing where not every value of the message has a name."""
    text, values = str(record.msg), record.args
    names = _VALUE.findall(text)
    if (
        not names
        or not isinstance(values, tuple)
        or not len(names) == len(values) == len(_PLACE.findall(text))
    ):
        return {}
    plain = (value if isinstance(value, str | int | float | bool | None) else str(value) for value in values)
    return {"event": _VALUE.sub("", text).strip(), "values": dict(zip(names, plain, strict=True))}


def configure_logging(settings: Settings, *, level: int, text: str = TEXT) -> None:
    """The log of this process goes to stderr in the form that the settings ask for."""
    chosen = settings.section(LogSettings)
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if chosen.format == "json" else logging.Formatter(text))
    logging.basicConfig(level=level, handlers=[handler])
