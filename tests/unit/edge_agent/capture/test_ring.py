"""What the ring of packets keeps, and what it lets go of."""

from datetime import UTC, datetime

from av.packet import Packet

from edge_agent.capture.packets import TimedPacket, VideoPacket
from edge_agent.capture.ring import PACKET_OVERHEAD, GopRing
from edge_agent.types import FrameTime

SIZE = 1000
COST = SIZE + PACKET_OVERHEAD


def packet(number: int, *, key: bool, size: int = SIZE) -> TimedPacket:
    made: VideoPacket = Packet(size)
    made.is_keyframe = key
    return TimedPacket.of(made, FrameTime(datetime(2026, 5, 1, tzinfo=UTC), float(number), "arrival"))


def held(ring: GopRing) -> list[list[int]]:
    return [[int(timed.time.monotonic_s) for timed in gop] for gop in ring.gops()]


def test_the_last_two_groups_are_held_each_from_its_key_frame_on() -> None:
    ring = GopRing()
    for number in range(11):
        ring.add(packet(number, key=number % 4 == 2))
    assert held(ring) == [[6, 7, 8, 9], [10]]
    assert [timed.time.monotonic_s for timed in ring.newest()] == [10.0]


def test_packets_before_the_first_key_frame_belong_to_no_group() -> None:
    ring = GopRing()
    ring.add(packet(0, key=False))
    assert (ring.newest(), ring.gops()) == ((), ())


def test_an_old_group_makes_room_before_the_new_one_does() -> None:
    ring = GopRing(max_bytes=4 * COST)
    for number in range(5):
        ring.add(packet(number, key=number in {0, 2}))
    assert held(ring) == [[2, 3, 4]]


def test_a_group_that_never_ends_is_let_go_of_until_the_next_key_frame() -> None:
    ring = GopRing(max_bytes=4 * COST)
    for number in range(9):
        ring.add(packet(number, key=number == 0))
    assert held(ring) == []
    ring.add(packet(9, key=True))
    assert held(ring) == [[9]]


def test_many_tiny_packets_are_counted_at_what_they_really_cost() -> None:
    ring = GopRing(max_bytes=10 * PACKET_OVERHEAD)
    for number in range(12):
        ring.add(packet(number, key=number == 0, size=1))
    assert held(ring) == []


def test_a_packet_is_not_copied() -> None:
    ring, timed = GopRing(), packet(0, key=True)
    ring.add(timed)
    assert ring.newest()[0].packet is timed.packet
