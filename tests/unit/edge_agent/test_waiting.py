"""Events that the disk does not take: in order, within a budget, with back-off, and never lost."""

import hashlib
from datetime import UTC, datetime
from uuid import UUID

import pytest

from edge_agent.errors import EvidenceError, OutboxError
from edge_agent.evidence.store import DiskFullError
from edge_agent.types import StoredPicture
from edge_agent.waiting import DISK_WAS_FULL, NOT_KEPT, Shot, Shots, WaitingEvents
from mqtt.messages import EvidenceRole, Finding, FindingBody, Phase, SeenBy
from tests.unit.edge_agent.outbox.builders import ManualClock

NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
BUDGET = 1000


class Disk:
    """What was put on disk, in order, and what it says when it takes nothing."""

    def __init__(self) -> None:
        self.picture_error: EvidenceError | None = None
        self.event_error: OutboxError | None = None
        self.pictures: list[bytes] = []
        self.events: list[FindingBody] = []
        self.tries = 0

    def keep(self, shot: Shot) -> StoredPicture:
        self.tries += 1
        if self.picture_error:
            raise self.picture_error
        self.pictures.append(shot.jpeg)
        return StoredPicture(hashlib.sha256(shot.jpeg).hexdigest(), len(shot.jpeg), 4, 3, shot.taken_at)

    def emit(self, body: FindingBody, captured_at: datetime, pictures: tuple[StoredPicture, ...]) -> None:
        assert captured_at == NOW
        self.tries += 1
        if self.event_error:
            raise self.event_error
        assert [e.sha256 for e in body.evidence] == [p.sha256 for p in pictures]
        self.events.append(FindingBody.model_validate(body.model_dump()))


def body(number: int, limits: tuple[str, ...] = ()) -> FindingBody:
    return FindingBody(
        incident_id=UUID(int=number),
        phase=Phase.OPEN,
        finding=Finding.LITTER,
        camera_id="gate",
        zone_id="kerb",
        rule_id="litter",
        opened_at=NOW,
        score=0.5,
        seen_by=SeenBy(model="m", model_version="1", backend="b", config_version=1),
        limits=limits,
    )


def shots(number: int, size: int = 100) -> Shots:
    pictures = (Shot(bytes([number, which]).ljust(size), 4, 3, NOW) for which in range(2))
    return tuple(zip((EvidenceRole.T0, EvidenceRole.T1), pictures, strict=True))


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def waiting(disk: Disk, clock: ManualClock) -> WaitingEvents:
    return WaitingEvents(disk.keep, disk.emit, clock, BUDGET)


def numbers(disk: Disk) -> list[int]:
    return [event.incident_id.int for event in disk.events]


def test_what_the_disk_takes_does_not_wait(waiting: WaitingEvents, disk: Disk) -> None:
    waiting.put(body(1), NOW, shots(1))
    assert (numbers(disk), len(waiting), waiting.held_bytes) == ([1], 0, 0)
    assert [e.role for e in disk.events[0].evidence] == ["t0", "t1"]
    assert disk.events[0].limits == ()


def test_what_waits_is_told_in_order_and_stored_pictures_are_not_stored_again(
    waiting: WaitingEvents, disk: Disk, clock: ManualClock
) -> None:
    disk.event_error = OutboxError("full")
    for number in (1, 2, 3):
        waiting.put(body(number), NOW, shots(number))
    assert (disk.events, len(waiting)) == ([], 3)
    assert waiting.held_bytes == 400, "the pictures of the first are on disk"
    clock.advance(60)
    waiting.flush()
    disk.event_error = None
    clock.advance(60)
    waiting.flush()
    assert (numbers(disk), len(waiting), waiting.held_bytes) == ([1, 2, 3], 0, 0)
    assert len(disk.pictures) == len(set(disk.pictures)) == 6
    assert all(len(event.evidence) == 2 for event in disk.events)


def test_tries_are_spaced_from_half_a_second_to_four(waiting: WaitingEvents, disk: Disk, clock: ManualClock) -> None:
    disk.event_error = OutboxError("full")
    waiting.put(body(1), NOW)
    tried_at = [0.0]
    for step in range(1, 1000):
        before = disk.tries
        clock.advance(0.25)
        waiting.flush()
        if disk.tries > before:
            tried_at.append(step / 4)
    gaps = [later - earlier for earlier, later in zip(tried_at, tried_at[1:], strict=False)]
    assert gaps[:4] == [0.5, 1.0, 2.0, 4.0]
    assert set(gaps[4:]) == {4.0}


def test_a_new_event_does_not_hurry_a_disk_that_said_no(waiting: WaitingEvents, disk: Disk) -> None:
    disk.event_error = OutboxError("full")
    for number in range(50):
        waiting.put(body(number), NOW)
    assert disk.tries == 1


def test_one_line_a_minute_is_logged(
    waiting: WaitingEvents, disk: Disk, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    disk.event_error = OutboxError("full")
    waiting.put(body(1), NOW)
    for _ in range(590):
        clock.advance(0.2)
        waiting.flush()
    assert [record.getMessage() for record in caplog.records] == ["1 decided events wait in memory: full"] * 2


def test_a_full_disk_is_waited_for(waiting: WaitingEvents, disk: Disk, clock: ManualClock) -> None:
    disk.picture_error = DiskFullError("no room")
    waiting.put(body(1), NOW, shots(1))
    assert (disk.events, len(waiting)) == ([], 1)
    disk.picture_error = None
    clock.advance(0.5)
    waiting.flush()
    assert len(disk.events[0].evidence) == 2
    assert disk.events[0].limits == ()


def test_a_store_that_is_broken_for_good_costs_the_pictures_and_says_so(waiting: WaitingEvents, disk: Disk) -> None:
    disk.picture_error = EvidenceError("fsync failed")
    waiting.put(body(1, limits=tuple(f"limit {n}" for n in range(16))), NOW, shots(1))
    waiting.put(body(2, limits=("night",)), NOW, shots(2))
    assert numbers(disk) == [1, 2]
    assert [event.evidence for event in disk.events] == [(), ()]
    assert disk.events[0].limits == (*(f"limit {n}" for n in range(15)), NOT_KEPT)
    assert disk.events[1].limits == ("night", NOT_KEPT)


def test_a_long_full_disk_costs_the_oldest_pictures_and_never_events(
    waiting: WaitingEvents, disk: Disk, clock: ManualClock
) -> None:
    disk.picture_error = DiskFullError("no room")
    for number in range(1, 21):
        waiting.put(body(number), NOW, shots(number))
        assert waiting.held_bytes <= BUDGET
    disk.picture_error = None
    clock.advance(30)
    waiting.flush()
    assert numbers(disk) == list(range(1, 21))
    assert [len(event.evidence) for event in disk.events] == [0] * 15 + [2] * 5
    assert {event.limits for event in disk.events[:15]} == {(DISK_WAS_FULL,)}
    assert {event.limits for event in disk.events[15:]} == {()}


def test_a_stop_tries_at_once_and_says_what_it_would_lose(waiting: WaitingEvents, disk: Disk) -> None:
    disk.event_error = OutboxError("full")
    waiting.put(body(1), NOW)
    waiting.put(body(2), NOW)
    assert waiting.flush_now() == 2
    disk.event_error = None
    assert waiting.flush_now() == 0
    assert numbers(disk) == [1, 2]
