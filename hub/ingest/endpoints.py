"""The routes of the dead letters, for administrators only."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from hub.auth.dependencies import require
from hub.auth.policy import Role, Subject
from hub.ingest.consumer import make_handler
from hub.ingest.letter_repository import LetterFilter, LetterRepository
from hub.ingest.schemas import (
    DeadLetterDetail,
    DeadLetterPage,
    LetterQuery,
    Replayed,
    ReplayedMany,
    ReplayMany,
)
from hub.ingest.service import DeadLetterReading, DeadLetterReplay
from hub.state import HubDep

router = APIRouter(prefix="/api/v1/dead-letters", tags=["ingest"])

AdministratorDep = Annotated[Subject, Depends(require(Role.ADMINISTRATOR))]


def reading(hub: HubDep) -> DeadLetterReading:
    """The reading side of dead letters, as a FastAPI dependency."""
    return DeadLetterReading(hub.uow, LetterRepository(hub.clock, hub.ids))


def replaying(hub: HubDep) -> DeadLetterReplay:
    """The acting side of dead letters, as a FastAPI dependency."""
    letters = LetterRepository(hub.clock, hub.ids)
    return DeadLetterReplay(hub.uow, letters, make_handler(hub), hub.audit, hub.feed, hub.ingest.heard)


ReadingDep = Annotated[DeadLetterReading, Depends(reading)]
ReplayDep = Annotated[DeadLetterReplay, Depends(replaying)]


@router.get("", dependencies=[Depends(require(Role.ADMINISTRATOR))])
async def list_dead_letters(
    letters: ReadingDep,
    wanted: Annotated[LetterQuery, Query()],
    cursor: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> DeadLetterPage:
    """The messages that were refused, newest first."""
    return await letters.page(LetterFilter(wanted.reason, wanted.edge_id), cursor, limit)


@router.post("/replay")
async def replay_dead_letters(
    administrator: AdministratorDep, letters: ReplayDep, wanted: Annotated[ReplayMany, Query()]
) -> ReplayedMany:
    """Take the messages of many letters again, the oldest first, at most 100 in one round."""
    which = LetterFilter(wanted.reason, wanted.edge_id)
    return await letters.replay_many(which, wanted.after, administrator)


@router.get("/{letter_id}", dependencies=[Depends(require(Role.ADMINISTRATOR))])
async def read_dead_letter(letters: ReadingDep, letter_id: UUID) -> DeadLetterDetail:
    """One dead letter with its payload."""
    return await letters.detail(letter_id)


@router.post("/{letter_id}/replay")
async def replay_dead_letter(administrator: AdministratorDep, letters: ReplayDep, letter_id: UUID) -> Replayed:
    """Take the message of a letter again, as if it came now."""
    return await letters.replay(letter_id, administrator)


@router.delete("/{letter_id}", status_code=204)
async def dismiss_dead_letter(administrator: AdministratorDep, letters: ReplayDep, letter_id: UUID) -> None:
    """Throw a letter away."""
    await letters.dismiss(letter_id, administrator)
