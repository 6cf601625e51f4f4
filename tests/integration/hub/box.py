"""A box at a real broker, as far as the hub's tests need one: it sends, and collects what the hub answers."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Self

from pydantic import SecretStr

from mqtt import aio_connection
from mqtt.aio_connection import AioSession
from mqtt.answers import Ack, HubState, Refusal
from mqtt.connection import Backoff, ConnectionOptions, Message
from mqtt.envelope import Envelope, decode
from mqtt.topic import HUB_STATE, Channel, Topic
from tests.hub_messages import on_wire


class Box:
    """Connected from `async with` on."""

    def __init__(self, port: int, edge_id: str, password: str) -> None:
        self._options = ConnectionOptions("127.0.0.1", port, f"test-{edge_id}", edge_id, SecretStr(password))
        self._acks = str(Topic(edge_id, Channel.ACK))
        self._link: AioSession | None = None
        self._changed = asyncio.Condition()
        self.settled: list[str] = []
        self.refused: list[Refusal] = []
        self.hub_online: bool | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(
            aio_connection.run(self._options, self._listen, backoff=Backoff(shortest_s=0.05, longest_s=0.1))
        )
        await self.until(lambda: self._link is not None)
        return self

    async def __aexit__(self, *error: object) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])

    async def send(self, envelopes: Iterable[Envelope | Message]) -> None:
        """Publish all of them and wait for the broker's answers."""
        messages = [item if isinstance(item, Message) else on_wire(item) for item in envelopes]
        assert self._link is not None
        await asyncio.gather(*(self._link.publish(message.topic, message.payload) for message in messages))

    async def until(self, met: Callable[[], bool]) -> None:
        """Wait until what was received meets a condition."""
        async with self._changed:
            await self._changed.wait_for(met)

    async def until_settled(self, envelopes: Iterable[Envelope]) -> None:
        """Wait for the acks of these."""
        wanted = {envelope.event_id for envelope in envelopes}
        await self.until(lambda: wanted <= set(self.settled))

    async def _listen(self, link: AioSession) -> None:
        await link.subscribe([self._acks, HUB_STATE])
        await self._note(lambda: setattr(self, "_link", link))
        async for message in link.messages:
            if message.topic == HUB_STATE:
                online = decode(message.payload, HubState).online
                await self._note(lambda online=online: setattr(self, "hub_online", online))
            else:
                ack = decode(message.payload, Ack)
                await self._note(lambda ack=ack: (self.settled.extend(ack.settled), self.refused.extend(ack.refused)))

    async def _note(self, change: Callable[[], object]) -> None:
        async with self._changed:
            change()
            self._changed.notify_all()
