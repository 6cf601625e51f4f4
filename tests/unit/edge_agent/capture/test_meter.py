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
    assert (meter.packets, meter.decoded, meter.seen) == (2, 1, False)
    assert (meter.fps(), meter.key_interval_at_least_s(), meter.is_undecodable()) == (0.0, None, False)


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


def test_packets_that_nobody_wants_decoded_are_not_taken_for_undecodable_ones() -> None:
    meter = Meter()
    for now_s in range(100):
        meter.packet(float(now_s), key_frame=False)
        meter.not_blind()
    assert not meter.is_undecodable()
    for now_s in range(100, 131):
        meter.packet(float(now_s), key_frame=False)
    assert meter.is_undecodable()


def test_key_frames_that_do_not_come_are_told_as_an_interval_that_grows() -> None:
    meter = Meter()
    assert meter.key_interval_at_least_s() is None
    for now_s, key_frame in ((0.0, True), (2.0, True), (5.0, False)):
        meter.packet(now_s, key_frame=key_frame)
    assert meter.key_interval_at_least_s() == 3.0
    meter.packet(5.5, key_frame=True)
    assert meter.key_interval_at_least_s() == 3.5


@pytest.mark.parametrize(("a_second", "size", "flood"), [(240, 500, False), (320, 500, True), (25, 700_000, True)])
def test_more_than_any_camera_sends_is_a_flood(a_second: int, size: int, flood: bool) -> None:
    meter = Meter()
    for number in range(a_second * 20):
        meter.packet(number / a_second, key_frame=False, size=size)
        if meter.is_flood():
            break
    assert meter.is_flood() is flood
    meter.connected()
    assert not meter.is_flood()


def test_one_pause_of_the_network_does_not_count_as_rare_key_frames() -> None:
    meter = Meter()
    for now_s in (0.0, 2.0, 4.0, 9.5, 11.5):
        meter.packet(now_s, key_frame=True)
    assert meter.key_interval_at_least_s() == 2.0
    assert meter.key_interval_s == 5.5
