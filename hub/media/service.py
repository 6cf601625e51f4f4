"""Receiving, finding and deleting pictures: the file first, the row after it; on the way out the other way round."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable
from contextlib import AsyncExitStack
from typing import Protocol

from fastapi.responses import Response
from sqlalchemy.ext.asyncio import AsyncSession

from hub.auth.policy import EdgeIdentity
from hub.clock import Clock
from hub.db.unit_of_work import UnitOfWork
from hub.errors import NotFoundError, UnavailableError, UnsupportedError
from hub.media.models import MediaRow, Purpose
from hub.media.repository import MediaRepository
from hub.media.store import JPEG_START, LEAST_FREE, Incoming, MediaStore

JPEG = "image/jpeg"
LOCKS = 64
RETRY_AFTER_S = 60


class Picture(Response):
    """A picture that never changes under its address; for the signed-in browser's own cache only."""

    media_type = JPEG

    def __init__(self, content: bytes, status_code: int = 200) -> None:
        super().__init__(content, status_code, {"Cache-Control": "private, max-age=31536000, immutable"})


class Forget(Protocol):
    """Takes rows of pictures away within a transaction and tells which; rows that are in use by now stay."""

    async def __call__(self, session: AsyncSession, *, shas: Collection[str]) -> set[str]:
        """Of these pictures."""
        ...


OnStored = Callable[[str, str], Awaitable[None]]
"""Told of each new picture after its commit: SHA-256 and the id of the box."""


class MediaService:
    """The pictures of the hub."""

    def __init__(self, store: MediaStore, uow: UnitOfWork, clock: Clock) -> None:
        self._store = store
        self._uow = uow
        self._clock = clock
        self._repository = MediaRepository()
        self._locks = tuple(asyncio.Lock() for _ in range(LOCKS))
        self.on_stored: list[OnStored] = []

    async def stored(self, session: AsyncSession, shas: Iterable[str]) -> set[str]:
        """Which of these pictures are stored, within the caller's transaction."""
        return await self._repository.stored(session, shas)

    async def exists(self, sha256: str) -> bool:
        """Whether the picture is stored, as a row and as a file."""
        if not await asyncio.to_thread(self._store.exists, sha256):
            return False
        async with self._uow.read() as session:
            return bool(await self._repository.stored(session, [sha256]))

    async def receive(
        self, edge: EdgeIdentity, sha256: str, body: AsyncIterator[bytes], purpose: Purpose = Purpose.EVIDENCE
    ) -> bool:
        """Store a picture from a box; False when it is there already, and then the body is not read.

        What comes as evidence is evidence from then on, also when it came as a snapshot before.

        Raises:
            BadRequestError: the body has another SHA-256.
            TooLargeError: the body is over the limit.
            UnsupportedError: the body is no JPEG.
            UnavailableError: the disk does not take it, or has less than `LEAST_FREE` left.
        """
        if await self.exists(sha256) and await self._is_kept(sha256, purpose):
            return False
        if not await asyncio.to_thread(self._store.has_room):
            detail = f"the hub's disk has less than {LEAST_FREE:.0%} left; make room, the box sends it again"
            raise UnavailableError("disk_low", detail, {"Retry-After": str(RETRY_AFTER_S)})
        try:
            with self._store.receive(sha256) as incoming:
                async for chunk in body:
                    incoming.write(chunk)
                incoming.check()
                if incoming.start != JPEG_START:
                    raise UnsupportedError("not_jpeg", "the body is no JPEG picture; send image/jpeg")
                await self._keep(edge, sha256, incoming, purpose)
        except OSError as error:
            raise UnavailableError("disk_failed", f"the picture cannot be written: {error.strerror}") from error
        for tell in self.on_stored:
            await tell(sha256, edge.edge_id)
        return True

    async def delete(self, shas: Iterable[str], forget: Forget) -> int:
        """Let `forget` take the rows away that may go, then remove their files; returns how many went."""
        wanted = sorted(set(shas))
        async with AsyncExitStack() as stack:
            for index in sorted({self._lock_index(sha256) for sha256 in wanted}):
                await stack.enter_async_context(self._locks[index])
            async with self._uow.write() as session:
                gone = await forget(session, shas=wanted)
            for sha256 in gone:
                await asyncio.to_thread(self._store.delete, sha256)
        return len(gone)

    async def response(self, sha256: str) -> Picture:
        """The answer with the picture; whoever calls has checked that the subject may see it.

        Raises:
            NotFoundError: there is no such file.
        """
        try:
            # Read before the answer begins: a file that is deleted in between could only break it off.
            return Picture(await asyncio.to_thread(self._store.read, sha256))
        except FileNotFoundError:
            raise NotFoundError("media_not_found", "there is no such picture") from None

    async def _is_kept(self, sha256: str, purpose: Purpose) -> bool:
        """Whether the picture is still there once its purpose is noted: a deletion may have been faster."""
        async with self._locks[self._lock_index(sha256)]:
            if purpose is Purpose.EVIDENCE:
                async with self._uow.write() as session:
                    await self._repository.keep_as_evidence(session, sha256)
            return await self.exists(sha256)

    async def _keep(self, edge: EdgeIdentity, sha256: str, incoming: Incoming, purpose: Purpose) -> None:
        async with self._locks[self._lock_index(sha256)]:
            await asyncio.to_thread(incoming.keep)
            row = MediaRow(
                sha256=sha256,
                size=incoming.size,
                content_type=JPEG,
                edge_id=edge.edge_id,
                purpose=purpose,
                stored_at=self._clock.now(),
            )
            async with self._uow.write() as session:
                await self._repository.add(session, row)

    def _lock_index(self, sha256: str) -> int:
        return int(sha256[:2], 16) % LOCKS
