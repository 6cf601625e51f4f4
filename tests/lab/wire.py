"""A client of the broker under a box's name, for tests that send what no box would."""

import threading
from collections.abc import Sequence
from typing import Self

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from mqtt.answers import Ack, Command, HubState
from mqtt.envelope import decode
from mqtt.topic import HUB_STATE, Channel, Topic
from tests.lab.processes import wait_until

# The hub lets go of what a box sends far beyond a box's own window of 64, to be sent again; nobody here would.
WINDOW = 200


class Wire:
    """Publishes bytes as a box and gathers the hub's answers to it; a context manager."""

    def __init__(self, port: int, edge_id: str, token: str) -> None:
        self.settled: list[str] = []
        self.refused: list[str] = []
        self.commands: list[Command] = []
        self._port = port
        self._answers = str(Topic(edge_id, Channel.ACK))
        self._orders = str(Topic(edge_id, Channel.COMMAND))
        self._ready = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id=f"wire-{edge_id}", protocol=paho.MQTTv5)
        self._client.username_pw_set(edge_id, token)
        self._client.max_inflight_messages_set(100)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = self._subscribe
        self._client.on_message = self._take

    def send(self, messages: Sequence[tuple[str, bytes]]) -> None:
        """Publish (topic, payload) in this order and return when each is answered; never more than a window ahead."""
        begun = self._answered
        for number, (topic, payload) in enumerate(messages):
            wait_until(lambda: number - (self._answered - begun) < WINDOW, "the hub answers", 60)  # noqa: B023
            self._client.publish(topic, payload, 1)
        wait_until(lambda: self._answered - begun >= len(messages), "each message is answered", 60)

    def throw(self, topic: str, payload: bytes) -> None:
        """Publish and do not wait for an answer; after a lost connection it is sent again."""
        self._client.publish(topic, payload, 1)

    @property
    def _answered(self) -> int:
        return len(self.settled) + len(self.refused)

    def _subscribe(self, *_: object) -> None:
        self._client.subscribe([(self._answers, 1), (self._orders, 1), (HUB_STATE, 1)])

    def _take(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        if message.topic == HUB_STATE:
            if decode(bytes(message.payload), HubState).online:
                self._ready.set()
            return
        if message.topic == self._orders:
            self.commands.append(decode(bytes(message.payload), Command))
            return
        ack = decode(bytes(message.payload), Ack)
        self.settled += [str(event_id) for event_id in ack.settled]
        self.refused += [refusal.payload_sha256 for refusal in ack.refused]

    def __enter__(self) -> Self:
        self._client.connect("127.0.0.1", self._port, clean_start=True)
        self._client.loop_start()
        if not self._ready.wait(10):
            raise TimeoutError("no hub said that it is online: what is sent now would reach nobody")
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()
