"""Decides which events go out when; knows no thread and no socket, and takes its time from the clock."""

import logging
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from edge_agent.clock import Clock
from edge_agent.outbox.rows import DueEvent
from edge_agent.outbox.store import Outbox
from mqtt.answers import Ack, HubState
from mqtt.connection import Backoff

logger = logging.getLogger(__name__)

FAILURES_BEFORE_HOLD = 2
LOG_EVERY = 100
NOT_AUTHORISED = 0x87


@dataclass(frozen=True, slots=True)
class FlowOptions:
    """`window` events may wait for the hub's answer; each is sent again after `resend_s`, then twice that, and so on.

    The last `reserve` places of the window are for severe findings only. `row_backoff` delays an event that the broker
    did not take, `hold` delays all when it takes none, `forbidden` when it says that this box may not publish.
    """

    window: int = 256
    reserve: int = 32
    resend_s: float = 10.0
    resend_max_s: float = 300.0
    row_backoff: Backoff = field(default_factory=lambda: Backoff(shortest_s=0.5, longest_s=60.0))
    hold: Backoff = field(default_factory=lambda: Backoff(shortest_s=0.25, longest_s=5.0))
    forbidden: Backoff = field(default_factory=lambda: Backoff(shortest_s=1.0, longest_s=30.0))
    random: Callable[[], float] = field(default=random.random, repr=False)


@dataclass(slots=True)
class FlowCounters:
    """What the sender did since it started; `unknown` are refusals of events that are not here."""

    published: int = 0
    taken: int = 0
    failed: int = 0
    resent: int = 0
    settled: int = 0
    refused: int = 0
    unknown: int = 0


class Flow:
    """The state of one box's sending: a window, resend times with jitter, and back-off when the broker says no.

    A PUBACK is no promise, so it changes nothing but a counter: only an ack or a refusal of the hub takes an event out.
    """

    def __init__(self, outbox: Outbox, clock: Clock, options: FlowOptions) -> None:
        self.counters = FlowCounters()
        self._outbox = outbox
        self._clock = clock
        self._options = options
        self._connected = False
        self._hub: HubState | None = None
        self._failures = 0
        self._hold_until = 0.0
        self._acked: list[UUID] = []
        self._trouble: str | None = None
        self._forbidden = 0
        self._forbidden_until = 0.0

    @property
    def trouble(self) -> str | None:
        """Why the broker takes nothing from this box, in words; None when it does."""
        return self._trouble

    @property
    def flowing(self) -> bool:
        """Whether events may go out: there is a connection and a hub that said it is online."""
        return self._connected and self._hub is not None and self._hub.online

    def up(self) -> None:
        """The connection is a new one: whatever was on its way may be lost, so all of it is due again."""
        self._connected = True
        self._start_over()

    def down(self) -> None:
        """The connection is gone, and what is known of the hub with it."""
        self._connected = False
        self._hub = None

    def hub_state(self, state: HubState) -> None:
        """The hub said whether it is there; a hub that came, or came back, gets everything that is not settled."""
        fresh = state.online and state != self._hub
        self._hub = state
        if fresh:
            self._start_over()

    def take(self) -> list[DueEvent]:
        """The events to publish now, already noted as sent; the caller reports each one's outcome."""
        if not self.flowing or self._clock.monotonic() < max(self._hold_until, self._forbidden_until):
            self.settle()
            return []
        # One transaction for both: measured 1,050 commits instead of 1,600 for 20,000 events that are acked one by one.
        settled, events = self._outbox.together(self._settle_and_send)
        self._acked.clear()
        self.counters.settled += settled
        self.counters.published += len(events)
        self.counters.resent += sum(event.attempts > 0 for event in events)
        return events

    def _settle_and_send(self) -> tuple[int, list[DueEvent]]:
        settled = self._outbox.settle(self._acked) if self._acked else 0
        # A broker that forbids may close the connection for each try, so one event tries for all.
        limit = 1 if self._trouble else self._options.window
        events = self._outbox.due(limit, self._options.window, self._options.reserve)
        if events:
            now = self._clock.monotonic()
            self._outbox.mark_sent({event.event_id: now + self._resend_s(event.attempts) for event in events})
        return settled, events

    def outcome(self, event: DueEvent, failure: str | None, reason_code: int | None = None) -> bool:
        """The broker's answer to one event of `take`: None when it took it, else why not; then it is put back.

        False when another `take` can give nothing because of it: what the broker took keeps its place in the window.
        """
        if failure is None:
            self.counters.taken += 1
            self._failures = 0
            return self._allowed()
        now = self._clock.monotonic()
        if reason_code == NOT_AUTHORISED:
            self._forbid(now, failure)
        if not self._outbox.put_back(
            event.event_id, event.attempts + 1, now + self._options.row_backoff.delay_s(event.attempts)
        ):
            return False
        self.counters.failed += 1
        self._failures += 1
        # One event that is refused again and again must not slow the others down: their successes reset the count.
        if self._failures >= FAILURES_BEFORE_HOLD:
            self._hold_until = now + self._options.hold.delay_s(self._failures - FAILURES_BEFORE_HOLD)
            if self._failures % LOG_EVERY == FAILURES_BEFORE_HOLD:
                logger.warning("the broker does not take events (%d in a row): %s", self._failures, failure)
        return True

    def ack(self, ack: Ack) -> None:
        """Note what the hub has committed, for `settle`; what it will never take becomes a dead letter at once."""
        self._acked += ack.settled
        for refusal in ack.refused:
            event_id = refusal.event_id or self._outbox.event_of_payload(refusal.payload_sha256)
            if event_id is not None and self._outbox.refuse(event_id, refusal.reason, refusal.detail):
                self.counters.refused += 1
                logger.error("the hub will never take event %s: %s: %s", event_id, refusal.reason, refusal.detail)
            else:
                self.counters.unknown += 1

    def settle(self) -> None:
        """Let go of what was acked since the last time, in one transaction: hubs may ack events one by one."""
        if self._acked:
            self.counters.settled += self._outbox.settle(self._acked)
            self._acked.clear()

    def wait_s(self) -> float | None:
        """Seconds until `take` can have something new without anything else happening; None when only a wake can."""
        if not self.flowing:
            return None
        held = max(self._hold_until, self._forbidden_until) - self._clock.monotonic()
        return held if held > 0 else self._outbox.next_due_s()

    def _forbid(self, now: float, failure: str) -> None:
        self._trouble = f"the broker refuses this box's events: {failure}"
        if now < self._forbidden_until:
            return
        if self._forbidden % LOG_EVERY == 0:
            logger.error("not authorised: %s; check the broker's rights for this box, nothing is lost", self._trouble)
        # A new connection does not change a right, so unlike `hold` this outlives it.
        self._forbidden_until = now + self._options.forbidden.delay_s(self._forbidden)
        self._forbidden += 1

    def _allowed(self) -> bool:
        troubled = self._trouble is not None
        if troubled:
            logger.warning("the broker takes this box's events again")
        self._trouble, self._forbidden, self._forbidden_until = None, 0, 0.0
        return troubled

    def _start_over(self) -> None:
        self._failures = 0
        self._hold_until = 0.0
        self._outbox.put_all_back()

    def _resend_s(self, attempts: int) -> float:
        longest = min(self._options.resend_max_s, self._options.resend_s * 2.0 ** min(attempts, 16))
        return longest * (0.75 + 0.5 * self._options.random())
