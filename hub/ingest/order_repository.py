"""The queries of the order keeping: what came of a boot, where it has gaps, and what its box was asked for."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar, cast
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    Subquery,
    Table,
    bindparam,
    delete,
    exists,
    func,
    literal,
    select,
    tuple_,
    union_all,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession

from hub.db.errors import RaceLostError
from hub.db.upsert import insert_into, insert_rows
from hub.fleet.models import GapRow
from hub.ingest.models import EventRow, OrderRow, RefusedSeqRow, ResyncRow
from hub.ingest.order import BootOrder, Gap, Span

BootKey = tuple[str, UUID]
T = TypeVar("T")
LAST = 2**63 - 1
NOTICES = ("shed", "result")
AT_ONCE = 500
_GAP_KEY = ("edge_id", "boot_id", "first_seq")


class OrderRepository:
    """Reads and writes the order of boots within the caller's transaction; boots are named by their keys."""

    async def boots_with_news(self, session: AsyncSession) -> set[BootKey]:
        """The boots that were looked at before and of which more was stored since."""
        event, order = _key(EventRow), _key(OrderRow)
        newer = exists().where(event[0] == order[0], event[1] == order[1], EventRow.seq > OrderRow.seen)
        return {(edge_id, boot_id) for edge_id, boot_id in await session.execute(select(*order).where(newer))}

    async def boots_with_gaps(self, session: AsyncSession) -> set[BootKey]:
        """The boots with a gap that may still close."""
        query = select(*_key(GapRow)).where(GapRow.lost_at.is_(None)).distinct()
        return {(edge_id, boot_id) for edge_id, boot_id in await session.execute(query)}

    async def orders(self, session: AsyncSession, keys: Collection[BootKey]) -> dict[BootKey, tuple[BootOrder, int]]:
        """The order of each of these boots, new ones begun, and the version that `save` asks for."""
        found: dict[BootKey, tuple[BootOrder, int]] = {}
        for some in _pieces(sorted(keys)):
            found |= await self._some_orders(session, some)
        return found

    async def _some_orders(
        self, session: AsyncSession, keys: Collection[BootKey]
    ) -> dict[BootKey, tuple[BootOrder, int]]:
        query = select(*_key(OrderRow), OrderRow.seen, OrderRow.version).where(_among(OrderRow, keys))
        found = {
            (edge_id, boot_id): (BootOrder(seen), version)
            for edge_id, boot_id, seen, version in await session.execute(query)
        }
        if new := sorted(set(keys) - found.keys()):
            values = [{"edge_id": edge_id, "boot_id": boot_id, "seen": 0, "version": 0} for edge_id, boot_id in new]
            await session.execute(insert_into(session, OrderRow).on_conflict_do_nothing(), values)
            # If another replica was faster after all, `save` finds it out by the version.
            found |= {key: (BootOrder(), 0) for key in new}
        gaps = select(GapRow).where(_among(GapRow, keys)).order_by(GapRow.first_seq)
        for row in (await session.execute(gaps)).scalars():
            gap = Gap(row.first_seq, row.last_seq, row.noticed_at, row.told_at, row.lost_at)
            found[row.edge_id, row.boot_id][0].gaps.append(gap)
        return found

    async def arrived(self, session: AsyncSession, keys: Collection[BootKey]) -> dict[BootKey, list[Span]]:
        """What came beyond what was seen of these boots, or within their gaps, as ranges."""
        missing = _missing(keys)
        # Numbers without a hole between them differ from their rank by the same amount.
        rank = func.dense_rank().over(partition_by=_key(EventRow), order_by=EventRow.seq)
        run = (EventRow.seq - rank).label("run")
        events = _within(select(*_key(EventRow), EventRow.seq, run), missing).subquery()
        columns = (events.c.edge_id, events.c.boot_id)
        query = select(*columns, func.min(events.c.seq), func.max(events.c.seq)).group_by(*columns, events.c.run)
        found: dict[BootKey, list[Span]] = defaultdict(list)
        for edge_id, boot_id, first, last in await session.execute(query):
            found[edge_id, boot_id].append(Span(first, last))
        return found

    async def notices(
        self, session: AsyncSession, keys: Collection[BootKey]
    ) -> Sequence[tuple[str, UUID, int, dict[str, Any]]]:
        """The sheds and results among what `arrived` tells: box, boot, seq and body.

        To be asked after `arrived`, so that none is passed over which is committed in between.
        """
        query = select(*_key(EventRow), EventRow.seq, EventRow.body).where(EventRow.kind.in_(NOTICES))
        return [tuple(row) for row in await session.execute(_within(query, _missing(keys)))]

    async def refused(self, session: AsyncSession, keys: Collection[BootKey]) -> dict[BootKey, list[int]]:
        """The numbers of refused messages that were not passed yet."""
        found: dict[BootKey, list[int]] = defaultdict(list)
        for some in _pieces(sorted(keys)):
            query = select(*_key(RefusedSeqRow), RefusedSeqRow.seq).where(_among(RefusedSeqRow, some))
            for edge_id, boot_id, seq in await session.execute(query):
                found[edge_id, boot_id].append(seq)
        return found

    async def pass_refused(self, session: AsyncSession, passed: Mapping[BootKey, Collection[int]]) -> None:
        """Forget these refusals, and none that was committed since they were read."""
        values = [
            {"e": edge_id, "b": boot_id, "s": seq}
            for (edge_id, boot_id), numbers in sorted(passed.items())
            for seq in numbers
        ]
        columns = _table(RefusedSeqRow).c
        statement = delete(_table(RefusedSeqRow)).where(
            columns.edge_id == bindparam("e"), columns.boot_id == bindparam("b"), columns.seq == bindparam("s")
        )
        if values:
            await session.execute(statement, values)

    async def refuse(self, session: AsyncSession, places: Collection[tuple[str, UUID, int]], now: datetime) -> None:
        """Note the numbers of refused messages."""
        values = [
            {"edge_id": edge_id, "boot_id": boot_id, "seq": seq, "refused_at": now}
            for edge_id, boot_id, seq in sorted(places)
        ]
        if values:
            await session.execute(insert_into(session, RefusedSeqRow).on_conflict_do_nothing(), values)

    async def save(
        self,
        session: AsyncSession,
        orders: Mapping[BootKey, tuple[BootOrder, int]],
        gaps_before: Mapping[BootKey, Collection[Gap]],
    ) -> None:
        """Store orders that were changed since `orders` gave them.

        Raises:
            RaceLostError: another replica has changed one of them meanwhile; nothing of this may be committed.
        """
        if not orders:
            return
        values = [
            {"edge_id": edge_id, "boot_id": boot_id, "seen": order.seen, "version": version + 1}
            for (edge_id, boot_id), (order, version) in sorted(orders.items())
        ]
        saved = 0
        for some in _pieces(values):
            statement = insert_into(session, OrderRow).values(some)
            new = statement.excluded
            kept = statement.on_conflict_do_update(
                index_elements=["edge_id", "boot_id"],
                set_={"seen": new.seen, "version": new.version},
                where=OrderRow.version == new.version - 1,
            )
            saved += len((await session.execute(kept.returning(_table(OrderRow).c.boot_id))).all())
        if saved < len(values):
            raise RaceLostError("another replica has looked at the order of a boot meanwhile")
        before = {(key, gap) for key, gaps in gaps_before.items() for gap in gaps}
        after = {(key, gap) for key, (order, _) in orders.items() for gap in order.gaps}
        await _drop_gaps(session, before - after)
        await insert_rows(session, GapRow, [_gap_values(key, gap) for key, gap in after - before])

    async def resyncs(self, session: AsyncSession, edge_ids: Collection[str]) -> dict[str, ResyncRow]:
        """What these boxes were asked for last."""
        rows = (await session.execute(select(ResyncRow).where(ResyncRow.edge_id.in_(sorted(edge_ids))))).scalars()
        return {row.edge_id: row for row in rows}

    async def answer(self, session: AsyncSession, command_id: UUID, answer: str, place: tuple[UUID, int]) -> None:
        """Note the result of a resync, if it is that of the last one, and its boot and seq."""
        values = {"answer": answer, "answer_boot_id": place[0], "answer_seq": place[1]}
        statement = update(ResyncRow).where(ResyncRow.command_id == command_id).values(values)
        await session.execute(statement, execution_options={"synchronize_session": False})

    async def claim(self, session: AsyncSession, asks: Iterable[dict[str, Any]]) -> set[str]:
        """Note that these boxes are asked, `times` for this time; returns those that no other replica has asked."""
        claimed: set[str] = set()
        for some in _pieces(list(asks)):
            statement = insert_into(session, ResyncRow).values(
                [values | {"answer": None, "answer_boot_id": None, "answer_seq": None} for values in some]
            )
            new = statement.excluded
            kept = {column.key: new[column.key] for column in _table(ResyncRow).c if column.key != "edge_id"}
            first = statement.on_conflict_do_update(
                index_elements=["edge_id"], set_=kept, where=ResyncRow.times == new.times - 1
            )
            claimed |= set((await session.execute(first.returning(_table(ResyncRow).c.edge_id))).scalars())
        return claimed

    async def told_gaps(self, session: AsyncSession) -> dict[str, list[Gap]]:
        """The reported gaps that may still close, by box."""
        found: dict[str, list[Gap]] = defaultdict(list)
        query = select(GapRow).where(GapRow.told_at.is_not(None), GapRow.lost_at.is_(None))
        for row in (await session.execute(query)).scalars():
            found[row.edge_id].append(Gap(row.first_seq, row.last_seq, row.noticed_at, row.told_at))
        return found

    async def tidy(self, session: AsyncSession, refused_before: datetime, lost_before: datetime) -> None:
        """Forget questions to boxes without an open gap, refusals that no order passed, and gaps lost long ago."""
        await session.execute(delete(RefusedSeqRow).where(RefusedSeqRow.refused_at < refused_before))
        await session.execute(delete(GapRow).where(GapRow.lost_at < lost_before))
        open_ones = select(GapRow.edge_id).where(GapRow.lost_at.is_(None))
        await session.execute(delete(ResyncRow).where(ResyncRow.edge_id.not_in(open_ones)))


async def _drop_gaps(session: AsyncSession, gaps: Collection[tuple[BootKey, Gap]]) -> None:
    columns = _table(GapRow).c
    statement = delete(_table(GapRow)).where(*(columns[name] == bindparam(f"old_{name}") for name in _GAP_KEY))
    values = [dict(zip((f"old_{name}" for name in _GAP_KEY), (*key, gap.first), strict=True)) for key, gap in gaps]
    if values:
        await session.execute(statement, values)


def _gap_values(key: BootKey, gap: Gap) -> dict[str, Any]:
    return {
        "edge_id": key[0],
        "boot_id": key[1],
        "first_seq": gap.first,
        "last_seq": gap.last,
        "noticed_at": gap.noticed_at,
        "told_at": gap.told_at,
        "lost_at": gap.lost_at,
    }


def _missing(keys: Collection[BootKey]) -> Subquery:
    """What is not known of these boots, as ranges above `after` and up to `last`: the rest of each, and its gaps."""
    rest = select(*_key(OrderRow), OrderRow.seen.label("after"), literal(LAST, BigInteger).label("last"))
    gaps = select(*_key(GapRow), (GapRow.first_seq - 1).label("after"), GapRow.last_seq.label("last"))
    return union_all(rest.where(_among(OrderRow, keys)), gaps.where(_among(GapRow, keys))).subquery()


def _within(query: Select[*tuple[Any, ...]], missing: Subquery) -> Select[*tuple[Any, ...]]:
    return query.join_from(
        missing,
        EventRow,
        (EventRow.edge_id == missing.c.edge_id)
        & (EventRow.boot_id == missing.c.boot_id)
        & (EventRow.seq > missing.c.after)
        & (EventRow.seq <= missing.c.last),
    )


def _pieces(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """As many at a time as a statement may name: PostgreSQL refused 8,000 boots, SQLite 33,000 values."""
    for start in range(0, len(items), AT_ONCE):
        yield items[start : start + AT_ONCE]


def _among(table: type[Any], keys: Collection[BootKey]) -> ColumnElement[bool]:
    return tuple_(*_key(table)).in_(sorted(keys))


def _key(table: type[Any]) -> tuple[ColumnElement[str], ColumnElement[UUID]]:
    return table.edge_id, table.boot_id


def _table(table: type[Any]) -> Table:
    return cast("Table", table.__table__)
