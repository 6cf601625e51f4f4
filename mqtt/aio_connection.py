"""The hub's connection to a broker, in asyncio, around aiomqtt, which no other file imports."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Self

import aiomqtt

from mqtt.connection import MAX_PACKET, NO_DELAY, Backoff, ConnectionOptions, Message, PublishOutcome, Will
from mqtt.errors import BrokerError
from mqtt.paho_connection import (
    MAX_INFLIGHT,
    PACKET_TOO_LARGE,
    TOPIC_INVALID,
    PahoMessage,
    PahoReason,
    connect_properties,
)

RECEIVE_MAXIMUM = 256
HELD_BYTES = 64 * 1024 * 1024
_HEADER_BYTES = 64

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Waiting:
    message: Message
    mid: int
    qos: int


class AioSession:
    """One connection, from the broker's yes to its loss; `messages` and `publish` raise BrokerError from then on.

    Nothing that arrives is dropped in silence: a QoS 1 message is PUBACKed only when it is taken from `messages`, and
    the broker was told on connecting (Receive Maximum) to have at most 256 without PUBACK under way. So a slow reader
    makes the broker keep the rest in its own queue. Measured: rumqttd keeps to it; mosquitto 2.0.11 sends up to 255
    more for each PUBACK (its issue 2301). So what waits here is bounded by bytes as well: beyond 64 MiB the connection
    is ended, which is logged, and the broker sends again what had no PUBACK. QoS 0 is dropped and logged when 256 wait.
    """

    def __init__(self, options: ConnectionOptions, client: aiomqtt.Client) -> None:
        self._name = str(options)
        self._client = client
        # aiomqtt hides the PUBACK's reason code and the CONNACK's limits, and acknowledges what nobody has taken yet.
        self._paho = client._client  # noqa: SLF001
        self._paho.manual_ack_set(True)
        self._paho.connect_timeout = options.connect_timeout_s
        self._paho.on_connect = self._on_connect
        self._paho.on_message = self._on_message
        self._paho.on_publish = self._on_publish
        self._queue: asyncio.Queue[_Waiting | None] = asyncio.Queue()
        self._held = 0
        self._sent: dict[int, asyncio.Future[PublishOutcome]] = {}
        self._window = asyncio.Semaphore(MAX_INFLIGHT)
        self._max_packet = MAX_PACKET
        self._lost: BrokerError | None = None

    async def subscribe(self, filters: Sequence[str]) -> None:
        """Subscribe at QoS 1.

        Raises:
            BrokerError: a filter was refused, or the connection was lost.
        """
        try:
            answers = await self._client.subscribe([(text, 1) for text in filters])
        except aiomqtt.MqttError as error:
            raise _broker_error(self._name, error) from None
        for text, answer in zip(filters, answers, strict=True):
            if isinstance(answer, PahoReason) and answer.is_failure:
                raise BrokerError(f"{self._name}: subscription {text} refused: {answer}", answer.value)

    @property
    def messages(self) -> "Messages":
        """What arrives, in order; iterating may be cancelled and taken up again without loss."""
        return Messages(self)

    async def publish(self, topic: str, payload: bytes, qos: int = 1, retain: bool = False) -> PublishOutcome:
        """Send `payload` and wait for the broker's answer; at most 100 wait at once, the others queue up behind them.

        Raises:
            BrokerError: too large for this broker, no topic, or the connection was lost before the answer.
        """
        size = len(topic.encode()) + len(payload) + _HEADER_BYTES
        if size > self._max_packet:
            raise BrokerError(f"{topic}: {size} bytes, {self._name} takes {self._max_packet}", PACKET_TOO_LARGE)
        async with self._window:
            self.check()
            try:
                info = self._paho.publish(topic, payload, qos, retain)
            except ValueError as error:
                raise BrokerError(f"{topic!r}: {error}", TOPIC_INVALID) from None
            if info.rc:
                raise BrokerError(f"{self._name}: not sent: {info.rc!s}")
            if qos == 0:
                return PublishOutcome(0, "Handed over")
            answer: asyncio.Future[PublishOutcome] = asyncio.get_running_loop().create_future()
            self._sent[info.mid] = answer
            try:
                return await answer
            finally:
                self._sent.pop(info.mid, None)

    def check(self) -> None:
        """Raise the BrokerError that ended this connection, if it has ended."""
        if self._lost is not None:
            raise self._lost

    async def take(self) -> Message:
        """Wait for the next message and acknowledge it to the broker.

        Raises:
            BrokerError: the connection was lost.
        """
        self.check()
        waiting = await self._queue.get()
        if waiting is None:
            self._queue.put_nowait(None)
            self.check()
            raise BrokerError(f"{self._name}: the connection is closed")
        self._held -= len(waiting.message.payload)
        self._paho.ack(waiting.mid, waiting.qos)
        return waiting.message

    def watch(self) -> None:
        """Learn of the loss of the connection that was just made."""
        self._client._disconnected.add_done_callback(self._on_lost)  # noqa: SLF001

    def _on_lost(self, ended: "asyncio.Future[None]") -> None:
        error = None if ended.cancelled() else ended.exception()
        self._lost = (
            _broker_error(self._name, error) if error else BrokerError(f"{self._name}: the connection is closed")
        )
        self._queue.put_nowait(None)
        for answer in self._sent.values():
            if not answer.done():
                answer.set_exception(self._lost)

    def _on_connect(self, client: object, data: object, flags: object, reason: PahoReason, properties: object) -> None:
        self._max_packet = getattr(properties, "MaximumPacketSize", MAX_PACKET)
        self._window = asyncio.Semaphore(min(MAX_INFLIGHT, getattr(properties, "ReceiveMaximum", MAX_INFLIGHT)))
        self._client._on_connect(client, data, flags, reason, properties)  # type: ignore[arg-type]  # noqa: SLF001

    def _on_message(self, _client: object, _data: object, message: PahoMessage) -> None:
        if message.qos == 0 and self._queue.qsize() >= RECEIVE_MAXIMUM:
            _log.warning("%s: %s at QoS 0 dropped, %d wait already", self._name, message.topic, RECEIVE_MAXIMUM)
            return
        if self._held + len(message.payload) > HELD_BYTES:
            _log.error("%s sends faster than it is read, beyond Receive Maximum; reconnecting", self._name)
            self._paho.disconnect()
            return
        self._held += len(message.payload)
        taken = Message(message.topic, bytes(message.payload), bool(message.retain))
        self._queue.put_nowait(_Waiting(taken, message.mid, message.qos))

    def _on_publish(self, _client: object, _data: object, mid: int, reason: PahoReason, _properties: object) -> None:
        answer = self._sent.get(mid)
        if answer is not None and not answer.done():
            answer.set_result(PublishOutcome(reason.value, str(reason)))


class Messages:
    """The messages of one session as an asynchronous iterator."""

    def __init__(self, session: AioSession) -> None:
        self._session = session

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Message:
        return await self._session.take()


def _log_down(error: BrokerError) -> None:
    _log.warning("%s", error)


async def run(
    options: ConnectionOptions,
    session: Callable[[AioSession], Awaitable[None]],
    will: Will | None = None,
    backoff: Backoff | None = None,
    on_down: Callable[[BrokerError], None] = _log_down,
) -> None:
    """Keep connected and await `session` on each connection, until it returns or this is cancelled.

    A BrokerError that leaves `session` (alone or in an exception group) ends its connection, is told to `on_down`, and
    a new connection is made after the back-off. The session is not interrupted when the connection goes: it learns of
    it from the first thing it does with it. When cancelled it can still publish; then the broker drops the will.
    """
    waits = backoff or Backoff()
    attempt = 0
    while True:
        lost: BrokerError | None = None
        try:
            async with _connection(options, will) as link:
                attempt = -1
                await session(link)
        except* BrokerError as group:
            lost = _first(group)
        if lost is None:
            return
        on_down(lost)
        attempt += 1
        await asyncio.sleep(waits.delay_s(attempt, lost.reason_code))


@contextlib.asynccontextmanager
async def _connection(options: ConnectionOptions, will: Will | None) -> AsyncIterator[AioSession]:
    password = options.password.get_secret_value() if options.password is not None else None
    client = aiomqtt.Client(
        options.host,
        options.port,
        identifier=options.client_id,
        username=options.username,
        password=password,
        protocol=aiomqtt.ProtocolVersion.V5,
        will=aiomqtt.Will(will.topic, will.payload, will.qos, will.retain) if will else None,
        clean_start=options.clean_start,
        timeout=options.connect_timeout_s,
        keepalive=options.keepalive_s,
        max_inflight_messages=MAX_INFLIGHT,
        properties=connect_properties(options.session_expiry_s, RECEIVE_MAXIMUM),
        tls_context=options.tls.context() if options.tls else None,
        socket_options=[NO_DELAY],
        logger=_log,
    )
    session = AioSession(options, client)
    try:
        await _enter(client)
    except (aiomqtt.MqttError, ValueError) as error:
        client._client.disconnect()  # noqa: SLF001
        raise _broker_error(str(options), error) from None
    session.watch()
    try:
        yield session
    finally:
        with contextlib.suppress(aiomqtt.MqttError):
            await client.__aexit__(None, None, None)


async def _enter(client: aiomqtt.Client) -> None:
    entering = asyncio.ensure_future(client.__aenter__())
    try:
        await asyncio.shield(entering)
    except asyncio.CancelledError:
        # The connect runs in a thread that cannot be stopped; left alone, it would keep our name taken at the broker.
        with contextlib.suppress(aiomqtt.MqttError):
            await entering
            await client.__aexit__(None, None, None)
        raise


def _broker_error(name: str, error: BaseException) -> BrokerError:
    reason = getattr(error, "rc", None)
    code = None if reason is None or isinstance(reason, int) else reason.value
    return BrokerError(f"{name}: {error}", code)


def _first(group: BaseExceptionGroup[BrokerError]) -> BrokerError:
    inner = group.exceptions[0]
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else inner
