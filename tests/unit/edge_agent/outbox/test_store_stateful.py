"""The outbox against a model of it, with restarts and power cuts at any moment."""

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from edge_agent.errors import OutboxError
from edge_agent.outbox.rows import NewEvent, Shed
from edge_agent.outbox.store import Outbox
from tests.unit.edge_agent.outbox.builders import IDS, ManualClock, dead_letters, event, incident, picture


class OutboxMachine(RuleBasedStateMachine):
    """`held` are the events that must be there, in order of birth; sets tell what became of the others."""

    events = Bundle("events")

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="tianrui-outbox-"))
        self.clock = ManualClock()
        self.lives = 0
        self.held: dict[UUID, NewEvent] = {}
        self.sent: dict[UUID, float] = {}
        self.pictures: list[str] = []
        self.severe: set[str] = set()
        self.open: set[UUID] = set()
        self.born = self.acked = self.refused = self.shed = self.boot_number = 0

    @property
    def path(self) -> Path:
        return self.folder / str(self.lives) / "events.sqlite"

    @initialize()
    def first_start(self) -> None:
        self.start()

    def start(self) -> None:
        self.outbox = Outbox(self.path, self.clock)
        assert self.outbox.moved_aside is None
        self.sent.clear()
        self.boot, self.seq = IDS.new(), 0
        self.boot_number += 1

    @rule(target=events, severity=st.integers(0, 4), pictures=st.lists(st.integers(0, 5), max_size=3, unique=True))
    def append(self, severity: int, pictures: list[int]) -> NewEvent:
        self.seq += 1
        new = event(self.seq, severity, self.boot, f"{self.boot_number} {self.seq}".encode())
        stored = [picture(bytes([number])) for number in pictures]
        self.outbox.append(new, stored)
        self.held[new.event_id] = new
        self.pictures += [each.sha256 for each in stored if each.sha256 not in self.pictures]
        self.severe |= {each.sha256 for each in stored if severity >= 3}
        self.born += 1
        return new

    def tell(self, _: Shed) -> NewEvent:
        text = f"shed {self.boot_number} {self.seq + 1}".encode()
        self.telling = replace(event(self.seq + 1, 3, self.boot, text), sheddable=False)
        return self.telling

    def was_told(self) -> None:
        self.seq += 1
        self.held[self.telling.event_id] = self.telling
        self.born += 1

    @rule(need=st.integers(1, 3), severe=st.booleans())
    def shed_pictures(self, need: int, severe: bool) -> None:
        these = [each for each in self.pictures if (each in self.severe) is severe]
        shed = self.outbox.shed_pictures(severe, need, self.tell)
        assert (shed is None) is (not these)
        if shed is None:
            return
        assert list(shed.pictures) == these[: min(need, len(these))]
        assert shed.size == shed.count
        self.pictures = [each for each in self.pictures if each not in shed.pictures]
        self.severe -= set(shed.pictures)
        self.was_told()
        assert self.outbox.pictures.done(100) == list(shed.pictures)
        self.outbox.pictures.forget(*shed.pictures)

    @rule(need=st.integers(1, 900))
    def shed_events(self, need: int) -> None:
        mine = [each for each in self.held.values() if each.sheddable]
        mine.sort(key=lambda each: (each.urgent, each.event_id in self.sent))
        shed = self.outbox.shed_events(need, self.tell)
        assert (shed is None) is (not mine)
        if shed is None:
            return
        gone = mine[: shed.count]
        assert {each.urgent for each in gone} == {shed.severe}
        named = {(p.boot_id, seq) for p in shed.events for seq in range(p.first, p.last + 1)}
        assert named == {(each.boot_id, each.seq) for each in gone}
        for each in gone:
            del self.held[each.event_id]
            self.sent.pop(each.event_id, None)
        self.shed += len(gone)
        self.was_told()

    @rule(target=events, number=st.integers(1, 4), ends=st.booleans(), twice=st.booleans())
    def change_an_incident(self, number: int, ends: bool, twice: bool) -> NewEvent:
        self.seq += 1
        plain = event(self.seq, 0, self.boot, f"{self.boot_number} {self.seq}".encode())
        new = replace(plain, incident=incident(number), ends_incident=ends)
        self.outbox.append(new)
        self.held[new.event_id] = new
        self.born += 1
        (self.open.discard if ends else self.open.add)(UUID(int=number))
        if twice:
            with pytest.raises(OutboxError):
                self.outbox.append(replace(new, ends_incident=not ends))
        return new

    @rule(
        limit=st.integers(1, 4),
        window=st.integers(1, 4),
        wait_s=st.floats(1, 9),
        answered=st.lists(events, max_size=2),
        fails=st.booleans(),
    )
    def settle_and_send(self, limit: int, window: int, wait_s: float, answered: list[NewEvent], fails: bool) -> None:
        now = self.clock.monotonic()

        def exchange() -> tuple[int, list[UUID]]:
            settled = self.outbox.settle([each.event_id for each in answered])
            due = [each.event_id for each in self.outbox.due(limit, window)]
            self.outbox.mark_sent(dict.fromkeys(due, now + wait_s))
            if fails:
                raise LookupError
            return settled, due

        if fails:
            with pytest.raises(LookupError):
                self.outbox.together(exchange)
            return
        gone = self.let_go(answered)
        flying = sum(at > now for at in self.sent.values())
        waiting = [each for each in self.held.values() if self.sent.get(each.event_id, 0.0) <= now]
        waiting.sort(key=lambda each: each.severity < 3)
        due = [each.event_id for each in waiting[: max(0, min(limit, window - flying))]]
        assert self.outbox.together(exchange) == (gone, due)
        self.sent.update(dict.fromkeys(due, now + wait_s))

    @rule(seconds=st.floats(0.1, 10))
    def time_goes_on(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule(some=st.lists(events, max_size=3))
    def settle(self, some: list[NewEvent]) -> None:
        assert self.outbox.settle([each.event_id for each in some]) == self.let_go(some)

    def let_go(self, some: list[NewEvent]) -> int:
        gone = [each for each in {each.event_id for each in some} if self.held.pop(each, None)]
        for each in gone:
            self.sent.pop(each, None)
        self.acked += len(gone)
        return len(gone)

    @rule(one=consumes(events))
    def refuse(self, one: NewEvent) -> None:
        there = self.held.pop(one.event_id, None) is not None
        self.sent.pop(one.event_id, None)
        assert self.outbox.refuse(one.event_id, "invalid", "because") is there
        self.refused += there

    @rule()
    def upload_the_oldest_picture(self) -> None:
        for sha256 in self.outbox.pictures.pending(1):
            assert sha256 == self.pictures.pop(0)
            self.severe.discard(sha256)
            self.outbox.pictures.mark_uploaded(sha256)
            self.outbox.pictures.forget(sha256)

    @rule()
    def restart(self) -> None:
        self.outbox.close()
        self.start()

    @rule()
    def power_cut(self) -> None:
        before = self.path.parent
        self.lives += 1
        shutil.copytree(before, self.path.parent)
        self.outbox.close()
        shutil.rmtree(before)
        self.start()

    @invariant()
    def all_are_accounted_for(self) -> None:
        counts = self.outbox.counts()
        assert counts.adds_up
        assert (counts.born, counts.kept, counts.acked, counts.refused, counts.shed) == (
            self.born,
            len(self.held),
            self.acked,
            self.refused,
            self.shed,
        )
        assert self.outbox.pictures.pending(100) == self.pictures
        assert {row.incident_id for row in self.outbox.incidents.all()} == self.open
        assert len(dead_letters(self.outbox)) == self.refused

    def teardown(self) -> None:
        self.outbox.close()
        shutil.rmtree(self.folder)


OutboxMachine.TestCase.settings = settings(
    max_examples=40, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestOutbox = OutboxMachine.TestCase
