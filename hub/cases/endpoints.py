"""The routes of cases."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from hub.auth.dependencies import SubjectDep
from hub.cases.schemas import CaseDetail, CaseFilter, CasePage
from hub.cases.service import CaseReading
from hub.catalogue.service import load_catalogue
from hub.media.service import Picture
from hub.state import HubDep

router = APIRouter(prefix="/api/v1/cases", tags=["cases"])


def case_reading(hub: HubDep) -> CaseReading:
    """The reading side of cases, as a FastAPI dependency."""
    return CaseReading(hub.uow, hub.clock, hub.media, load_catalogue())


ReadingDep = Annotated[CaseReading, Depends(case_reading)]


@router.get("")
async def list_cases(
    subject: SubjectDep,
    cases: ReadingDep,
    wanted: Annotated[CaseFilter, Query()],
    cursor: Annotated[str | None, Query(max_length=100)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> CasePage:
    """The cases, newest first."""
    return await cases.page(subject, wanted, cursor, limit)


@router.get("/{case_no}")
async def read_case(case_no: str, subject: SubjectDep, cases: ReadingDep) -> CaseDetail:
    """One case with its evidence and history."""
    return await cases.detail(subject, case_no)


@router.get("/{case_no}/evidence/{sha256}", response_class=Picture)
async def read_evidence(
    case_no: str,
    sha256: Annotated[str, Path(pattern="^[0-9a-f]{64}$")],
    subject: SubjectDep,
    cases: ReadingDep,
    hub: HubDep,
) -> Picture:
    """One picture of a case."""
    await cases.check_picture(subject, case_no, sha256)
    return await hub.media.response(sha256)
