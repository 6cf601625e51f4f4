"""Keeping: what state messages say of boxes and cameras. Reading: what a person may see of them."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from hub.auth.policy import Subject
from hub.clock import Clock
from hub.db.unit_of_work import UnitOfWork
from hub.errors import NotFoundError
from hub.fleet.models import CameraRow, EdgeRow
from hub.fleet.policy import StateMessage, apply_to_camera, apply_to_edge, counts, first_seen, is_online, state_since
from hub.fleet.repository import FleetRepository
from hub.fleet.schemas import CameraList, CameraView, EdgeList, EdgeView, SnapshotView
from hub.live.feed import FeedEvent
from hub.media.service import MediaService
from mqtt.states import CameraStatus, DeathBody

CameraKey = tuple[str, str]


class FleetKeeping:
    """Keeps the state of boxes and cameras within the transaction of the ingest."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._repository = FleetRepository()

    async def take(self, session: AsyncSession, messages: Sequence[StateMessage]) -> list[FeedEvent]:
        """Apply state messages in their order of arrival; returns what to tell the viewers after the commit.

        Raises:
            RaceLostError: another replica took the same box meanwhile; do the whole transaction again.
        """
        news: list[FeedEvent] = []
        if not messages:
            return news
        now = self._clock.now()
        edge_ids = {message.envelope.edge_id for message in messages}
        edges = await self._repository.edges(session, edge_ids)
        cameras = await self._repository.cameras(session, edge_ids)
        for message in messages:
            edge_id = message.envelope.edge_id
            row = edges.get(edge_id)
            if not counts(row, message):
                continue
            was = None if row is None else (row.online, row.boot_id)
            row = edges.setdefault(edge_id, row or first_seen(message, now))
            apply_to_edge(row, message, now)
            if not isinstance(message.body, DeathBody):
                _take_cameras(edge_id, message.body.cameras, cameras, news)
            if was != (row.online, row.boot_id):
                grids = tuple(camera.grid_code for camera in cameras.values() if camera.edge_id == edge_id)
                state = "online" if is_online(row, now) else "offline"
                news.append(FeedEvent("edge", edge_id, {"edge_id": edge_id, "state": state}, grids or (None,)))
        await self._repository.save(session, edges.values(), cameras.values())
        return news


class FleetReading:
    """What a person may see of boxes and cameras."""

    def __init__(self, uow: UnitOfWork, clock: Clock, media: MediaService) -> None:
        self._uow = uow
        self._clock = clock
        self._media = media
        self._repository = FleetRepository()

    async def cameras(self, subject: Subject) -> CameraList:
        """The cameras within the subject's area; a snapshot is shown from the moment that its picture is here."""
        async with self._uow.read() as session:
            now = self._clock.now()
            rows = await self._repository.visible_cameras(session, subject)
            shas = {camera.snapshot_sha256 for camera, _ in rows if camera.snapshot_sha256}
            stored = await self._media.stored(session, shas)
        return CameraList(items=[_camera_view(camera, edge, stored, now) for camera, edge in rows], as_of=now)

    async def edges(self, subject: Subject) -> EdgeList:
        """The boxes with cameras within the subject's area."""
        async with self._uow.read() as session:
            now = self._clock.now()
            rows = await self._repository.visible_edges(session, subject)
        return EdgeList(items=[_edge_view(edge, numbers, now) for edge, *numbers in rows], as_of=now)

    async def check_snapshot(self, subject: Subject, camera: CameraKey, sha256: str) -> None:
        """Return when the picture is, or was lately, a snapshot of that camera, is here, and the subject may see it.

        Raises:
            NotFoundError: it is not.
        """
        async with self._uow.read() as session:
            known = await self._repository.has_snapshot(session, subject, camera, sha256)
        if not known or not await self._media.exists(sha256):
            raise NotFoundError("snapshot_not_found", "there is no such snapshot; a newer one may have replaced it")


def _take_cameras(
    edge_id: str, statuses: Sequence[CameraStatus], rows: dict[CameraKey, CameraRow], news: list[FeedEvent]
) -> None:
    listed = {status.camera_id for status in statuses}
    for status in statuses:
        key = (edge_id, status.camera_id)
        row = rows.setdefault(key, CameraRow(edge_id=edge_id, camera_id=status.camera_id))
        grid_before = row.grid_code
        if apply_to_camera(row, status):
            news.append(_camera_event(row, grid_before))
    for key, row in rows.items():
        if key[0] == edge_id and row.present and row.camera_id not in listed:
            row.present = False
            news.append(_camera_event(row))


def _camera_event(row: CameraRow, grid_before: str | None = None) -> FeedEvent:
    data: dict[str, str | int] = {"edge_id": row.edge_id, "camera_id": row.camera_id, "state": row.state}
    return FeedEvent("camera", f"{row.edge_id}/{row.camera_id}", data, (row.grid_code, grid_before))


def _camera_view(row: CameraRow, edge: EdgeRow | None, stored: set[str], now: datetime) -> CameraView:
    online = edge is not None and is_online(edge, now)
    snapshot = None
    if row.snapshot_sha256 in stored:
        snapshot = SnapshotView.model_validate(
            {
                "sha256": row.snapshot_sha256,
                "taken_at": row.snapshot_taken_at,
                "width": row.snapshot_width,
                "height": row.snapshot_height,
            }
        )
    return CameraView.model_validate(
        {
            "edge_id": row.edge_id,
            "camera_id": row.camera_id,
            "name_zh": row.name_zh,
            "name_en": row.name_en,
            "grid_code": row.grid_code,
            "state": row.state if online else "offline",
            "state_since": row.since if online or edge is None else state_since(edge, now),
            "last_frame_at": row.last_frame_at,
            "fps": row.fps,
            "reason": row.reason,
            "snapshot": snapshot,
            "edge_state": "online" if online else "offline",
        }
    )


def _edge_view(row: EdgeRow, numbers: Sequence[int], now: datetime) -> EdgeView:
    cameras, still_open, lost = numbers
    return EdgeView.model_validate(
        {
            "edge_id": row.edge_id,
            "state": "online" if is_online(row, now) else "offline",
            "since": state_since(row, now),
            "boot_id": row.boot_id,
            "software": row.software,
            "last_seen_at": row.last_seen_at,
            "clock_offset_ms": row.clock_offset_ms,
            "outbox": row.outbox,
            "cameras": cameras,
            "gaps": {"open": still_open, "lost": lost},
        }
    )
