"""The queries on cases; whatever a person asks is restricted to the subject's area in the query itself."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, ScalarSelect, Select, and_, case, func, literal, or_, select, tuple_
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.exc import StaleDataError

from hub.auth.policy import Subject, visible_grids
from hub.cases.models import CaseCounterRow, CaseEvidenceRow, CaseHistoryRow, CaseRow
from hub.cases.policy import Growth
from hub.cases.schemas import CaseFilter, Cursor
from hub.db.errors import RaceLostError
from hub.db.upsert import insert_into
from hub.fleet.models import CameraRow
from hub.media.models import MediaRow

Incident = tuple[str, UUID]
COVER_ORDER = ("t1", "now", "t0", "middle", "wide")


@dataclass(frozen=True, slots=True)
class FoundCase:
    """A case with what other tables know of it; a camera that was never reported has no names."""

    row: CaseRow
    camera_name_zh: str | None
    camera_name_en: str | None
    cover_sha256: str | None


class CaseRepository:
    """Reads and writes the tables of cases within the caller's transaction."""

    async def by_incidents(self, session: AsyncSession, incidents: Collection[Incident]) -> dict[Incident, CaseRow]:
        """The cases that these incidents have already."""
        query = select(CaseRow).where(tuple_(CaseRow.edge_id, CaseRow.incident_id).in_(sorted(incidents)))
        return {(row.edge_id, row.incident_id): row for row in (await session.execute(query)).scalars()}

    async def reserve_numbers(self, session: AsyncSession, district: str, day: str, count: int) -> int:
        """Take `count` numbers of that district and day, and return the first."""
        statement = (
            insert_into(session, CaseCounterRow)
            .values(district=district, day=day, last=count)
            .on_conflict_do_update(
                index_elements=["district", "day"], set_={"last": CaseCounterRow.__table__.c.last + count}
            )
            .returning(CaseCounterRow.last)
        )
        last: int = (await session.execute(statement)).scalar_one()
        return last - count + 1

    async def save(self, session: AsyncSession, grown: Iterable[tuple[CaseRow, Growth]]) -> None:
        """Store cases with their new history and evidence.

        Raises:
            RaceLostError: another transaction was faster with one of them; nothing of this may be committed.
        """
        pairs = list(grown)
        session.add_all(row for row, _ in pairs)
        try:
            await session.flush()
        except (IntegrityError, StaleDataError) as error:
            raise RaceLostError("a case was changed by another transaction") from error
        session.add_all(step for _, growth in pairs for step in growth.history)
        pictures = [
            picture.model_dump(exclude={"content_type"}) | {"case_id": row.id}
            for row, growth in pairs
            for picture in growth.evidence.values()
        ]
        if pictures:
            await session.execute(insert_into(session, CaseEvidenceRow).on_conflict_do_nothing(), pictures)

    async def page(
        self, session: AsyncSession, subject: Subject, wanted: CaseFilter, after: Cursor | None, limit: int
    ) -> list[FoundCase]:
        """The newest cases behind `after`."""
        query = (
            _found()
            .where(*_conditions(subject, wanted))
            .order_by(CaseRow.opened_at.desc(), CaseRow.id.desc())
            .limit(limit)
        )
        if after is not None:
            behind = tuple_(literal(after.opened_at, CaseRow.opened_at.type), literal(after.id, CaseRow.id.type))
            query = query.where(tuple_(CaseRow.opened_at, CaseRow.id) < behind)
        return [FoundCase(*row) for row in (await session.execute(query))]

    async def count_by_stage(self, session: AsyncSession, subject: Subject, wanted: CaseFilter) -> dict[str, int]:
        """How many cases are at each stage that has any, under all of the filter but its stage."""
        query = (
            select(CaseRow.stage, func.count())
            .outerjoin(CameraRow, _same_camera())
            .where(*_conditions(subject, wanted.model_copy(update={"stage": None})))
            .group_by(CaseRow.stage)
        )
        return {stage: count for stage, count in await session.execute(query)}

    async def one(self, session: AsyncSession, subject: Subject, case_no: str) -> FoundCase | None:
        """The case with that number, when the subject may see it."""
        query = _found().where(CaseRow.case_no == case_no, visible_grids(subject, CaseRow.grid_code))
        row = (await session.execute(query)).first()
        return None if row is None else FoundCase(*row)

    async def history(self, session: AsyncSession, case_id: UUID) -> Sequence[CaseHistoryRow]:
        """The steps of a case in the order in which they happened."""
        query = (
            select(CaseHistoryRow)
            .where(CaseHistoryRow.case_id == case_id)
            .order_by(CaseHistoryRow.at, CaseHistoryRow.seq)
        )
        return (await session.execute(query)).scalars().all()

    async def evidence(self, session: AsyncSession, case_id: UUID) -> Sequence[CaseEvidenceRow]:
        """The pictures of a case in the order in which they were taken."""
        query = (
            select(CaseEvidenceRow)
            .where(CaseEvidenceRow.case_id == case_id)
            .order_by(CaseEvidenceRow.taken_at, CaseEvidenceRow.role, CaseEvidenceRow.sha256)
        )
        return (await session.execute(query)).scalars().all()

    async def has_picture(self, session: AsyncSession, subject: Subject, case_no: str, sha256: str) -> bool:
        """Whether the picture is evidence of that case and the subject may see the case."""
        query = (
            select(CaseEvidenceRow.role)
            .join(CaseRow, CaseRow.id == CaseEvidenceRow.case_id)
            .where(
                CaseRow.case_no == case_no,
                CaseEvidenceRow.sha256 == sha256,
                visible_grids(subject, CaseRow.grid_code),
            )
        )
        return (await session.execute(query)).first() is not None

    async def evidence_among(self, session: AsyncSession, shas: Collection[str]) -> set[str]:
        """Which of these pictures are evidence of any case."""
        if not shas:
            return set()
        query = select(CaseEvidenceRow.sha256).where(CaseEvidenceRow.sha256.in_(sorted(shas)))
        return set((await session.execute(query)).scalars())

    async def with_picture(self, session: AsyncSession, sha256: str) -> Sequence[CaseRow]:
        """The cases that the picture is evidence of."""
        cases = select(CaseEvidenceRow.case_id).where(CaseEvidenceRow.sha256 == sha256)
        return (await session.execute(select(CaseRow).where(CaseRow.id.in_(cases)))).scalars().all()


def _same_camera() -> ColumnElement[bool]:
    return and_(CameraRow.edge_id == CaseRow.edge_id, CameraRow.camera_id == CaseRow.camera_id)


def _found() -> Select[CaseRow, str, str, str]:
    return select(CaseRow, CameraRow.name_zh, CameraRow.name_en, _cover()).outerjoin(CameraRow, _same_camera())


def _cover() -> ScalarSelect[str]:
    """The best picture that has been delivered: a page that asked for another would show a broken one."""
    order = case({role: place for place, role in enumerate(COVER_ORDER)}, value=CaseEvidenceRow.role, else_=9)
    return (
        select(CaseEvidenceRow.sha256)
        .join(MediaRow, MediaRow.sha256 == CaseEvidenceRow.sha256)
        .where(CaseEvidenceRow.case_id == CaseRow.id)
        .order_by(order, CaseEvidenceRow.taken_at.desc(), CaseEvidenceRow.sha256)
        .limit(1)
        .scalar_subquery()
    )


def _conditions(subject: Subject, wanted: CaseFilter) -> list[ColumnElement[bool]]:
    conditions = [visible_grids(subject, CaseRow.grid_code)]
    if wanted.stage is not None:
        conditions.append(CaseRow.stage == wanted.stage)
    if wanted.item:
        conditions.append(CaseRow.item_key == wanted.item)
    if wanted.q and wanted.q.strip():
        columns = (CaseRow.case_no, CaseRow.grid_code, CameraRow.name_zh, CameraRow.name_en)
        conditions.append(or_(*(column.icontains(wanted.q.strip(), autoescape=True) for column in columns)))
    return conditions
