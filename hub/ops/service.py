"""Looks whether the hub's parts can work."""

import asyncio
import tempfile
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from hub.ops.repository import answers
from hub.ops.schemas import Readiness
from hub.state import Hub

PATIENCE_S = 2.0


async def readiness(hub: Hub) -> Readiness:
    """Ask the database, the disk and the consumer."""
    database, disk = await asyncio.gather(_database(hub), asyncio.to_thread(_writable, hub.settings.data_dir))
    ingest = hub.ingest.connected
    ready = database and disk and ingest
    return Readiness(status="ready" if ready else "not_ready", database=database, ingest=ingest, disk=disk)


async def _database(hub: Hub) -> bool:
    try:
        async with asyncio.timeout(PATIENCE_S), hub.uow.read() as session:
            return await answers(session)
    except (SQLAlchemyError, TimeoutError):
        return False


def _writable(folder: Path) -> bool:
    try:
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"x")
    except OSError:
        return False
    return True
