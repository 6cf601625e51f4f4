"""The box's connection against real brokers: mosquitto with the committed rights, and the embedded one."""

import queue
import socket
import sys
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from pydantic import SecretStr

from mqtt.connection import Backoff, ConnectionOptions, Message, PublishOutcome, Will
from mqtt.envelope import Envelope, decode
from mqtt.errors import BrokerError
from mqtt.paho_connection import MAX_WAITING, PACKET_TOO_LARGE, PahoConnection
from mqtt.states import DeathBody
from mqtt.topic import Channel, Topic, subscription
from tests.lab.brokers import PASSWORDS, Embedded, guarded_mosquitto
from tests.lab.fixtures import peer_or_skip
from tests.lab.peers import ROOT, Mosquitto
from tests.lab.processes import ManagedProcess, wait_until

GOLDEN = ROOT / "mqtt" / "golden"
EVENT = str(Topic("box1", Channel.EVENT))
STATE = str(Topic("box1", Channel.STATE))
ACK = str(Topic("box1", Channel.ACK))
WAIT_S = 20.0

Broker = Mosquitto | Embedded

BOX = """
import pathlib, threading
from pydantic import SecretStr
from mqtt.connection import ConnectionOptions, Will
from mqtt.paho_connection import PahoConnection
PahoConnection(
    options=ConnectionOptions("127.0.0.1", {port}, "box1", "box1", SecretStr("{password}")),
    subscriptions=(),
    will=Will("{topic}", pathlib.Path("{will}").read_bytes(), retain=True),
    on_message=print,
    on_up=lambda: print("is up", flush=True),
    on_down=print,
).start()
threading.Event().wait()
"""


@pytest.fixture(params=["mosquitto", "embedded"])
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Broker]:
    with peer_or_skip():
        made = guarded_mosquitto(tmp_path) if request.param == "mosquitto" else Embedded(tmp_path)
    with made:
        yield made


@pytest.fixture
def strict_broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with peer_or_skip():
        made = guarded_mosquitto(tmp_path)
    with made:
        yield made


def options(broker: Broker, name: str, **changes: object) -> ConnectionOptions:
    made = ConnectionOptions("127.0.0.1", broker.port, name, name, SecretStr(PASSWORDS[name]))
    return replace(made, **changes)


class Peer:
    """A PahoConnection whose callbacks fill queues; a context manager that starts and stops it."""

    def __init__(self, to: ConnectionOptions, *filters: str, will: Will | None = None) -> None:
        self.arrived: queue.Queue[Message] = queue.Queue()
        self.ups: queue.Queue[bool] = queue.Queue()
        self.downs: queue.Queue[BrokerError] = queue.Queue()
        self.connection = PahoConnection(
            options=to,
            subscriptions=filters,
            will=will,
            on_message=self.arrived.put,
            on_up=lambda: self.ups.put(True),
            on_down=self.downs.put,
            backoff=Backoff(longest_s=1.0),
        )

    def __enter__(self) -> "Peer":
        self.connection.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.stop()

    def wait_up(self) -> "Peer":
        assert self.ups.get(timeout=WAIT_S)
        return self

    def message(self) -> Message:
        return self.arrived.get(timeout=WAIT_S)

    def send(self, topic: str, payload: bytes, retain: bool = False) -> PublishOutcome:
        return self.connection.publish(topic, payload, retain=retain).result(WAIT_S)


def goes_through(box: Peer, payload: bytes) -> bool:
    # mosquitto 2.0.11 ends the connection after it refused a publish; newer ones keep it.
    try:
        return box.send(EVENT, payload).ok
    except BrokerError:
        return False


def test_what_is_published_arrives_and_is_answered(broker: Broker) -> None:
    with Peer(options(broker, "hub"), subscription(Channel.EVENT, "hub")) as hub, Peer(options(broker, "box1")) as box:
        hub.wait_up()
        box.wait_up()
        assert box.connection.connected
        outcome = box.send(EVENT, b"x" * 60_000)
        assert outcome.ok
        assert hub.message() == Message(EVENT, b"x" * 60_000, retained=False)


def test_downward_topics_reach_the_box(broker: Broker) -> None:
    with Peer(options(broker, "hub")) as hub, Peer(options(broker, "box1"), ACK, "tr/v1/hub/state") as box:
        box.wait_up()
        hub.wait_up()
        assert hub.send(ACK, b"1").ok
        assert hub.send("tr/v1/hub/state", b"2", retain=True).ok
        assert [box.message().payload, box.message().payload] == [b"1", b"2"]


def test_a_wrong_password_is_reported_with_the_brokers_reason_and_retried_slowly(strict_broker: Mosquitto) -> None:
    waits: list[float] = []
    to = options(strict_broker, "box1", password=SecretStr("wrong-canary"))
    peer = Peer(to)
    peer.connection.backoff = Backoff(random=lambda: waits.append(1.0) or 0.0)
    with peer:
        error = peer.downs.get(timeout=WAIT_S)
        wait_until(lambda: waits, "the pause began")
    assert error.reason_code in {0x86, 0x87}
    assert "wrong-canary" not in str(error)
    assert peer.connection.backoff.delay_s(0, error.reason_code) >= 30
    assert peer.downs.empty()
    assert peer.ups.empty()


def test_the_embedded_broker_closes_on_a_wrong_password_and_the_error_says_so(tmp_path: Path) -> None:
    with Embedded(tmp_path) as broker, Peer(options(broker, "box1", password=SecretStr("wrong"))) as peer:
        error = peer.downs.get(timeout=WAIT_S)
    assert "wrong user name or password" in str(error)
    assert error.reason_code is None


def test_the_will_with_its_boot_id_is_delivered_when_the_box_is_killed(broker: Broker, tmp_path: Path) -> None:
    program = BOX.format(port=broker.port, password=PASSWORDS["box1"], topic=STATE, will=GOLDEN / "death.lost.json")
    box = ManagedProcess("box", [sys.executable, "-c", program], tmp_path, {"PYTHONPATH": str(ROOT)})
    with Peer(options(broker, "hub"), subscription(Channel.STATE)) as hub, box:
        hub.wait_up()
        box.wait_for_log("is up")
        box.kill()
        message = hub.message()
    envelope = decode(message.payload, Envelope)
    assert message.topic == STATE
    assert envelope.boot_id == UUID("0198c0de-0000-7000-8000-00000000b001")
    assert envelope.body == DeathBody(reason="lost")


def test_a_clean_stop_sends_the_last_message_and_no_will(broker: Broker) -> None:
    with Peer(options(broker, "hub"), subscription(Channel.STATE)) as hub:
        hub.wait_up()
        box = Peer(options(broker, "box1"), will=Will(STATE, b"will", retain=True))
        box.connection.start()
        box.wait_up()
        box.connection.stop((STATE, b"stopped", True), WAIT_S)
        assert hub.message().payload == b"stopped"
        with Peer(options(broker, "box1")) as again:
            assert again.wait_up().send(STATE, b"after").ok
            assert hub.message().payload == b"after"
        assert box.downs.empty()


def test_a_publish_that_the_rights_refuse_is_not_ok(strict_broker: Mosquitto) -> None:
    with Peer(options(strict_broker, "box1")) as box:
        box.wait_up()
        outcome = box.send(str(Topic("box2", Channel.EVENT)), b"forged")
        assert (outcome.reason_code, outcome.ok) == (0x87, False)
        assert outcome.text == "Not authorized"
        wait_until(lambda: goes_through(box, b"own"), "the box may still send its own")


@pytest.mark.parametrize("topic", ["tr/v1/box1/ack", "tr/v1/box1/desired", "tr/v1/hub/state", "tr/v1/box2/state", "x"])
def test_a_box_may_not_write_what_the_hub_says(strict_broker: Mosquitto, topic: str) -> None:
    with Peer(options(strict_broker, "box1")) as box:
        assert box.wait_up().send(topic, b"forged", retain=True).reason_code == 0x87


def test_a_box_is_not_shown_what_another_box_sends_or_gets(strict_broker: Mosquitto) -> None:
    with (
        Peer(options(strict_broker, "hub"), subscription(Channel.EVENT)) as hub,
        Peer(options(strict_broker, "box2")) as other,
        Peer(options(strict_broker, "box1"), "#") as spy,
    ):
        for peer in (hub, other, spy):
            peer.wait_up()
        assert other.send("tr/v1/box2/event", b"secret").ok
        assert hub.message().payload == b"secret"
        assert hub.send("tr/v1/box2/ack", b"secret").ok
        assert hub.send(ACK, b"for box1").ok
        assert spy.message() == Message(ACK, b"for box1", retained=False)


def test_a_killed_broker_comes_back_and_subscriptions_work_again(broker: Broker) -> None:
    with Peer(options(broker, "hub"), subscription(Channel.EVENT)) as hub, Peer(options(broker, "box1")) as box:
        hub.wait_up()
        box.wait_up()
        broker.kill()
        assert hub.downs.get(timeout=WAIT_S)
        assert box.downs.get(timeout=WAIT_S)
        assert not box.connection.connected
        with pytest.raises(BrokerError, match="not connected"):
            box.send(EVENT, b"into the void")
        broker.start()
        hub.wait_up()
        box.wait_up()
        assert box.send(EVENT, b"again").ok
        assert hub.message().payload == b"again"


def test_futures_fail_when_the_connection_goes_before_the_answer(strict_broker: Mosquitto) -> None:
    with Peer(options(strict_broker, "box1")) as box:
        box.wait_up()
        strict_broker.freeze()
        waiting: list[Future[PublishOutcome]] = [box.connection.publish(EVENT, b"%d" % i) for i in range(MAX_WAITING)]
        with pytest.raises(BrokerError, match="wait for") as full:
            box.send(EVENT, b"one too many")
        assert full.value.reason_code == 0x97
        assert not any(future.done() for future in waiting)
        strict_broker.kill()
        for future in waiting:
            with pytest.raises(BrokerError, match="before the broker answered"):
                future.result(WAIT_S)


def test_a_packet_that_is_too_large_is_refused_here_and_the_connection_stays(broker: Broker) -> None:
    with Peer(options(broker, "hub"), subscription(Channel.EVENT)) as hub, Peer(options(broker, "box1")) as box:
        hub.wait_up()
        box.wait_up()
        with pytest.raises(BrokerError, match="bytes") as error:
            box.send(EVENT, b"x" * 131_073)
        assert error.value.reason_code == PACKET_TOO_LARGE
        assert box.send(EVENT, b"small").ok
        assert hub.message().payload == b"small"
        assert box.downs.empty()


def test_what_a_callback_raises_is_logged_and_the_next_message_still_comes(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    peer = Peer(options(broker, "hub"), subscription(Channel.EVENT))

    def take(message: Message) -> None:
        if message.payload == b"poison":
            raise RuntimeError("judge of poison")
        peer.arrived.put(message)

    peer.connection.on_message = take
    with peer, Peer(options(broker, "box1")) as box:
        peer.wait_up()
        box.wait_up()
        assert box.send(EVENT, b"poison").ok
        assert box.send(EVENT, b"good").ok
        assert peer.message().payload == b"good"
    assert "judge of poison" in caplog.text
    assert peer.downs.empty()


def test_a_topic_that_is_none_is_refused(broker: Broker) -> None:
    with Peer(options(broker, "box1")) as box:
        box.wait_up()
        with pytest.raises(BrokerError) as error:
            box.send("tr/v1/+/event", b"x")
        assert error.value.reason_code == 0x90
        assert box.send(EVENT, b"x").ok


def test_what_was_sent_while_the_session_was_away_comes_later(broker: Broker) -> None:
    with Peer(options(broker, "hub"), subscription(Channel.EVENT)) as hub:
        hub.wait_up()
    with Peer(options(broker, "box1")) as box:
        assert box.wait_up().send(EVENT, b"kept").ok
        with Peer(options(broker, "hub"), subscription(Channel.EVENT)) as hub:
            assert hub.message().payload == b"kept"


def test_nobody_there_is_told_and_stop_does_not_hang(free_port: int) -> None:
    peer = Peer(ConnectionOptions("127.0.0.1", free_port, "box1"))
    with peer:
        assert "cannot connect" in str(peer.downs.get(timeout=WAIT_S))
    assert not peer.connection.connected


def test_a_server_that_speaks_no_mqtt_is_told_and_left(free_port: int) -> None:
    with (
        socket.create_server(("127.0.0.1", free_port)) as server,
        Peer(ConnectionOptions("127.0.0.1", free_port, "box1")) as peer,
    ):
        near, _ = server.accept()
        with near:
            near.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 40)
            assert peer.downs.get(timeout=WAIT_S).reason_code is None
