"""The sender against a real broker and a peer that stores before it acks, also when the broker is killed."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from edge_agent.clock import SystemClock, SystemIds
from edge_agent.outbox import sender as sender_module
from edge_agent.outbox.emitter import Emitter
from edge_agent.outbox.flow import FlowOptions
from edge_agent.outbox.sender import Sender
from edge_agent.outbox.store import Outbox
from mqtt.answers import Ack, HubState, Refusal
from mqtt.connection import Backoff, ConnectionOptions
from mqtt.envelope import Envelope, decode, encode
from mqtt.errors import RefusalReason
from mqtt.messages import ReadingBody
from mqtt.paho_connection import PahoConnection
from mqtt.topic import HUB_STATE, Channel, Topic, subscription
from tests.lab.peers import Mosquitto
from tests.lab.processes import wait_until
from tests.unit.edge_agent.outbox.builders import dead_letters

EDGE = "box-1"
READING = ReadingBody(sensor_id="rain", quantity="depth", value=1.5, unit="mm")
QUICK = Backoff(shortest_s=0.05, longest_s=0.2)


@dataclass
class Hub:
    """A hub of one list: it stores, then acks; `mute` makes it store without acking, as one that dies in between."""

    port: int
    stored: dict[str, Envelope] = field(default_factory=dict)
    deliveries: int = 0
    mute: bool = False
    refuse_seq: int | None = None

    def __post_init__(self) -> None:
        self.client = paho.Client(CallbackAPIVersion.VERSION2, client_id="hub", protocol=paho.MQTTv5)
        self.client.reconnect_delay_set(1, 1)
        self.client.will_set(HUB_STATE, encode(self.state(False)), 1, retain=True)
        self.client.on_connect = self.greet
        self.client.on_message = self.take

    def state(self, online: bool) -> HubState:
        return HubState(online=online, since=datetime(2026, 3, 1, tzinfo=UTC))

    def greet(self, *_: object) -> None:
        self.client.subscribe([(subscription(channel), 1) for channel in (Channel.EVENT, Channel.READING)])
        self.client.publish(HUB_STATE, encode(self.state(True)), 1, retain=True)

    def take(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        envelope = decode(bytes(message.payload), Envelope)
        self.deliveries += 1
        if envelope.seq == self.refuse_seq:
            refusal = Refusal(
                event_id=envelope.event_id, payload_sha256="0" * 64, reason=RefusalReason.INVALID, detail="as ordered"
            )
            answer = Ack(refused=(refusal,))
        else:
            self.stored[str(envelope.event_id)] = envelope
            answer = Ack(settled=(envelope.event_id,))
        if not self.mute:
            self.client.publish(str(Topic(envelope.edge_id, Channel.ACK)), encode(answer), 1)

    def __enter__(self) -> "Hub":
        self.client.connect("127.0.0.1", self.port, clean_start=True)
        self.client.loop_start()
        return self

    def __exit__(self, *_: object) -> None:
        self.client.publish(HUB_STATE, encode(self.state(False)), 1, retain=True).wait_for_publish(5)
        self.client.disconnect()
        self.client.loop_stop()


@dataclass
class BoxUnderTest:
    outbox: Outbox
    emitter: Emitter
    sender: Sender

    def emit(self, count: int) -> None:
        for _ in range(count):
            self.emitter.emit(READING, None)

    def settled(self) -> bool:
        return self.outbox.counts().kept == 0


@contextmanager
def running_box(folder: Path, port: int, resend_s: float = 30.0) -> Iterator[BoxUnderTest]:
    clock, ids = SystemClock(), SystemIds()
    outbox = Outbox(folder / "outbox.sqlite", clock)
    sender = Sender(outbox, EDGE, clock, FlowOptions(resend_s=resend_s, row_backoff=QUICK, hold=QUICK))
    connection = PahoConnection(
        options=ConnectionOptions("127.0.0.1", port, EDGE, keepalive_s=5),
        subscriptions=sender.subscriptions,
        will=None,
        on_message=sender.on_message,
        on_up=sender.on_up,
        on_down=sender.on_down,
        backoff=QUICK,
    )
    connection.start()
    sender.start(connection)
    yield BoxUnderTest(outbox, Emitter(outbox, EDGE, ids.new(), clock, ids), sender)
    assert sender.stop()
    connection.stop()
    outbox.close()


@pytest.fixture
def box(tmp_path: Path, mosquitto: Mosquitto) -> Iterator[BoxUnderTest]:
    with running_box(tmp_path, mosquitto.port) as running:
        yield running


def test_events_go_out_when_the_hub_is_there_and_are_settled_by_its_ack(
    mosquitto: Mosquitto, box: BoxUnderTest
) -> None:
    box.emit(3)
    assert box.sender.counters.published == 0
    with Hub(mosquitto.port) as hub:
        wait_until(box.settled, "the backlog was settled")
        box.emit(200)
        wait_until(box.settled, "everything was settled")
        assert [each.seq for each in hub.stored.values()] == list(range(1, 204))
    counts = box.outbox.counts()
    assert (counts.born, counts.acked) == (203, 203)
    assert box.sender.counters.resent == 0


def test_a_puback_settles_nothing(mosquitto: Mosquitto, box: BoxUnderTest) -> None:
    with Hub(mosquitto.port, mute=True) as hub:
        box.emit(5)
        wait_until(lambda: len(hub.stored) == 5, "the hub stored five")
        wait_until(lambda: box.sender.counters.taken == 5, "the broker took five")
    assert box.outbox.counts().kept == 5
    with Hub(mosquitto.port):
        wait_until(box.settled, "a hub that came back got everything again")
    assert box.outbox.counts().acked == 5


def test_an_ack_that_never_came_is_made_up_for_by_sending_again(tmp_path: Path, mosquitto: Mosquitto) -> None:
    with running_box(tmp_path, mosquitto.port, resend_s=0.2) as box, Hub(mosquitto.port, mute=True) as hub:
        box.emit(1)
        wait_until(lambda: hub.deliveries >= 2, "it was sent again")
        hub.mute = False
        wait_until(box.settled, "it was settled")
        assert len(hub.stored) == 1


def test_a_refusal_ends_in_the_dead_letters_and_the_rest_goes_on(mosquitto: Mosquitto, box: BoxUnderTest) -> None:
    with Hub(mosquitto.port, refuse_seq=2) as hub:
        box.emit(4)
        wait_until(box.settled, "nothing waits")
    assert sorted(each.seq for each in hub.stored.values()) == [1, 3, 4]
    ((_, payload, *why),) = dead_letters(box.outbox)
    assert json.loads(payload)["seq"] == 2
    assert why == ["invalid", "as ordered"]
    assert box.outbox.counts().adds_up


def test_malformed_messages_of_the_hub_change_nothing(mosquitto: Mosquitto, box: BoxUnderTest) -> None:
    with Hub(mosquitto.port) as hub:
        for payload in (b"", b"{", b'{"v":2}', b"\xff" * 100):
            hub.client.publish(str(Topic(EDGE, Channel.ACK)), payload, 1)
            hub.client.publish(HUB_STATE, payload, 1)
        box.emit(3)
        wait_until(box.settled, "everything was settled")


def test_nothing_is_lost_when_the_broker_is_killed_again_and_again(tmp_path: Path, mosquitto: Mosquitto) -> None:
    done = threading.Event()
    with running_box(tmp_path, mosquitto.port) as box, Hub(mosquitto.port) as hub:

        def work() -> None:
            for _ in range(600):
                box.emit(1)
            done.set()

        thread = threading.Thread(target=work)
        thread.start()
        interrupted = 0
        for kills in range(1, 6):
            goal = 80 * kills
            wait_until(lambda goal=goal: len(hub.stored) > goal or done.is_set(), "work went on")  # type: ignore[misc]
            mosquitto.kill()
            interrupted += box.outbox.counts().kept > 0
            mosquitto.start()
        thread.join()
        wait_until(box.settled, "everything was settled")
        assert interrupted > 0
        assert sorted(each.seq for each in hub.stored.values()) == list(range(1, 601))
        counts = box.outbox.counts()
        assert (counts.born, counts.acked, counts.kept) == (600, 600, 0)


def test_publishing_into_the_void_is_seen_by_the_sender(tmp_path: Path) -> None:
    rules = tmp_path / "acl"
    rules.write_text(f"topic read #\ntopic write {HUB_STATE}\ntopic write tr/v1/{EDGE}/ack\n", encoding="utf-8")
    config = f"listener {{port}} 127.0.0.1\nallow_anonymous true\nacl_file {rules}\n"
    with Mosquitto(tmp_path, config) as broker, running_box(tmp_path, broker.port) as box, Hub(broker.port):
        box.emit(3)
        wait_until(lambda: box.sender.counters.failed >= 3, "the refusal was seen")
        counts = box.outbox.counts()
        assert (counts.kept, counts.acked) == (3, 0)


def test_sending_goes_on_after_the_disk_failed_for_a_while(
    mosquitto: Mosquitto, box: BoxUnderTest, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sender_module, "DISK_RETRY_S", 0.02)
    box.emit(3)
    database = box.outbox._transactions
    with database.lock:
        database._db.execute("PRAGMA query_only = 1")
    with Hub(mosquitto.port):
        wait_until(lambda: "sending pauses" in caplog.text, "the failure was told")
        with database.lock:
            database._db.execute("PRAGMA query_only = 0")
        wait_until(box.settled, "everything was settled")
    assert box.outbox.counts().acked == 3
