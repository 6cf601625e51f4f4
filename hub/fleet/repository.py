"""The queries on boxes and cameras; whatever a person asks is restricted to the subject's area in the query itself."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from sqlalchemy import exists, func, select, true
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from hub.auth.policy import Subject, visible_grids
from hub.cases.models import CaseEvidenceRow
from hub.db.errors import RaceLostError
from hub.fleet.models import CameraRow, EdgeRow
from hub.media.models import MediaRow, Purpose


class FleetRepository:
    """Reads and writes the tables of the fleet within the caller's transaction."""

    async def edges(self, session: AsyncSession, edge_ids: Collection[str]) -> dict[str, EdgeRow]:
        """The rows of these boxes."""
        query = select(EdgeRow).where(EdgeRow.edge_id.in_(sorted(edge_ids)))
        return {row.edge_id: row for row in (await session.execute(query)).scalars()}

    async def cameras(self, session: AsyncSession, edge_ids: Collection[str]) -> dict[tuple[str, str], CameraRow]:
        """Every camera that these boxes ever had."""
        query = select(CameraRow).where(CameraRow.edge_id.in_(sorted(edge_ids)))
        return {(row.edge_id, row.camera_id): row for row in (await session.execute(query)).scalars()}

    async def save(self, session: AsyncSession, edges: Iterable[EdgeRow], cameras: Iterable[CameraRow]) -> None:
        """Store the rows.

        Raises:
            RaceLostError: another replica has made one of them meanwhile; nothing of this may be committed.
        """
        session.add_all([*edges, *cameras])
        try:
            await session.flush()
        except IntegrityError as error:
            raise RaceLostError("a box was first seen by another transaction") from error

    async def idle_snapshots(self, session: AsyncSession, before: datetime, limit: int) -> set[str]:
        """Pictures that came as snapshots before that moment, that no camera shows and no case names; oldest first."""
        shown = exists().where(CameraRow.snapshot_sha256 == MediaRow.sha256)
        named = exists().where(CaseEvidenceRow.sha256 == MediaRow.sha256)
        query = (
            select(MediaRow.sha256)
            .where(MediaRow.purpose == Purpose.SNAPSHOT, MediaRow.stored_at < before, ~shown, ~named)
            .order_by(MediaRow.stored_at)
            .limit(limit)
        )
        return set((await session.execute(query)).scalars())

    async def snapshots_among(self, session: AsyncSession, shas: Collection[str]) -> set[str]:
        """Which of these pictures are the current snapshot of a camera."""
        query = select(CameraRow.snapshot_sha256).where(CameraRow.snapshot_sha256.in_(sorted(shas)))
        return {sha256 for sha256 in (await session.execute(query)).scalars() if sha256 is not None}

    async def visible_cameras(
        self, session: AsyncSession, subject: Subject
    ) -> Sequence[tuple[CameraRow, EdgeRow | None]]:
        """The cameras that the subject may see, each with its box."""
        query = (
            select(CameraRow, EdgeRow)
            .outerjoin(EdgeRow, EdgeRow.edge_id == CameraRow.edge_id)
            .where(CameraRow.present, visible_grids(subject, CameraRow.grid_code))
            .order_by(CameraRow.edge_id, CameraRow.camera_id)
        )
        return (await session.execute(query)).all()

    async def visible_edges(self, session: AsyncSession, subject: Subject) -> Sequence[tuple[EdgeRow, int]]:
        """The boxes that have a camera which the subject may see, and how many."""
        mine = [
            CameraRow.edge_id == EdgeRow.edge_id,
            CameraRow.present,
            visible_grids(subject, CameraRow.grid_code),
        ]
        number = select(func.count()).select_from(CameraRow).where(*mine).scalar_subquery()
        visible = true() if subject.sees_everything else exists().where(*mine)
        query = select(EdgeRow, number).where(visible).order_by(EdgeRow.edge_id)
        return (await session.execute(query)).all()

    async def has_snapshot(self, session: AsyncSession, subject: Subject, camera: tuple[str, str], sha256: str) -> bool:
        """Whether the picture is the current snapshot of that camera of that box and the subject may see the camera."""
        query = select(CameraRow.camera_id).where(
            CameraRow.edge_id == camera[0],
            CameraRow.camera_id == camera[1],
            CameraRow.snapshot_sha256 == sha256,
            CameraRow.present,
            visible_grids(subject, CameraRow.grid_code),
        )
        return (await session.execute(query)).first() is not None

    async def with_snapshot(self, session: AsyncSession, sha256: str) -> Sequence[CameraRow]:
        """The cameras whose current snapshot the picture is."""
        query = select(CameraRow).where(CameraRow.snapshot_sha256 == sha256, CameraRow.present)
        return (await session.execute(query)).scalars().all()
