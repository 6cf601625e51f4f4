"""A heartbeat is retained, tells the present, keeps quiet without a connection and outlives its failures."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, datetime

import pytest

from edge_agent.clock import SystemIds
from edge_agent.errors import OutboxError
from edge_agent.health.heartbeat import HealthSources, Heartbeat
from mqtt.connection import PublishOutcome
from mqtt.envelope import ClockReport, Envelope, decode
from mqtt.errors import BrokerError
from mqtt.states import CameraState, CameraStatus, HealthBody, LookStatus, OutboxStatus

NOW = datetime(2026, 3, 1, tzinfo=UTC)
IDS = SystemIds()
BOOT = IDS.new()


class Wire:
    """A connection whose broker answers as told."""

    def __init__(self) -> None:
        self.connected = True
        self.answer: PublishOutcome | BrokerError = PublishOutcome(0, "Success")
        self.published: list[tuple[str, bytes, int, bool]] = []
        self.third = threading.Event()

    def publish(self, topic: str, payload: bytes, qos: int = 1, retain: bool = False) -> "Future[PublishOutcome]":
        self.published.append((topic, payload, qos, retain))
        if len(self.published) == 3:
            self.third.set()
        future: Future[PublishOutcome] = Future()
        if isinstance(self.answer, BrokerError):
            future.set_exception(self.answer)
        else:
            future.set_result(self.answer)
        return future


def outbox_status(born: int = 3) -> OutboxStatus:
    return OutboxStatus(born=born, pending=born, sent=0, acked=0, refused=0, shed=0)


def camera(**changes: object) -> CameraStatus:
    look = LookStatus(fps_given=0.5, stage_ms={"inference": 60.0}, dropped={"newer": 3})
    names = {"camera_id": "gate", "name_zh": "门", "name_en": "Gate"}
    return CameraStatus.model_validate({"state": CameraState.LIVE, "since": NOW, "look": look} | names | changes)


def envelope(body: HealthBody) -> Envelope:
    return Envelope(
        edge_id="box-1",
        boot_id=BOOT,
        seq=7,
        event_id=IDS.new(),
        kind="health",
        emitted_at=NOW,
        captured_at=None,
        clock=ClockReport(source="unknown"),
        body=body,
    )


def heart(
    wire: Wire,
    interval_s: float = 60.0,
    outbox: Callable[[], OutboxStatus] = outbox_status,
    trouble: Callable[[], str | None] = lambda: None,
    cameras: Callable[[], tuple[CameraStatus, ...]] = tuple,
) -> Heartbeat:
    return Heartbeat(wire, "box-1", HealthSources(cameras, outbox, trouble, envelope), interval_s)


def sent(wire: Wire) -> tuple[Envelope, HealthBody]:
    message = decode(wire.published[-1][1], Envelope)
    assert isinstance(message.body, HealthBody)
    return message, message.body


def test_a_beat_is_a_retained_state_of_now() -> None:
    wire = Wire()
    beating = heart(wire)
    beating.beat()
    ((topic, payload, qos, retain),) = wire.published
    assert (topic, qos, retain) == ("tr/v1/box-1/state", 1, True)
    body = decode(payload, Envelope).body
    assert body == HealthBody(outbox=outbox_status())
    assert (beating.published, beating.failed) == (1, 0)


def test_a_broker_that_forbids_is_told_of_and_otherwise_the_field_is_not_sent() -> None:
    wire = Wire()
    heart(wire, trouble=lambda: "not authorised " * 50).beat()
    heart(wire).beat()
    (_, troubled, *_), (_, calm, *_) = wire.published
    body = decode(troubled, Envelope).body
    assert isinstance(body, HealthBody)
    assert (body.trouble or "").startswith("not authorised")
    assert b"trouble" not in calm


def test_a_hub_that_refuses_a_heartbeat_is_told_less_until_the_next_connection() -> None:
    wire = Wire()
    beating = heart(wire, cameras=lambda: (camera(),))
    beating.beat()
    first, body = sent(wire)
    assert body.cameras[0].look == camera().look
    beating.on_refused(IDS.new())
    beating.beat()
    assert sent(wire)[1].cameras[0].look is not None, "another message was refused"
    beating.on_refused(first.event_id)
    beating.beat()
    assert sent(wire)[1].cameras == (camera(look=None),)
    assert b"look" not in wire.published[-1][1]
    beating.on_up()
    beating.beat()
    assert sent(wire)[1].cameras[0].look is not None


def test_a_heartbeat_that_would_be_too_large_tells_less() -> None:
    wire = Wire()
    cameras = tuple(
        camera(camera_id=f"c{n}", name_zh="门" * 100, name_en="G" * 100, reason="r" * 400) for n in range(64)
    )
    beating = heart(wire, cameras=lambda: cameras)
    beating.beat()
    assert [each.look for each in sent(wire)[1].cameras] == [None] * 64


def test_without_a_connection_nothing_is_said() -> None:
    wire = Wire()
    wire.connected = False
    heart(wire).beat()
    assert wire.published == []


@pytest.mark.parametrize("answer", [PublishOutcome(0x87, "Not authorized"), BrokerError("connection lost")])
def test_a_beat_that_did_not_arrive_is_counted(answer: PublishOutcome | BrokerError) -> None:
    wire = Wire()
    wire.answer = answer
    beating = heart(wire)
    beating.beat()
    assert (beating.published, beating.failed) == (0, 1)


def test_the_thread_beats_on_after_a_failure_and_stops() -> None:
    wire = Wire()
    failures = [OutboxError("disk"), OutboxError("disk")]

    def outbox() -> OutboxStatus:
        if failures:
            raise failures.pop()
        return outbox_status()

    beating = heart(wire, 0.01, outbox)
    beating.start()
    assert wire.third.wait(10)
    assert beating.stop()
    assert beating.failed == 2
    count = len(wire.published)
    assert count >= 3


def test_stopping_before_the_start_is_nothing() -> None:
    assert heart(Wire()).stop()
