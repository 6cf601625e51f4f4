"""What a supervisor reads."""

from typing import Literal

from pydantic import BaseModel


class Liveness(BaseModel):
    """The process runs."""

    status: Literal["alive"] = "alive"


class Readiness(BaseModel):
    """Which parts can work now; ready is when all can."""

    status: Literal["ready", "not_ready"]
    database: bool
    ingest: bool
    disk: bool
