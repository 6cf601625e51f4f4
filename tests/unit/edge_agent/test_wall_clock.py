"""What the kernel says of the clock, asked rarely."""

import sys

import pytest

from edge_agent.wall_clock import UNKNOWN, WallClock, ask_kernel, read
from mqtt.envelope import ClockReport
from tests.unit.edge_agent.outbox.builders import ManualClock


@pytest.mark.parametrize(
    ("status", "offset", "report"),
    [
        (0x0001, 1_500_000, ClockReport(source="ntp", offset_ms=-1500)),
        (0x2001, -1_500_000, ClockReport(source="ntp", offset_ms=2)),
        (0x2001, 0, ClockReport(source="ntp", offset_ms=0)),
        (0x0040, 7, ClockReport(source="rtc")),
        (0x2041, 7, ClockReport(source="rtc")),
    ],
)
def test_status_and_offset_are_read_as_the_manual_says(status: int, offset: int, report: ClockReport) -> None:
    assert read(status, offset) == report


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="adjtimex is Linux's")
def test_this_kernel_answers() -> None:
    assert ask_kernel() != UNKNOWN


def test_another_system_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert ask_kernel() == UNKNOWN


def test_the_kernel_is_asked_every_ten_seconds_at_most() -> None:
    clock, asked = ManualClock(), []

    def ask() -> ClockReport:
        asked.append(clock.seconds)
        return ClockReport(source="ntp", offset_ms=len(asked))

    wall = WallClock(clock, ask)
    offsets = []
    for _ in range(6):
        offsets.append(wall.report().offset_ms)
        clock.advance(4.0)
    assert offsets == [1, 1, 1, 2, 2, 2]
    assert asked == [100.0, 112.0]
