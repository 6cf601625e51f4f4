"""What an administrator does with dead letters: look at them, replay them, dismiss them."""

import hashlib
import logging
from collections import Counter
from collections.abc import Mapping
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from hub.audit.repository import AuditEntry, AuditRepository
from hub.auth.policy import Subject
from hub.db.errors import RaceLostError, is_outage
from hub.db.unit_of_work import UnitOfWork
from hub.errors import ConflictError, NotFoundError
from hub.ingest.handler import INTERNAL_ERROR, IngestHandler
from hub.ingest.letter_repository import STATE_ENDING, LetterFilter, LetterRepository
from hub.ingest.models import DeadLetterRow
from hub.ingest.order_repository import BootKey
from hub.ingest.reader import Poison
from hub.ingest.schemas import (
    DeadLetter,
    DeadLetterDetail,
    DeadLetterPage,
    Obstacle,
    Replayed,
    ReplayedMany,
    Verdict,
)
from hub.live.feed import Feed
from mqtt.connection import Message
from mqtt.errors import RefusalReason

EXCERPT = 300
RACES = 10
ROUND = 100
"""Letters in one round of a replay of many: some seconds on a slow disk, within the patience of a browser."""

_log = logging.getLogger(__name__)


class DeadLetterReading:
    """Reads the dead letters."""

    def __init__(self, uow: UnitOfWork, letters: LetterRepository) -> None:
        self._uow = uow
        self._letters = letters

    async def page(self, wanted: LetterFilter, cursor: UUID | None, limit: int) -> DeadLetterPage:
        """One page, the newest first."""
        async with self._uow.read() as session:
            rows = await self._letters.page(session, wanted, cursor, limit + 1)
            counts = await self._letters.counts(session, wanted.edge_id)
        shown = rows[:limit]
        more = shown[-1].id if len(rows) > limit else None
        total = sum(counts.values()) if wanted.reason is None else counts.get(wanted.reason, 0)
        return DeadLetterPage(items=[_view(row) for row in shown], next_cursor=more, total=total, counts=counts)

    async def detail(self, letter_id: UUID) -> DeadLetterDetail:
        """One letter with its payload.

        Raises:
            NotFoundError: it is not there, or no longer.
        """
        async with self._uow.read() as session:
            row = _found(await self._letters.get(session, letter_id))
        return DeadLetterDetail(**vars(_view(row)), payload=row.payload.decode(errors="replace"))


class DeadLetterReplay:
    """Gives dead letters to the ingest handler once more, or throws them away; each in a transaction of its own.

    `heard` takes the boots of what was taken, so that the gaps that it fills are closed.
    """

    def __init__(
        self,
        uow: UnitOfWork,
        letters: LetterRepository,
        handler: IngestHandler,
        audit: AuditRepository,
        feed: Feed,
        heard: set[BootKey],
    ) -> None:
        self._uow = uow
        self._letters = letters
        self._handler = handler
        self._audit = audit
        self._feed = feed
        self._heard = heard

    async def replay(self, letter_id: UUID, subject: Subject) -> Replayed:
        """Take the message of a letter as if it came now: it is gone afterwards, or lies there with a newer reason.

        Raises:
            NotFoundError: it is not there, or no longer.
            ConflictError: it cannot be replayed at all.
        """
        cause: Exception | None = None
        for _ in range(RACES):
            try:
                return await self._attempt(letter_id, subject)
            except RaceLostError as error:
                cause = error
            except (SQLAlchemyError, ValueError, TypeError, ArithmeticError) as error:
                if is_outage(error):
                    raise
                cause = error
                break
        _log.error("the message of dead letter %s cannot be stored", letter_id, exc_info=cause)
        return await self._keep(letter_id, subject)

    async def replay_many(self, wanted: LetterFilter, after: UUID | None, subject: Subject) -> ReplayedMany:
        """Replay one round of the letters that fit and can be replayed, the oldest first."""
        async with self._uow.read() as session:
            found = await self._letters.oldest(session, wanted, after, ROUND + 1)
        results: Counter[Verdict] = Counter()
        for letter_id in found[:ROUND]:
            try:
                results[(await self.replay(letter_id, subject)).result] += 1
            except NotFoundError:
                # Another administrator was faster with this one.
                continue
        more = found[ROUND - 1] if len(found) > ROUND else None
        return ReplayedMany(taken=results["taken"], known=results["known"], refused=results["refused"], next_after=more)

    async def dismiss(self, letter_id: UUID, subject: Subject) -> None:
        """Throw a letter away; the audit keeps who did it and what it was.

        Raises:
            NotFoundError: it is not there, or no longer.
        """
        async with self._uow.write() as session:
            letter = _found(await self._letters.take_out(session, letter_id))
            self._note(session, subject, "letter_dismissed", letter, {"times": letter.times})

    async def _attempt(self, letter_id: UUID, subject: Subject) -> Replayed:
        async with self._uow.write() as session:
            letter = _found(await self._letters.take_out(session, letter_id))
            _check(letter)
            outcome, poison = await self._handler.take_within(session, [_message(letter)])
            if poison:
                return await self._put_back(session, subject, letter, poison[0], str(poison[0].reason))
            result: Verdict = "taken" if outcome.stored else "known"
            self._note(session, subject, "letter_replayed", letter, {"result": result})
        self._heard |= outcome.boots
        self._feed.publish(outcome.events)
        return Replayed(result=result, letter=None)

    async def _keep(self, letter_id: UUID, subject: Subject) -> Replayed:
        detail = f"the hub could not store it; its log names the dead letter {letter_id}"
        async with self._uow.write() as session:
            letter = _found(await self._letters.take_out(session, letter_id))
            poison = Poison(_message(letter), letter.edge_id, None, RefusalReason.INVALID, detail)
            return await self._put_back(session, subject, letter, poison, INTERNAL_ERROR)

    async def _put_back(
        self, session: AsyncSession, subject: Subject, letter: DeadLetterRow, poison: Poison, reason: str
    ) -> Replayed:
        kept = await self._letters.put_back(session, letter, poison, reason)
        told = {"result": "refused", "new_reason": reason, "kept_as": str(kept.id)}
        self._note(session, subject, "letter_replayed", letter, told)
        return Replayed(result="refused", letter=_view(kept))

    def _note(
        self, session: AsyncSession, subject: Subject, action: str, letter: DeadLetterRow, more: Mapping[str, object]
    ) -> None:
        about = {
            "topic": letter.topic,
            "reason": letter.reason,
            "payload_sha256": hashlib.sha256(letter.payload).hexdigest(),
            "size": letter.size,
        }
        entry = AuditEntry(f"user:{subject.username}", action, "dead_letter", str(letter.id), {**about, **more})
        self._audit.add(session, entry)


def _message(letter: DeadLetterRow) -> Message:
    return Message(letter.topic, letter.payload, retained=True)


def _found(row: DeadLetterRow | None) -> DeadLetterRow:
    if row is None:
        raise NotFoundError(
            "letter_not_found", "there is no such dead letter; it may have been replayed or dismissed meanwhile"
        )
    return row


def _check(letter: DeadLetterRow) -> None:
    obstacle = _obstacle(letter)
    if obstacle == "not_whole":
        kept = f"only {len(letter.payload)} of its {letter.size} bytes were kept"
        raise ConflictError("letter_not_whole", f"{kept}, so the message cannot be replayed; dismiss it")
    if obstacle == "state":
        raise ConflictError(
            "letter_is_state", "the state of a box is old news and must not be replayed; the box reports it again"
        )


def _obstacle(row: DeadLetterRow) -> Obstacle | None:
    if len(row.payload) != row.size:
        return "not_whole"
    # An old boot that is heard of again would take the place of the boot that runs now.
    return "state" if row.topic.endswith(STATE_ENDING) else None


def _view(row: DeadLetterRow) -> DeadLetter:
    return DeadLetter(
        id=row.id,
        received_at=row.received_at,
        times=row.times,
        topic=row.topic,
        edge_id=row.edge_id,
        reason=row.reason,
        detail=row.detail,
        payload_excerpt=row.payload[:EXCERPT].decode(errors="replace"),
        size=row.size,
        obstacle=_obstacle(row),
    )
