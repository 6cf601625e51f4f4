"""Says whether a rule holds at a moment, in the time zone of its site."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from camera_configs.rules import WEEK, Window


def holds(schedule: Sequence[Window], zone: ZoneInfo, at: datetime) -> bool:
    """Whether `at` (aware) lies in one of the windows, by the wall clock of `zone`; no window at all means always.

    A window that passes midnight belongs to the day on which it starts; the end itself is outside.
    """
    local = at.astimezone(zone)
    return not schedule or any(_within(window, local) for window in schedule)


def _within(window: Window, local: datetime) -> bool:
    clock = local.time()
    today = WEEK[local.weekday()] in window.days
    if window.start < window.end:
        return today and window.start <= clock < window.end
    yesterday = WEEK[(local - timedelta(days=1)).weekday()] in window.days
    return (today and clock >= window.start) or (yesterday and clock < window.end)
