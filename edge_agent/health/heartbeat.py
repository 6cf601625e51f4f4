"""Tells the hub at a steady pace how the box is."""

import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from edge_agent.errors import EdgeError
from edge_agent.part import Part
from mqtt.connection import PublishOutcome
from mqtt.envelope import Envelope, encode
from mqtt.errors import BrokerError, MessageError
from mqtt.states import CameraStatus, HealthBody, OutboxStatus
from mqtt.topic import Channel, Topic

logger = logging.getLogger(__name__)

# Heartbeats that a refusal can still name.
REMEMBERED = 8


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
        self._ids: deque[UUID] = deque(maxlen=REMEMBERED)
        self._plain = False
        part = Part("heartbeat", self._step, interval_s)
        # The first beat comes after one interval, because the birth told everything.
        self.start, self.stop = part.start, part.stop

    def on_up(self) -> None:
        """A new connection: behind it there may be a newer hub."""
        self._plain = False

    def on_refused(self, event_id: UUID | None) -> None:
        """The hub refused a message: if it was a heartbeat, it knows an earlier version and is told less from now."""
        if event_id in tuple(self._ids) and not self._plain:
            self._plain = True
            logger.warning("the hub refuses a heartbeat; how well cameras are looked at is left out from now on")

    def beat(self) -> None:
        """Publish the health as it is now, unless there is no connection: a late heartbeat says nothing.

        Raises:
            OutboxError: the outbox cannot be counted.
            MessageError: the body is larger than 64 KiB.
        """
        if not self._publisher.connected:
            return
        trouble = self._sources.trouble()
        outbox, cameras = self._sources.outbox(), self._sources.cameras()
        body = HealthBody(cameras=cameras, outbox=outbox, trouble=trouble[:500] if trouble else None)
        if self._plain:
            body = _plain(body)
        envelope = self._sources.envelope(body)
        try:
            payload = encode(envelope)
        except MessageError:
            payload = encode(envelope.model_copy(update={"body": _plain(body)}))
        self._ids.append(envelope.event_id)
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

    def _step(self) -> None:
        try:
            self.beat()
        except (EdgeError, MessageError) as error:
            self._fail(str(error))


def _plain(body: HealthBody) -> HealthBody:
    """The same without how well cameras are looked at, which is a quarter of its length."""
    cameras = tuple(camera.model_copy(update={"look": None}) for camera in body.cameras)
    return body.model_copy(update={"cameras": cameras})
