"""What the routes of cases answer."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, Field

from hub.cases.policy import Stage


class CaseSummary(BaseModel):
    """A case as the list shows it; `level` runs from 1 blue to 4 red.

    With `clock_ahead` the box's clock was ahead of the hub's, and `opened_at` is when the hub heard of the case.
    """

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
    clock_ahead: bool
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
    """A picture of the case: here, not delivered yet, or let go of by the box for want of disk before it was."""

    role: str
    sha256: str
    state: Literal["stored", "pending", "shed"]
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

    `counts` is by stage, under the same filter but for its stage. Both come with the first page only, and 10,001 means
    more than 10,000.
    """

    items: list[CaseSummary]
    next_cursor: str | None
    total: int | None
    counts: dict[Stage, int] | None
    as_of: datetime


class CaseFilter(BaseModel):
    """Which cases the list shows.

    `q` is a part of a camera's name, the beginning of a case number or grid code, or the last digits of a number.
    """

    stage: Stage | None = None
    item: Annotated[str | None, Field(pattern=r"^[a-z0-9_]{0,40}$")] = None
    q: Annotated[str, Field(max_length=100, pattern=r"^[^\x00]*$"), AfterValidator(str.strip)] = ""


class Cursor(BaseModel):
    """The last case of a page; the next page begins behind it."""

    opened_at: AwareDatetime
    id: UUID
