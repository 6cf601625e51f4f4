"""The route of the feed: server-sent events until the browser leaves, the session is revoked or the hub stops."""

import asyncio
import json
from collections.abc import AsyncIterator

from fastapi import APIRouter
from fastapi.sse import KEEPALIVE_COMMENT, EventSourceResponse, format_sse_event

from hub.auth.dependencies import SessionDep, SubjectDep
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
    last_sent = clock.monotonic()
    while await _news_or_stop(hub, viewer):
        if not await hub.auth.is_alive(token):
            return
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


async def _news_or_stop(hub: Hub, viewer: Viewer) -> bool:
    """Wait for news or until the session has to be looked at again; False when the hub stops."""
    waits = {asyncio.ensure_future(viewer.wait()), asyncio.ensure_future(hub.stopping.wait())}
    try:
        await asyncio.wait(waits, timeout=SESSION_CHECK_S, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
    return not hub.stopping.is_set()


def _encode(name: str, data: dict[str, str | int]) -> bytes:
    return format_sse_event(event=name, data_str=json.dumps(data, ensure_ascii=False))
