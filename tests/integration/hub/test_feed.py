"""The feed over a real HTTP server: what arrives, for whom, and what ends it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from sqlalchemy import update

from hub.auth.models import AccountRow
from hub.auth.policy import Subject
from hub.ingest.consumer import make_handler
from hub.live.endpoints import PING_S, SESSION_CHECK_S, chunks
from hub.state import Hub
from mqtt.messages import Phase
from tests.hub_fixtures import PASSWORD, Admin, FakeClock, sign_in
from tests.hub_messages import GRID, BoxVoice, camera, new_id, on_wire
from tests.integration.hub.people import add_person, signed_in
from tests.lab.processes import free_port

ELSEWHERE = "110105001001001"


@pytest.fixture
async def server_url(hub_app: FastAPI) -> AsyncIterator[str]:
    """The application behind a real HTTP server."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(hub_app, port=port, lifespan="off", log_level="warning", ws="none"))
    serving = asyncio.create_task(server.serve())
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as probe:
        while True:
            try:
                await probe.get("/livez")
                break
            except httpx.ConnectError:
                await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{port}"
    hub_app.state.hub.stopping.set()
    server.should_exit = True
    await serving


class Events:
    """The events of a stream, one at a time."""

    def __init__(self, answer: httpx.Response) -> None:
        self.lines = answer.aiter_lines()

    async def next(self) -> tuple[str, dict]:
        name = ""
        async for line in self.lines:
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                return name, json.loads(line.removeprefix("data: "))
        raise EOFError

    async def ended(self) -> bool:
        return [line async for line in self.lines if not line.startswith(":") and line] == []


@asynccontextmanager
async def listening(url: str, username: str) -> AsyncIterator[tuple[httpx.AsyncClient, Events]]:
    async with httpx.AsyncClient(base_url=url, timeout=30) as client:
        assert (await sign_in(client, username, PASSWORD)).status_code == 200
        async with client.stream("GET", "/api/v1/feed") as answer:
            assert answer.status_code == 200
            assert answer.headers["Content-Type"].startswith("text/event-stream")
            events = Events(answer)
            assert (await events.next())[0] == "hello"
            yield client, events


async def take(hub: Hub, *envelopes) -> None:
    hub.feed.publish((await make_handler(hub).take([on_wire(envelope) for envelope in envelopes])).events)


async def test_a_viewer_hears_of_cases_cameras_and_boxes(hub: Hub, admin: Admin, server_url: str) -> None:
    await hub.auth.provision_edge("edge-1")
    box, incident = BoxVoice("edge-1"), new_id()
    async with listening(server_url, "admin") as (_, events):
        await take(hub, box.finding(incident))
        await take(hub, box.finding(incident, Phase.UPDATE))
        await take(hub, box.finding(incident, Phase.CLOSE))
        for version, change in ((1, "found"), (2, "updated"), (3, "cleared")):
            name, data = await events.next()
            assert (name, data["version"], data["change"]) == ("case", version, change)
            assert (data["stage"], data["item_key"]) == ("found", "illegal_parking")
        await take(hub, box.birth(camera("cam-1")))
        assert await events.next() == ("camera", {"edge_id": "edge-1", "camera_id": "cam-1", "state": "live"})
        assert await events.next() == ("edge", {"edge_id": "edge-1", "state": "online"})


async def test_a_viewer_hears_nothing_of_a_foreign_area(hub: Hub, admin: Admin, server_url: str) -> None:
    await hub.auth.provision_edge("edge-1")
    await add_person(hub, "xicheng", "110102")
    box = BoxVoice("edge-1")
    async with listening(server_url, "xicheng") as (_, events):
        await take(hub, box.finding(new_id(), grid_code=ELSEWHERE), box.finding(new_id(), grid_code=None))
        await take(hub, box.birth(camera("far", grid_code=ELSEWHERE)), box.finding(new_id(), grid_code=GRID))
        name, data = await events.next()
        assert name == "case"
        assert data["case_no"].startswith("110102")


async def test_signing_out_ends_the_stream(admin: Admin, server_url: str, hub_clock: FakeClock) -> None:
    async with listening(server_url, "admin") as (client, events):
        assert (await client.delete("/api/v1/session")).status_code == 204
        hub_clock.advance(SESSION_CHECK_S)
        assert await events.ended()


async def test_the_end_of_the_hub_ends_the_stream(hub: Hub, admin: Admin, server_url: str) -> None:
    async with listening(server_url, "admin") as (_, events):
        hub.stopping.set()
        assert await events.ended()
    assert len(hub.feed) == 0


async def test_a_quiet_stream_is_kept_alive_by_comments(hub: Hub, admin: Admin, hub_clock: FakeClock) -> None:
    async with stream_of(hub, admin.client.cookies["tianrui_session"]) as stream:
        hub_clock.advance(PING_S)
        assert await anext(stream) == b": ping\n\n"


async def test_the_session_is_asked_for_by_the_clock_and_not_by_the_news(
    hub: Hub, admin: Admin, hub_clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    is_alive = hub.auth.is_alive

    async def counted(token: str) -> Subject | None:
        asked.append(token)
        return await is_alive(token)

    monkeypatch.setattr(hub.auth, "is_alive", counted)
    await hub.auth.provision_edge("edge-1")
    box = BoxVoice("edge-1")
    async with stream_of(hub, admin.client.cookies["tianrui_session"]) as stream:
        asked.clear()
        for _ in range(5):
            await take(hub, box.finding(new_id()))
            assert (await anext(stream)).startswith(b"event: case\n")
        assert asked == []
        hub_clock.advance(SESSION_CHECK_S)
        await take(hub, box.finding(new_id()))
        await anext(stream)
    assert len(asked) == 1


async def test_who_gets_another_area_is_told_to_fetch_and_hears_of_it_only(
    hub: Hub, hub_app: FastAPI, admin: Admin, hub_clock: FakeClock
) -> None:
    await hub.auth.provision_edge("edge-1")
    await add_person(hub, "mover", "110102")
    box = BoxVoice("edge-1")
    async with signed_in(hub_app, "mover") as client, stream_of(hub, client.cookies["tianrui_session"]) as stream:
        async with hub.uow.write() as session:
            row = update(AccountRow).where(AccountRow.username == "mover")
            await session.execute(row.values(area_prefix="110105"))
        hub_clock.advance(SESSION_CHECK_S)
        assert (await anext(stream)).startswith(b"event: hello\n")
        await take(hub, box.finding(new_id(), grid_code=GRID), box.finding(new_id(), grid_code=ELSEWHERE))
        assert b'"case_no": "110105' in await anext(stream)


@asynccontextmanager
async def stream_of(hub: Hub, token: str) -> AsyncIterator[AsyncIterator[bytes]]:
    """The stream of a session, from behind its hello."""
    subject = await hub.auth.is_alive(token)
    assert subject is not None
    with hub.feed.watch(subject) as viewer:
        stream = chunks(hub, viewer, token)
        assert (await anext(stream)).startswith(b"event: hello\n")
        try:
            yield stream
        finally:
            await stream.aclose()
