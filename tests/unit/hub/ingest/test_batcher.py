"""Batches: full, cut by time, cut by a lost connection; reading goes on meanwhile."""

import asyncio

import pytest

from hub.ingest.batcher import Batcher
from hub.ingest.intake import Intake, Limits
from mqtt.connection import Message
from mqtt.errors import BrokerError
from tests.hub_fixtures import FakeClock


class Line:
    """Messages that come as the test puts them; an error is raised in its place and ever after."""

    def __init__(self, *items):
        self.items = list(items)
        self.more, self.empty = asyncio.Event(), asyncio.Event()

    def put(self, *items):
        self.items += items
        self.empty.clear()
        self.more.set()

    def __aiter__(self):
        return self

    async def __anext__(self):
        while not self.items:
            self.empty.set()
            self.more.clear()
            await self.more.wait()
        if isinstance(self.items[0], BrokerError):
            raise self.items[0]
        return self.items.pop(0)


def message(number):
    return Message("tr/v1/edge-1/event", str(number).encode(), False)


def batcher(line, wait_s=3600.0):
    return Batcher(line, Intake(Limits(), FakeClock(), lambda _: None), limit=3, wait_s=wait_s)


async def test_a_full_batch_does_not_wait():
    async with batcher(Line(*map(message, range(7)))) as batches:
        assert await batches.next_batch() == [message(0), message(1), message(2)]
        assert await batches.next_batch() == [message(3), message(4), message(5)]


async def test_a_batch_ends_when_its_moment_is_over():
    async with batcher(Line(message(0), message(1)), wait_s=0.001) as batches:
        assert await batches.next_batch() == [message(0), message(1)]


async def test_reading_goes_on_while_nobody_asks_for_a_batch():
    line = Line(message(0))
    async with batcher(line, wait_s=0.001) as batches:
        assert await batches.next_batch() == [message(0)]
        line.put(message(1), message(2))
        await line.empty.wait()
        assert await batches.next_batch() == [message(1), message(2)]


async def test_what_came_before_the_connection_went_is_given_out():
    async with batcher(Line(message(0), BrokerError("gone"))) as batches:
        assert await batches.next_batch() == [message(0)]
        with pytest.raises(BrokerError, match="gone"):
            await batches.next_batch()


async def test_the_loss_of_the_connection_ends_a_wait():
    line = Line()
    async with batcher(line) as batches:
        waiting = asyncio.create_task(batches.next_batch())
        await line.empty.wait()
        line.put(BrokerError("gone"))
        with pytest.raises(BrokerError, match="gone"):
            await waiting


async def test_reading_ends_with_its_batcher():
    line = Line()
    async with batcher(line):
        await line.empty.wait()
    line.put(message(0))
    await asyncio.sleep(0)
    assert line.items == [message(0)]
