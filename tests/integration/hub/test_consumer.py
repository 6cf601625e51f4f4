"""The consumer at real brokers and databases: acks after the commit only, outages, replicas, the state of the hub."""

import asyncio
import random
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr
from sqlalchemy import func, select, text

from hub.app import run_hub
from hub.auth.policy import Role, Subject
from hub.cases.models import CaseRow
from hub.clock import SystemClock, SystemIds
from hub.db.errors import NoAnswerError
from hub.ingest.batcher import LIMIT
from hub.ingest.intake import Limits
from hub.ingest.models import EventRow
from hub.settings import HubSettings
from hub.state import Hub
from mqtt.answers import HubState
from mqtt.connection import Message
from mqtt.envelope import MAX_BYTES, encode
from mqtt.errors import RefusalReason
from mqtt.messages import Phase
from mqtt.topic import HUB_STATE
from tests.hub_messages import START, BoxVoice, camera, new_id
from tests.integration.hub.box import Box
from tests.lab.brokers import PASSWORDS, Embedded, guarded_mosquitto
from tests.lab.peers import Mosquitto, Postgres

EVERYTHING = Subject(new_id(), "admin", Role.ADMINISTRATOR, "")
Broker = Mosquitto | Embedded


@pytest.fixture(params=["mosquitto", "embedded"])
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Broker]:
    """Each kind of broker with the accounts hub, box1 and box2."""
    with guarded_mosquitto(tmp_path) if request.param == "mosquitto" else Embedded(tmp_path) as running:
        yield running


@asynccontextmanager
async def running_hub(folder: Path, database_url: str, broker: Broker) -> AsyncIterator[Hub]:
    settings = HubSettings(
        data_dir=folder,
        database_url=SecretStr(database_url),
        mqtt_port=broker.port,
        mqtt_username="hub",
        mqtt_password=SecretStr(PASSWORDS["hub"]),
    )
    async with run_hub(settings, SystemClock(), SystemIds()) as hub:
        yield hub


def box_at(broker: Broker, edge_id: str = "box1") -> Box:
    return Box(broker.port, edge_id, PASSWORDS[edge_id])


async def number_of(hub: Hub, table: type) -> int:
    async with hub.uow.read() as session:
        return (await session.execute(select(func.count()).select_from(table))).scalar_one()


async def test_from_the_wire_to_a_case_and_back(tmp_path: Path, database_url: str, broker: Broker) -> None:
    async with running_hub(tmp_path / "hub", database_url, broker) as hub, box_at(broker) as box:
        await hub.auth.provision_edge("box1")
        await box.until(lambda: box.hub_online is True)
        voice, incident = BoxVoice("box1"), new_id()
        envelopes = [voice.finding(incident), voice.finding(incident, Phase.CLOSE), voice.reading()]
        with hub.feed.watch(EVERYTHING) as viewer:
            viewer.take()
            await box.send([*envelopes, voice.birth(camera())])
            await box.until_settled(envelopes)
            await viewer.wait()
        assert (await number_of(hub, EventRow), await number_of(hub, CaseRow)) == (3, 1)
        await box.send(envelopes)
        await box.until(lambda: len(box.settled) == 6)
        assert await number_of(hub, EventRow) == 3
        assert box.refused == []


async def test_poison_is_refused_while_its_neighbours_are_settled(
    tmp_path: Path, database_url: str, broker: Broker
) -> None:
    async with running_hub(tmp_path / "hub", database_url, broker) as hub, box_at(broker) as box:
        await hub.auth.provision_edge("box1")
        await box.until(lambda: box.hub_online is True)
        voice = BoxVoice("box1")
        good = [voice.finding(new_id()) for _ in range(3)]
        topic = "tr/v1/box1/event"
        poison = [Message(topic, payload, False) for payload in (b"", b"{}", b"x" * (MAX_BYTES + 1))]
        await box.send([good[0], poison[0], good[1], poison[1], good[2], poison[2]])
        await box.until_settled(good)
        await box.until(lambda: len(box.refused) == 3)
        assert {refusal.reason for refusal in box.refused} == {
            RefusalReason.NOT_JSON,
            RefusalReason.INVALID,
            RefusalReason.TOO_LARGE,
        }
        assert await number_of(hub, CaseRow) == 3


async def test_the_hub_says_when_it_takes_events(tmp_path: Path, postgres_url: str, broker: Broker) -> None:
    async with box_at(broker) as box:
        async with running_hub(tmp_path / "one", postgres_url, broker):
            await box.until(lambda: box.hub_online is True)
            async with running_hub(tmp_path / "two", postgres_url, broker) as second:
                await wait_until(lambda: second.ingest.connected)
            # The second has said good-bye, and the first has opened the door again.
            await box.until(lambda: box.hub_online is True)
        await box.until(lambda: box.hub_online is False)


# Replicas need a site's broker: rumqttd loses messages between two members of one shared subscription.
@pytest.mark.parametrize("broker", ["mosquitto"], indirect=True)
async def test_two_replicas_share_the_work_and_make_one_case_for_each_incident(
    tmp_path: Path, postgres_url: str, broker: Broker
) -> None:
    async with AsyncExitStack() as stack:
        hubs = [await stack.enter_async_context(running_hub(tmp_path / n, postgres_url, broker)) for n in "ab"]
        viewers = [stack.enter_context(hub.feed.watch(EVERYTHING, limit=1000)) for hub in hubs]
        assert [viewer.take()[0] for viewer in viewers] == [True, True]
        for edge_id in ("box1", "box2"):
            await hubs[0].auth.provision_edge(edge_id)
        for hub in hubs:
            await wait_until(lambda hub=hub: hub.ingest.connected)
        boxes = [await stack.enter_async_context(box_at(broker, edge_id)) for edge_id in ("box1", "box2")]
        for box, edge_id in zip(boxes, ("box1", "box2"), strict=True):
            voice, incidents = BoxVoice(edge_id), [new_id() for _ in range(40)]
            told = [voice.finding(incident, phase) for phase in Phase for incident in incidents]
            sent = told * 2
            random.Random(3).shuffle(sent)
            await box.send(sent)
            await box.until_settled(told)
            assert box.refused == []
        async with hubs[0].uow.read() as session:
            cases = (await session.execute(select(CaseRow))).scalars().all()
        assert len(cases) == 80
        assert len({case.case_no for case in cases}) == 80
        assert {(case.version, case.cleared_at is None) for case in cases} == {(3, False)}
        assert all(viewer.take()[1] for viewer in viewers)


Outage = Callable[[str], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def locked_sqlite(url: str) -> AsyncIterator[None]:
    """Nobody can write."""
    connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None, check_same_thread=False)
    # Not on this loop: the hub, which may be writing, could never commit.
    await asyncio.to_thread(connection.execute, "BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")
        connection.close()


@asynccontextmanager
async def failing_commit(url: str) -> AsyncIterator[None]:
    """Everything works until the COMMIT itself, which fails as it does when the server is shut down."""
    dsn = url.replace("+psycopg", "")
    make = """
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'going down' USING ERRCODE = 'admin_shutdown'; END $$;
        CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON event DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION refuse()"""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(make)
    try:
        yield
    finally:
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("DROP TRIGGER refuse ON event")


async def test_no_ack_before_the_commit_and_all_acks_after_the_outage(
    tmp_path: Path, database_url: str, broker: Broker
) -> None:
    outage: Outage = locked_sqlite if database_url.startswith("sqlite") else failing_commit
    async with running_hub(tmp_path / "hub", database_url, broker) as hub, box_at(broker) as box:
        await hub.auth.provision_edge("box1")
        await box.until(lambda: box.hub_online is True)
        envelopes = [BoxVoice("box1").finding(new_id()) for _ in range(5)]
        async with outage(database_url):
            await box.send(envelopes)
            await box.until(lambda: box.hub_online is False)
            assert box.settled == []
            assert await number_of(hub, EventRow) == 0
        await box.until_settled(envelopes)
        await box.until(lambda: box.hub_online is True)
        assert (box.refused, await number_of(hub, CaseRow)) == ([], 5)
        async with hub.uow.read() as session:
            assert (await session.execute(text("SELECT count(*) FROM dead_letter"))).scalar_one() == 0


@pytest.mark.parametrize("broker", ["mosquitto"], indirect=True)
async def test_what_a_box_sends_beyond_its_room_is_let_go_and_can_be_sent_again(
    tmp_path: Path, broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    database_url = f"sqlite:///{tmp_path}/hub.sqlite"
    async with running_hub(tmp_path / "hub", database_url, broker) as hub, AsyncExitStack() as stack:
        flooder, neighbour = [await stack.enter_async_context(box_at(broker, name)) for name in ("box1", "box2")]
        for edge_id in ("box1", "box2"):
            await hub.auth.provision_edge(edge_id)
        await flooder.until(lambda: flooder.hub_online is True)
        flood = [BoxVoice("box1").reading() for _ in range(2 * Limits().messages)]
        calm = [BoxVoice("box2").reading() for _ in range(5)]
        async with locked_sqlite(database_url):
            await flooder.send(flood)
            await neighbour.send(calm)
            await wait_until(lambda: sum(hub.ingest.held_back.values()) >= len(flood) - Limits().messages - LIMIT)
        await neighbour.until_settled(calm)
        await flooder.until(lambda: len(flooder.settled) + hub.ingest.held_back["box1"] == len(flood))
        assert hub.ingest.held_back.keys() == {"box1"}
        assert caplog.text.count("box1 sends more than the hub takes") == 1
        settled = set(flooder.settled)
        await flooder.send([envelope for envelope in flood if envelope.event_id not in settled])
        await flooder.until_settled(flood)
        assert flooder.refused == []
        assert await number_of(hub, EventRow) == len(flood) + len(calm)


async def test_a_database_that_hangs_is_an_outage_and_heals(
    tmp_path: Path, postgres: Postgres, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with guarded_mosquitto(tmp_path) as broker:
        async with running_hub(tmp_path / "hub", postgres_url, broker) as hub, box_at(broker) as box:
            await hub.auth.provision_edge("box1")
            await box.until(lambda: box.hub_online is True)
            monkeypatch.setattr("hub.db.unit_of_work.LIMIT_S", 1.0)
            envelopes = [BoxVoice("box1").finding(new_id()) for _ in range(5)]
            postgres.freeze()
            try:
                with pytest.raises(NoAnswerError):
                    await number_of(hub, EventRow)
                await box.send(envelopes)
                await box.until(lambda: box.hub_online is False)
                assert (box.settled, box.refused) == ([], [])
            finally:
                postgres.thaw()
            await box.until_settled(envelopes)
            await box.until(lambda: box.hub_online is True)
            assert (box.refused, await number_of(hub, CaseRow)) == ([], 5)


async def test_a_foreign_farewell_is_contradicted(tmp_path: Path, postgres_url: str) -> None:
    with Embedded(tmp_path) as broker:
        async with running_hub(tmp_path / "hub", postgres_url, broker), box_at(broker) as box:
            await box.until(lambda: box.hub_online is True)
            await box.send([Message(HUB_STATE, encode(HubState(online=False, since=START)), False)])
            await box.until(lambda: box.hub_online is False)
            await box.until(lambda: box.hub_online is True)


async def wait_until(met: Callable[[], bool]) -> None:
    while not met():
        await asyncio.sleep(0.01)
