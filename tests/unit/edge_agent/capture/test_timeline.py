"""The camera's clock is believed only while it makes sense."""

import struct
from datetime import timedelta
from typing import Any

import pytest

from edge_agent.capture.timeline import Timeline, parse_prft


def test_without_a_camera_time_arrival_counts(manual_clock: Any) -> None:
    time = Timeline(manual_clock).stamp(None)
    assert (time.captured_at, time.monotonic_s, time.source) == (manual_clock.now(), 1000.0, "arrival")


def test_a_plausible_camera_time_is_taken(manual_clock: Any) -> None:
    camera_time = manual_clock.now() - timedelta(milliseconds=120)
    time = Timeline(manual_clock).stamp(camera_time)
    assert (time.captured_at, time.monotonic_s, time.source) == (camera_time, 1000.0, "rtcp")


@pytest.mark.parametrize("skew_s", [-3600, -2.1, 2.1, 86_400])
def test_a_wrong_camera_clock_is_not_believed(manual_clock: Any, skew_s: float) -> None:
    time = Timeline(manual_clock).stamp(manual_clock.now() + timedelta(seconds=skew_s))
    assert (time.captured_at, time.source) == (manual_clock.now(), "arrival")


def test_a_camera_clock_that_goes_back_is_not_believed(manual_clock: Any) -> None:
    timeline = Timeline(manual_clock)
    first = timeline.stamp(manual_clock.now())
    second = timeline.stamp(manual_clock.now() - timedelta(seconds=1))
    third = timeline.stamp(manual_clock.now() + timedelta(seconds=0.04))
    assert [t.source for t in (first, second, third)] == ["rtcp", "arrival", "rtcp"]


def test_prft_is_microseconds_since_1970(manual_clock: Any) -> None:
    micros = round(manual_clock.now().timestamp() * 1e6) + 5
    assert parse_prft(struct.pack("<qi", micros, 24)) == manual_clock.now() + timedelta(microseconds=5)


@pytest.mark.parametrize("data", [b"", b"1234567", struct.pack("<q", 2**63 - 1), struct.pack("<q", -(2**63))])
def test_prft_that_is_nonsense(data: bytes) -> None:
    assert parse_prft(data) is None
