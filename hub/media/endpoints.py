"""The routes by which boxes deliver pictures."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from hub.auth.dependencies import EdgeDep
from hub.errors import NotFoundError, TooLargeError, UnsupportedError
from hub.media.models import Purpose
from hub.media.service import JPEG
from hub.media.store import LIMIT
from hub.state import HubDep

router = APIRouter(prefix="/api/v1/media", tags=["media"])

Sha256 = Annotated[str, Path(pattern="^[0-9a-f]{64}$")]


@router.put("/{sha256}", status_code=201, responses={200: {"description": "already there"}})
async def put_media(
    sha256: Sha256, request: Request, edge: EdgeDep, hub: HubDep, purpose: Purpose = Purpose.EVIDENCE
) -> Response:
    """Deliver a picture; the body is the JPEG itself. A snapshot is deleted when nothing shows it any more."""
    if request.headers.get("Content-Type", "").partition(";")[0].strip().lower() != JPEG:
        raise UnsupportedError("not_jpeg", f"send the picture as Content-Type: {JPEG}")
    length = request.headers.get("Content-Length", "")
    if length.isdecimal() and int(length) > LIMIT:
        raise TooLargeError("too_large", f"a picture may have {LIMIT} bytes; send a smaller one")
    new = await hub.media.receive(edge, sha256, request.stream(), purpose)
    return Response(status_code=201 if new else 200)


@router.head("/{sha256}")
async def head_media(sha256: Sha256, edge: EdgeDep, hub: HubDep) -> Response:  # noqa: ARG001
    """Whether the picture is there."""
    if not await hub.media.exists(sha256):
        raise NotFoundError("media_not_found", "there is no such picture")
    return Response(status_code=200)
