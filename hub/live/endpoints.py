"""The route of the feed: server-sent events until the browser leaves, the session is revoked or the hub stops."""

import asyncio
import json
from collections.abc import AsyncIterator

from fastapi import APIRouter
from fastapi.sse import KEEPALIVE_COMMENT, EventSourceResponse, format_sse_event
from sqlalchemy.exc import SQLAlchemyError

from hub.auth.dependencies import SessionDep, SubjectDep
from hub.auth.policy import Subject
from hub.db.errors import is_outage
from hub.live.feed import Viewer
from hub.state import Hub, HubDep

PING_S = 10.0
SESSION_CHECK_S = 2.0

router = APIRouter(prefix="/api/v1", tags=["feed"])


@router.get("/feed")
async def feed(hub: HubDep, signed_in: SessionDep, subject: SubjectDep) -> EventSourceResponse:
    """Tell what has changed, as `text/event-stream`."""

    async def stream() -> AsyncIterator[bytes]:
        with hub.feed.watch(subject) as viewer:
            async for chunk in chunks(hub, viewer, signed_in.token):
                yield chunk

    return EventSourceResponse(stream(), headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})


async def chunks(hub: Hub, viewer: Viewer, token: str) -> AsyncIterator[bytes]:
    """The bytes of one viewer's stream; ends at once with the hub, and within `SESSION_CHECK_S` with the session."""
    clock = hub.clock
    last_sent = checked = clock.monotonic()
    while await _news_or_stop(hub, viewer, checked + SESSION_CHECK_S - clock.monotonic()):
        # Not at each piece of news: asking takes 1.2 ms on SQLite, and a hundred viewers would starve the ingest.
        if clock.monotonic() - checked >= SESSION_CHECK_S:
            subject = await _living_subject(hub, token)
            if subject is None:
                return
            viewer.become(subject)
            checked = clock.monotonic()
        missed, events = viewer.take()
        quiet = not missed and not events
        if quiet and clock.monotonic() - last_sent < PING_S:
            continue
        last_sent = clock.monotonic()
        if quiet:
            yield KEEPALIVE_COMMENT
        if missed:
            yield _encode("hello", {"as_of": clock.now().isoformat().replace("+00:00", "Z")})
        for event in events:
            yield _encode(event.name, event.data)


async def _living_subject(hub: Hub, token: str) -> Subject | None:
    try:
        return await hub.auth.is_alive(token)
    except SQLAlchemyError as error:
        if not is_outage(error):
            raise
        # Nobody can say that the session lives; the page comes back and is told what is wrong.
        return None


async def _news_or_stop(hub: Hub, viewer: Viewer, timeout_s: float) -> bool:
    """Wait for news or until the session has to be looked at again; False when the hub stops."""
    waits = {asyncio.ensure_future(viewer.wait()), asyncio.ensure_future(hub.stopping.wait())}
    try:
        await asyncio.wait(waits, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
    return not hub.stopping.is_set()


def _encode(name: str, data: dict[str, str | int]) -> bytes:
    return format_sse_event(event=name, data_str=json.dumps(data, ensure_ascii=False))
