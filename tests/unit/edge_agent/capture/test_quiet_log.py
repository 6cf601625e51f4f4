"""A log that a broken camera cannot fill."""

import logging

import pytest

from edge_agent.capture.quiet_log import QuietLog


def test_the_same_text_is_written_once_a_minute_with_the_count(caplog: pytest.LogCaptureFixture) -> None:
    log = QuietLog(logging.getLogger("quiet"))
    for second in range(0, 130):
        log.write(logging.WARNING, "refused", float(second))
    log.write(logging.WARNING, "other", 130.0)
    more = "refused (and 59 times more since)"
    assert caplog.messages == ["refused", more, more, "other"]


def test_ever_new_texts_do_not_pile_up() -> None:
    log = QuietLog(logging.getLogger("quiet"))
    for number in range(1000):
        log.write(logging.DEBUG, f"port {number}", 0.0)
    assert len(log._written_s) <= 64
