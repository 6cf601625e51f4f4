"""What the route of the dead letters answers."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel


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


class DeadLetterPage(BaseModel):
    """One page of dead letters and the number of all."""

    items: list[DeadLetter]
    next_cursor: UUID | None
    total: int
