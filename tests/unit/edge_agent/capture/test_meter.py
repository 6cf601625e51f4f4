"""What a connection counts."""

import pytest

from edge_agent.capture.meter import Meter


def test_a_fast_camera_stalls_after_three_seconds_and_a_slow_one_after_five_frames() -> None:
    fast, slow = Meter(), Meter()
    for number in range(10):
        fast.packet(number * 0.04)
        slow.packet(number * 2.0)
    assert fast.stall_limit_s() == 3.0
    assert slow.stall_limit_s() == pytest.approx(10.0)
    assert fast.fps() == pytest.approx(25.0)
    assert (fast.packets, fast.last_packet_s) == (10, pytest.approx(0.36))


def test_before_two_packets_there_is_no_rate() -> None:
    meter = Meter()
    meter.packet(5.0)
    assert (meter.fps(), meter.stall_limit_s()) == (0.0, 3.0)


def test_a_new_connection_keeps_the_counts_and_forgets_the_pace() -> None:
    meter = Meter()
    meter.packet(5.0)
    meter.packet(9.0)
    meter.connected()
    assert (meter.packets, meter.last_packet_s, meter.interval_s) == (2, None, None)
