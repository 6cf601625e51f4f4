"""The route of the dead letters."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from hub.auth.dependencies import require
from hub.auth.policy import Role
from hub.ingest.schemas import DeadLetterPage
from hub.ingest.service import DeadLetterReading
from hub.state import HubDep

router = APIRouter(prefix="/api/v1", tags=["ingest"])


@router.get("/dead-letters", dependencies=[Depends(require(Role.ADMINISTRATOR))])
async def list_dead_letters(
    hub: HubDep, cursor: UUID | None = None, limit: Annotated[int, Query(ge=1, le=200)] = 50
) -> DeadLetterPage:
    """The messages that were refused, newest first."""
    return await DeadLetterReading(hub.uow, hub.clock, hub.ids).page(cursor, limit)
