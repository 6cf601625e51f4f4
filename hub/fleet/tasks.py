"""What fleet does by the clock: pictures that nothing shows are deleted."""

import asyncio
import logging
from datetime import timedelta
from functools import partial

from sqlalchemy.exc import SQLAlchemyError

from hub.clock import Clock
from hub.db.errors import is_outage
from hub.db.unit_of_work import UnitOfWork
from hub.fleet.repository import FleetRepository
from hub.media.models import Purpose
from hub.media.service import MediaService

logger = logging.getLogger(__name__)

EVERY_S = 60.0
AGES = {
    Purpose.SNAPSHOT: (timedelta(minutes=3), timedelta(days=365)),
    Purpose.EVIDENCE: (timedelta(days=30), timedelta(days=32)),
}
"""Between which ages a picture is looked at: young ones may wait for the message that names them, and pages may still
ask for a snapshot that was replaced; without an older end each sweep would read all evidence there ever was."""
BATCH = 200


class PictureSweep:
    """Deletes pictures that no camera shows and no case names: a box may deliver one and never speak of it."""

    def __init__(self, uow: UnitOfWork, media: MediaService, clock: Clock) -> None:
        self._uow = uow
        self._media = media
        self._clock = clock
        self._repository = FleetRepository()

    async def run(self) -> None:
        """Sweep until cancelled."""
        while True:
            await asyncio.sleep(EVERY_S)
            try:
                await self.sweep()
            except (SQLAlchemyError, OSError) as error:
                if not is_outage(error):
                    raise
                logger.warning("pictures could not be swept: %s", error)

    async def sweep(self) -> int:
        """Delete what is not shown, oldest first; returns how many pictures went."""
        return sum([await self._sweep(purpose) for purpose in Purpose])

    async def _sweep(self, purpose: Purpose) -> int:
        now, gone = self._clock.now(), 0
        youngest, oldest = AGES[purpose]
        while True:
            async with self._uow.read() as session:
                idle = await self._repository.idle_pictures(session, purpose, (now - oldest, now - youngest), BATCH)
            if idle:
                gone += await self._media.delete(idle, partial(self._repository.forget_idle, purpose=purpose))
            if len(idle) < BATCH:
                return gone
