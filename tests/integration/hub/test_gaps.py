"""Gaps in the order of a box on both databases: noticed, asked for by one replica, closed in every way."""

import asyncio
import logging
from typing import Literal

import httpx
import pytest

from hub.ingest.consumer import connection_options, make_handler
from hub.ingest.resync import Resync
from hub.state import Hub
from mqtt.answers import Command
from mqtt.connection import Message
from mqtt.messages import ResultBody, SeqRange, ShedBody
from mqtt.states import HealthBody
from tests.hub_fixtures import Admin, FakeClock
from tests.hub_messages import SETTLED, START, BoxVoice, camera, new_id, on_wire


@pytest.fixture
def resync(hub: Hub) -> Resync:
    return resync_of(hub)


def resync_of(hub: Hub) -> Resync:
    return Resync(hub, connection_options(hub, "test"))


async def gaps(admin: Admin) -> dict[str, int]:
    answer: httpx.Response = await admin.client.get("/api/v1/edges")
    (edge,) = answer.json()["items"]
    found: dict[str, int] = edge["gaps"]
    return found


async def a_box_with_a_gap(hub: Hub, clock: FakeClock, resync: Resync) -> tuple[BoxVoice, Message, dict[str, Command]]:
    """Of six events the fourth does not come, and has been missing for long enough."""
    await hub.auth.provision_edge("edge-1")
    box = BoxVoice("edge-1")
    events = [on_wire(box.reading()) for _ in range(6)]
    missing = events.pop(3)
    await make_handler(hub).take([*events, on_wire(box.health(camera()))])
    assert await resync.look() == {}
    clock.advance(5)
    return box, missing, await resync.look()


async def test_a_gap_is_told_asked_for_and_closed(
    hub: Hub, hub_clock: FakeClock, admin: Admin, resync: Resync, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    _, missing, asked = await a_box_with_a_gap(hub, hub_clock, resync)
    assert list(asked) == ["edge-1"]
    assert await gaps(admin) == {"open": 1, "lost": 0}
    assert "events 4 to 4 are missing" in caplog.text
    assert await resync.look() == {}
    hub_clock.advance(10)
    assert list(await resync.look()) == ["edge-1"]
    await make_handler(hub).take([missing])
    assert await resync.look() == {}
    assert await gaps(admin) == {"open": 0, "lost": 0}
    assert "events 4 to 4 were missing and have come" in caplog.text


async def test_one_that_comes_late_is_no_gap(hub: Hub, hub_clock: FakeClock, admin: Admin, resync: Resync) -> None:
    await hub.auth.provision_edge("edge-1")
    box = BoxVoice("edge-1")
    first, second = on_wire(box.reading()), on_wire(box.reading())
    await make_handler(hub).take([second, on_wire(box.health(camera()))])
    await resync.look()
    await make_handler(hub).take([first])
    hub_clock.advance(5)
    assert await resync.look() == {}
    assert await gaps(admin) == {"open": 0, "lost": 0}


async def test_a_state_tells_of_events_that_nothing_came_after(
    hub: Hub, hub_clock: FakeClock, admin: Admin, resync: Resync
) -> None:
    await hub.auth.provision_edge("edge-1")
    box = BoxVoice("edge-1")
    box.reading()
    await make_handler(hub).take([on_wire(box.health(camera()))])
    await resync.look()
    hub_clock.advance(5)
    assert list(await resync.look()) == ["edge-1"]
    assert await gaps(admin) == {"open": 1, "lost": 0}


async def test_what_a_box_let_go_of_is_no_gap(hub: Hub, hub_clock: FakeClock, admin: Admin, resync: Resync) -> None:
    box, _, _ = await a_box_with_a_gap(hub, hub_clock, resync)
    older = new_id()
    ranges = (SeqRange(boot_id=box.boot_id, first=4, last=4), SeqRange(boot_id=older, first=1, last=3))
    shed = ShedBody(
        what="events", count=4, bytes=9, oldest=START, newest=START, severe=False, reason="over_budget", events=ranges
    )
    await make_handler(hub).take([on_wire(box.say(shed))])
    await resync.look()
    hub_clock.advance(60)
    assert await resync.look() == {}
    assert await gaps(admin) == {"open": 0, "lost": 0}


async def test_what_was_refused_did_come(hub: Hub, hub_clock: FakeClock, admin: Admin, resync: Resync) -> None:
    _, missing, _ = await a_box_with_a_gap(hub, hub_clock, resync)
    outcome = await make_handler(hub).take([Message(missing.topic, missing.payload.replace(b'"mm"', b"17"), False)])
    assert outcome.buried == 1
    await resync.look()
    assert await gaps(admin) == {"open": 0, "lost": 0}


@pytest.mark.parametrize(("status", "then"), [("failed", 0), ("done", 0), ("done", 1)])
async def test_a_gap_is_lost_when_the_box_has_nothing_left(
    hub: Hub, hub_clock: FakeClock, admin: Admin, resync: Resync, status: Literal["done", "failed"], then: int
) -> None:
    box, _, asked = await a_box_with_a_gap(hub, hub_clock, resync)
    await make_handler(hub).take([on_wire(box.say(ResultBody(command_id=asked["edge-1"].command_id, status=status)))])
    await resync.look()
    outbox = SETTLED.model_copy(update={"pending": then, "acked": 9 - then})
    await make_handler(hub).take([on_wire(box.say(HealthBody(cameras=(camera(),), outbox=outbox)))])
    await resync.look()
    lost = 0 if then else 1
    assert await gaps(admin) == {"open": 1 - lost, "lost": lost}


async def test_two_replicas_ask_once(hub: Hub, hub_clock: FakeClock) -> None:
    replicas = [resync_of(hub), resync_of(hub)]
    await a_box_with_a_gap(hub, hub_clock, replicas[0])
    for _ in range(5):
        hub_clock.advance(700)
        await make_handler(hub).take([on_wire(BoxVoice("edge-1", start=hub_clock.now()).birth(camera()))])
        asked = await asyncio.gather(*(replica.look() for replica in replicas))
        assert sum(len(each) for each in asked) == 1


async def test_a_box_that_names_ten_thousand_boots_stops_nothing(
    hub: Hub, hub_clock: FakeClock, resync: Resync, admin: Admin
) -> None:
    await hub.auth.provision_edge("edge-1")
    box = BoxVoice("edge-1")
    sheds = [
        ShedBody(
            what="events",
            count=256,
            bytes=1,
            oldest=START,
            newest=START,
            severe=False,
            reason="over_budget",
            events=tuple(SeqRange(boot_id=new_id(), first=1, last=2) for _ in range(256)),
        )
        for _ in range(40)
    ]
    await make_handler(hub).take([on_wire(box.say(shed)) for shed in sheds])
    assert await resync.look() == {}
    box.reading()
    await make_handler(hub).take([on_wire(box.health(camera()))])
    await resync.look()
    hub_clock.advance(6)
    assert list(await resync.look()) == ["edge-1"]
    assert (await gaps(admin))["open"] == 1


async def test_a_clock_that_is_set_back_silences_no_gap(hub: Hub, hub_clock: FakeClock, resync: Resync) -> None:
    await hub.auth.provision_edge("edge-1")
    box = BoxVoice("edge-1")
    events = [on_wire(box.reading()) for _ in range(6)]
    del events[3]
    await make_handler(hub).take([*events, on_wire(box.health(camera()))])
    await resync.look()
    hub_clock.advance(-3600)
    asked = []
    for _ in range(4):
        hub_clock.advance(5)
        await make_handler(hub).take([on_wire(box.health(camera()))])
        asked += await resync.look()
    assert asked[0] == "edge-1"


async def test_while_a_backlog_is_on_its_way_nothing_is_called_missing(
    hub: Hub, hub_clock: FakeClock, resync: Resync, admin: Admin
) -> None:
    await hub.auth.provision_edge("edge-1")
    box = BoxVoice("edge-1")
    for _ in range(1000):
        box.reading()
    waiting = SETTLED.model_copy(update={"born": 1000, "pending": 1000, "acked": 0})
    for pending, open_gaps in ((1000, 0), (0, 1)):
        body = HealthBody(outbox=waiting.model_copy(update={"pending": pending}))
        await make_handler(hub).take([on_wire(box.say(body))])
        asked = await resync.look()
        hub_clock.advance(6)
        asked |= await resync.look()
        assert (bool(asked), await gaps(admin)) == (bool(open_gaps), {"open": open_gaps, "lost": 0})
