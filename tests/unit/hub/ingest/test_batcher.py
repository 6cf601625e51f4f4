"""Batches: full, cut by time, cut by a lost connection."""

import asyncio

import pytest

from hub.ingest.batcher import next_batch
from mqtt.connection import Message
from mqtt.errors import BrokerError


class Line:
    """Messages that come as the test puts them; an error is raised in its place and ever after."""

    def __init__(self, *items):
        self.items = list(items)
        self.waiting = asyncio.Event()

    def __aiter__(self):
        return self

    async def __anext__(self):
        if not self.items:
            self.waiting.set()
            await asyncio.Event().wait()
        if isinstance(self.items[0], BrokerError):
            raise self.items[0]
        return self.items.pop(0)


def message(number):
    return Message(f"tr/v1/edge-1/event#{number}", b"", False)


async def test_a_full_batch_does_not_wait():
    line = Line(*map(message, range(5)))
    assert await next_batch(line, limit=3, wait_s=3600) == [message(0), message(1), message(2)]
    assert line.items == [message(3), message(4)]


async def test_a_batch_ends_when_its_moment_is_over():
    line = Line(message(0), message(1))
    assert await next_batch(line, limit=3, wait_s=0.001) == [message(0), message(1)]


async def test_what_was_taken_before_the_connection_went_is_kept():
    line = Line(message(0), BrokerError("gone"))
    assert await next_batch(line, limit=3, wait_s=3600) == [message(0)]
    with pytest.raises(BrokerError, match="gone"):
        await next_batch(line, limit=3, wait_s=3600)
