"""Tells the hub at a steady pace how the box is."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol

from edge_agent.errors import EdgeError
from mqtt.connection import PublishOutcome
from mqtt.envelope import Envelope, encode
from mqtt.errors import BrokerError, MessageError
from mqtt.messages import CameraStatus, HealthBody, OutboxStatus
from mqtt.topic import Channel, Topic

logger = logging.getLogger(__name__)


class Publisher(Protocol):
    """The part of a connection that the heartbeat needs."""

    @property
    def connected(self) -> bool:
        """Whether a publish can reach the broker now."""
        ...

    def publish(self, topic: str, payload: bytes, qos: int = 1, retain: bool = False) -> "Future[PublishOutcome]":
        """Send a message; the future holds the broker's answer or fails with BrokerError."""
        ...


@dataclass(frozen=True, slots=True)
class HealthSources:
    """Where the figures come from: cameras and outbox as they are now, and why events do not go out, if they do not.

    `envelope` puts a body into an envelope.
    """

    cameras: Callable[[], tuple[CameraStatus, ...]]
    outbox: Callable[[], OutboxStatus]
    trouble: Callable[[], str | None]
    envelope: Callable[[HealthBody], Envelope]


class Heartbeat:
    """A thread that publishes the box's health, retained, every `interval_s` seconds while there is a connection."""

    def __init__(self, publisher: Publisher, edge_id: str, sources: HealthSources, interval_s: float) -> None:
        self.published = 0
        self.failed = 0
        self._publisher = publisher
        self._topic = Topic(edge_id, Channel.STATE)
        self._sources = sources
        self._interval_s = interval_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Start the thread; the first beat comes after one interval, because the birth told everything."""
        self._thread.start()

    def stop(self, timeout_s: float = 5.0) -> bool:
        """End the thread; False when it did not end in time."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def beat(self) -> None:
        """Publish the health as it is now, unless there is no connection: a late heartbeat says nothing.

        Raises:
            OutboxError: the outbox cannot be counted.
            MessageError: the body is larger than 64 KiB.
        """
        if not self._publisher.connected:
            return
        trouble = self._sources.trouble()
        body = HealthBody(
            cameras=self._sources.cameras(), outbox=self._sources.outbox(), trouble=trouble[:500] if trouble else None
        )
        payload = encode(self._sources.envelope(body))
        future = self._publisher.publish(str(self._topic), payload, 1, self._topic.retained)
        future.add_done_callback(self._published)

    def _published(self, future: "Future[PublishOutcome]") -> None:
        try:
            outcome = future.result()
        except BrokerError as error:
            self._fail(str(error))
            return
        if outcome.ok:
            self.published += 1
        else:
            self._fail(f"{outcome.text} ({outcome.reason_code:#04x})")

    def _fail(self, why: str) -> None:
        self.failed += 1
        logger.warning("a heartbeat did not reach the broker: %s", why)

    def _run(self) -> None:
        while not self._stopping.wait(self._interval_s):
            try:
                self.beat()
            except (EdgeError, MessageError) as error:
                self._fail(str(error))
