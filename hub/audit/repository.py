"""Adds deeds to the transaction that does them."""

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from hub.audit.models import AuditRow
from hub.clock import Clock, Ids


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
        session.add(
            AuditRow(
                id=self._ids.new(),
                at=self._clock.now(),
                actor=entry.actor,
                action=entry.action,
                object_type=entry.object_type,
                object_id=entry.object_id,
                detail=entry.detail,
            )
        )
