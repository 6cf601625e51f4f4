"""Events that were decided and are not on disk yet: one queue for the whole box, bounded in bytes, oldest first."""

import logging
from collections import deque
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from edge_agent.clock import Clock
from edge_agent.errors import EvidenceError, OutboxError
from edge_agent.evidence.store import DiskFullError
from edge_agent.types import StoredPicture
from mqtt.messages import Evidence, EvidenceRole, FindingBody

log = logging.getLogger(__name__)

# As much as the agent may take for one more camera (DESIGN 7: 25 MB), and over 100 pictures of 1080p.
BUDGET_BYTES = 32 * 1024 * 1024
SHORTEST_S = 0.5
LONGEST_S = 4.0
LOUD_EVERY_S = 60.0
MAX_LIMITS = 16
NOT_KEPT = "a picture could not be kept on the box's disk"
DISK_WAS_FULL = "pictures were dropped: the box's disk was full for long"


@dataclass(frozen=True, slots=True)
class Shot:
    """A JPEG with masks applied and drawings burnt in, not on disk yet."""

    jpeg: bytes
    width: int
    height: int
    taken_at: datetime


class Keep(Protocol):
    """Puts a picture on disk for good."""

    def __call__(self, shot: Shot) -> StoredPicture:
        """The picture as it lies on disk.

        Raises:
            DiskFullError: there is no room; a later call may succeed.
            EvidenceError: it cannot be stored.
        """
        ...


class Emit(Protocol):
    """Puts an event into the outbox, and with it what it does to its incident."""

    def __call__(self, body: FindingBody, captured_at: datetime, pictures: tuple[StoredPicture, ...]) -> None:
        """Return when the event is on disk.

        Raises:
            OutboxError: it could not be stored.
        """
        ...


Shots = tuple[tuple[EvidenceRole, Shot], ...]


@dataclass(slots=True)
class _Event:
    body: FindingBody
    captured_at: datetime
    shots: deque[tuple[EvidenceRole, Shot]]
    stored: list[tuple[EvidenceRole, StoredPicture]]
    limits: dict[str, None]

    @property
    def in_memory(self) -> int:
        return sum(len(shot.jpeg) for _, shot in self.shots)

    def told(self) -> FindingBody:
        """The body with the pictures that are on disk, and with what became of the others."""
        evidence = tuple(
            Evidence(role=role, sha256=p.sha256, size=p.size, width=p.width, height=p.height, taken_at=p.taken_at)
            for role, p in self.stored
        )
        limits = (*self.body.limits[: MAX_LIMITS - len(self.limits)], *self.limits)
        return self.body.model_copy(update={"evidence": evidence, "limits": limits})


class WaitingEvents:
    """Puts events on disk in the order of their decision; what the disk does not take waits here.

    At most `budget_bytes` of JPEG wait: beyond that the pictures of the oldest events go, the events never. What is
    on disk already is not written again. Used by one thread at a time.
    """

    def __init__(self, keep: Keep, emit: Emit, clock: Clock, budget_bytes: int = BUDGET_BYTES) -> None:
        self._keep = keep
        self._emit = emit
        self._clock = clock
        self._budget_bytes = budget_bytes
        self._events: deque[_Event] = deque()
        self._failures = 0
        self._retry_at_s = float("-inf")
        self._loud_at_s = float("-inf")

    def __len__(self) -> int:
        """Decided events that could not be put on disk yet; an end of the process now would lose them."""
        return len(self._events)

    @property
    def held_bytes(self) -> int:
        """JPEG bytes held in memory."""
        return sum(event.in_memory for event in self._events)

    def put(self, body: FindingBody, captured_at: datetime, shots: Shots = ()) -> None:
        """Take an event and put it on disk, unless the disk took nothing a moment ago."""
        self._events.append(_Event(body, captured_at, deque(shots), [], {}))
        self.flush()
        self._stay_in_budget()

    def flush(self) -> None:
        """Put what waits on disk, oldest first, when it is time for another try."""
        if self._clock.monotonic() >= self._retry_at_s:
            self.flush_now()

    def flush_now(self) -> int:
        """Put what waits on disk at once; returns how many events still wait, which is what a stop would lose."""
        while self._events:
            try:
                self._put_on_disk(self._events[0])
            except (DiskFullError, OutboxError) as error:
                self._back_off(error)
                break
            self._failures = 0
            self._events.popleft()
        return len(self._events)

    def _put_on_disk(self, event: _Event) -> None:
        while event.shots:
            role, shot = event.shots[0]
            try:
                event.stored.append((role, self._keep(shot)))
            except DiskFullError:
                raise
            except EvidenceError as error:
                event.limits[NOT_KEPT] = None
                self._complain("a picture of camera %s was lost: %s", event.body.camera_id, error)
            event.shots.popleft()
        self._emit(event.told(), event.captured_at, tuple(picture for _, picture in event.stored))

    def _back_off(self, error: DiskFullError | OutboxError) -> None:
        delay_s = min(LONGEST_S, SHORTEST_S * 2.0 ** min(self._failures, 16))
        self._failures += 1
        self._retry_at_s = self._clock.monotonic() + delay_s
        self._complain("%d decided events wait in memory: %s", len(self._events), error)

    def _stay_in_budget(self) -> None:
        over = self.held_bytes - self._budget_bytes
        for event in self._events:
            if over <= 0:
                return
            if event.shots:
                over -= event.in_memory
                event.shots.clear()
                event.limits[DISK_WAS_FULL] = None
                self._complain("pictures of a waiting event of camera %s were dropped", event.body.camera_id)

    def _complain(self, text: str, *values: object) -> None:
        now_s = self._clock.monotonic()
        if now_s - self._loud_at_s >= LOUD_EVERY_S:
            self._loud_at_s = now_s
            log.error(text, *values)
