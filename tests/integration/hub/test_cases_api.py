"""The routes of cases: what they show, in which order, and to whom."""

import json
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select, text

from hub.cases import repository, service
from hub.cases.models import CaseRow
from hub.cases.policy import Growth
from hub.cases.repository import COUNT_LIMIT
from hub.db.errors import RaceLostError
from hub.ingest.consumer import make_handler
from hub.ingest.handler import IngestHandler
from hub.state import Hub
from mqtt.messages import EvidenceRole, Finding, Phase
from tests.hub_fixtures import Admin
from tests.hub_messages import GRID, START, BoxVoice, camera, evidence, new_id, on_wire
from tests.integration.hub.people import JPEG, JPEG_SHA, add_person, deliver, signed_in

CASES = "/api/v1/cases"
ELSEWHERE = "110105001001001"


@pytest.fixture
async def handler(hub: Hub) -> IngestHandler:
    await hub.auth.provision_edge("edge-1")
    return make_handler(hub)


async def file_case(handler: IngestHandler, minutes: int = 0, **changes) -> None:
    opened_at = START + timedelta(minutes=minutes)
    await handler.take([on_wire(BoxVoice("edge-1").finding(new_id(), opened_at=opened_at, **changes))])


async def listed(client: httpx.AsyncClient, **query) -> dict:
    answer = await client.get(CASES, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_the_list_shows_the_case_with_its_names(handler: IngestHandler, admin: Admin) -> None:
    await file_case(handler, evidence=(evidence(EvidenceRole.T0, "a" * 64), evidence(EvidenceRole.T1, "b" * 64)))
    await handler.take([on_wire(BoxVoice("edge-1").birth(camera("cam-1")))])
    page = await listed(admin.client)
    assert (page["total"], page["next_cursor"], page["as_of"]) == (1, None, "2026-03-01T04:00:00Z")
    assert page["items"] == [
        {
            "case_no": "11010220260301A000001",
            "item_key": "illegal_parking",
            "item_code": "09009",
            "item_zh": "机动车乱停放",
            "item_en": "Illegal parking (motor)",
            "scheme": "GBT47678.5-2026",
            "stage": "found",
            "level": 2,
            "score": 0.8,
            "grid_code": GRID,
            "edge_id": "edge-1",
            "camera_id": "cam-1",
            "camera_name_zh": "什刹海 1 号",
            "camera_name_en": "Shichahai 1",
            "zone_id": "zone-1",
            "opened_at": "2026-03-01T04:00:00Z",
            "clock_ahead": False,
            "updated_at": "2026-03-01T04:00:00Z",
            "cleared_at": None,
            "version": 1,
            "cover_sha256": None,
        }
    ]
    assert page["counts"] == {"found": 1, "dispatched": 0, "handled": 0, "verified": 0, "evaluated": 0, "closed": 0}


async def test_the_cover_is_the_best_picture_that_is_here(
    hub: Hub, hub_app: FastAPI, handler: IngestHandler, admin: Admin
) -> None:
    await file_case(handler, evidence=(evidence(EvidenceRole.T0, JPEG_SHA), evidence(EvidenceRole.T1, "b" * 64)))
    assert (await listed(admin.client))["items"][0]["cover_sha256"] is None
    await deliver(hub, hub_app, "edge-1")
    assert (await listed(admin.client))["items"][0]["cover_sha256"] == JPEG_SHA


async def test_pages_follow_each_other_without_gap_or_repetition(handler: IngestHandler, admin: Admin) -> None:
    for minutes in (-7, -9, -8, -8, -10):
        await file_case(handler, minutes)
    first = await listed(admin.client, limit=2)
    await file_case(handler, -1)
    second = await listed(admin.client, limit=2, cursor=first["next_cursor"])
    third = await listed(admin.client, limit=2, cursor=second["next_cursor"])
    assert (first["total"], first["counts"]["found"]) == (5, 5)
    assert (third["total"], third["counts"], third["next_cursor"]) == (None, None, None)
    seen = [(case["opened_at"], case["case_no"]) for page in (first, second, third) for case in page["items"]]
    assert [opened[14:16] for opened, _ in seen] == ["53", "52", "52", "51", "50"]
    assert len(set(seen)) == 5


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"item": "crowding"}, ["crowding"]),
        ({"stage": "found"}, ["crowding", "illegal_parking"]),
        ({"stage": "closed"}, []),
        ({"q": "A000002"}, ["crowding"]),
        ({"q": "什刹海"}, ["illegal_parking"]),
        ({"q": "shichahai"}, ["illegal_parking"]),
        ({"q": "a2"}, ["crowding"]),
        ({"q": "0002"}, ["crowding"]),
        ({"q": "11010220260301"}, ["crowding", "illegal_parking"]),
        ({"q": " 11010220260301a000001 "}, ["illegal_parking"]),
        ({"q": GRID[:9]}, ["crowding", "illegal_parking"]),
        ({"q": GRID[1:]}, []),
        ({"q": "A2", "stage": "closed"}, []),
        ({"q": " "}, ["crowding", "illegal_parking"]),
        ({"q": "%"}, []),
        ({"q": "A000002", "item": "litter"}, []),
    ],
)
@pytest.mark.parametrize("few", [COUNT_LIMIT, 0])
async def test_filters(
    handler: IngestHandler, admin: Admin, monkeypatch: pytest.MonkeyPatch, query: dict, found: list[str], few: int
) -> None:
    monkeypatch.setattr(repository, "COUNT_LIMIT", few)
    await file_case(handler, -1)
    await file_case(handler, 0, finding=Finding.CROWDING, camera_id="cam-2")
    await handler.take([on_wire(BoxVoice("edge-1").birth(camera("cam-1")))])
    page = await listed(admin.client, **query)
    assert [case["item_key"] for case in page["items"]] == found
    assert page["total"] == (len(found) if few else len(found[:1]))


async def test_counts_end_at_their_limit(
    handler: IngestHandler, admin: Admin, hub: Hub, hub_app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (repository, service):
        monkeypatch.setattr(module, "COUNT_LIMIT", 2)
    for _ in range(4):
        await file_case(handler)
    await add_person(hub, "xicheng", "110102")
    async with signed_in(hub_app, "xicheng") as client:
        for browser in (admin.client, client):
            page = await listed(browser)
            assert (page["total"], page["counts"]["found"], len(page["items"])) == (3, 3, 4)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_a_list_that_takes_too_long_is_given_up(
    handler: IngestHandler, admin: Admin, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    await file_case(handler)
    monkeypatch.setattr(service, "PATIENCE_S", 0.2)
    async with hub.uow.write() as session:
        await session.execute(text("LOCK TABLE grid_case IN ACCESS EXCLUSIVE MODE"))
        answer = await admin.client.get(CASES)
    assert (answer.status_code, answer.json()["code"]) == (503, "list_too_slow")
    assert "Retry-After" in answer.headers
    monkeypatch.undo()
    assert (await listed(admin.client))["total"] == 1


async def test_a_lost_race_shows_where_it_has_its_name(handler: IngestHandler, hub: Hub) -> None:
    await file_case(handler)
    cases = repository.CaseRepository()
    async with hub.uow.read() as session:
        row = (await session.execute(select(CaseRow))).scalar_one()
        await session.execute(text("UPDATE grid_case SET version = version + 1"))
        row.version += 1
        assert await cases.reserve_numbers(session, "110102", "20260301", 1) == 2
        with pytest.raises(RaceLostError):
            await cases.save(session, [(row, Growth())])


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"cursor": "nonsense"}, 400),
        ({"cursor": "2026-03-01T04:00:00~x"}, 400),
        ({"cursor": "2026-03-01T04:00:00~01a20c5c-ede0-7000-8000-000000000000"}, 400),
        ({"limit": 0}, 422),
        ({"limit": 201}, 422),
        ({"stage": "lost"}, 422),
        ({"q": "a\0b"}, 422),
        ({"item": "a\0b"}, 422),
    ],
)
async def test_a_bad_question_is_refused(handler: IngestHandler, admin: Admin, query: dict, status: int) -> None:
    await file_case(handler)
    assert (await admin.client.get(CASES, params=query)).status_code == status


async def test_a_case_tells_all_that_is_known(hub: Hub, hub_app: FastAPI, handler: IngestHandler, admin: Admin) -> None:
    box, incident = BoxVoice("edge-1"), new_id()
    pictures = (evidence(EvidenceRole.T0, JPEG_SHA), evidence(EvidenceRole.T1, "b" * 64))
    await handler.take([on_wire(box.finding(incident, evidence=pictures)), on_wire(box.finding(incident, Phase.CLOSE))])
    number = (await listed(admin.client))["items"][0]["case_no"]
    await deliver(hub, hub_app, "edge-1")

    case = (await admin.client.get(f"{CASES}/{number}")).json()
    assert case["measures"] == [{"name": "dwell", "value": 61.0, "unit": "s", "threshold": 60.0}]
    assert (case["box"], case["uncertainty_m"], case["limits"]) == ([0.1, 0.2, 0.3, 0.4], 1.5, ["night"])
    assert (case["model"], case["config_version"]) == ({"name": "street-n", "version": "1.2"}, 3)
    assert [(picture["role"], picture["state"]) for picture in case["evidence"]] == [
        ("t0", "stored"),
        ("t1", "pending"),
    ]
    assert [(step["seq"], step["action"], step["actor"]) for step in case["history"]] == [
        (1, "found", "edge:edge-1"),
        (2, "cleared", "edge:edge-1"),
    ]
    assert case["cleared_at"] == "2026-03-01T04:00:02Z"


async def test_the_pictures_of_a_case(hub: Hub, hub_app: FastAPI, handler: IngestHandler, admin: Admin) -> None:
    await file_case(handler, -1, evidence=(evidence(EvidenceRole.T0, JPEG_SHA), evidence(EvidenceRole.T1, "b" * 64)))
    await file_case(handler)
    await deliver(hub, hub_app, "edge-1")
    other, number = [case["case_no"] for case in (await listed(admin.client))["items"]]
    picture = await admin.client.get(f"{CASES}/{number}/evidence/{JPEG_SHA}")
    assert (picture.status_code, picture.content) == (200, JPEG)
    assert picture.headers["Content-Type"] == "image/jpeg"
    assert "immutable" in picture.headers["Cache-Control"]
    for path, status, code in (
        (f"{number}/evidence/{'b' * 64}", 409, "evidence_pending"),
        (f"{number}/evidence/{'c' * 64}", 404, "evidence_not_found"),
        (f"{other}/evidence/{JPEG_SHA}", 404, "evidence_not_found"),
        (f"x/evidence/{JPEG_SHA}", 404, "evidence_not_found"),
        ("11010220260301A999999", 404, "case_not_found"),
        ("a%00b", 404, "case_not_found"),
    ):
        answer = await admin.client.get(f"{CASES}/{path}")
        assert (answer.status_code, answer.json()["code"]) == (status, code), path


@pytest.mark.parametrize("few", [COUNT_LIMIT, 0])
async def test_nobody_sees_a_foreign_area(
    hub: Hub, hub_app: FastAPI, handler: IngestHandler, admin: Admin, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr(repository, "COUNT_LIMIT", few)
    shown = (evidence(EvidenceRole.T1, JPEG_SHA),)
    for grid in (GRID, ELSEWHERE, None):
        await file_case(handler, grid_code=grid, evidence=shown)
    await deliver(hub, hub_app, "edge-1")
    everything = {case["grid_code"]: case["case_no"] for case in (await listed(admin.client))["items"]}
    assert set(everything) == {GRID, ELSEWHERE, None}
    assert everything[ELSEWHERE].startswith("110105")
    await add_person(hub, "xicheng", "110102")
    await add_person(hub, "nowhere", "999")
    for username, own in (("xicheng", {GRID}), ("nowhere", set())):
        async with signed_in(hub_app, username) as client:
            page = await listed(client)
            assert {case["grid_code"] for case in page["items"]} == own
            assert page["total"] == len(own)
            for grid, number in everything.items():
                expected = 200 if grid in own else 404
                for path in (f"{CASES}/{number}", f"{CASES}/{number}/evidence/{JPEG_SHA}"):
                    assert (await client.get(path)).status_code == expected, (username, path)
            assert (await listed(client, q=everything[ELSEWHERE]))["items"] == []


async def test_a_case_of_a_camera_never_heard_of_has_its_id_for_a_name(handler: IngestHandler, admin: Admin) -> None:
    await file_case(handler)
    (case,) = (await listed(admin.client))["items"]
    assert (case["camera_name_zh"], case["cover_sha256"]) == ("cam-1", None)
    assert json.dumps(case)
