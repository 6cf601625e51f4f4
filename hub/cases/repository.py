"""The queries on cases; whatever a person asks is restricted to the subject's area in the query itself."""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVarTuple
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    ScalarSelect,
    Select,
    and_,
    case,
    func,
    inspect,
    literal,
    or_,
    select,
    tuple_,
    union,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.exc import StaleDataError

from hub.auth.policy import Subject, begins_with, visible_grids
from hub.cases.models import SERIAL_DIGITS, CaseCounterRow, CaseEvidenceRow, CaseHistoryRow, CaseRow, ShedPictureRow
from hub.cases.policy import Growth, Stage
from hub.cases.schemas import CaseFilter, Cursor
from hub.db.errors import RaceLostError
from hub.db.upsert import insert_into, insert_rows
from hub.fleet.models import CameraRow
from hub.media.models import MediaRow

T = TypeVarTuple("T")
Incident = tuple[str, UUID]
COUNT_LIMIT = 10_000
"""Nobody reads further; so many candidates are read one by one in 50 ms, and among more a page is full soon."""
GRID_BEGIN = re.compile(r"[0-9A-Z]{1,15}")
NUMBER_BEGIN = re.compile(r"\d{14}[0-9A-Z]{0,18}")
"""From the district and the day on: the cases of a month stand together in time, behind all that is newer."""
SERIAL = re.compile(r"A(\d{1,6})|(\d{4,6})")
COVER_ORDER = ("t1", "now", "t0", "middle", "wide")


@dataclass(frozen=True, slots=True)
class FoundCase:
    """A case with what other tables know of it; a camera that was never reported has no names."""

    row: CaseRow
    camera_name_zh: str | None
    camera_name_en: str | None
    cover_sha256: str | None


@dataclass(frozen=True, slots=True)
class CaseScope:
    """What a list shows, and how it is read: few candidates one by one, many in the order of time until a page is full.

    `few` finds all cases that may fit, when these are at most `COUNT_LIMIT`.
    """

    subject: Subject
    wanted: CaseFilter
    few: Select[UUID] | None

    def cases(self, query: Select[*T]) -> Select[*T]:
        """The query, restricted to the cases that fit all of the filter but its stage."""
        query = query.where(visible_grids(self.subject, CaseRow.grid_code))
        if self.few is not None:
            query = query.where(CaseRow.id.in_(self.few))
        if self.wanted.item:
            query = query.where(CaseRow.item_key == self.wanted.item)
        if self.wanted.q:
            query = query.outerjoin(CameraRow, _same_camera()).where(
                or_(*_names(self.wanted.q), *_grids(self.wanted.q), *_numbers(self.wanted.q))
            )
        return query


class CaseRepository:
    """Reads and writes the tables of cases within the caller's transaction."""

    async def by_incidents(self, session: AsyncSession, incidents: Collection[Incident]) -> dict[Incident, CaseRow]:
        """The cases that these incidents have already; perhaps more."""
        edge_ids, ids = ({*column} for column in zip(*incidents, strict=True))
        query = select(CaseRow).where(CaseRow.edge_id.in_(sorted(edge_ids)), CaseRow.incident_id.in_(sorted(ids)))
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
        # The new rows of the session are stored by `save`, where a lost race has its name.
        with session.no_autoflush:
            last: int = (await session.execute(statement)).scalar_one()
        return last - count + 1

    async def save(self, session: AsyncSession, grown: Iterable[tuple[CaseRow, Growth]]) -> None:
        """Store cases with their new history and evidence.

        Raises:
            RaceLostError: another transaction was faster with one of them; nothing of this may be committed.
        """
        pairs = list(grown)
        new = [_values(row) for row, _ in pairs if inspect(row).transient]
        try:
            await insert_rows(session, CaseRow, new)
            await session.flush()
        except (IntegrityError, StaleDataError) as error:
            raise RaceLostError("a case was changed by another transaction") from error
        steps = [step._asdict() for _, growth in pairs for step in growth.history]
        await insert_rows(session, CaseHistoryRow, steps)
        pictures = [
            picture.model_dump(exclude={"content_type"}) | {"case_id": row.id}
            for row, growth in pairs
            for picture in growth.evidence.values()
        ]
        await insert_rows(session, CaseEvidenceRow, pictures, skip_existing=True)

    async def let_go(self, session: AsyncSession, pictures: Collection[tuple[str, str]]) -> Sequence[CaseRow]:
        """Note pictures, each with its box, as shed; returns the cases that show it."""
        if not pictures:
            return []
        # One order in all replicas, so that two of them never wait for each other.
        rows = [{"edge_id": edge_id, "sha256": sha256} for edge_id, sha256 in sorted(set(pictures))]
        await insert_rows(session, ShedPictureRow, rows, skip_existing=True)
        edge_ids, shas = ({*column} for column in zip(*pictures, strict=True))
        named = select(CaseEvidenceRow.case_id).where(CaseEvidenceRow.sha256.in_(sorted(shas)))
        query = select(CaseRow).where(CaseRow.id.in_(named), CaseRow.edge_id.in_(sorted(edge_ids)))
        return (await session.execute(query)).scalars().all()

    async def shed(self, session: AsyncSession, edge_id: str, shas: Collection[str]) -> set[str]:
        """Which of these pictures the box has let go of."""
        query = select(ShedPictureRow.sha256).where(
            ShedPictureRow.edge_id == edge_id, ShedPictureRow.sha256.in_(sorted(shas))
        )
        return set((await session.execute(query)).scalars())

    async def scope(self, session: AsyncSession, subject: Subject, wanted: CaseFilter) -> CaseScope:
        """How the list under that filter is best read: the area, else the search, may leave only few candidates."""
        candidates = []
        if not subject.sees_everything:
            candidates.append(_in_area(subject))
        if wanted.q:
            candidates.append(_found_by(wanted.q))
        for query in candidates:
            # Not the id, which the index of stage and grid code lacks: a district takes SQLite 12 ms so, else 108.
            rows = query.with_only_columns(literal(1), maintain_column_froms=True).subquery()
            counted = await session.execute(select(func.count()).select_from(rows))
            if counted.scalar_one() <= COUNT_LIMIT:
                return CaseScope(subject, wanted, query)
        return CaseScope(subject, wanted, None)

    async def page(self, session: AsyncSession, scope: CaseScope, after: Cursor | None, limit: int) -> list[FoundCase]:
        """The newest cases behind `after`."""
        newest_first = (CaseRow.opened_at.desc(), CaseRow.id.desc())
        chosen = scope.cases(select(CaseRow.id)).order_by(*newest_first).limit(limit)
        if scope.wanted.stage is not None:
            chosen = chosen.where(CaseRow.stage == scope.wanted.stage)
        if after is not None:
            behind = tuple_(literal(after.opened_at, CaseRow.opened_at.type), literal(after.id, CaseRow.id.type))
            chosen = chosen.where(tuple_(CaseRow.opened_at, CaseRow.id) < behind)
        query = _found().where(CaseRow.id.in_(chosen)).order_by(*newest_first)
        return [FoundCase(*row) for row in (await session.execute(query))]

    async def count_by_stage(self, session: AsyncSession, scope: CaseScope) -> dict[str, int]:
        """How many cases are at each stage under all of the filter but its stage; counts to `COUNT_LIMIT` + 1."""
        if scope.few is not None:
            query = scope.cases(select(CaseRow.stage, func.count())).group_by(CaseRow.stage)
            return {stage: count for stage, count in await session.execute(query)}
        some = (
            scope.cases(select(CaseRow.stage)).where(CaseRow.stage == stage).limit(COUNT_LIMIT + 1).subquery()
            for stage in Stage
        )
        counts = [select(func.count()).select_from(cases).scalar_subquery() for cases in some]
        return dict(zip(Stage, (await session.execute(select(*counts))).one(), strict=True))

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

    async def box_of_picture(self, session: AsyncSession, subject: Subject, case_no: str, sha256: str) -> str | None:
        """The box of that case, when the picture is evidence of it and the subject may see the case."""
        query = (
            select(CaseRow.edge_id)
            .join(CaseEvidenceRow, CaseEvidenceRow.case_id == CaseRow.id)
            .where(
                CaseRow.case_no == case_no,
                CaseEvidenceRow.sha256 == sha256,
                visible_grids(subject, CaseRow.grid_code),
            )
        )
        return (await session.execute(query)).scalars().first()

    async def with_picture(self, session: AsyncSession, sha256: str) -> Sequence[CaseRow]:
        """The cases that the picture is evidence of."""
        cases = select(CaseEvidenceRow.case_id).where(CaseEvidenceRow.sha256 == sha256)
        return (await session.execute(select(CaseRow).where(CaseRow.id.in_(cases)))).scalars().all()


def _values(row: CaseRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in CaseRow.__table__.columns.keys()}  # noqa: SIM118


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


def _in_area(subject: Subject) -> Select[UUID]:
    """The first `COUNT_LIMIT` + 1 cases of an area."""
    return select(CaseRow.id).where(_by_grid(visible_grids(subject, CaseRow.grid_code))).limit(COUNT_LIMIT + 1)


def _found_by(words: str) -> Select[UUID]:
    """The first `COUNT_LIMIT` + 1 cases that a search finds, each kind of find by its own index."""
    cameras = select(CameraRow.edge_id, CameraRow.camera_id).where(or_(*_names(words)))
    finds = [tuple_(CaseRow.edge_id, CaseRow.camera_id).in_(cameras), *map(_by_grid, _grids(words)), *_numbers(words)]
    parts = [select(CaseRow.id).where(find).limit(COUNT_LIMIT + 1).subquery() for find in finds]
    return select(union(*(select(part.c.id) for part in parts)).limit(COUNT_LIMIT + 1).subquery().c.id)


def _by_grid(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """The condition on grid codes with all stages spelt out, so that the index of stage and grid code answers it."""
    return and_(CaseRow.stage.in_(list(Stage)), condition)


def _names(words: str) -> list[ColumnElement[bool]]:
    return [column.icontains(words, autoescape=True) for column in (CameraRow.name_zh, CameraRow.name_en)]


def _grids(words: str) -> list[ColumnElement[bool]]:
    return [begins_with(CaseRow.grid_code, words.upper())] if GRID_BEGIN.fullmatch(words.upper()) else []


def _numbers(words: str) -> list[ColumnElement[bool]]:
    if NUMBER_BEGIN.fullmatch(words.upper()):
        return [begins_with(CaseRow.case_no, words.upper())]
    serial = SERIAL.fullmatch(words.upper())
    return [CaseRow.serial == (serial[1] or serial[2]).zfill(SERIAL_DIGITS)] if serial else []
