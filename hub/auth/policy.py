"""Who is asking and what they may see: the subject, the roles, and the area rule as part of a query."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ColumnElement, and_, true
from sqlalchemy.orm import InstrumentedAttribute


class Role(StrEnum):
    """What a person may do."""

    ADMINISTRATOR = "administrator"
    DISPATCHER = "dispatcher"
    VIEWER = "viewer"


@dataclass(frozen=True)
class Subject:
    """A signed-in person; `area_prefix` is the start of every grid code that the person may see."""

    user_id: UUID
    username: str
    role: Role
    area_prefix: str

    @property
    def sees_everything(self) -> bool:
        """Whether also things without a grid code are visible."""
        return self.role is Role.ADMINISTRATOR and not self.area_prefix


@dataclass(frozen=True)
class EdgeIdentity:
    """A box that proved itself with its token."""

    edge_id: str


def begins_with(
    column: InstrumentedAttribute[str] | InstrumentedAttribute[str | None], prefix: str
) -> ColumnElement[bool]:
    """The condition that a value begins with `prefix`, as a range that an index answers on both databases.

    The column must be compared by code points: SQLite does that, PostgreSQL with the collation of `hub.db.base.code`.
    """
    if not prefix:
        return column.is_not(None)
    return and_(column >= prefix, column < prefix[:-1] + chr(ord(prefix[-1]) + 1))


def visible_grids(
    subject: Subject, column: InstrumentedAttribute[str] | InstrumentedAttribute[str | None]
) -> ColumnElement[bool]:
    """The condition that keeps a query within the subject's area, for a `grid_code` column that may be NULL."""
    if subject.sees_everything:
        return true()
    return begins_with(column, subject.area_prefix)


def may_see_grid(subject: Subject, grid_code: str | None) -> bool:
    """The same rule for a value in hand, such as an event of the feed."""
    if subject.sees_everything:
        return True
    return grid_code is not None and grid_code.startswith(subject.area_prefix)
