"""Builds what a zone held, and checks what every judge must keep."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta

from edge_agent.types import Change, FrameTime, PictureBox, StillThing, Track, Verdict, ZoneObservation

START = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
PLACE = PictureBox(0.40, 0.40, 0.50, 0.50)
Observe = Callable[[ZoneObservation], list[Verdict]]


def at(seconds: float, after_start: float | None = None) -> FrameTime:
    wall = seconds if after_start is None else after_start
    return FrameTime(START + timedelta(seconds=wall), seconds, "rtcp")


def seen(track_id: int, label: str, box: PictureBox, now_s: float, *, first_s: float | None = None) -> Track:
    return Track(track_id, label, box, 0.8, now_s if first_s is None else first_s, now_s)


def persons(count: int, now_s: float) -> tuple[Track, ...]:
    return tuple(
        seen(i, "person", PictureBox(0.02 * i, 0.5, 0.02 * i + 0.015, 0.6), now_s, first_s=0.0) for i in range(count)
    )


def look(
    now_s: float,
    tracks: Sequence[Track] = (),
    things: Sequence[StillThing] = (),
    *,
    wall_s: float | None = None,
    reference: int | None = 1,
) -> ZoneObservation:
    return ZoneObservation(at(now_s, wall_s), "gate", tuple(tracks), tuple(things), reference)


def feed(observe: Observe, looks: Iterable[ZoneObservation]) -> list[Verdict]:
    return [verdict for one in looks for verdict in observe(one)]


def changes(verdicts: Sequence[Verdict]) -> list[Change]:
    return [verdict.change for verdict in verdicts]


def check_lives(verdicts: Sequence[Verdict]) -> None:
    """Every incident lives suspect? (open update* close | dismiss), with sane figures, and the keys never mix."""
    allowed = {
        None: {Change.SUSPECT, Change.OPEN},
        Change.SUSPECT: {Change.OPEN, Change.DISMISS},
        Change.OPEN: {Change.UPDATE, Change.CLOSE},
        Change.UPDATE: {Change.UPDATE, Change.CLOSE},
        Change.CLOSE: set(),
        Change.DISMISS: set(),
    }
    last: dict[str, Change | None] = defaultdict(lambda: None)
    for verdict in verdicts:
        assert verdict.change in allowed[last[verdict.key]], (verdict, last[verdict.key])
        last[verdict.key] = verdict.change
        assert 0 <= verdict.score <= 1
        assert verdict.since.captured_at <= verdict.time.captured_at
        assert all(figure.value >= 0 for figure in verdict.figures)


def observed_s(times: Sequence[float], max_gap_s: float) -> float:
    """Seconds between neighbouring times that are at most `max_gap_s` apart and do not run backwards."""
    steps = (b - a for a, b in zip(times, times[1:], strict=False))
    return sum(step for step in steps if 0 <= step <= max_gap_s)
