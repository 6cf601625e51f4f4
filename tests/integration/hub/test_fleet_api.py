"""The routes of boxes and cameras, fed by state messages."""

import hashlib
from datetime import timedelta
from functools import partial

from fastapi import FastAPI

from hub.fleet.repository import FleetRepository
from hub.fleet.tasks import BATCH, PictureSweep
from hub.ingest.consumer import make_handler
from hub.media.models import MediaRow, Purpose
from hub.state import Hub
from mqtt.messages import EvidenceRole
from mqtt.states import CameraState
from tests.hub_fixtures import Admin, FakeClock
from tests.hub_messages import GRID, BoxVoice, camera, evidence, new_id, on_wire, picture
from tests.integration.hub.people import JPEG, JPEG_SHA, add_person, deliver, signed_in

ELSEWHERE = "110105001001001"


async def items(client, route: str) -> list[dict]:
    answer = await client.get(f"/api/v1/{route}")
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


async def test_a_box_and_its_cameras_appear_and_fall_silent(hub: Hub, hub_clock: FakeClock, admin: Admin) -> None:
    await hub.auth.provision_edge("edge-1")
    box = BoxVoice("edge-1")
    await make_handler(hub).take([on_wire(box.birth(camera("cam-1"), camera("cam-2", state=CameraState.STALLED)))])
    (edge,) = await items(admin.client, "edges")
    assert edge | {"boot_id": ""} == {
        "edge_id": "edge-1",
        "state": "online",
        "since": "2026-03-01T04:00:00Z",
        "boot_id": "",
        "software": "0.1.0",
        "last_seen_at": "2026-03-01T04:00:00Z",
        "clock_offset_ms": 12,
        "outbox": {"pending": 1, "sent": 2, "acked": 6, "shed": 0},
        "cameras": 2,
        "gaps": {"open": 0, "lost": 0},
    }
    cameras = await items(admin.client, "cameras")
    assert [(c["camera_id"], c["state"], c["edge_state"]) for c in cameras] == [
        ("cam-1", "live", "online"),
        ("cam-2", "stalled", "online"),
    ]
    hub_clock.advance(46)
    assert [edge["state"] for edge in await items(admin.client, "edges")] == ["offline"]
    assert {(c["state"], c["edge_state"]) for c in await items(admin.client, "cameras")} == {("offline", "offline")}
    await make_handler(hub).take([on_wire(box.health(camera("cam-1")))])
    assert [edge["cameras"] for edge in await items(admin.client, "edges")] == [1]
    assert [(c["camera_id"], c["state"]) for c in await items(admin.client, "cameras")] == [("cam-1", "live")]


async def test_a_death_shows_at_once_and_an_old_one_does_not_count(hub: Hub, admin: Admin) -> None:
    await hub.auth.provision_edge("edge-1")
    handler = make_handler(hub)
    old, new = BoxVoice("edge-1"), BoxVoice("edge-1")
    await handler.take([on_wire(old.birth())])
    await handler.take([on_wire(new.birth())])
    assert (await handler.take([on_wire(old.death())])).events == []
    assert [edge["state"] for edge in await items(admin.client, "edges")] == ["online"]
    outcome = await handler.take([on_wire(new.death())])
    assert [(event.name, event.data["state"]) for event in outcome.events] == [("edge", "offline")]
    assert [edge["state"] for edge in await items(admin.client, "edges")] == ["offline"]


async def test_a_kept_state_after_a_restart_of_the_hub_is_as_old_as_it_is(hub: Hub, hub_clock, admin: Admin) -> None:
    await hub.auth.provision_edge("edge-1")
    message = on_wire(BoxVoice("edge-1").health(camera()), retained=True)
    hub_clock.advance(3600)
    await make_handler(hub).take([message])
    assert [edge["state"] for edge in await items(admin.client, "edges")] == ["offline"]


async def test_the_snapshot_is_shown_when_it_is_here_and_for_a_while_after_it_was_replaced(
    hub: Hub, hub_app: FastAPI, hub_clock: FakeClock, admin: Admin
) -> None:
    handler, box = make_handler(hub), BoxVoice("edge-1")
    await hub.auth.provision_edge("edge-1")
    await handler.take([on_wire(box.health(camera(snapshot=picture(JPEG_SHA))))])
    assert [c["snapshot"] for c in await items(admin.client, "cameras")] == [None]
    path = f"/api/v1/cameras/edge-1/cam-1/snapshot/{JPEG_SHA}"
    assert (await admin.client.get(path)).json()["code"] == "snapshot_not_found"
    await deliver(hub, hub_app, "edge-1", purpose="snapshot")
    (shown,) = await items(admin.client, "cameras")
    assert shown["snapshot"] == {"sha256": JPEG_SHA, "taken_at": "2026-03-01T04:00:00Z", "width": 768, "height": 576}
    assert (await admin.client.get(path)).content == JPEG
    assert (await handler.take([on_wire(box.health(camera(snapshot=picture("c" * 64))))])).events == []
    assert (await admin.client.get(path)).content == JPEG
    hub_clock.advance(181)
    assert await PictureSweep(hub.uow, hub.media, hub_clock).sweep() == 1
    assert (await admin.client.get(path)).status_code == 404


async def test_an_older_snapshot_is_for_those_who_may_see_the_whole_box(
    hub: Hub, hub_app: FastAPI, admin: Admin
) -> None:
    handler = make_handler(hub)
    await add_person(hub, "xicheng", "110102")
    async with signed_in(hub_app, "xicheng") as client:
        for edge_id, far, status in (("edge-1", GRID, 200), ("edge-2", ELSEWHERE, 404), ("edge-3", None, 404)):
            content = JPEG + edge_id.encode()
            sha256 = await deliver(hub, hub_app, edge_id, content, "snapshot")
            box = BoxVoice(edge_id)
            for shown in (sha256, "c" * 64):
                cameras = (camera("near", snapshot=picture(shown)), camera("far", grid_code=far))
                await handler.take([on_wire(box.health(*cameras))])
            path = f"/api/v1/cameras/{edge_id}/near/snapshot/{sha256}"
            assert (await client.get(path)).status_code == status, edge_id
            assert (await admin.client.get(path)).status_code == 200, edge_id


async def test_what_came_as_evidence_is_not_served_as_a_snapshot(hub: Hub, hub_app: FastAPI, admin: Admin) -> None:
    await hub.auth.provision_edge("edge-1")
    await make_handler(hub).take([on_wire(BoxVoice("edge-1").health(camera()))])
    await deliver(hub, hub_app, "edge-1")
    assert (await admin.client.get(f"/api/v1/cameras/edge-1/cam-1/snapshot/{JPEG_SHA}")).status_code == 404


async def test_nobody_sees_boxes_and_cameras_of_a_foreign_area(hub: Hub, hub_app: FastAPI, admin: Admin) -> None:
    handler = make_handler(hub)
    for edge_id, grids in (("edge-1", (GRID, ELSEWHERE)), ("edge-2", (ELSEWHERE,)), ("edge-3", (None,))):
        await hub.auth.provision_edge(edge_id)
        cameras = [
            camera(f"cam-{number}", grid_code=grid, snapshot=picture(JPEG_SHA)) for number, grid in enumerate(grids)
        ]
        await handler.take([on_wire(BoxVoice(edge_id).birth(*cameras))])
    await deliver(hub, hub_app, "edge-1")
    assert len(await items(admin.client, "edges")) == 3
    assert len(await items(admin.client, "cameras")) == 4
    await add_person(hub, "xicheng", "110102")
    async with signed_in(hub_app, "xicheng") as client:
        assert [(edge["edge_id"], edge["cameras"]) for edge in await items(client, "edges")] == [("edge-1", 1)]
        assert [(c["edge_id"], c["camera_id"]) for c in await items(client, "cameras")] == [("edge-1", "cam-0")]
        for path, status in (("edge-1/cam-0", 200), ("edge-1/cam-1", 404), ("edge-2/cam-0", 404)):
            assert (await client.get(f"/api/v1/cameras/{path}/snapshot/{JPEG_SHA}")).status_code == status


async def test_snapshots_that_nothing_shows_are_swept_and_evidence_never(
    hub: Hub, hub_app: FastAPI, hub_clock: FakeClock, admin: Admin
) -> None:
    await hub.auth.provision_edge("edge-1")
    handler, box = make_handler(hub), BoxVoice("edge-1")
    shown, never_spoken_of, proof, both = (JPEG + word for word in (b"shown", b"never", b"proof", b"both"))
    for content in (shown, never_spoken_of, both):
        await deliver(hub, hub_app, "edge-1", content, "snapshot")
    await deliver(hub, hub_app, "edge-1", proof)
    await deliver(hub, hub_app, "edge-1", both, status=200)
    sha = {content: hashlib.sha256(content).hexdigest() for content in (shown, never_spoken_of, proof, both)}
    await handler.take([on_wire(box.birth(camera("cam-1", snapshot=picture(sha[shown]))))])
    sweep = PictureSweep(hub.uow, hub.media, hub_clock)
    assert await sweep.sweep() == 0
    hub_clock.advance(181)
    assert await sweep.sweep() == 1
    assert [content for content in sha if await hub.media.exists(sha[content])] == [shown, proof, both]


async def test_one_sweep_takes_all_that_is_idle(hub: Hub, hub_clock: FakeClock) -> None:
    async with hub.uow.write() as session:
        for number in range(2 * BATCH + 1):
            session.add(media_row(f"{number:064x}", Purpose.SNAPSHOT, hub_clock))
    hub_clock.advance(181)
    assert await PictureSweep(hub.uow, hub.media, hub_clock).sweep() == 2 * BATCH + 1


async def test_evidence_that_no_case_names_goes_after_a_month(hub: Hub, hub_app: FastAPI, hub_clock: FakeClock) -> None:
    named = await deliver(hub, hub_app, "edge-1", JPEG + b"named")
    lost = await deliver(hub, hub_app, "edge-1", JPEG + b"lost")
    finding = BoxVoice("edge-1").finding(new_id(), evidence=(evidence(EvidenceRole.T1, named),))
    await make_handler(hub).take([on_wire(finding)])
    sweep = PictureSweep(hub.uow, hub.media, hub_clock)
    hub_clock.advance(29 * 86400)
    assert await sweep.sweep() == 0
    hub_clock.advance(86401)
    assert await sweep.sweep() == 1
    assert [await hub.media.exists(sha256) for sha256 in (named, lost)] == [True, False]


async def test_a_snapshot_that_is_sent_as_evidence_during_the_sweep_stays(
    hub: Hub, hub_app: FastAPI, hub_clock: FakeClock
) -> None:
    sha256 = await deliver(hub, hub_app, "edge-1", purpose="snapshot")
    hub_clock.advance(181)
    before = (hub_clock.now() - timedelta(days=1), hub_clock.now())
    async with hub.uow.read() as session:
        idle = await FleetRepository().idle_pictures(session, Purpose.SNAPSHOT, before, BATCH)
    assert idle == [sha256]
    await deliver(hub, hub_app, "edge-1", status=200)
    assert await hub.media.delete(idle, partial(FleetRepository().forget_idle, purpose=Purpose.SNAPSHOT)) == 0
    assert await hub.media.exists(sha256)


def media_row(sha256: str, purpose: Purpose, clock: FakeClock) -> MediaRow:
    return MediaRow(
        sha256=sha256, size=1, content_type="image/jpeg", edge_id="edge-1", purpose=purpose, stored_at=clock.now()
    )
