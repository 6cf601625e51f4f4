"""The hub's connection against real brokers: mosquitto with the committed rights, and the embedded one."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from mqtt.aio_connection import RECEIVE_MAXIMUM, AioSession, run
from mqtt.connection import Backoff, ConnectionOptions, Message, Will
from mqtt.errors import BrokerError
from mqtt.paho_connection import PACKET_TOO_LARGE
from mqtt.topic import HUB_STATE, Channel, subscription
from tests.lab.brokers import PASSWORDS, Embedded, guarded_mosquitto
from tests.lab.fixtures import peer_or_skip
from tests.lab.peers import Mosquitto

EVENT = "tr/v1/box1/event"
WAIT_S = 20.0
QUICK = Backoff(longest_s=1.0)

Broker = Mosquitto | Embedded
Session = Callable[[AioSession], Awaitable[None]]


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


class Downs(asyncio.Queue[BrokerError]):
    """The losses of one connection."""

    def __init__(self) -> None:
        super().__init__()
        self.told = self.put_nowait


@asynccontextmanager
async def linked(
    to: ConnectionOptions, *filters: str, will: Will | None = None, downs: Downs | None = None
) -> AsyncIterator["asyncio.Queue[AioSession]"]:
    """Keep a connection; each time it is up and subscribed its session is put into the queue."""
    links: asyncio.Queue[AioSession] = asyncio.Queue()

    async def session(link: AioSession) -> None:
        if filters:
            await link.subscribe(filters)
        links.put_nowait(link)
        while True:
            link.check()
            await asyncio.sleep(0.02)

    running = asyncio.create_task(run(to, session, will, QUICK, (downs or Downs()).told))
    try:
        yield links
    finally:
        running.cancel()
        await asyncio.wait([running], timeout=WAIT_S)
        assert running.cancelled()


async def got(link: AioSession) -> Message:
    return await asyncio.wait_for(anext(link.messages), WAIT_S)


async def up(links: "asyncio.Queue[AioSession]") -> AioSession:
    return await asyncio.wait_for(links.get(), WAIT_S)


async def test_what_is_published_arrives_and_is_answered(broker: Broker) -> None:
    hub_options, box_options = options(broker, "hub"), options(broker, "box1")
    async with linked(hub_options, subscription(Channel.EVENT, "hub")) as hubs, linked(box_options) as boxes:
        hub, box = await up(hubs), await up(boxes)
        assert (await box.publish(EVENT, b"x" * 60_000)).ok
        assert await got(hub) == Message(EVENT, b"x" * 60_000, retained=False)


async def test_a_publish_that_the_rights_refuse_is_not_ok(strict_broker: Mosquitto) -> None:
    async with linked(options(strict_broker, "box1")) as boxes:
        outcome = await (await up(boxes)).publish("tr/v1/box2/event", b"forged")
    assert (outcome.reason_code, outcome.text, outcome.ok) == (0x87, "Not authorized", False)


async def test_a_wrong_password_is_reported_with_the_brokers_reason(strict_broker: Mosquitto) -> None:
    downs = Downs()
    async with linked(options(strict_broker, "hub", password=SecretStr("wrong-canary")), downs=downs) as hubs:
        error = await asyncio.wait_for(downs.get(), WAIT_S)
        assert error.reason_code in {0x86, 0x87}
        assert "wrong-canary" not in str(error)
        assert hubs.empty()


async def test_a_killed_broker_comes_back_and_subscriptions_work_again(broker: Broker) -> None:
    downs = Downs()
    hub_options, box_options = options(broker, "hub"), options(broker, "box1")
    async with linked(hub_options, subscription(Channel.EVENT), downs=downs) as hubs, linked(box_options) as boxes:
        old, _ = await up(hubs), await up(boxes)
        waiting = asyncio.create_task(got(old))
        broker.kill()
        with pytest.raises(BrokerError):
            await waiting
        with pytest.raises(BrokerError):
            await old.publish("tr/v1/box1/ack", b"into the void")
        assert await asyncio.wait_for(downs.get(), WAIT_S)
        broker.start()
        hub, box = await up(hubs), await up(boxes)
        assert (await box.publish(EVENT, b"again")).ok
        assert (await got(hub)).payload == b"again"


async def test_a_publish_fails_when_the_connection_goes_before_the_answer(strict_broker: Mosquitto) -> None:
    async with linked(options(strict_broker, "box1")) as boxes:
        box = await up(boxes)
        strict_broker.freeze()
        waiting = [asyncio.create_task(box.publish(EVENT, b"%d" % number)) for number in range(50)]
        done, _ = await asyncio.wait(waiting, timeout=0.2)
        assert not done
        strict_broker.kill()
        answers = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), WAIT_S)
        assert all(isinstance(answer, BrokerError) for answer in answers)


async def test_a_packet_that_is_too_large_is_refused_here_and_the_connection_stays(broker: Broker) -> None:
    async with linked(options(broker, "hub"), subscription(Channel.EVENT)) as hubs:
        hub = await up(hubs)
        with pytest.raises(BrokerError, match="bytes") as error:
            await hub.publish(EVENT, b"x" * 131_073)
        assert error.value.reason_code == PACKET_TOO_LARGE
        assert (await hub.publish("tr/v1/box1/ack", b"small")).ok


async def test_a_slow_reader_gets_everything_in_order_and_holds_few(broker: Broker) -> None:
    many = 3 * RECEIVE_MAXIMUM
    hub_options, box_options = options(broker, "hub"), options(broker, "box1")
    async with linked(hub_options, subscription(Channel.EVENT)) as hubs, linked(box_options) as boxes:
        hub, box = await up(hubs), await up(boxes)
        outcomes = await asyncio.gather(*(box.publish(EVENT, b"%d" % number) for number in range(many)))
        assert all(outcome.ok for outcome in outcomes)
        assert 0 < hub._queue.qsize() <= RECEIVE_MAXIMUM, "the broker keeps the rest"
        assert [int((await got(hub)).payload) for _ in range(many)] == list(range(many))


async def test_a_broker_that_floods_a_slow_reader_is_left_and_what_was_not_taken_comes_again(
    strict_broker: Mosquitto, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    downs = Downs()
    async with linked(options(strict_broker, "box1")) as boxes:
        box = await up(boxes)
        async with linked(options(strict_broker, "hub"), subscription(Channel.EVENT), downs=downs) as hubs:
            await up(hubs)
            monkeypatch.setattr("mqtt.aio_connection.HELD_BYTES", 1000)
            for number in range(3):
                assert (await box.publish(EVENT, b"%400d" % number)).ok
            assert await asyncio.wait_for(downs.get(), WAIT_S)
            monkeypatch.undo()
            hub = await up(hubs)
            assert [int((await got(hub)).payload) for _ in range(3)] == [0, 1, 2]
    assert "sends faster than it is read" in caplog.text


async def test_what_was_not_taken_comes_again_on_the_next_connection(strict_broker: Mosquitto) -> None:
    async with linked(options(strict_broker, "box1")) as boxes:
        box = await up(boxes)
        async with linked(options(strict_broker, "hub"), subscription(Channel.EVENT)) as hubs:
            hub = await up(hubs)
            for number in range(4):
                assert (await box.publish(EVENT, b"%d" % number)).ok
            assert [(await got(hub)).payload for _ in range(2)] == [b"0", b"1"]
        async with linked(options(strict_broker, "hub"), subscription(Channel.EVENT)) as hubs:
            hub = await up(hubs)
            assert [(await got(hub)).payload for _ in range(2)] == [b"2", b"3"]


async def test_waiting_for_a_message_may_be_cancelled_without_loss(broker: Broker) -> None:
    hub_options, box_options = options(broker, "hub"), options(broker, "box1")
    async with linked(hub_options, subscription(Channel.EVENT)) as hubs, linked(box_options) as boxes:
        hub, box = await up(hubs), await up(boxes)
        messages = hub.messages
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(messages), 0.01)
        assert (await box.publish(EVENT, b"later")).ok
        assert (await asyncio.wait_for(anext(messages), WAIT_S)).payload == b"later"


async def test_cancelling_drops_the_will_and_the_session_can_say_goodbye(broker: Broker) -> None:
    async def session(link: AioSession) -> None:
        ready.set()
        try:
            await anext(link.messages)
        finally:
            assert (await link.publish(HUB_STATE, b"goodbye", retain=True)).ok

    ready = asyncio.Event()
    async with linked(options(broker, "box1"), HUB_STATE) as boxes:
        box = await up(boxes)
        running = asyncio.create_task(run(options(broker, "hub"), session, Will(HUB_STATE, b"will", retain=True)))
        await asyncio.wait_for(ready.wait(), WAIT_S)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert (await got(box)).payload == b"goodbye"
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(box.messages), 0.3)


async def test_the_session_ends_run_by_returning_and_its_errors_come_out(broker: Broker) -> None:
    async def done(link: AioSession) -> None:
        await link.publish("tr/v1/box1/ack", b"1")

    async def broken(_: AioSession) -> None:
        raise KeyError("fault of the session")

    await asyncio.wait_for(run(options(broker, "hub"), done), WAIT_S)
    with pytest.raises(KeyError, match="fault of the session"):
        await asyncio.wait_for(run(options(broker, "hub"), broken), WAIT_S)


async def test_a_loss_inside_a_task_group_reconnects_too(broker: Broker) -> None:
    sessions = 0

    async def session(link: AioSession) -> None:
        nonlocal sessions
        sessions += 1
        if sessions == 2:
            return
        async with asyncio.TaskGroup() as group:
            group.create_task(link.publish("tr/v1/box1/ack", b"x" * 131_073))

    downs = Downs()
    await asyncio.wait_for(run(options(broker, "hub"), session, None, Backoff(longest_s=0.3), downs.told), WAIT_S)
    assert sessions == 2
    assert downs.get_nowait().reason_code == PACKET_TOO_LARGE


async def test_nobody_there_is_told_and_cancelling_does_not_hang(free_port: int) -> None:
    downs = Downs()
    async with linked(ConnectionOptions("127.0.0.1", free_port, "hub"), downs=downs):
        assert (await asyncio.wait_for(downs.get(), WAIT_S)).reason_code is None


async def test_a_server_that_says_nothing_is_given_up_and_cancelling_does_not_hang(free_port: int) -> None:
    async def silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.set()
        await _reader.read()
        writer.close()

    came = asyncio.Event()
    server = await asyncio.start_server(silent, "127.0.0.1", free_port)
    downs = Downs()
    async with server, linked(ConnectionOptions("127.0.0.1", free_port, "hub", connect_timeout_s=0.3), downs=downs):
        await asyncio.wait_for(came.wait(), WAIT_S)
        assert await asyncio.wait_for(downs.get(), WAIT_S)
