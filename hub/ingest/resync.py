"""Looks at the order of the boxes every second, and asks those with gaps to send again what they still hold."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from prometheus_client import Counter
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from hub.db.errors import RaceLostError, is_outage
from hub.fleet.policy import is_online
from hub.fleet.repository import FleetRepository
from hub.ingest.order import is_ask_due
from hub.ingest.order_keeping import OrderKeeping, asked_of, has_backlog
from hub.ingest.order_repository import BootKey, OrderRepository
from hub.state import Hub
from mqtt import aio_connection
from mqtt.aio_connection import AioSession
from mqtt.answers import Command
from mqtt.connection import ConnectionOptions
from mqtt.envelope import encode
from mqtt.topic import Channel, Topic

EVERY_S = 1.0
ALL_EVERY_S = 600.0
BOOTS_AT_ONCE = 200
REFUSED_LIFE = timedelta(hours=1)
LOST_LIFE = timedelta(days=90)
"""As long as a dead letter is kept."""

_log = logging.getLogger(__name__)
_asked = Counter("tianrui_hub_resyncs", "Resyncs that boxes were asked for")


class Resync:
    """Runs until it is cancelled; of several replicas one asks a box, whichever takes its row of `resync` first.

    It has a connection of its own, because the consumer's is busy for as long as a batch takes.
    """

    def __init__(self, hub: Hub, options: ConnectionOptions) -> None:
        self._hub = hub
        self._options = options
        self._heard = hub.ingest.heard
        self._keeping = OrderKeeping(hub.clock, self._heard)
        self._repository = OrderRepository()
        self._all_looked_at: float | None = None

    async def run(self) -> None:
        """Look and ask while there is a broker."""
        await aio_connection.run(self._options, self._session)

    async def _session(self, link: AioSession) -> None:
        away = False
        while True:
            link.check()
            try:
                commands = await self.look()
                away = False
            except (SQLAlchemyError, OSError) as error:
                if not is_outage(error):
                    raise
                if not away:
                    _log.warning("gaps cannot be looked for while the database is away: %s", error)
                away, commands = True, {}
            for edge_id, command in commands.items():
                result = await link.publish(str(Topic(edge_id, Channel.COMMAND)), encode(command), 1)
                if not result.ok:
                    _log.error("the broker refused a command for %s: %s; check the hub's rights", edge_id, result.text)
            await asyncio.sleep(EVERY_S)

    async def look(self) -> dict[str, Command]:
        """Bring the order of all boots that something came from up to date; returns whom to ask for what now.

        Raises:
            SQLAlchemyError: the database is away.
        """
        keys = set(self._heard)
        self._heard -= keys
        try:
            async with self._hub.uow.read() as session:
                with_gaps = await self._repository.boots_with_gaps(session)
                if all_due := self._is_all_due():
                    keys |= await self._repository.boots_with_news(session)
                    self._all_looked_at = self._hub.clock.monotonic()
            await self._look_at(sorted(keys | with_gaps))
            return await self._ask() if with_gaps or all_due else {}
        except BaseException:
            self._heard |= keys
            raise

    def _is_all_due(self) -> bool:
        """Whether to look at every boot: at the start and now and then, for what a replica that died had heard."""
        now = self._hub.clock.monotonic()
        return self._all_looked_at is None or now - self._all_looked_at >= ALL_EVERY_S

    async def _look_at(self, keys: Sequence[BootKey]) -> None:
        for start in range(0, len(keys), BOOTS_AT_ONCE):
            chunk = keys[start : start + BOOTS_AT_ONCE]
            try:
                async with self._hub.uow.write() as session:
                    news = await self._keeping.look(session, chunk)
            except RaceLostError:
                self._heard |= set(chunk)
                continue
            except SQLAlchemyError as error:
                if is_outage(error):
                    raise
                # What one box made up must not end the looks at all the others.
                if len(chunk) > 1:
                    for key in chunk:
                        await self._look_at([key])
                else:
                    _log.exception("the order of box %s, boot %s cannot be kept", *chunk[0])
                continue
            for each in news:
                each.tell()

    async def _ask(self) -> dict[str, Command]:
        try:
            async with self._hub.uow.write() as session:
                asks = await self._due(session)
                claimed = await self._repository.claim(session, asks)
                await self._repository.tidy(
                    session, self._hub.clock.now() - REFUSED_LIFE, self._hub.clock.now() - LOST_LIFE
                )
        except RaceLostError:
            return {}
        _asked.inc(len(claimed))
        return {
            ask["edge_id"]: Command(command_id=ask["command_id"], verb="resync")
            for ask in asks
            if ask["edge_id"] in claimed
        }

    async def _due(self, session: AsyncSession) -> list[dict[str, Any]]:
        now = self._hub.clock.now()
        gaps = await self._repository.told_gaps(session)
        edges = await FleetRepository().edges(session, gaps)
        resyncs = await self._repository.resyncs(session, gaps)
        asks = []
        for edge_id, of_box in sorted(gaps.items()):
            edge, row = edges.get(edge_id), resyncs.get(edge_id)
            # What a box sends beyond its room it sends again by itself; a question would only make it more.
            if edge is None or edge_id in self._hub.ingest.held_back or has_backlog(edge):
                continue
            if is_online(edge, now) and is_ask_due(of_box, asked_of(row, edge), now):
                times = 1 if row is None else row.times + 1
                command_id = self._hub.ids.new()
                asks.append({"edge_id": edge_id, "command_id": command_id, "asked_at": now, "times": times})
        return asks
