"""The queries on boxes and cameras; whatever a person asks is restricted to the subject's area in the query itself."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, delete, exists, false, func, or_, select, true
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from hub.auth.policy import Subject, visible_grids
from hub.cases.models import CaseEvidenceRow
from hub.db.errors import RaceLostError
from hub.fleet.models import CameraRow, EdgeRow, GapRow
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

    async def idle_pictures(
        self, session: AsyncSession, purpose: Purpose, between: tuple[datetime, datetime], limit: int
    ) -> list[str]:
        """Pictures that came for that purpose between two moments and that nothing shows; oldest first."""
        query = (
            select(MediaRow.sha256)
            .where(MediaRow.purpose == purpose, MediaRow.stored_at.between(*between), *_idle())
            .order_by(MediaRow.stored_at)
            .limit(limit)
        )
        return list((await session.execute(query)).scalars())

    async def forget_idle(self, session: AsyncSession, purpose: Purpose, shas: Collection[str]) -> set[str]:
        """Forget those of these pictures that nothing shows and that nobody has sent for another purpose meanwhile."""
        statement = (
            delete(MediaRow)
            .where(MediaRow.sha256.in_(sorted(shas)), MediaRow.purpose == purpose, *_idle())
            .returning(MediaRow.sha256)
        )
        return set((await session.execute(statement)).scalars())

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

    async def visible_edges(self, session: AsyncSession, subject: Subject) -> Sequence[tuple[EdgeRow, int, int, int]]:
        """The boxes that have a camera which the subject may see, how many, and their open and lost gaps."""
        mine = [
            CameraRow.edge_id == EdgeRow.edge_id,
            CameraRow.present,
            visible_grids(subject, CameraRow.grid_code),
        ]
        number = select(func.count()).select_from(CameraRow).where(*mine).scalar_subquery()
        visible = true() if subject.sees_everything else exists().where(*mine)
        gaps = select(func.count()).where(GapRow.edge_id == EdgeRow.edge_id, GapRow.told_at.is_not(None))
        still_open = gaps.where(GapRow.lost_at.is_(None)).scalar_subquery()
        lost = gaps.where(GapRow.lost_at.is_not(None)).scalar_subquery()
        query = select(EdgeRow, number, still_open, lost).where(visible).order_by(EdgeRow.edge_id)
        return (await session.execute(query)).all()

    async def has_snapshot(self, session: AsyncSession, subject: Subject, camera: tuple[str, str], sha256: str) -> bool:
        """Whether the subject may see the camera and the picture is its snapshot, or may have been a moment ago.

        A page asks for what its list named, and a newer one may have come since. Of older pictures only the box is
        known, so that they are for those who may see every camera of the box.
        """
        other = aliased(CameraRow)
        foreign = exists().where(
            other.edge_id == camera[0], func.coalesce(visible_grids(subject, other.grid_code), false()) == false()
        )
        older = exists().where(
            MediaRow.sha256 == sha256, MediaRow.edge_id == camera[0], MediaRow.purpose == Purpose.SNAPSHOT
        )
        query = select(CameraRow.camera_id).where(
            CameraRow.edge_id == camera[0],
            CameraRow.camera_id == camera[1],
            CameraRow.present,
            visible_grids(subject, CameraRow.grid_code),
            or_(CameraRow.snapshot_sha256 == sha256, and_(older, ~foreign)),
        )
        return (await session.execute(query)).first() is not None


def _idle() -> tuple[ColumnElement[bool], ...]:
    shown = exists().where(CameraRow.snapshot_sha256 == MediaRow.sha256)
    named = exists().where(CaseEvidenceRow.sha256 == MediaRow.sha256)
    return ~shown, ~named
