"""Gathers messages into batches: as many as come within a moment, so that one commit serves them all."""

import asyncio
from collections.abc import AsyncIterator

from mqtt.connection import Message
from mqtt.errors import BrokerError

LIMIT = 100
WAIT_S = 0.02


async def next_batch(messages: AsyncIterator[Message], limit: int = LIMIT, wait_s: float = WAIT_S) -> list[Message]:
    """Wait for a message, then for up to `limit` in all during `wait_s` seconds.

    Nothing is kept between two calls: what is not taken stays unacknowledged at the broker, at most 256 of them.

    Raises:
        BrokerError: the connection was lost and nothing had been taken.
    """
    batch = [await anext(messages)]
    try:
        async with asyncio.timeout(wait_s):
            while len(batch) < limit:
                batch.append(await anext(messages))
    except TimeoutError:
        pass
    except BrokerError:
        # What was taken is stored all the same; the next call raises again.
        pass
    return batch
