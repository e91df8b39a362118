"""One record, one line, with its origin."""

import json
import logging
import sys

from taskora.supervisor.logs import JsonFormatter, OriginFilter, TextFormatter


def record(message: str, **extra: object) -> logging.LogRecord:
    return logging.makeLogRecord({"name": "taskora.x", "levelname": "INFO", "msg": message, **extra})


def test_json_records_are_one_line_each_with_their_extra_fields() -> None:
    made = record("two\nlines", action="child.start", slot=3)
    OriginFilter(7, 2).filter(made)
    text = JsonFormatter().format(made)
    assert "\n" not in text
    fields = json.loads(text)
    assert (fields["message"], fields["level"], fields["action"]) == ("two\nlines", "info", "child.start")
    # What a record says of itself stands; the rest is the child's.
    assert (fields["slot"], fields["generation"]) == (3, 2)


def test_json_records_hold_their_traceback_inside() -> None:
    try:
        raise ValueError("broken")
    except ValueError:
        made = record("failed", exc_info=sys.exc_info())
    text = JsonFormatter().format(made)
    assert "\n" not in text
    assert "ValueError: broken" in json.loads(text)["error"]


def test_text_records_name_process_slot_and_generation() -> None:
    text = TextFormatter().format(record("hello", pid=12, slot="steward", generation=4))
    assert text.endswith("INFO taskora.x [pid=12 slot=steward generation=4] hello")
