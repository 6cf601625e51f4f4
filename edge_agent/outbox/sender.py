"""The thread that carries events from the outbox to the broker and the hub's answers back."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue
from typing import Protocol

from edge_agent.clock import Clock
from edge_agent.errors import OutboxError
from edge_agent.outbox.flow import Flow, FlowCounters, FlowOptions
from edge_agent.outbox.rows import DueEvent
from edge_agent.outbox.store import Outbox
from mqtt.answers import Ack, HubState
from mqtt.connection import Message, PublishOutcome
from mqtt.envelope import decode
from mqtt.errors import BrokerError, MessageError
from mqtt.topic import HUB_STATE, Channel, Topic

logger = logging.getLogger(__name__)

DISK_RETRY_S = 2.0
JOBS_AT_ONCE = 512
REFUSED_AT_THE_DOOR = frozenset({0x86, 0x87})
_DEFAULTS = FlowOptions()


class Publisher(Protocol):
    """The part of a connection that the sender needs."""

    def publish(self, topic: str, payload: bytes, qos: int = 1, retain: bool = False) -> "Future[PublishOutcome]":
        """Send a message; the future holds the broker's answer or fails with BrokerError."""
        ...


class Sender:
    """Sends what is due while the hub is online, and sleeps otherwise.

    Give `on_up`, `on_down` and `on_message` to the connection, which must subscribe to `subscriptions`; they only
    queue and return at once. Nothing that goes wrong here loses an event: it stays in the outbox and goes out later.
    """

    def __init__(self, outbox: Outbox, edge_id: str, clock: Clock, options: FlowOptions = _DEFAULTS) -> None:
        self._ack_topic = str(Topic(edge_id, Channel.ACK))
        self.subscriptions = (self._ack_topic, HUB_STATE)
        self._clock = clock
        self._flow = Flow(outbox, clock, options)
        # A job that answers False made nothing due, so it is not worth a look.
        self._jobs: SimpleQueue[Callable[[], object]] = SimpleQueue()
        self._stopping = threading.Event()
        self._publisher: Publisher | None = None
        self._thread = threading.Thread(target=self._run, name="outbox-sender", daemon=True)
        outbox.on_append(self.wake)

    @property
    def counters(self) -> FlowCounters:
        """What was sent and settled since the start."""
        return self._flow.counters

    @property
    def trouble(self) -> str | None:
        """Why the broker takes nothing from this box, in words; None when it does."""
        return self._flow.trouble

    def start(self, publisher: Publisher) -> None:
        """Start the thread; `publisher` is the connection that calls `on_up` and the others."""
        self._publisher = publisher
        self._thread.start()

    def stop(self, timeout_s: float = 5.0) -> bool:
        """End the thread; events that are not settled stay in the outbox. False when it did not end in time."""
        self._stopping.set()
        self.wake()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def wake(self) -> None:
        """Look at once whether something is due."""
        self._jobs.put(_nothing)

    def soon(self, job: Callable[[], object]) -> None:
        """Have `job` done in the sender's thread, which looks afterwards whether something is due."""
        self._jobs.put(job)

    def on_up(self) -> None:
        """The connection is there."""
        self._jobs.put(self._flow.up)

    def on_down(self, error: BrokerError) -> None:
        """The connection is gone."""
        if error.reason_code in REFUSED_AT_THE_DOOR:
            logger.error("not authorised: %s; check this box's name and token, nothing is lost", error)
        else:
            logger.info("sending rests: %s", error)
        self._jobs.put(self._flow.down)

    def on_message(self, message: Message) -> None:
        """Take an ack of the hub or its state; other topics are ignored, and a malformed message is logged."""
        try:
            if message.topic == self._ack_topic:
                self._jobs.put(partial(self._flow.ack, decode(message.payload, Ack)))
            elif message.topic == HUB_STATE:
                self._jobs.put(partial(self._flow.hub_state, decode(message.payload, HubState)))
        except MessageError as error:
            logger.error("a message on %s cannot be read and was ignored: %s", message.topic, error)  # noqa: TRY400

    def _run(self) -> None:
        wait_s: float | None = None
        while not self._stopping.is_set():
            try:
                self._do_jobs(wait_s)
                wait_s = self._send()
            except (OutboxError, MessageError) as error:
                logger.error("sending pauses for %g s: %s", DISK_RETRY_S, error)  # noqa: TRY400
                wait_s = DISK_RETRY_S
        try:
            self._flow.settle()
        except OutboxError as error:
            logger.warning("what the hub acked last is sent again after the next start: %s", error)

    def _do_jobs(self, wait_s: float | None) -> None:
        # All that has come so far, and then one look at what is due: an ack a transaction would cost an fsync an event.
        with suppress(Empty):
            until = None if wait_s is None else self._clock.monotonic() + wait_s
            while self._jobs.get(timeout=wait_s)() is False:
                wait_s = None if until is None else max(0.0, until - self._clock.monotonic())
            for _ in range(JOBS_AT_ONCE):
                self._jobs.get_nowait()()

    def _send(self) -> float | None:
        for event in self._flow.take():
            self._publish(event)
        return self._flow.wait_s()

    def _publish(self, event: DueEvent) -> None:
        if self._publisher is None:
            return
        retained = Topic.parse(event.topic).retained
        future = self._publisher.publish(event.topic, event.payload, 1, retained)
        future.add_done_callback(partial(self._published, event))

    def _published(self, event: DueEvent, future: "Future[PublishOutcome]") -> None:
        reason_code: int | None
        try:
            outcome = future.result()
            reason_code = outcome.reason_code
            failure = None if outcome.ok else f"{outcome.text} ({reason_code:#04x})"
        except BrokerError as error:
            failure, reason_code = str(error), error.reason_code
        self._jobs.put(partial(self._flow.outcome, event, failure, reason_code))


def _nothing() -> None:
    """Only ends a wait."""
