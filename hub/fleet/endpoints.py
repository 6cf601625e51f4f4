"""The routes of boxes and cameras."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from hub.auth.dependencies import SubjectDep
from hub.fleet.schemas import CameraList, EdgeList
from hub.fleet.service import FleetReading
from hub.media.service import Picture
from hub.state import HubDep

router = APIRouter(prefix="/api/v1", tags=["fleet"])


def fleet_reading(hub: HubDep) -> FleetReading:
    """The reading side of the fleet, as a FastAPI dependency."""
    return FleetReading(hub.uow, hub.clock, hub.media)


ReadingDep = Annotated[FleetReading, Depends(fleet_reading)]
Name = Annotated[str, Path(pattern="^[a-z0-9_-]{1,63}$")]


@router.get("/cameras")
async def list_cameras(subject: SubjectDep, fleet: ReadingDep) -> CameraList:
    """The cameras with their state and latest snapshot."""
    return await fleet.cameras(subject)


@router.get("/edges")
async def list_edges(subject: SubjectDep, fleet: ReadingDep) -> EdgeList:
    """The boxes with their state."""
    return await fleet.edges(subject)


@router.get("/cameras/{edge_id}/{camera_id}/snapshot/{sha256}", response_class=Picture)
async def read_snapshot(
    edge_id: Name,
    camera_id: Name,
    sha256: Annotated[str, Path(pattern="^[0-9a-f]{64}$")],
    subject: SubjectDep,
    fleet: ReadingDep,
    hub: HubDep,
) -> Picture:
    """The latest picture of a camera, or one that it has replaced a moment ago."""
    await fleet.check_snapshot(subject, (edge_id, camera_id), sha256)
    return await hub.media.response(sha256)
