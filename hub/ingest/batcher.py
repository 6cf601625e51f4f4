"""Gathers messages into batches: as many as come within a moment, so that one commit serves them all."""

import asyncio
from collections.abc import AsyncIterator
from typing import Self

from hub.ingest.intake import Intake
from mqtt.connection import Message

LIMIT = 100
WAIT_S = 0.005


class Batcher:
    """Reads on while batches are stored, so that a slow batch or a flood keeps nobody's message at the broker.

    A context manager: reading ends with it, and what then waits in the intake is sent again by its boxes.
    """

    def __init__(
        self, messages: AsyncIterator[Message], intake: Intake, limit: int = LIMIT, wait_s: float = WAIT_S
    ) -> None:
        self._messages = messages
        self._intake = intake
        self._limit = limit
        self._wait_s = wait_s
        self._some, self._full = asyncio.Event(), asyncio.Event()

    async def next_batch(self) -> list[Message]:
        """Wait for a message, then for up to `limit` in all during `wait_s` seconds.

        Raises:
            BrokerError: the connection was lost and nothing of what had come is left.
        """
        await self._some.wait()
        try:
            async with asyncio.timeout(self._wait_s):
                await self._full.wait()
        except TimeoutError:
            pass
        batch = self._intake.take(self._limit)
        if not batch:
            await self._reading
        self._tell()
        return batch

    def _tell(self) -> None:
        for event, number in ((self._some, 1), (self._full, self._limit)):
            if len(self._intake) >= number or self._reading.done():
                event.set()
            else:
                event.clear()

    async def _read(self) -> None:
        async for message in self._messages:
            self._intake.admit(message)
            self._tell()

    async def __aenter__(self) -> Self:
        self._reading = asyncio.create_task(self._read(), name="ingest reading")
        self._reading.add_done_callback(lambda _: self._tell())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._reading.cancel()
        await asyncio.wait([self._reading])
        if not self._reading.cancelled():
            # Its error has ended the connection by now; asked for, so that it is not logged as never retrieved.
            self._reading.exception()
