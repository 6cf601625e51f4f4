"""Filing: what boxes found becomes cases. Reading: what a person may see of them."""

import asyncio
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from hub.audit.repository import AuditEntry, AuditRepository
from hub.auth.policy import Subject
from hub.cases.models import CaseEvidenceRow, CaseHistoryRow, CaseRow
from hub.cases.policy import Action, FindingMessage, Growth, Stage, absorb, found
from hub.cases.repository import COUNT_LIMIT, CaseRepository, FoundCase, Incident
from hub.cases.schemas import CaseDetail, CaseFilter, CasePage, CaseSummary, Cursor
from hub.catalogue.service import Catalogue
from hub.clock import Clock, Ids
from hub.db.unit_of_work import UnitOfWork
from hub.errors import BadRequestError, ConflictError, NotFoundError, UnavailableError
from hub.live.feed import FeedEvent
from hub.media.service import MediaService
from mqtt.envelope import Envelope
from mqtt.messages import FindingBody, ShedBody

SOURCE_AI = "A"
PATIENCE_S = 5.0
"""A list that takes longer keeps a connection from the ingest, and its reader has gone."""
_CASE_NO = re.compile(r"[0-9A-Z]{1,32}")


@dataclass(frozen=True, slots=True)
class Site:
    """Where this hub stands: the district of findings without a grid code, and the zone whose days number the cases."""

    district: str
    zone: ZoneInfo


class CaseFiling:
    """Turns findings into cases within the transaction of the ingest."""

    def __init__(self, catalogue: Catalogue, audit: AuditRepository, clock: Clock, ids: Ids, site: Site) -> None:
        self._catalogue = catalogue
        self._audit = audit
        self._clock = clock
        self._ids = ids
        self._site = site
        self._repository = CaseRepository()

    async def take(self, session: AsyncSession, envelopes: Sequence[Envelope]) -> list[FeedEvent]:
        """Let cases grow by messages that were never taken before; returns what to tell the viewers after the commit.

        Raises:
            RaceLostError: another replica took the same incident meanwhile; do the whole transaction again.
        """
        findings = [FindingMessage(each, each.body) for each in envelopes if isinstance(each.body, FindingBody)]
        news = await self._grow(session, findings)
        sheds = [
            (each.edge_id, sha) for each in envelopes if isinstance(each.body, ShedBody) for sha in each.body.pictures
        ]
        return news + [change_of(row, Action.UPDATED) for row in await self._repository.let_go(session, sheds)]

    async def _grow(self, session: AsyncSession, messages: Sequence[FindingMessage]) -> list[FeedEvent]:
        if not messages:
            return []
        now = self._clock.now()
        rows = await self._repository.by_incidents(session, {message.incident for message in messages})
        growths: dict[Incident, Growth] = {}
        new: list[CaseRow] = []
        for message in messages:
            growth = growths.setdefault(message.incident, Growth())
            row = rows.get(message.incident)
            if row is None:
                item = self._catalogue.item(message.body.finding)
                rows[message.incident] = found(message, item, self._ids.new(), growth, now)
                new.append(rows[message.incident])
            else:
                absorb(row, growth, message, now)
        await self._number(session, new, now)
        # One order in all replicas, so that two of them never wait for each other.
        grown = [(rows[incident], growths[incident]) for incident in sorted(growths)]
        await self._repository.save(session, grown)
        await self._audit.add_all(session, [deed for row, growth in grown for deed in _deeds(row, growth)])
        first = {id(row) for row in new}
        return [change_of(row, growth.actions[0 if id(row) in first else -1][0]) for row, growth in grown]

    async def _number(self, session: AsyncSession, rows: list[CaseRow], now: datetime) -> None:
        day = now.astimezone(self._site.zone).strftime("%Y%m%d")
        by_district: dict[str, list[CaseRow]] = {}
        for row in rows:
            by_district.setdefault(self._district(row.grid_code), []).append(row)
        for district in sorted(by_district):
            members = by_district[district]
            first = await self._repository.reserve_numbers(session, district, day, len(members))
            for number, row in enumerate(members, first):
                row.case_no = f"{district}{day}{SOURCE_AI}{number:06d}"

    def _district(self, grid_code: str | None) -> str:
        district = (grid_code or "")[:6]
        return district if district.isdecimal() else self._site.district


class CaseReading:
    """What a person may see of the cases."""

    def __init__(self, uow: UnitOfWork, clock: Clock, media: MediaService, catalogue: Catalogue) -> None:
        self._uow = uow
        self._clock = clock
        self._media = media
        self._catalogue = catalogue
        self._repository = CaseRepository()

    async def page(self, subject: Subject, wanted: CaseFilter, cursor: str | None, limit: int) -> CasePage:
        """One page of the list, newest first.

        Raises:
            BadRequestError: the cursor is not one that this list has given.
            UnavailableError: the database was not done in time.
        """
        after = None if cursor is None else _read_cursor(cursor)
        as_of = self._clock.now()
        try:
            async with asyncio.timeout(PATIENCE_S), self._uow.read() as session:
                scope = await self._repository.scope(session, subject, wanted)
                rows = await self._repository.page(session, scope, after, limit + 1)
                counted = await self._repository.count_by_stage(session, scope) if after is None else None
        except TimeoutError:
            raise UnavailableError(
                "list_too_slow",
                "the database was not done in time; narrow the filter or try again",
                {"Retry-After": "5"},
            ) from None
        shown = rows[:limit]
        more = _write_cursor(shown[-1].row) if len(rows) > limit else None
        items = [self._summary(case) for case in shown]
        total, counts = (None, None) if counted is None else _sums(counted, wanted.stage)
        return CasePage(items=items, next_cursor=more, total=total, counts=counts, as_of=as_of)

    async def detail(self, subject: Subject, case_no: str) -> CaseDetail:
        """Everything about one case.

        Raises:
            NotFoundError: there is no such case, or not for this subject.
        """
        async with self._uow.read() as session:
            case = await self._repository.one(session, subject, case_no) if _CASE_NO.fullmatch(case_no) else None
            if case is None:
                raise NotFoundError("case_not_found", f"there is no case {case_no:.40} that you may see")
            history = await self._repository.history(session, case.row.id)
            evidence = await self._repository.evidence(session, case.row.id)
            shas = {picture.sha256 for picture in evidence}
            states = dict.fromkeys(await self._repository.shed(session, case.row.edge_id, shas), "shed")
            states |= dict.fromkeys(await self._media.stored(session, shas), "stored")
        return CaseDetail.model_validate(
            self._summary(case).model_dump() | _description(case.row) | _attachments(history, evidence, states)
        )

    async def check_picture(self, subject: Subject, case_no: str, sha256: str) -> None:
        """Return when the picture is evidence of that case, the subject may see it, and it has been delivered.

        Raises:
            NotFoundError: no such case, or no such picture of it, or not for this subject.
            ConflictError: the box has not delivered the picture yet, or never will.
        """
        async with self._uow.read() as session:
            edge_id = (
                await self._repository.box_of_picture(session, subject, case_no, sha256)
                if _CASE_NO.fullmatch(case_no)
                else None
            )
            shed = edge_id is not None and await self._repository.shed(session, edge_id, [sha256])
        if edge_id is None:
            raise NotFoundError("evidence_not_found", "there is no such picture of this case")
        if await self._media.exists(sha256):
            return
        if shed:
            raise ConflictError(
                "evidence_shed", "the box had no room for this picture and let go of it; it will not come"
            )
        raise ConflictError("evidence_pending", "the box has not delivered this picture yet; it will")

    async def changes_by_picture(self, sha256: str) -> list[FeedEvent]:
        """What to tell the viewers when that picture has been delivered."""
        async with self._uow.read() as session:
            return [change_of(row, Action.UPDATED) for row in await self._repository.with_picture(session, sha256)]

    def _summary(self, case: FoundCase) -> CaseSummary:
        row = case.row
        item = self._catalogue.coded(row.item_key, row.scheme)
        return CaseSummary.model_validate(
            {name: getattr(row, name) for name in CaseSummary.model_fields if hasattr(row, name)}
            | {
                "item_zh": item.name_zh,
                "item_en": item.name_en,
                "camera_name_zh": case.camera_name_zh or row.camera_id,
                "camera_name_en": case.camera_name_en or row.camera_id,
                "cover_sha256": case.cover_sha256,
            }
        )


def _sums(counted: dict[str, int], stage: Stage | None) -> tuple[int, dict[Stage, int]]:
    counts = {each: counted.get(each, 0) for each in Stage}
    return min(sum(counts.values()), COUNT_LIMIT + 1) if stage is None else counts[stage], counts


def change_of(row: CaseRow, action: Action) -> FeedEvent:
    """The event that tells viewers of a case."""
    data: dict[str, str | int] = {
        "case_no": row.case_no,
        "version": row.version,
        "stage": row.stage,
        "item_key": row.item_key,
        "change": action.value,
    }
    return FeedEvent("case", row.case_no, data, (row.grid_code,))


def _deeds(row: CaseRow, growth: Growth) -> Iterator[AuditEntry]:
    for action, event_id in growth.actions:
        detail = {"event_id": str(event_id), "incident_id": str(row.incident_id)}
        yield AuditEntry(f"edge:{row.edge_id}", f"case_{action}", "case", row.case_no, detail)


def _description(row: CaseRow) -> dict[str, Any]:
    return {
        "uncertainty_m": row.uncertainty_m,
        "measures": row.measures,
        "box": row.box,
        "model": {"name": row.model_name, "version": row.model_version},
        "config_version": row.config_version,
        "limits": row.limits,
    }


def _attachments(
    history: Sequence[CaseHistoryRow], evidence: Sequence[CaseEvidenceRow], states: dict[str, str]
) -> dict[str, Any]:
    step_names = ("seq", "at", "action", "actor", "from_stage", "to_stage", "reason", "note")
    picture_names = ("role", "sha256", "taken_at", "width", "height")
    return {
        "history": [{name: getattr(step, name) for name in step_names} for step in history],
        "evidence": [
            {name: getattr(picture, name) for name in picture_names} | {"state": states.get(picture.sha256, "pending")}
            for picture in evidence
        ],
    }


def _write_cursor(row: CaseRow) -> str:
    return f"{row.opened_at:%Y-%m-%dT%H:%M:%S.%fZ}~{row.id}"


def _read_cursor(text: str) -> Cursor:
    opened_at, _, case_id = text.partition("~")
    try:
        return Cursor.model_validate({"opened_at": opened_at, "id": case_id})
    except ValueError:
        raise BadRequestError("bad_cursor", "the cursor is not one that this list has given; start without") from None
