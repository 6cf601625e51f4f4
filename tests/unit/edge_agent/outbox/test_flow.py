"""The window, the resend times and the back-off, on a clock that the test moves."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edge_agent.outbox.flow import Flow, FlowOptions
from edge_agent.outbox.rows import DueEvent, NewEvent
from edge_agent.outbox.store import Outbox
from mqtt.answers import Ack, HubState, Refusal
from mqtt.connection import Backoff
from mqtt.errors import RefusalReason
from tests.unit.edge_agent.outbox.builders import IDS, START, ManualClock, dead_letters, event

ONLINE = HubState(online=True, since=START)
OFFLINE = HubState(online=False, since=START)
OPTIONS = FlowOptions(
    window=4,
    reserve=0,
    resend_s=10.0,
    resend_max_s=30.0,
    forbidden=Backoff(shortest_s=3.0, longest_s=30.0, random=lambda: 0.0),
    row_backoff=Backoff(shortest_s=1.0, longest_s=60.0, random=lambda: 0.0),
    hold=Backoff(shortest_s=2.0, longest_s=5.0, random=lambda: 0.0),
    random=lambda: 0.5,
)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def outbox(tmp_path: Path, clock: ManualClock) -> Iterator[Outbox]:
    box = Outbox(tmp_path / "outbox.sqlite", clock)
    yield box
    box.close()


@pytest.fixture
def flow(outbox: Outbox, clock: ManualClock) -> Flow:
    made = Flow(outbox, clock, OPTIONS)
    made.up()
    made.hub_state(ONLINE)
    return made


def keep(outbox: Outbox, count: int, severity: int = 0, first: int = 1) -> list[NewEvent]:
    events = [event(seq, severity) for seq in range(first, first + count)]
    for each in events:
        outbox.append(each)
    return events


def seqs(events: list[DueEvent]) -> list[int]:
    return [each.seq for each in events]


def test_nothing_flows_without_a_connection_and_a_hub(outbox: Outbox, clock: ManualClock) -> None:
    keep(outbox, 1)
    flow = Flow(outbox, clock, OPTIONS)
    assert flow.take() == []
    flow.up()
    assert flow.take() == []
    flow.hub_state(OFFLINE)
    assert flow.take() == []
    assert flow.wait_s() is None
    flow.hub_state(ONLINE)
    assert seqs(flow.take()) == [1]
    flow.down()
    flow.up()
    assert flow.take() == []


def test_the_window_opens_by_acks_only(outbox: Outbox, flow: Flow) -> None:
    events = keep(outbox, 6)
    taken = flow.take()
    assert seqs(taken) == [1, 2, 3, 4]
    for each in taken:
        flow.outcome(each, None)
    assert flow.take() == []
    flow.ack(Ack(settled=(events[1].event_id, events[2].event_id)))
    assert seqs(flow.take()) == [5, 6]
    assert flow.counters.settled == 2


def test_an_unanswered_event_is_sent_again_ever_more_slowly(outbox: Outbox, flow: Flow, clock: ManualClock) -> None:
    keep(outbox, 1)
    waits = []
    for _ in range(5):
        assert seqs(flow.take()) == [1]
        assert flow.take() == []
        waits.append(flow.wait_s())
        clock.advance(waits[-1] or 0.0)
    assert waits == pytest.approx([10.0, 20.0, 30.0, 30.0, 30.0])
    assert flow.counters.resent == 4


def test_a_new_connection_or_hub_gets_everything_again(outbox: Outbox, flow: Flow) -> None:
    keep(outbox, 2)
    assert seqs(flow.take()) == [1, 2]
    flow.down()
    flow.up()
    flow.hub_state(ONLINE)
    assert seqs(flow.take()) == [1, 2]
    flow.hub_state(ONLINE)
    assert flow.take() == []
    flow.hub_state(OFFLINE)
    flow.hub_state(ONLINE)
    assert seqs(flow.take()) == [1, 2]


def test_one_event_that_the_broker_refuses_does_not_hold_the_others(
    outbox: Outbox, flow: Flow, clock: ManualClock
) -> None:
    keep(outbox, 2)
    first, second = flow.take()
    flow.outcome(second, None)
    flow.outcome(first, "packet too large (0x95)")
    outbox.append(event(3))
    assert seqs(flow.take()) == [3]
    assert flow.wait_s() == pytest.approx(1.0)
    clock.advance(1.0)
    assert seqs(flow.take()) == [1]


def test_a_broker_that_takes_nothing_is_left_in_peace(outbox: Outbox, flow: Flow, clock: ManualClock) -> None:
    keep(outbox, 6)
    for each in flow.take():
        flow.outcome(each, "quota exceeded (0x97)", 0x97)
    assert flow.take() == []
    assert flow.wait_s() == pytest.approx(2.0)
    clock.advance(2.0)
    assert len(flow.take()) == 4
    assert outbox.counts().adds_up


def test_the_outcome_of_an_older_sending_changes_nothing(outbox: Outbox, flow: Flow) -> None:
    keep(outbox, 1)
    (older,) = flow.take()
    flow.up()
    (newer,) = flow.take()
    flow.outcome(older, "connection lost")
    assert flow.counters.failed == 0
    assert outbox.counts().sent == 1
    flow.outcome(newer, "connection lost")
    assert outbox.counts().sent == 0


def test_refusals_go_to_the_dead_letters_by_id_or_by_payload(outbox: Outbox, flow: Flow) -> None:
    one, two = keep(outbox, 2)
    flow.take()
    digest = hashlib.sha256(two.payload).hexdigest()
    flow.ack(
        Ack(
            refused=(
                Refusal(
                    event_id=one.event_id,
                    payload_sha256="0" * 64,
                    reason=RefusalReason.INVALID,
                    detail="score: too big",
                ),
                Refusal(event_id=None, payload_sha256=digest, reason=RefusalReason.NOT_JSON, detail="line 1"),
                Refusal(event_id=IDS.new(), payload_sha256="1" * 64, reason=RefusalReason.INVALID, detail=""),
            )
        )
    )
    assert [(event_id, reason) for event_id, _, reason, _ in dead_letters(outbox)] == [
        (one.event_id, "invalid"),
        (two.event_id, "not_json"),
    ]
    assert (flow.counters.refused, flow.counters.unknown) == (2, 1)
    assert outbox.counts().adds_up


def test_severe_events_find_room_in_a_window_full_of_ordinary_ones(outbox: Outbox, clock: ManualClock) -> None:
    flow = Flow(outbox, clock, replace(OPTIONS, reserve=2))
    flow.up()
    flow.hub_state(ONLINE)
    keep(outbox, 10)
    assert seqs(flow.take()) == [1, 2]
    assert flow.take() == []
    keep(outbox, 3, severity=4, first=11)
    assert seqs(flow.take()) == [11, 12]
    assert flow.take() == []


def test_severe_events_may_fill_the_whole_window(outbox: Outbox, clock: ManualClock) -> None:
    flow = Flow(outbox, clock, replace(OPTIONS, reserve=2))
    flow.up()
    flow.hub_state(ONLINE)
    keep(outbox, 2)
    keep(outbox, 5, severity=3, first=3)
    assert seqs(flow.take()) == [3, 4, 5, 6]
    assert flow.take() == []


def test_acks_that_come_one_by_one_are_settled_in_one_transaction(outbox: Outbox, flow: Flow) -> None:
    events = keep(outbox, 6)
    flow.take()
    for each in (events[0], events[0], events[2]):
        flow.ack(Ack(settled=(each.event_id,)))
    assert outbox.counts().acked == 0
    assert seqs(flow.take()) == [5, 6]
    assert (flow.counters.settled, outbox.counts().acked) == (2, 2)


def test_a_broker_that_forbids_is_tried_with_one_event_ever_more_slowly_also_on_new_connections(
    outbox: Outbox, flow: Flow, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    keep(outbox, 6)
    for each in flow.take():
        flow.outcome(each, "Not authorized (0x87)", 0x87)
    assert caplog.text.count("not authorised") == 1
    assert flow.trouble == "the broker refuses this box's events: Not authorized (0x87)"
    flow.down()
    flow.up()
    flow.hub_state(ONLINE)
    assert flow.take() == []
    assert flow.wait_s() == pytest.approx(3.0)
    clock.advance(3.0)
    (only,) = flow.take()
    flow.outcome(only, None)
    assert flow.trouble is None
    assert len(flow.take()) == 3
    assert outbox.counts().kept == 6
