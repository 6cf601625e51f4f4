"""What the routes of cases answer."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field

from hub.cases.policy import Stage


class CaseSummary(BaseModel):
    """A case as the list shows it; `level` runs from 1 blue to 4 red."""

    case_no: str
    item_key: str
    item_code: str
    item_zh: str
    item_en: str
    scheme: str
    stage: Stage
    level: int | None
    score: float
    grid_code: str | None
    edge_id: str
    camera_id: str
    camera_name_zh: str
    camera_name_en: str
    zone_id: str
    opened_at: datetime
    updated_at: datetime
    cleared_at: datetime | None
    version: int
    cover_sha256: str | None


class MeasureView(BaseModel):
    """A figure that the judge went by."""

    name: str
    value: float
    unit: str
    threshold: float | None


class ModelView(BaseModel):
    """The model that saw it."""

    name: str
    version: str


class EvidenceView(BaseModel):
    """A picture of the case; `pending` means that the box has not delivered it yet."""

    role: str
    sha256: str
    state: Literal["stored", "pending"]
    taken_at: datetime
    width: int
    height: int


class HistoryView(BaseModel):
    """A step in the life of the case."""

    seq: int
    at: datetime
    action: str
    actor: str
    from_stage: Stage | None
    to_stage: Stage
    reason: str | None
    note: str | None


class CaseDetail(CaseSummary):
    """A case with everything that is known of it; `box` is x1, y1, x2, y2 in normalised picture coordinates."""

    uncertainty_m: float | None
    measures: list[MeasureView]
    box: tuple[float, float, float, float] | None
    model: ModelView
    config_version: int
    limits: list[str]
    evidence: list[EvidenceView]
    history: list[HistoryView]


class CasePage(BaseModel):
    """One page of the list, the number of all cases that fit, and when this was so.

    `counts` is by stage, under the same filter but for its stage.
    """

    items: list[CaseSummary]
    next_cursor: str | None
    total: int
    counts: dict[Stage, int]
    as_of: datetime


class CaseFilter(BaseModel):
    """Which cases the list shows; `q` is looked for in the number, the camera's names and the grid code."""

    stage: Stage | None = None
    item: Annotated[str | None, Field(pattern=r"^[a-z0-9_]{0,40}$")] = None
    q: Annotated[str | None, Field(max_length=100, pattern=r"^[^\x00]*$")] = None


class Cursor(BaseModel):
    """The last case of a page; the next page begins behind it."""

    opened_at: AwareDatetime
    id: UUID
