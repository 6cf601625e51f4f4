"""What the routes of the dead letters take and answer."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

Obstacle = Literal["not_whole", "state"]
"""Why a letter cannot be replayed: only its beginning was kept, or it is the state of a box, which is old news."""
Verdict = Literal["taken", "known", "refused"]
"""What came of a replay; `known` means that the box had sent the same message again and it was taken then."""
Reason = Annotated[str, Field(pattern=r"^[a-z_]{1,32}$")]
EdgeName = Annotated[str, Field(max_length=63, pattern=r"^[^\x00]*$")]


class LetterQuery(BaseModel):
    """Which dead letters are meant: of one reason, of one box, or all."""

    reason: Reason | None = None
    edge_id: EdgeName | None = None


class DeadLetter(BaseModel):
    """A message that was refused, `times` times; `payload_excerpt` is its beginning as text, `size` in bytes."""

    id: UUID
    received_at: datetime
    times: int
    topic: str
    edge_id: str | None
    reason: str
    detail: str
    payload_excerpt: str
    size: int
    obstacle: Obstacle | None


class DeadLetterDetail(DeadLetter):
    """One dead letter with all of its payload that was kept, as text; bytes that are no UTF-8 are replaced."""

    payload: str


class DeadLetterPage(BaseModel):
    """One page of dead letters, the number of all that fit, and how many there are of each reason for that box."""

    items: list[DeadLetter]
    next_cursor: UUID | None
    total: int
    counts: dict[str, int]


class Replayed(BaseModel):
    """What came of a replay; with `refused` the letter as it lies there now."""

    result: Verdict
    letter: DeadLetter | None


class ReplayMany(LetterQuery):
    """Which letters to replay, the oldest first; `after` goes on behind an earlier answer."""

    model_config = ConfigDict(extra="forbid")

    after: UUID | None = None


class ReplayedMany(BaseModel):
    """How many of one round came to what; `next_after` is None when no letter is left behind them."""

    taken: int
    known: int
    refused: int
    next_after: UUID | None
