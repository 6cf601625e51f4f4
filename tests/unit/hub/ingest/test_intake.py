"""The intake: fair turns, one box's order, its bounds, and what is let go."""

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.ingest.intake import LANES_AT_REST, OVERHEAD_BYTES, Intake, Limits
from mqtt.connection import Message
from tests.hub_fixtures import FakeClock

LIMITS = Limits(rate_per_s=10, burst=5, messages=8, states=2, total_bytes=40 * (OVERHEAD_BYTES + 10))
BOXES = [f"box-{number}" for number in range(6)]


class Door:
    """An intake with a clock of its own; each message holds its number."""

    def __init__(self, limits=LIMITS):
        self.clock = FakeClock()
        self.let_go = []
        self.intake = Intake(limits, self.clock, self.let_go.append)
        self.numbers = self.events = 0

    def send(self, box, channel="event", size=10):
        self.numbers += 1
        self.events += channel != "state"
        self.intake.admit(Message(f"tr/v1/{box}/{channel}", b"%*d" % (size, self.numbers), False))
        return self.numbers

    def take(self, limit):
        return [(message.topic.split("/")[2], int(message.payload)) for message in self.intake.take(limit)]


def boxes_of(batch):
    return [box for box, _ in batch]


@pytest.fixture
def door():
    return Door()


arrivals = st.tuples(st.sampled_from(BOXES), st.sampled_from(["event", "event", "reading", "state"]))
steps = st.one_of(st.lists(arrivals, min_size=1, max_size=30), st.integers(1, 12), st.floats(0, 2))


@given(st.lists(steps, max_size=40))
def test_bounds_and_order_hold_and_nothing_is_forgotten_whatever_comes(happenings):
    door, given, last = Door(), 0, defaultdict(int)
    for happening in happenings:
        if isinstance(happening, list):
            for box, channel in happening:
                door.send(box, channel)
        elif isinstance(happening, float):
            door.clock.advance(happening)
        else:
            for message in door.intake.take(happening):
                lane = message.topic.rpartition("/")[2] == "state", message.topic.split("/")[2]
                assert int(message.payload) > last[lane], "one box's messages keep their order"
                last[lane] = int(message.payload)
                given += not lane[0]
        assert door.intake.size <= LIMITS.total_bytes
        assert len(door.intake) <= len(BOXES) * (LIMITS.messages + LIMITS.states)
        events = sum(len(lane.waiting) for lane in door.intake._lanes.values() if not lane.is_state)
        assert door.events == given + events + len(door.let_go), "each waits, was given out, or was told"
    waiting = len(door.intake)
    assert len(door.intake.take(10_000)) == waiting
    assert (len(door.intake), door.intake.size) == (0, 0)


@given(st.lists(st.sampled_from(BOXES), min_size=1, max_size=60), st.integers(1, 5))
def test_every_box_that_waits_within_its_rate_has_its_turn_before_anybody_has_two(senders, limit):
    door = Door(Limits(rate_per_s=1000, burst=1000, messages=100))
    for box in senders:
        door.send(box)
    while len(door.intake):
        waiting = {box for box in senders if any(lane.waiting for lane in door.intake._within if lane.key[0] == box)}
        served = []
        while len(served) < len(waiting):
            served += boxes_of(door.take(min(limit, len(waiting) - len(served))))
        assert set(served) == waiting


@given(st.lists(st.sampled_from(BOXES), min_size=1, max_size=60))
def test_those_beyond_their_rate_are_fair_among_themselves(senders):
    door = Door(Limits(rate_per_s=0.001, burst=1, messages=100))
    for box in BOXES:
        door.send(box)
        door.take(1)
    for box in senders:
        door.send(box)
    served = boxes_of(door.take(len(set(senders))))
    assert set(served) == set(senders)


def test_a_flood_waits_for_those_within_their_rate_and_has_the_room_they_leave(door):
    for _ in range(LIMITS.burst):
        door.send("flood")
    door.take(100)
    for _ in range(LIMITS.messages):
        door.send("flood")
    calm = [("calm", door.send("calm")), ("calm", door.send("calm"))]
    batch = door.take(6)
    assert batch[:2] == calm
    assert boxes_of(batch[2:]) == ["flood"] * 4


def test_room_that_a_box_got_is_not_held_against_it(door):
    for _ in range(5):
        for _ in range(LIMITS.messages):
            door.send("flood")
        door.take(100)
    door.clock.advance(1 / LIMITS.rate_per_s)
    door.send("flood")
    assert [lane.key[0] for lane in door.intake._within] == ["flood"]


def test_a_box_beyond_its_rate_is_never_starved_by_the_others():
    door = Door(Limits(rate_per_s=10, burst=1, messages=100))
    for box in ("flood", "busy"):
        door.send(box)
    door.take(2)
    door.send("flood")
    served = []
    for _ in range(20):
        door.clock.advance(1 / LIMITS.rate_per_s)
        door.send("busy")
        served += boxes_of(door.take(1))
    assert "flood" in served


def test_the_newest_event_and_the_oldest_state_are_let_go(door):
    events = [door.send("box-a") for _ in range(LIMITS.messages + 3)]
    states = [door.send("box-a", "state") for _ in range(LIMITS.states + 3)]
    assert door.let_go == ["box-a"] * 3, "a state stands for those before it; nobody sends it again"
    numbers = [number for _, number in door.take(100)]
    assert [number for number in numbers if number in events] == events[: LIMITS.messages]
    assert [number for number in numbers if number in states] == states[-LIMITS.states :]


def test_a_state_does_not_wait_behind_the_events_of_its_box(door):
    for _ in range(LIMITS.messages):
        door.send("box-a")
    state = door.send("box-a", "state")
    assert ("box-a", state) in door.take(2)


def test_when_all_together_are_too_much_the_box_with_most_loses():
    door = Door(Limits(total_bytes=20 * (OVERHEAD_BYTES + 10)))
    for _ in range(15):
        door.send("flood")
    for number in range(10):
        door.send(f"calm-{number}")
    assert door.let_go == ["flood"] * 5
    assert len(set(boxes_of(door.take(100)))) == 11


def test_names_without_end_cost_nothing_when_they_rest():
    door = Door(Limits())
    for number in range(2 * LANES_AT_REST):
        door.send(f"made-up-{number}")
        door.take(1)
        door.clock.advance(1)
    assert len(door.intake._lanes) <= LANES_AT_REST + 2


@pytest.mark.parametrize("topic", ["", "tr/v1", "tr/v1/x", "tr/v1/x/y/z", "tr/v1//event", "other"])
def test_a_topic_that_is_none_waits_like_any_other(door, topic):
    message = Message(topic, b"", False)
    door.intake.admit(message)
    assert door.intake.take(1) == [message]
