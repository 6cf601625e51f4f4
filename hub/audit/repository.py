"""Adds deeds to the transaction that does them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from hub.audit.models import AuditRow
from hub.clock import Clock, Ids
from hub.db.upsert import insert_rows


@dataclass(frozen=True)
class AuditEntry:
    """A deed; `actor` is `user:NAME`, `edge:ID` or `system`, `detail` never holds a secret."""

    actor: str
    action: str
    object_type: str
    object_id: str
    detail: dict[str, Any] = field(default_factory=dict)


class AuditRepository:
    """Writes the audit trail."""

    def __init__(self, clock: Clock, ids: Ids) -> None:
        self._clock = clock
        self._ids = ids

    def add(self, session: AsyncSession, entry: AuditEntry) -> None:
        """Put the deed into the caller's transaction."""
        session.add(AuditRow(**self._values(entry, self._clock.now())))

    async def add_all(self, session: AsyncSession, entries: Iterable[AuditEntry]) -> None:
        """Put many deeds into the caller's transaction at once."""
        now = self._clock.now()
        await insert_rows(session, AuditRow, [self._values(entry, now) for entry in entries])

    def _values(self, entry: AuditEntry, now: datetime) -> dict[str, Any]:
        return {"id": self._ids.new(), "at": now} | vars(entry)
