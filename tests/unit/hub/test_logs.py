"""A log record is one line of JSON."""

import json
import logging
import sys

from hub.logs import JsonLines


def test_a_record_is_one_line_with_its_extra_fields_and_its_traceback() -> None:
    try:
        raise ValueError("line one\nline two")
    except ValueError:
        record = logging.LogRecord("hub.x", logging.ERROR, "f.py", 1, "it %s", ("broke",), sys.exc_info())
    record.error_id = "abc"
    text = JsonLines().format(record)
    line = json.loads(text)
    assert "\n" not in text
    assert (line["level"], line["logger"], line["message"], line["error_id"]) == ("error", "hub.x", "it broke", "abc")
    assert "line two" in line["traceback"]
