"""The routes of boxes and cameras, fed by state messages."""

import hashlib

from fastapi import FastAPI

from hub.fleet.tasks import SnapshotSweep
from hub.ingest.consumer import make_handler
from hub.state import Hub
from mqtt.messages import CameraState, EvidenceRole
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


async def test_the_snapshot_is_shown_when_it_is_here_and_deleted_when_replaced(
    hub: Hub, hub_app: FastAPI, admin: Admin
) -> None:
    handler, box = make_handler(hub), BoxVoice("edge-1")
    await hub.auth.provision_edge("edge-1")
    await handler.take([on_wire(box.health(camera(snapshot=picture(JPEG_SHA))))])
    assert [c["snapshot"] for c in await items(admin.client, "cameras")] == [None]
    path = f"/api/v1/cameras/edge-1/cam-1/snapshot/{JPEG_SHA}"
    assert (await admin.client.get(path)).json()["code"] == "snapshot_not_found"
    await deliver(hub, hub_app, "edge-1")
    (shown,) = await items(admin.client, "cameras")
    assert shown["snapshot"] == {"sha256": JPEG_SHA, "taken_at": "2026-03-01T04:00:00Z", "width": 768, "height": 576}
    assert (await admin.client.get(path)).content == JPEG
    outcome = await handler.take([on_wire(box.health(camera(snapshot=picture("c" * 64))))])
    assert outcome.replaced == {JPEG_SHA}
    assert (await admin.client.get(path)).status_code == 404


async def test_a_replaced_snapshot_that_is_evidence_stays(hub: Hub) -> None:
    handler, box = make_handler(hub), BoxVoice("edge-1")
    await hub.auth.provision_edge("edge-1")
    await handler.take([on_wire(box.health(camera(snapshot=picture(JPEG_SHA))))])
    await handler.take([on_wire(box.finding(new_id(), evidence=(evidence(EvidenceRole.NOW, JPEG_SHA),)))])
    outcome = await handler.take([on_wire(box.health(camera(snapshot=picture("c" * 64))))])
    assert outcome.replaced == set()


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
    sweep = SnapshotSweep(hub.uow, hub.media, hub_clock)
    assert await sweep.sweep() == 0
    hub_clock.advance(601)
    assert await sweep.sweep() == 1
    assert [content for content in sha if await hub.media.exists(sha[content])] == [shown, proof, both]
