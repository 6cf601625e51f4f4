"""The box's connection to a broker: a thread of its own around paho-mqtt, which no other file imports."""

import logging
import select
import socket
import ssl
import struct
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias

import paho.mqtt.client as paho
from paho.mqtt import MQTTException
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from mqtt.connection import MAX_PACKET, NO_DELAY, Backoff, ConnectionOptions, Message, PublishOutcome, Will
from mqtt.errors import BrokerError, ConnectionSetupError
from mqtt.waker import Waker

MAX_WAITING = 1000
# At 20, MQTT's usual figure, a broker 40 ms away takes 500 messages/s; both brokers of `broker/` take 200 and more.
MAX_INFLIGHT = 100
TOPIC_INVALID = 0x90
PACKET_TOO_LARGE = 0x95
QUOTA_EXCEEDED = 0x97
LOST = "the connection was lost"
UNANSWERED = "closed before it answered; some brokers do so on a wrong user name or password"
_HEADER_BYTES = 64
_TICK_MS = 1000
_UNREADABLE = (ValueError, IndexError, KeyError, TypeError, struct.error, MQTTException)

PahoMessage: TypeAlias = paho.MQTTMessage
PahoReason: TypeAlias = ReasonCode

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Order:
    topic: str
    payload: bytes
    qos: int
    retain: bool
    future: "Future[PublishOutcome]"


@dataclass(kw_only=True, eq=False)
class PahoConnection:
    """A connection that keeps itself up from `start` to `stop`; nothing but `stop` blocks its caller.

    Callbacks and futures run in the connection's thread and must return soon: while one runs nothing is received, which
    is how a slow reader slows the broker down. What a callback raises is logged with its traceback and changes nothing.
    `on_up` comes when the broker has granted every subscription; `on_down` comes for each connection that failed or was
    lost, with the broker's reason code if it gave one, not for `stop`. A broker that said no is asked again after 30 s.
    """

    options: ConnectionOptions
    subscriptions: tuple[str, ...]
    will: Will | None
    on_message: Callable[[Message], None]
    on_up: Callable[[], None]
    on_down: Callable[[BrokerError], None]
    backoff: Backoff = field(default_factory=Backoff)

    def __post_init__(self) -> None:
        """Prepare the thread; nothing is opened yet."""
        self._thread = threading.Thread(target=self._run, name=f"mqtt-{self.options.client_id}", daemon=True)
        self._stopping = threading.Event()
        self._waker = Waker()
        self._lock = threading.Lock()
        self._orders: deque[_Order] = deque()
        self._sent: dict[int, Future[PublishOutcome]] = {}
        self._connected = False
        self._answered = False
        self._max_packet = MAX_PACKET
        self._window = MAX_INFLIGHT
        self._why: BrokerError | None = None

    @property
    def connected(self) -> bool:
        """Whether the broker has taken us and every subscription."""
        return self._connected

    def start(self) -> None:
        """Start the thread that connects, and connects again, until `stop`."""
        self._thread.start()

    def stop(self, last: tuple[str, bytes, bool] | None = None, timeout: float = 5.0) -> None:
        """Publish `last` (topic, payload, retain), disconnect so that the broker drops the will, and end the thread.

        Returns after `timeout` seconds at the latest, also when the broker does not answer.
        """
        if last is not None and self._connected:
            topic, payload, retain = last
            self.publish(topic, payload, retain=retain).add_done_callback(lambda _: self._end())
        else:
            self._end()
        if self._thread.ident is None:
            self._waker.close()
            return
        self._thread.join(timeout)
        self._end()

    def publish(self, topic: str, payload: bytes, qos: int = 1, retain: bool = False) -> "Future[PublishOutcome]":
        """Send `payload`; the future holds the broker's answer, and for QoS 0 that the message was handed over.

        The future fails with BrokerError when there is no connection, when it goes before the broker answered, when the
        packet is larger than the broker takes, when the topic is none, and when 1000 messages wait already.
        """
        future: Future[PublishOutcome] = Future()
        future.set_running_or_notify_cancel()
        with self._lock:
            refusal = self._refusal(topic, len(topic.encode()) + len(payload) + _HEADER_BYTES)
            if refusal is None:
                self._orders.append(_Order(topic, payload, qos, retain, future))
        if refusal is not None:
            future.set_exception(refusal)
        else:
            self._waker.wake()
        return future

    def _refusal(self, topic: str, size: int) -> BrokerError | None:
        if not self._connected:
            return BrokerError(f"{self.options}: not connected")
        if size > self._max_packet:
            return BrokerError(f"{topic}: {size} bytes, {self.options} takes {self._max_packet}", PACKET_TOO_LARGE)
        if len(self._orders) + len(self._sent) >= MAX_WAITING:
            return BrokerError(f"{MAX_WAITING} messages wait for {self.options} already", QUOTA_EXCEEDED)
        return None

    def _end(self) -> None:
        self._stopping.set()
        self._waker.wake()

    def _run(self) -> None:
        attempt = 0
        while not self._stopping.is_set():
            was_up = self._one_connection()
            lost = self._why or BrokerError(f"{self.options}: {LOST if self._answered else UNANSWERED}")
            self._fail_waiting(lost)
            if self._stopping.is_set():
                break
            _deliver(partial(self.on_down, lost))
            attempt = 0 if was_up else attempt + 1
            self._stopping.wait(self.backoff.delay_s(attempt, lost.reason_code))
        self._waker.close()

    def _one_connection(self) -> bool:
        """Connect and serve until the connection ends; return whether it ever was up."""
        self._why, self._answered, was_up = None, False, False
        try:
            client = self._new_client()
        except ConnectionSetupError as error:
            self._why = BrokerError(str(error))
            return False
        try:
            to, properties = self.options, connect_properties(self.options.session_expiry_s)
            client.connect(to.host, to.port, to.keepalive_s, clean_start=to.clean_start, properties=properties)
            while client.socket() is not None and not self._stopping.is_set():
                self._send_orders(client)
                self._exchange(client)
                was_up = was_up or self._connected
            client.disconnect()
        except OSError as error:
            self._why = BrokerError(f"{self.options}: cannot connect: {error}")
        except _UNREADABLE as error:
            self._why = BrokerError(f"{self.options}: a packet that cannot be read: {type(error).__name__} {error}")
        finally:
            if (left := client.socket()) is not None:
                left.close()
        return was_up

    def _new_client(self) -> paho.Client:
        # A client for each connection: an old one would send again what we have already called failed.
        client = paho.Client(CallbackAPIVersion.VERSION2, self.options.client_id, protocol=paho.MQTTv5)
        client.enable_logger(_log)
        client.connect_timeout = self.options.connect_timeout_s
        client.max_inflight_messages_set(MAX_INFLIGHT)
        if self.options.username is not None and self.options.password is not None:
            client.username_pw_set(self.options.username, self.options.password.get_secret_value())
        if self.options.tls is not None:
            client.tls_set_context(self.options.tls.context())
        if self.will is not None:
            client.will_set(self.will.topic, self.will.payload, self.will.qos, self.will.retain)
        client.on_socket_open = _send_at_once
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_paho_message
        client.on_publish = self._on_publish
        client.on_disconnect = self._on_disconnect
        return client

    def _exchange(self, client: paho.Client) -> None:
        sock = client.socket()
        if sock is None:
            return
        socket_fd, decrypted = sock.fileno(), isinstance(sock, ssl.SSLSocket) and sock.pending() > 0
        poller = select.poll()
        poller.register(socket_fd, select.POLLIN | (select.POLLOUT if client.want_write() else 0))
        poller.register(self._waker, select.POLLIN)
        ready = dict(poller.poll(0 if decrypted else _TICK_MS))
        if self._waker.fileno() in ready:
            self._waker.drain()
        if decrypted or ready.get(socket_fd, 0) & ~select.POLLOUT:
            client.loop_read()
        if client.want_write():
            client.loop_write()
        client.loop_misc()

    def _send_orders(self, client: paho.Client) -> None:
        while self._orders and len(self._sent) < self._window:
            order = self._orders.popleft()
            try:
                info = client.publish(order.topic, order.payload, order.qos, order.retain)
            except ValueError as error:
                order.future.set_exception(BrokerError(f"{order.topic!r}: {error}", TOPIC_INVALID))
                continue
            if info.rc != paho.MQTT_ERR_SUCCESS:
                order.future.set_exception(BrokerError(f"{self.options}: {paho.error_string(info.rc)}"))
            elif order.qos == 0:
                order.future.set_result(PublishOutcome(0, "Handed over"))
            else:
                self._sent[info.mid] = order.future

    def _fail_waiting(self, lost: BrokerError) -> None:
        with self._lock:
            self._connected = False
            futures = [*self._sent.values(), *(order.future for order in self._orders)]
            self._sent.clear()
            self._orders.clear()
        for future in futures:
            future.set_exception(
                BrokerError(f"the connection went before the broker answered: {lost}", lost.reason_code)
            )

    def _on_connect(
        self, client: paho.Client, _data: object, _flags: object, reason: ReasonCode, properties: Properties | None
    ) -> None:
        self._answered = True
        if reason.is_failure:
            self._why = BrokerError(f"{self.options}: refused: {reason}", reason.value)
            return
        self._max_packet = getattr(properties, "MaximumPacketSize", MAX_PACKET)
        self._window = min(MAX_INFLIGHT, getattr(properties, "ReceiveMaximum", MAX_INFLIGHT))
        if self.subscriptions:
            client.subscribe([(text, 1) for text in self.subscriptions])
        else:
            self._up()

    def _on_subscribe(
        self, client: paho.Client, _data: object, _mid: int, reasons: list[ReasonCode], _properties: object
    ) -> None:
        for text, reason in zip(self.subscriptions, reasons, strict=False):
            if reason.is_failure:
                self._why = BrokerError(f"{self.options}: subscription {text} refused: {reason}", reason.value)
                client.disconnect()
                return
        self._up()

    def _up(self) -> None:
        self._connected = True
        _deliver(self.on_up)

    def _on_paho_message(self, _client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        _deliver(partial(self.on_message, Message(message.topic, bytes(message.payload), bool(message.retain))))

    def _on_publish(
        self, _client: paho.Client, _data: object, mid: int, reason: ReasonCode, _properties: object
    ) -> None:
        future = self._sent.pop(mid, None)
        if future is not None:
            future.set_result(PublishOutcome(reason.value, str(reason)))

    def _on_disconnect(
        self, _client: paho.Client, _data: object, flags: paho.DisconnectFlags, reason: ReasonCode, _: object
    ) -> None:
        if self._why is None and flags.is_disconnect_packet_from_server:
            self._why = BrokerError(f"{self.options}: the broker ended the connection: {reason}", reason.value)


def _deliver(callback: Callable[[], None]) -> None:
    # concurrent.futures logs what a done-callback raises, with its traceback, and goes on.
    signal: Future[None] = Future()
    signal.add_done_callback(lambda _: callback())
    signal.set_result(None)


def connect_properties(session_expiry_s: int, receive_maximum: int | None = None) -> Properties:
    """What a CONNECT tells the broker of its session: how long it is kept, and how much may be under way to us."""
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = session_expiry_s
    properties.MaximumPacketSize = MAX_PACKET
    if receive_maximum is not None:
        properties.ReceiveMaximum = receive_maximum
    return properties


def _send_at_once(_client: paho.Client, _data: object, sock: object) -> None:
    # paho also knows WebSockets, which have no such option; we never ask for one.
    if isinstance(sock, socket.socket):
        sock.setsockopt(*NO_DELAY)
