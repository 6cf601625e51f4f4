"""Gets a batch stored, whatever it takes: waits for the database, and takes messages one by one when one is bad."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from sqlalchemy.exc import SQLAlchemyError

from hub.clock import Ids
from hub.db.errors import RaceLostError, is_outage
from hub.ingest.handler import IngestHandler, Outcome
from mqtt.connection import Backoff, Message

RACES = 10
BACKOFF = Backoff(shortest_s=0.1, longest_s=5.0)

_log = logging.getLogger(__name__)

OnOutage = Callable[[bool], Awaitable[None]]
"""Told with True when the database goes away, and with False when it is back."""


class Settler:
    """Repeats and divides until every message of a batch is stored or refused; nothing else ever comes out."""

    def __init__(self, handler: IngestHandler, ids: Ids, on_outage: OnOutage, backoff: Backoff = BACKOFF) -> None:
        self._handler = handler
        self._ids = ids
        self._on_outage = on_outage
        self._backoff = backoff

    async def settle(self, messages: Sequence[Message]) -> AsyncIterator[Outcome]:
        """The committed outcomes of the batch: a single one, or one for each message when the whole failed."""
        try:
            outcome = await self._persistently(lambda: self._handler.take(messages))
        except Exception:  # noqa: BLE001  a message that nobody foresaw must not stop the others (DESIGN, law 6)
            if len(messages) == 1:
                yield await self._give_up(messages[0])
                return
            _log.warning("a batch of %d messages failed; taking them one by one", len(messages), exc_info=True)
        else:
            yield outcome
            return
        for message in messages:
            async for single in self.settle([message]):
                yield single

    async def wait_until_ready(self) -> None:
        """Return when the database takes a transaction; nothing is stored."""
        await self._persistently(lambda: self._handler.take([]))

    async def _give_up(self, message: Message) -> Outcome:
        error_id = self._ids.new()
        _log.exception("error %s: a message on %s cannot be stored", error_id, message.topic)
        return await self._persistently(lambda: self._handler.bury(message, error_id))

    async def _persistently(self, store: Callable[[], Awaitable[Outcome]]) -> Outcome:
        outages = races = 0
        while True:
            try:
                outcome = await store()
            except RaceLostError:
                races += 1
                if races > RACES:
                    raise
                continue
            except (SQLAlchemyError, OSError) as error:
                if not is_outage(error):
                    raise
                if outages == 0:
                    _log.warning("the database does not take a batch; waiting for it: %s", _first_line(error))
                    await self._on_outage(True)
                await asyncio.sleep(self._backoff.delay_s(outages))
                outages += 1
                continue
            if outages:
                _log.warning("the database takes batches again")
                await self._on_outage(False)
            return outcome


def _first_line(error: BaseException) -> str:
    return str(getattr(error, "orig", None) or error).partition("\n")[0]
