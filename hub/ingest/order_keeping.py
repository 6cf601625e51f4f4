"""Keeps the order of what boxes send: looks at boots that something came from, and finds, reports and closes gaps.

The order is derived from what is committed, beside the ingest and not within its transaction: a row of each boot that
every batch changes would cost it more than the event itself, and replicas would wait for each other on it.
"""

import json
import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from prometheus_client import Counter
from sqlalchemy.ext.asyncio import AsyncSession

from hub.clock import Clock
from hub.fleet.models import EdgeRow
from hub.fleet.repository import FleetRepository
from hub.ingest.models import ResyncRow
from hub.ingest.order import Asked, BootOrder, Gap, Span, is_lost, is_old_enough
from hub.ingest.order_repository import LAST, BootKey, OrderRepository
from hub.ingest.reader import Poison
from mqtt.errors import RefusalReason

BACKLOG = 256
"""The window of an agent (edge_agent/outbox/flow.py)."""

_log = logging.getLogger(__name__)
_gaps = Counter("tianrui_hub_gaps", "Gaps in the order of boxes by what became of them", ["became"])


@dataclass(frozen=True, slots=True)
class News:
    """What became of a gap, to be told after the commit: `missing`, `arrived`, `shed`, `refused` or `lost`."""

    key: BootKey
    gap: Gap
    became: str

    def tell(self) -> None:
        """Count it, and write its line to the log."""
        _gaps.labels(self.became).inc()
        level = {"missing": logging.WARNING, "lost": logging.ERROR}.get(self.became, logging.INFO)
        edge_id, boot_id = self.key
        words = WORDS[self.became]
        _log.log(level, "box %s, boot %s: events %d to %d %s", edge_id, boot_id, self.gap.first, self.gap.last, words)


WORDS = {
    "missing": "are missing; it is asked to send them again",
    "arrived": "were missing and have come",
    "shed": "were missing; the box says that it had to let go of them",
    "refused": "were missing; they came and were refused, see the dead letters",
    "lost": "are lost: the box does not have them any more, or has not sent them for a day",
}


class OrderKeeping:
    """Finds gaps; `heard` gathers the boots of what was committed until the next look, which empties it."""

    def __init__(self, clock: Clock, heard: set[BootKey]) -> None:
        self.heard = heard
        self._clock = clock
        self._repository = OrderRepository()

    async def refuse(self, session: AsyncSession, letters: Iterable[Poison]) -> None:
        """Note, within the transaction of the ingest, that these came, as far as their place can be read."""
        places = {
            (each.edge_id, *place)
            for each in letters
            if each.edge_id is not None and each.reason is not RefusalReason.UNKNOWN_EDGE and (place := _place(each))
        }
        await self._repository.refuse(session, places, self._clock.now())

    async def look(self, session: AsyncSession, keys: Collection[BootKey]) -> list[News]:
        """Bring the order of these boots up to what is committed.

        Raises:
            RaceLostError: another replica has looked at one of them meanwhile; nothing of this may be committed.
        """
        now = self._clock.now()
        look = _Look(session, self._repository, now)
        return await look.at(keys)


class _Look:
    """One look within one transaction.

    The order of the questions matters: what a box said of itself is read before what came from it, so that whatever
    it had let go of by then is found.
    """

    def __init__(self, session: AsyncSession, repository: OrderRepository, now: datetime) -> None:
        self._session = session
        self._repository = repository
        self._now = now
        self._orders: dict[BootKey, tuple[BootOrder, int]] = {}
        self._before: dict[BootKey, tuple[int, list[Gap]]] = {}
        self._news: list[News] = []

    async def at(self, keys: Collection[BootKey]) -> list[News]:
        session, repository = self._session, self._repository
        edge_ids = {edge_id for edge_id, _ in keys}
        edges = await FleetRepository().edges(session, edge_ids)
        resyncs = await repository.resyncs(session, edge_ids)
        await self._open(keys)
        for key, spans in (await repository.arrived(session, keys)).items():
            self._account(key, spans, "arrived")
        for edge in edges.values():
            if (edge.edge_id, edge.boot_id) in self._orders:
                self._orders[edge.edge_id, edge.boot_id][0].reach(edge.state_seq, self._now)
        await self._take_notices(keys)
        await self._take_refused()
        for key, (order, _) in self._orders.items():
            box = edges.get(key[0])
            if has_backlog(box):
                continue
            asked = asked_of(resyncs.get(key[0]), box)
            order.gaps = [self._judged(key, gap, asked) for gap in order.gaps]
        await self._save()
        return self._news

    async def _open(self, keys: Collection[BootKey]) -> None:
        found = await self._repository.orders(self._session, keys)
        self._before |= {key: (order.seen, list(order.gaps)) for key, (order, _) in found.items()}
        for order, _ in found.values():
            # A clock that was set back must not make a gap wait for the time that it was noticed at.
            order.gaps = [replace(gap, noticed_at=min(gap.noticed_at, self._now)) for gap in order.gaps]
        self._orders |= found

    async def _take_notices(self, keys: Collection[BootKey]) -> None:
        shed: dict[BootKey, list[Span]] = {}
        for edge_id, boot_id, seq, body in await self._repository.notices(self._session, keys):
            if body["kind"] == "result":
                place = (boot_id, seq)
                await self._repository.answer(self._session, UUID(body["command_id"]), body["status"], place)
            for each in body.get("events", ()):
                shed.setdefault((edge_id, UUID(each["boot_id"])), []).append(Span(each["first"], each["last"]))
        if others := shed.keys() - self._orders.keys():
            await self._open(others)
        for key, spans in shed.items():
            self._account(key, spans, "shed")

    async def _take_refused(self) -> None:
        passed: dict[BootKey, list[int]] = {}
        for key, numbers in (await self._repository.refused(self._session, self._orders)).items():
            # The number of a damaged message may be damaged too, so that it may fill a gap but never make one.
            seen = self._orders[key][0].seen
            if spans := [Span(number, number) for number in numbers if number <= seen]:
                self._account(key, spans, "refused")
                passed[key] = [span.first for span in spans]
        await self._repository.pass_refused(self._session, passed)

    def _account(self, key: BootKey, spans: Sequence[Span], became: str) -> None:
        closed = self._orders[key][0].account(spans, self._now)
        self._news += [News(key, gap, became) for gap in closed if gap.told_at is not None]

    def _judged(self, key: BootKey, gap: Gap, asked: Asked | None) -> Gap:
        if gap.told_at is None and is_old_enough(gap, self._now):
            gap = replace(gap, told_at=self._now)
            self._news.append(News(key, gap, "missing"))
        if gap.told_at is not None and gap.lost_at is None and is_lost(gap, asked, self._now):
            gap = replace(gap, lost_at=self._now)
            self._news.append(News(key, gap, "lost"))
        return gap

    async def _save(self) -> None:
        changed = {
            key: (order, version)
            for key, (order, version) in self._orders.items()
            if (order.seen, order.gaps) != self._before[key]
        }
        await self._repository.save(self._session, changed, {key: self._before[key][1] for key in changed})


def has_backlog(edge: EdgeRow | None) -> bool:
    """Whether a box says that more waits to be sent than it sends at once: what seems to miss is on its way."""
    return edge is not None and edge.outbox is not None and edge.outbox["pending"] > BACKLOG


def asked_of(row: ResyncRow | None, edge: EdgeRow | None) -> Asked | None:
    """The last question to a box, and whether it is known by now that the box has nothing left."""
    if row is None:
        return None
    return Asked(row.times, row.asked_at, row.answer == "failed" or (row.answer == "done" and _is_empty(row, edge)))


def _is_empty(row: ResyncRow, edge: EdgeRow | None) -> bool:
    if edge is None or edge.outbox is None or edge.boot_id != row.answer_boot_id or row.answer_seq is None:
        return False
    # A state's seq is the number of events of its boot so far, so that this one was made after the answer.
    return edge.state_seq >= row.answer_seq and edge.outbox["pending"] + edge.outbox["sent"] == 0


def _place(poison: Poison) -> tuple[UUID, int] | None:
    """The boot and the number of a refused message, where they can be read."""
    try:
        fields: Mapping[str, Any] = json.loads(poison.message.payload)
        boot_id, seq = UUID(fields["boot_id"]), fields["seq"]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return (boot_id, seq) if type(seq) is int and 0 < seq <= LAST else None
