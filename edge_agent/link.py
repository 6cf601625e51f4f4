"""The box's end of the wire: its birth, its last word, and who gets what the hub says."""

import logging
from dataclasses import dataclass

from pydantic import SecretStr

from edge_agent.errors import EdgeError
from edge_agent.health.heartbeat import HealthSources, Heartbeat
from edge_agent.outbox.emitter import Emitter
from edge_agent.outbox.orders import Orders
from edge_agent.outbox.sender import Sender
from edge_agent.outbox.store import Outbox
from edge_agent.settings import EdgeSettings
from edge_agent.status import BoxStatus
from mqtt.answers import Ack
from mqtt.connection import ConnectionOptions, Message, TlsOptions, Will
from mqtt.envelope import decode, encode
from mqtt.errors import MessageError
from mqtt.paho_connection import PahoConnection
from mqtt.states import BirthBody, DeathBody
from mqtt.topic import Channel, Topic

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Wire:
    """What uses the connection: envelopes, the outbox and what carries it."""

    emitter: Emitter
    outbox: Outbox
    sender: Sender


@dataclass(frozen=True, slots=True)
class FirstWords:
    """What a birth says of the box itself."""

    software: str
    model: str
    config_version: int


class Link:
    """The connection, with the orders and the heartbeat that use it."""

    def __init__(
        self, options: ConnectionOptions, settings: EdgeSettings, wire: Wire, status: BoxStatus, words: FirstWords
    ) -> None:
        edge_id, sender = settings.edge_id, wire.sender
        self._emitter = wire.emitter
        self._sender = sender
        self._status = status
        self._words = words
        self._state_topic = str(Topic(edge_id, Channel.STATE))
        self._ack_topic = str(Topic(edge_id, Channel.ACK))
        self._orders = Orders(wire.outbox, wire.emitter, sender, edge_id, self._tell_birth)
        will = encode(wire.emitter.state(DeathBody(reason="lost")))
        self.connection = PahoConnection(
            options=options,
            subscriptions=(*sender.subscriptions, self._orders.topic),
            will=Will(self._state_topic, will, qos=1, retain=True),
            on_message=self._on_message,
            on_up=self._greet,
            on_down=sender.on_down,
        )
        health = HealthSources(status.looked_at, status.outbox, lambda: sender.trouble, wire.emitter.state)
        self.heartbeat = Heartbeat(self.connection, edge_id, health, settings.heartbeat_s)

    def start(self) -> None:
        """Begin to connect."""
        self.connection.start()

    def say_farewell(self) -> None:
        """Disconnect with a last word."""
        farewell = encode(self._emitter.state(DeathBody(reason="stopped")))
        self.connection.stop((self._state_topic, farewell, True))

    def _on_message(self, message: Message) -> None:
        self._sender.on_message(message)
        self._orders.on_message(message)
        # Only a refusal has this word in it; most acks are long lists of what was settled.
        if message.topic == self._ack_topic and b"event_id" in message.payload:
            self._tell_refusals(message.payload)

    def _tell_refusals(self, payload: bytes) -> None:
        try:
            ack = decode(payload, Ack)
        except MessageError:
            # The sender has said so in the log.
            return
        for refusal in ack.refused:
            self.heartbeat.on_refused(refusal.event_id)

    def _greet(self) -> None:
        # First, so that events flow also when the birth cannot be built.
        self._sender.on_up()
        self.heartbeat.on_up()
        self._tell_birth()

    def _tell_birth(self) -> None:
        try:
            birth = BirthBody(
                software=self._words.software,
                models=(self._words.model,),
                config_version=self._words.config_version,
                cameras=self._status.cameras(),
                outbox=self._status.outbox(),
            )
            payload = encode(self._emitter.state(birth))
        except (EdgeError, MessageError) as error:
            log.error("the birth of this box could not be told, its health will be: %s", error)
            return
        self.connection.publish(self._state_topic, payload, 1, retain=True)


def broker_options(settings: EdgeSettings, token: SecretStr) -> ConnectionOptions:
    """How this box reaches its broker."""
    tls = settings.mqtt_tls
    return ConnectionOptions(
        host=settings.mqtt_host,
        port=settings.mqtt_port,
        client_id=f"edge-{settings.edge_id}",
        username=settings.edge_id,
        password=token,
        tls=TlsOptions(tls.ca_file, tls.cert_file, tls.key_file) if tls else None,
        # The outbox sends again what a session would keep, and rumqttd gives a resumed session no retained message:
        # a killed agent never learned that the hub was there.
        session_expiry_s=0,
    )
