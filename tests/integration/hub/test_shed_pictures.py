"""Pictures that a box let go of: the case says so whatever came first, until the picture comes after all."""

import asyncio
import json

import httpx
import pytest
from alembic import command
from fastapi import FastAPI
from sqlalchemy import text

from hub.db.engine import make_engine
from hub.db.migrate import config_for, upgrade
from hub.ingest.consumer import make_handler
from hub.ingest.handler import IngestHandler
from hub.state import Hub
from mqtt.connection import Message
from mqtt.messages import EvidenceRole, ShedBody
from tests.hub_fixtures import Admin
from tests.hub_messages import START, BoxVoice, evidence, new_id, on_wire
from tests.integration.hub.people import JPEG_SHA, deliver

CASES = "/api/v1/cases"
OTHER_SHA = "b" * 64


@pytest.fixture
async def handler(hub: Hub) -> IngestHandler:
    for edge_id in ("edge-1", "edge-2"):
        await hub.auth.provision_edge(edge_id)
    return make_handler(hub)


def shed(*pictures: str, edge_id: str = "edge-1") -> Message:
    body = ShedBody(
        what="pictures",
        count=len(pictures),
        bytes=1000,
        oldest=START,
        newest=START,
        severe=False,
        reason="disk_short",
        pictures=pictures,
    )
    return on_wire(BoxVoice(edge_id).say(body))


def finding() -> Message:
    pictures = (evidence(EvidenceRole.T0, JPEG_SHA), evidence(EvidenceRole.T1, OTHER_SHA))
    return on_wire(BoxVoice("edge-1").finding(new_id(), evidence=pictures))


async def states(client: httpx.AsyncClient) -> list[str]:
    (case,) = (await client.get(CASES)).json()["items"]
    detail = (await client.get(f"{CASES}/{case['case_no']}")).json()
    return [picture["state"] for picture in detail["evidence"]]


async def answer_for(client: httpx.AsyncClient, sha256: str) -> tuple[int, str | None]:
    (case,) = (await client.get(CASES)).json()["items"]
    answer = await client.get(f"{CASES}/{case['case_no']}/evidence/{sha256}")
    return answer.status_code, None if answer.is_success else answer.json()["code"]


@pytest.mark.parametrize("order", ["shed first", "finding first", "one batch", "one batch, shed first"])
async def test_a_shed_picture_shows_whatever_came_first(handler: IngestHandler, admin: Admin, order: str) -> None:
    told = [finding(), shed(JPEG_SHA)]
    if "shed first" in order:
        told.reverse()
    for batch in [told] if "one batch" in order else [[message] for message in told]:
        await handler.take(batch)
    assert await states(admin.client) == ["shed", "pending"]
    assert await answer_for(admin.client, JPEG_SHA) == (409, "evidence_shed")
    assert await answer_for(admin.client, OTHER_SHA) == (409, "evidence_pending")


async def test_viewers_of_the_case_are_told(handler: IngestHandler) -> None:
    (filed,) = (await handler.take([finding()])).events
    (news,) = (await handler.take([shed(JPEG_SHA, "c" * 64)])).events
    assert (news.name, news.thing, news.data["change"]) == ("case", filed.thing, "updated")
    assert (await handler.take([shed("d" * 64)])).events == []


async def test_a_picture_that_comes_after_all_is_there(
    hub: Hub, hub_app: FastAPI, handler: IngestHandler, admin: Admin
) -> None:
    await handler.take([finding(), shed(JPEG_SHA, OTHER_SHA)])
    assert await states(admin.client) == ["shed", "shed"]
    await deliver(hub, hub_app, "edge-2")
    assert await states(admin.client) == ["stored", "shed"]
    assert await answer_for(admin.client, JPEG_SHA) == (200, None)
    await handler.take([shed(JPEG_SHA)])
    assert await states(admin.client) == ["stored", "shed"]


async def test_a_box_lets_go_of_its_own_pictures_only(handler: IngestHandler, admin: Admin) -> None:
    await handler.take([finding(), shed(JPEG_SHA, edge_id="edge-2")])
    assert await states(admin.client) == ["pending", "pending"]


async def test_what_was_told_before_the_table_was_there_counts(database_url: str) -> None:
    await asyncio.to_thread(upgrade, database_url)
    await asyncio.to_thread(command.downgrade, config_for(database_url), "0003")
    engine = make_engine(database_url)
    event = text(
        "INSERT INTO event"
        " (event_id, edge_id, boot_id, seq, kind, emitted_at, received_at, clock, body, content_sha256) VALUES"
        " (:id, 'edge-1', :id, 1, 'shed', '2026-03-01 04:00:00', '2026-03-01 04:00:00', '{}', :body, '')"
    )
    async with engine.begin() as connection:
        body = json.dumps({"kind": "shed", "pictures": [OTHER_SHA, JPEG_SHA]})
        for _ in range(2):
            await connection.execute(event, {"id": new_id().hex, "body": body})
    await asyncio.to_thread(upgrade, database_url)
    async with engine.connect() as connection:
        rows = (await connection.execute(text("SELECT edge_id, sha256 FROM shed_picture"))).all()
    await engine.dispose()
    assert sorted(rows) == sorted([("edge-1", OTHER_SHA), ("edge-1", JPEG_SHA)])
