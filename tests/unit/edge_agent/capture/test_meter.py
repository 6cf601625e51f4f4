"""What a connection counts."""

import pytest

from edge_agent.capture.meter import Meter


def test_a_fast_camera_stalls_after_three_seconds_and_a_slow_one_after_five_frames() -> None:
    fast, slow = Meter(), Meter()
    for number in range(10):
        fast.packet(number * 0.04, key_frame=False)
        slow.packet(number * 2.0, key_frame=False)
    assert fast.stall_limit_s() == 3.0
    assert slow.stall_limit_s() == pytest.approx(10.0)
    assert fast.fps() == pytest.approx(25.0)
    assert (fast.packets, fast.last_packet_s) == (10, pytest.approx(0.36))


def test_before_two_packets_there_is_no_rate() -> None:
    meter = Meter()
    meter.packet(5.0, key_frame=True)
    assert (meter.fps(), meter.stall_limit_s()) == (0.0, 3.0)


def test_a_new_connection_keeps_the_counts_and_forgets_the_pace() -> None:
    meter = Meter()
    meter.packet(5.0, key_frame=True)
    meter.pictures(1)
    meter.packet(9.0, key_frame=True)
    meter.connected()
    assert meter == Meter(packets=2, decoded=1)


@pytest.mark.parametrize(
    ("key_every_s", "limit_s"), [(1.0, 10.0), (4.0, 12.0), (25.0, 75.0), (None, 30.0)], ids=["1s", "4s", "25s", "none"]
)
def test_packets_without_a_picture_are_an_outage_after_a_while(key_every_s: float | None, limit_s: float) -> None:
    meter = Meter()
    for number in range(2):
        meter.packet(number * (key_every_s or 1.0), key_frame=key_every_s is not None)
        meter.pictures(1)
    last_s = meter.last_packet_s or 0.0
    meter.packet(last_s + limit_s, key_frame=False)
    assert not meter.is_undecodable()
    meter.packet(last_s + limit_s + 0.1, key_frame=False)
    assert meter.is_undecodable()
    meter.pictures(1)
    assert not meter.is_undecodable()


def test_silence_is_not_taken_for_video_that_cannot_be_decoded() -> None:
    meter = Meter()
    assert not meter.is_undecodable()
    meter.packet(5.0, key_frame=True)
    assert not meter.is_undecodable()


def test_key_frames_at_scene_cuts_do_not_hide_how_rare_they_are_otherwise() -> None:
    meter = Meter()
    for now_s in (0.0, 20.0, 20.5):
        meter.packet(now_s, key_frame=True)
        meter.pictures(1)
    meter.packet(60.0, key_frame=False)
    assert not meter.is_undecodable()
