"""Commands of the hub, severe findings in a full window, and a broker that forbids, each with a real mosquitto."""

import logging
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import paho.mqtt.client as paho
import pytest
from pydantic import SecretStr

from edge_agent.clock import SystemClock, SystemIds
from edge_agent.health.heartbeat import HealthSources, Heartbeat
from edge_agent.outbox.emitter import Emitter
from edge_agent.outbox.flow import FlowOptions
from edge_agent.outbox.orders import Orders
from edge_agent.outbox.sender import Sender
from edge_agent.outbox.store import Outbox
from mqtt.answers import Command
from mqtt.connection import Backoff, ConnectionOptions, Message
from mqtt.envelope import Envelope, decode, encode
from mqtt.messages import FindingBody, ResultBody
from mqtt.paho_connection import PahoConnection
from mqtt.states import DeathBody, HealthBody, OutboxStatus
from mqtt.topic import HUB_STATE, Channel, Topic, subscription
from tests.integration.test_outbox_broker import Hub
from tests.lab.brokers import PASSWORDS, guarded_mosquitto
from tests.lab.peers import Mosquitto
from tests.lab.processes import wait_until
from tests.unit.edge_agent.outbox.builders import finding

EDGE = "box1"
QUICK = Backoff(shortest_s=0.05, longest_s=0.2)
COMMAND_ID = UUID("0198c0de-0000-7000-8000-00000000c001")


@dataclass
class Centre(Hub):
    """A hub that also gives orders and listens to what the box says of itself."""

    states: list[Envelope] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.client.username_pw_set("hub", PASSWORDS["hub"])

    def greet(self, *_: object) -> None:
        self.client.subscribe([(subscription(each), 1) for each in (Channel.EVENT, Channel.RESULT, Channel.STATE)])
        self.client.publish(HUB_STATE, encode(self.state(True)), 1, retain=True)

    def take(self, client: object, data: object, message: paho.MQTTMessage) -> None:
        if message.topic == HUB_STATE:
            return
        envelope = decode(bytes(message.payload), Envelope)
        if envelope.kind in {"birth", "health", "death"}:
            self.states.append(envelope)
        else:
            super().take(client, data, message)

    def order(self, payload: bytes) -> None:
        self.client.publish(str(Topic(EDGE, Channel.COMMAND)), payload, 1)

    def results(self) -> list[ResultBody]:
        return [each.body for each in self.stored.values() if isinstance(each.body, ResultBody)]

    def levels(self) -> list[int | None]:
        return [each.body.level for each in self.stored.values() if isinstance(each.body, FindingBody)]


@dataclass
class Site:
    outbox: Outbox
    emitter: Emitter
    sender: Sender
    heartbeat: Heartbeat

    def emit(self, count: int, severity: int = 1) -> None:
        for _ in range(count):
            self.emitter.emit(finding(level=severity), None, severity)

    def settled(self) -> bool:
        return self.outbox.counts().kept == 0


@contextmanager
def running_site(folder: Path, port: int, window: int = 64, reserve: int = 8) -> Iterator[Site]:
    clock, ids = SystemClock(), SystemIds()
    outbox = Outbox(folder / "outbox.sqlite", clock)
    emitter = Emitter(outbox, EDGE, ids.new(), clock, ids)
    options = FlowOptions(window, reserve, resend_s=60.0, row_backoff=QUICK, hold=QUICK, forbidden=QUICK)
    sender = Sender(outbox, EDGE, clock, options)
    state_topic = str(Topic(EDGE, Channel.STATE))

    def greet() -> None:
        connection.publish(state_topic, encode(emitter.state(DeathBody(reason="stopped"))), 1, retain=True)

    orders = Orders(outbox, emitter, sender, EDGE, greet)

    def on_message(message: Message) -> None:
        sender.on_message(message)
        orders.on_message(message)

    connection = PahoConnection(
        options=ConnectionOptions(
            "127.0.0.1", port, EDGE, EDGE, SecretStr(PASSWORDS[EDGE]), keepalive_s=5, session_expiry_s=0
        ),
        subscriptions=(*sender.subscriptions, orders.topic),
        will=None,
        on_message=on_message,
        on_up=sender.on_up,
        on_down=sender.on_down,
        backoff=QUICK,
    )
    none = OutboxStatus(born=0, pending=0, sent=0, acked=0, refused=0, shed=0)
    health = HealthSources(tuple, lambda: none, lambda: sender.trouble, emitter.state)
    heartbeat = Heartbeat(connection, EDGE, health, 0.1)
    connection.start()
    sender.start(connection)
    try:
        yield Site(outbox, emitter, sender, heartbeat)
    finally:
        heartbeat.stop()
        stopped = sender.stop()
        connection.stop()
        outbox.close()
    assert stopped


def test_a_resync_sends_what_the_hub_lost_and_tells_how_far_the_order_goes(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    with running_site(tmp_path, mosquitto.port) as site, Centre(mosquitto.port, mute=True) as centre:
        site.emit(5)
        wait_until(lambda: len(centre.stored) == 5, "the hub had five")
        centre.stored.clear()
        centre.mute = False
        centre.order(encode(Command(command_id=COMMAND_ID, verb="resync")))
        wait_until(site.settled, "everything was sent again and settled")
        wait_until(lambda: centre.states != [], "the birth came")
        assert sorted(each.seq for each in centre.stored.values()) == [1, 2, 3, 4, 5, 6]
        (result,) = centre.results()
        assert (result.command_id, result.status) == (COMMAND_ID, "done")
        assert result.reason == "5 unsettled events are sent again"
        assert centre.states[0].seq == 6


def test_a_resync_with_nothing_left_to_send_fails_with_words(tmp_path: Path, mosquitto: Mosquitto) -> None:
    with running_site(tmp_path, mosquitto.port) as site, Centre(mosquitto.port) as centre:
        site.emit(2)
        wait_until(site.settled, "both were settled")
        centre.order(encode(Command(command_id=COMMAND_ID, verb="resync")))
        wait_until(lambda: centre.results() != [], "the result came")
        (result,) = centre.results()
        assert result.status == "failed"
        assert "none can be sent again" in (result.reason or "")


def test_an_unknown_command_is_refused_and_an_unreadable_one_only_logged(
    tmp_path: Path, mosquitto: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    with running_site(tmp_path, mosquitto.port), Centre(mosquitto.port) as centre:
        wait_until(centre.client.is_connected, "the hub is there")
        for payload in (b"", b"\xff", b"[1]", b'{"v":1,"command_id":7,"verb":"dance"}'):
            centre.order(payload)
        centre.order(f'{{"v":1,"command_id":"{COMMAND_ID}","verb":"dance"}}'.encode())
        wait_until(lambda: centre.results() != [], "the result came")
        (result,) = centre.results()
        assert (result.command_id, result.status) == (COMMAND_ID, "refused")
        assert "verb" in (result.reason or "")
    assert caplog.text.count("a command of the hub cannot be read") == 5


def test_a_severe_finding_overtakes_a_backlog_whose_window_is_full(tmp_path: Path, mosquitto: Mosquitto) -> None:
    with running_site(tmp_path, mosquitto.port, window=8, reserve=2) as site:
        site.emit(40)
        with Centre(mosquitto.port, mute=True) as centre:
            wait_until(lambda: site.sender.counters.taken == 6, "the window is full of ordinary ones")
            site.emit(1, severity=4)
            wait_until(lambda: centre.levels() == [1] * 6 + [4], "the severe one came although nothing was acked")
        with Centre(mosquitto.port):
            wait_until(site.settled, "everything was settled")


def test_a_right_that_is_taken_away_is_told_at_once_and_loses_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with guarded_mosquitto(tmp_path) as broker:
        rights = tmp_path / "acl"
        whole = rights.read_text(encoding="utf-8")
        rights.write_text(whole.replace("pattern write tr/v1/%u/event\n", ""), encoding="utf-8")
        os.kill(broker.pid, signal.SIGHUP)
        with running_site(tmp_path, broker.port) as site, Centre(broker.port) as centre:
            site.heartbeat.start()
            site.emit(20)
            wait_until(lambda: "not authorised" in caplog.text, "the log says it")
            wait_until(lambda: any(_trouble(each) for each in centre.states), "the health says it")
            assert (site.outbox.counts().kept, centre.stored) == (20, {})
            rights.write_text(whole, encoding="utf-8")
            os.kill(broker.pid, signal.SIGHUP)
            wait_until(site.settled, "everything was settled")
            assert sorted(each.seq for each in centre.stored.values()) == list(range(1, 21))
            wait_until(lambda: not _trouble(centre.states[-1]), "the health is well again")
    assert caplog.text.count("not authorised") == 1
    assert PASSWORDS[EDGE] not in caplog.text


def _trouble(state: Envelope) -> str | None:
    return state.body.trouble if isinstance(state.body, HealthBody) else None
