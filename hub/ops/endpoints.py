"""The routes that need no sign-in; metrics are for loopback callers only."""

from ipaddress import ip_address

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from hub.errors import ForbiddenError
from hub.ops.schemas import Liveness, Readiness
from hub.ops.service import readiness
from hub.state import HubDep

router = APIRouter(tags=["ops"])

FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-IP")
"""A proxy on this machine makes strangers look like loopback; its headers give them away."""


@router.get("/livez")
async def livez() -> Liveness:
    """Whether the process runs."""
    return Liveness()


@router.get("/readyz", responses={503: {"model": Readiness}})
async def readyz(response: Response, hub: HubDep) -> Readiness:
    """Whether every part can work."""
    state = await readiness(hub)
    if state.status != "ready":
        response.status_code = 503
    return state


@router.get("/metrics", include_in_schema=False)
async def metrics(request: Request) -> Response:
    """The counters, in Prometheus' text format."""
    if not _from_here(request):
        raise ForbiddenError("loopback_only", "metrics are served to callers on this machine only")
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def _from_here(request: Request) -> bool:
    if request.client is None or any(name in request.headers for name in FORWARDED):
        return False
    try:
        return ip_address(request.client.host).is_loopback
    except ValueError:
        return False
