"""Hours of the day in the site's time zone, also past midnight and over a change of clocks."""

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest

from camera_configs.rules import Window
from edge_agent.judge.schedule import holds

SHANGHAI = ZoneInfo("Asia/Shanghai")
DAY = Window(days=("mon", "tue"), start=time(8), end=time(20))
NIGHT = Window(days=("fri",), start=time(22), end=time(6))
ALL_DAY = Window(days=("sun",), start=time(0), end=time(0))


@pytest.mark.parametrize(
    ("windows", "local", "expected"),
    [
        ((), "2026-03-04T03:00", True),
        ((DAY,), "2026-03-02T08:00", True),
        ((DAY,), "2026-03-02T07:59:59", False),
        ((DAY,), "2026-03-03T19:59:59", True),
        ((DAY,), "2026-03-03T20:00", False),
        ((DAY,), "2026-03-04T12:00", False),
        ((NIGHT,), "2026-03-06T22:00", True),
        ((NIGHT,), "2026-03-07T05:59", True),
        ((NIGHT,), "2026-03-07T06:00", False),
        ((NIGHT,), "2026-03-06T05:00", False),
        ((ALL_DAY,), "2026-03-08T00:00", True),
        ((ALL_DAY,), "2026-03-08T23:59", True),
        ((ALL_DAY,), "2026-03-09T00:00", False),
        ((DAY, NIGHT), "2026-03-07T01:00", True),
    ],
)
def test_windows(windows: tuple[Window, ...], local: str, expected: bool) -> None:
    moment = datetime.fromisoformat(local).replace(tzinfo=SHANGHAI)
    assert holds(windows, SHANGHAI, moment.astimezone(UTC)) is expected


def test_the_wall_clock_of_the_site_counts_when_clocks_change() -> None:
    berlin, window = ZoneInfo("Europe/Berlin"), (Window(start=time(3), end=time(4)),)
    assert holds(window, berlin, datetime(2026, 3, 29, 1, 0, tzinfo=UTC))
    assert not holds(window, berlin, datetime(2026, 3, 29, 0, 59, tzinfo=UTC))
