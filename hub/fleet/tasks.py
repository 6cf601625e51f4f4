"""What fleet does by the clock: snapshots that nothing shows are deleted."""

import asyncio
import logging
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError

from hub.clock import Clock
from hub.db.errors import is_outage
from hub.db.unit_of_work import UnitOfWork
from hub.fleet.repository import FleetRepository
from hub.media.service import MediaService

logger = logging.getLogger(__name__)

EVERY_S = 60.0
GRACE = timedelta(minutes=10)
BATCH = 200


class SnapshotSweep:
    """Deletes snapshots that no camera shows and no case names: a box may upload one and never speak of it."""

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
                logger.warning("snapshots could not be swept: %s", error)

    async def sweep(self) -> int:
        """Delete what is not shown, oldest first; returns how many pictures went."""
        async with self._uow.read() as session:
            idle = await self._repository.idle_snapshots(session, self._clock.now() - GRACE, BATCH)
        await self._media.delete(idle)
        return len(idle)
