"""A TCP proxy in a thread of its own that does to connections what bad networks do, and counts what it did."""

import asyncio
import contextlib
import random
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any, Self

from tests.lab.processes import free_port

CHUNK = 64 * 1024
WAITING_CHUNKS = 256
UP, DOWN = "up", "down"
RST = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Toxics:
    """What is done to every connection; `up` is towards the server.

    `hole` names directions whose bytes vanish: both of them is a half-open connection, one is a one-way cut. What lost
    bytes is reset once the hole closes, as by a router that forgot it. `reset_rate` is the chance of a reset for each
    chunk, `bytes_per_s` the bandwidth of each direction.
    """

    latency_s: float = 0.0
    bytes_per_s: float | None = None
    slice_bytes: int | None = None
    reset_rate: float = 0.0
    slow_close_s: float = 0.0
    refuse: bool = False
    hole: frozenset[str] = frozenset()


class Link:
    """One client's connection and the one to the server behind it."""

    def __init__(self, proxy: "FaultProxy", client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self._proxy = proxy
        self._writers = (client, server)
        self.lost_bytes = False

    def reset(self) -> None:
        """End both connections by RST."""
        for writer in self._writers:
            peer = writer.get_extra_info("socket")
            with contextlib.suppress(OSError):
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RST)
            writer.transport.abort()
        self._proxy.counts["resets"] += 1

    async def pump(self, direction: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one direction until it ends, late where a latency is set; raise OSError when either side broke."""
        waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(WAITING_CHUNKS)
        await all_or_none(self._read(direction, reader, waiting), self._deliver(waiting, writer))

    async def _read(
        self, direction: str, reader: asyncio.StreamReader, waiting: "asyncio.Queue[tuple[float, bytes]]"
    ) -> None:
        while data := await reader.read(self._proxy.toxics.slice_bytes or CHUNK):
            await self._take(direction, data, waiting)
        await waiting.put((0.0, b""))

    async def _take(self, direction: str, data: bytes, waiting: "asyncio.Queue[tuple[float, bytes]]") -> None:
        toxics, counts = self._proxy.toxics, self._proxy.counts
        counts[f"bytes_{direction}"] += len(data)
        if direction in toxics.hole:
            self.lost_bytes = True
            counts[f"lost_{direction}"] += len(data)
            return
        if toxics.reset_rate and self._proxy.chance.random() < toxics.reset_rate:
            self.reset()
            raise ConnectionResetError
        if toxics.slice_bytes:
            counts["slices"] += 1
        if toxics.bytes_per_s:
            counts["throttled"] += 1
            await asyncio.sleep(len(data) / toxics.bytes_per_s)
        if toxics.latency_s:
            counts["delayed"] += 1
        await waiting.put((asyncio.get_running_loop().time() + toxics.latency_s, data))

    async def _deliver(self, waiting: "asyncio.Queue[tuple[float, bytes]]", writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due, data = await waiting.get()
            await asyncio.sleep(max(0.0, due - loop.time()))
            if not data:
                break
            writer.write(data)
            await writer.drain()
        if self._proxy.toxics.slow_close_s:
            self._proxy.counts["slow_closes"] += 1
            await asyncio.sleep(self._proxy.toxics.slow_close_s)
        writer.close()


async def all_or_none(*works: Coroutine[None, None, None]) -> None:
    """Run these together; when one raises, cancel the others and raise that."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class FaultProxy:
    """Listens on a free port of 127.0.0.1 and passes on to `target`, another port there; a context manager.

    Every call may come from any thread. `counts` says what was done: `connections refused resets lost_up lost_down
    delayed throttled slices slow_closes bytes_up bytes_down`.
    """

    def __init__(self, target: int, seed: int = 0) -> None:
        self.port = free_port()
        self.toxics = Toxics()
        self.counts: Counter[str] = Counter()
        self.chance = random.Random(seed)
        self._target = target
        self._links: set[Link] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="faultproxy", daemon=True)
        self._server: asyncio.Server | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = self._call(asyncio.start_server, self._serve, "127.0.0.1", self.port)
        return self

    def __exit__(self, *_: object) -> None:
        self._call(self._end)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def set(self, **toxics: Any) -> None:  # noqa: ANN401
        """Let these toxics work from now on, beside those that do already."""
        self._call(self._change, replace(self.toxics, **toxics))

    def heal(self) -> None:
        """Be a good network again; connections that lost bytes are reset."""
        self._call(self._change, Toxics())

    def cut(self) -> None:
        """End every connection and refuse new ones, until `heal`."""
        self.set(refuse=True)
        self.reset()

    def half_open(self) -> None:
        """Accept and hold every connection and let every byte vanish, until `heal`."""
        self.set(hole=frozenset({UP, DOWN}))

    def one_way(self, direction: str) -> None:
        """Let what goes in this direction vanish, until `heal`."""
        self.set(hole=frozenset({direction}))

    def reset(self) -> None:
        """End every connection that there is by RST."""
        self._call(self._reset, lambda _: True)

    def _call(self, work: Callable[..., Any], *arguments: Any) -> Any:  # noqa: ANN401
        return asyncio.run_coroutine_threadsafe(work(*arguments), self._loop).result(10)

    async def _change(self, toxics: Toxics) -> None:
        healed = self.toxics.hole - toxics.hole
        self.toxics = toxics
        if healed:
            await self._reset(lambda link: link.lost_bytes)

    async def _reset(self, concerned: Callable[[Link], bool]) -> None:
        for link in [link for link in self._links if concerned(link)]:
            link.reset()

    async def _end(self) -> None:
        if self._server is not None:
            self._server.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.toxics.refuse:
            self.counts["refused"] += 1
            writer.transport.abort()
            return
        try:
            server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            self.counts["unreachable"] += 1
            writer.transport.abort()
            return
        self.counts["connections"] += 1
        link = Link(self, writer, server_writer)
        self._links.add(link)
        try:
            # What broke on one side must not look alive on the other.
            with contextlib.suppress(OSError):
                await all_or_none(link.pump(UP, reader, server_writer), link.pump(DOWN, server_reader, writer))
        finally:
            self._links.discard(link)
            for end in (writer, server_writer):
                end.transport.abort()
