"""How a case grows out of the messages of one incident: a fold that gives the same case in whatever order they come."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from hub.cases.models import CaseRow
from hub.catalogue.schemas import CodedItem
from mqtt.envelope import Envelope
from mqtt.messages import Evidence, FindingBody, Phase

CLOCK_ERROR = timedelta(seconds=5)
"""A box whose clock is ahead by more than this is shown to be so."""


class Stage(StrEnum):
    """The six displayed stages, in their order (DOMAIN 2.5)."""

    FOUND = "found"
    DISPATCHED = "dispatched"
    HANDLED = "handled"
    VERIFIED = "verified"
    EVALUATED = "evaluated"
    CLOSED = "closed"


class Action(StrEnum):
    """What a message did to a case."""

    FOUND = "found"
    UPDATED = "updated"
    CLEARED = "cleared"


@dataclass(frozen=True, slots=True)
class FindingMessage:
    """A finding in its envelope."""

    envelope: Envelope
    body: FindingBody

    @property
    def incident(self) -> tuple[str, UUID]:
        """Which incident of which box this is about."""
        return (self.envelope.edge_id, self.body.incident_id)

    @property
    def happened_at(self) -> datetime:
        """When the box saw it."""
        return self.envelope.captured_at or self.envelope.emitted_at

    @property
    def rank(self) -> tuple[bool, UUID, int]:
        """Which message describes the incident best: one that still sees it, then the newest of the newest boot.

        Boot ids are UUIDv7, so their order is that of the boots.
        """
        return (self.body.phase is not Phase.CLOSE, self.envelope.boot_id, self.envelope.seq)


class Step(NamedTuple):
    """One row of the history, which is added and never changed."""

    case_id: UUID
    seq: int
    at: datetime
    action: Action
    actor: str
    from_stage: str | None
    to_stage: str
    event_id: UUID


@dataclass(slots=True)
class Growth:
    """What a fold leaves to be stored beside the case itself."""

    actions: list[tuple[Action, UUID]] = field(default_factory=list)
    history: list[Step] = field(default_factory=list)
    evidence: dict[tuple[str, str], Evidence] = field(default_factory=dict)


def found(message: FindingMessage, item: CodedItem, case_id: UUID, growth: Growth, now: datetime) -> CaseRow:
    """A new case from whichever message of its incident came first; it has no number yet.

    It opens at the latest when the hub hears of it: a clock that is ahead would keep it on top of the list for ever.
    """
    body = message.body
    row = CaseRow(
        id=case_id,
        edge_id=message.envelope.edge_id,
        incident_id=body.incident_id,
        item_key=item.key,
        item_code=item.code,
        scheme=item.scheme,
        stage=Stage.FOUND,
        camera_id=body.camera_id,
        zone_id=body.zone_id,
        rule_id=body.rule_id,
        opened_at=min(body.opened_at, now),
        clock_ahead=body.opened_at > now + CLOCK_ERROR,
        cleared_at=None,
        history_length=0,
        version=0,
    )
    _describe(row, message)
    growth.actions.append((Action.FOUND, message.envelope.event_id))
    _remember(row, growth, Action.FOUND, message, body.opened_at)
    _take(row, growth, message, now)
    return row


def absorb(row: CaseRow, growth: Growth, message: FindingMessage, now: datetime) -> None:
    """Let a case take one more message of its incident, which it has not seen before."""
    if message.rank > (not row.described_by_close, row.described_boot, row.described_seq):
        _describe(row, message)
    row.opened_at = min(row.opened_at, message.body.opened_at)
    row.clock_ahead = row.clock_ahead or message.body.opened_at > now + CLOCK_ERROR
    action = Action.CLEARED if message.body.phase is Phase.CLOSE else Action.UPDATED
    growth.actions.append((action, message.envelope.event_id))
    _take(row, growth, message, now)


def _take(row: CaseRow, growth: Growth, message: FindingMessage, now: datetime) -> None:
    if message.body.phase is Phase.CLOSE:
        ended_at = min(row.cleared_at or message.happened_at, message.happened_at)
        # A box whose clock was set back in between must not make a case that ended before it began.
        row.cleared_at = max(ended_at, row.opened_at)
        _remember(row, growth, Action.CLEARED, message, message.happened_at)
    elif message.body.phase is Phase.UPDATE:
        _remember(row, growth, Action.UPDATED, message, message.happened_at)
    for picture in message.body.evidence:
        growth.evidence[picture.role, picture.sha256] = picture
    row.updated_at = now
    row.version += 1


def _describe(row: CaseRow, message: FindingMessage) -> None:
    body = message.body
    row.grid_code = body.grid_code
    row.level = body.level
    row.score = body.score
    row.uncertainty_m = body.uncertainty_m
    row.measures = [measure.model_dump() for measure in body.measures]
    row.box = None if body.box is None else [body.box.x1, body.box.y1, body.box.x2, body.box.y2]
    row.model_name = body.seen_by.model
    row.model_version = body.seen_by.model_version
    row.config_version = body.seen_by.config_version
    row.limits = list(body.limits)
    row.described_by_close = body.phase is Phase.CLOSE
    row.described_boot = message.envelope.boot_id
    row.described_seq = message.envelope.seq


def _remember(row: CaseRow, growth: Growth, action: Action, message: FindingMessage, at: datetime) -> None:
    row.history_length += 1
    growth.history.append(
        Step(
            case_id=row.id,
            seq=row.history_length,
            at=at,
            action=action,
            actor=f"edge:{message.envelope.edge_id}",
            from_stage=None if action is Action.FOUND else row.stage,
            to_stage=row.stage,
            event_id=message.envelope.event_id,
        )
    )
