"""From looks to envelopes under a wall clock that jumps by hours and years: order, counts and words stay right."""

import tempfile
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.clock import SystemIds
from edge_agent.incidents import OpenIncidents
from edge_agent.judge.engine import CameraJudge
from edge_agent.outbox.emitter import OPENED_LATER, Emitter
from edge_agent.outbox.store import Outbox
from edge_agent.reporter import CLOCK_SET, IncidentReporter, Place
from edge_agent.types import FrameTime, PictureBox, StoredPicture, Track, ZoneObservation
from edge_agent.waiting import Shot, WaitingEvents
from mqtt.envelope import Envelope, decode
from mqtt.messages import Finding, FindingBody, Phase
from tests.unit.edge_agent.outbox.builders import picture
from tests.unit.edge_agent.scene_of_incidents import SEEN_BY, SPEC, START

HOUR_S, YEAR_S = 3600.0, 365 * 86_400.0
JUMPS = st.dictionaries(
    st.integers(0, 89), st.sampled_from([HOUR_S, -HOUR_S, YEAR_S, -YEAR_S, 30 * YEAR_S, 0.5]), max_size=6
)
CAR = PictureBox(0.85, 0.0, 0.94, 0.17)


@dataclass
class JumpingClock:
    """Monotonic seconds go on; the wall is off by what it jumped so far."""

    seconds: float = 0.0
    off: timedelta = field(default_factory=timedelta)

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds) + self.off

    def monotonic(self) -> float:
        return self.seconds

    def thread_cpu_s(self) -> float:
        return self.seconds


def run(folder: Path, jumps_s: dict[int, float]) -> list[Envelope]:
    """A car parks for 60 s of 90, and everything that the box tells of it, in order of birth."""
    clock, ids = JumpingClock(), SystemIds()
    outbox = Outbox(folder / "outbox.sqlite", clock)
    emitter = Emitter(outbox, "box-1", ids.new(), clock, ids)

    def keep(shot: Shot) -> StoredPicture:
        return picture(shot.jpeg)

    def emit(body: FindingBody, captured_at: datetime, pictures: tuple[StoredPicture, ...]) -> None:
        emitter.emit(body, captured_at, 1, pictures)

    waiting = WaitingEvents(keep, emit, clock)
    reporter = IncidentReporter(SPEC, SEEN_BY, OpenIncidents(outbox.incidents, ids), waiting)
    judge = CameraJudge(SPEC)
    for second in range(90):
        clock.seconds = float(second)
        clock.off += timedelta(seconds=jumps_s.get(second, 0.0))
        time = FrameTime(clock.now(), clock.seconds, "arrival")
        tracks = (Track(1, "car", CAR, 0.9, 0.0, clock.seconds),) if second < 60 else ()
        for found in judge.observe(ZoneObservation(time, "kerb", tracks)):
            where = Place(SPEC.zones[0], found.rule, Finding(found.name))
            reporter.report(where, found.verdict, lambda: Shot(b"jpeg", 4, 3, START))
        reporter.close_orphans(time)
    envelopes = [decode(due.payload, Envelope) for due in outbox.due(100, 100)]
    assert outbox.counts().adds_up
    outbox.close()
    return envelopes


@given(jumps_s=JUMPS)
@settings(deadline=None, max_examples=60)
def test_a_jumping_clock_changes_no_order_no_count_and_is_spoken_of(jumps_s: dict[int, float]) -> None:
    with tempfile.TemporaryDirectory() as name:
        envelopes = run(Path(name), jumps_s)
    bodies = [each.body for each in envelopes if isinstance(each.body, FindingBody)]
    assert [body.phase for body in bodies] == [Phase.OPEN, Phase.CLOSE]
    assert len({body.incident_id for body in bodies}) == 1
    assert [each.seq for each in envelopes] == [1, 2]
    for envelope, body in zip(envelopes, bodies, strict=True):
        assert (OPENED_LATER in body.limits) is (body.opened_at > envelope.emitted_at)
        assert envelope.captured_at is not None
        off_s = (envelope.captured_at - body.opened_at).total_seconds()
        assert (CLOCK_SET in body.limits) is not (0.0 <= off_s <= 100.0)
    first, last = bodies
    assert last.opened_at == first.opened_at


def test_a_steady_clock_needs_no_words(tmp_path: Path) -> None:
    assert [each.body.limits for each in run(tmp_path, {}) if isinstance(each.body, FindingBody)] == [(), ()]
