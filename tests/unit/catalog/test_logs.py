"""Log lines as JSON: an event and its values by name, whatever stands in them."""

import json
import logging

import pytest

from catalog.errors import UserError
from catalog.logs import JsonLines, LogSettings
from catalog.settings import load_settings

SITUATIONS = {
    "values": (
        ("crawl ended source=%s exit_code=%s", ("lab", 0)),
        {"event": "crawl ended", "values": {"source": "lab", "exit_code": 0}},
    ),
    "a number and a quoted value": (
        ("taken models=%d path=%r", (3, "a b")),
        {"event": "taken", "values": {"models": 3, "path": "a b"}},
    ),
    "a value that is an object": (
        ("failed reason=%s", (ValueError("no\nsuch"),)),
        {"event": "failed", "values": {"reason": "no\nsuch"}},
    ),
    "a sentence": (("%s", ("nothing to do",)), {"event": "nothing to do"}),
    "a value without a name": (("x %s y=%s", (1, 2)), {"event": "x 1 y=2"}),
    "no values": (("worker stopped", ()), {"event": "worker stopped"}),
}


def line_of(message, values, **more):
    record = logging.LogRecord("crawler", logging.WARNING, "x.py", 1, message, values, None, **more)
    text = JsonLines().format(record)
    assert "\n" not in text
    return json.loads(text)


@pytest.mark.parametrize(("logged", "told"), SITUATIONS.values(), ids=SITUATIONS)
def test_a_line_is_one_object(logged, told):
    line = line_of(*logged)
    assert {name: line[name] for name in line if name in {"event", "values"}} == told
    assert (line["level"], line["logger"], line["time"][-6:]) == ("warning", "crawler", "+00:00")


def test_a_stack_is_a_value_on_the_same_line():
    try:
        raise ValueError("x")  # noqa: TRY301 - its stack is what is looked at
    except ValueError as error:
        record = logging.LogRecord(
            "x", logging.ERROR, "x.py", 1, "failed", (), (type(error), error, error.__traceback__)
        )
    assert "ValueError: x" in json.loads(JsonLines().format(record))["stack"]


def test_another_form_is_refused_at_the_start(tmp_path):
    assert load_settings(str(tmp_path), {"MODELDEX_LOG_FORMAT": "json"}).section(LogSettings).format == "json"
    with pytest.raises(UserError, match="text, json"):
        load_settings(str(tmp_path), {"MODELDEX_LOG_FORMAT": "xml"})
