"""What the box says of itself on the wire: its cameras and its outbox, put together from the stages' own status."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from camera_configs.camera import CameraSpec
from edge_agent.clock import Clock
from edge_agent.health.metrics import BoxFigures, CameraFigures
from edge_agent.outbox.rows import Counts
from edge_agent.stages import LookFigures
from edge_agent.types import CaptureStatus, StoredPicture
from mqtt.fields import Picture
from mqtt.states import CameraState, CameraStatus, LookStatus, OutboxStatus


@dataclass(frozen=True, slots=True)
class StatusSources:
    """Where the figures come from, most by camera id; all may be called from any thread.

    `dropped` is by camera id and reason, `failed` counts looks that failed, `periods` are the seconds between looks
    that are planned, None for a camera that nothing needs. `box` is the processor's part.
    """

    captures: Callable[[], Mapping[str, CaptureStatus]]
    dropped: Callable[[], Mapping[tuple[str, str], int]]
    failed: Mapping[str, int]
    periods: Mapping[str, float | None]
    looks: Mapping[str, LookFigures]
    snapshot: Callable[[str], StoredPicture | None]
    counts: Callable[[], Counts]
    box: Callable[[], BoxFigures]


class BoxStatus:
    """The state of one box, built when somebody asks."""

    def __init__(self, cameras: tuple[CameraSpec, ...], sources: StatusSources, clock: Clock) -> None:
        self._cameras = cameras
        self._sources = sources
        self._clock = clock

    def cameras(self) -> tuple[CameraStatus, ...]:
        """Each camera as it travels in a birth: nothing that a hub of an earlier version does not know."""
        return tuple(self._camera(spec, figures) for spec, figures in zip(self._cameras, self.figures(), strict=True))

    def looked_at(self) -> tuple[CameraStatus, ...]:
        """Each camera as it travels in a heartbeat, with how well it is looked at."""
        limit, now_s = self._sources.box().lost, self._clock.monotonic()
        return tuple(
            self._camera(spec, figures).model_copy(update={"look": _look(figures, limit, now_s)})
            for spec, figures in zip(self._cameras, self.figures(), strict=True)
        )

    def outbox(self) -> OutboxStatus:
        """The milestones of the outbox.

        Raises:
            OutboxError: the outbox cannot be read.
        """
        counts = self._sources.counts()
        return OutboxStatus(
            born=counts.born,
            pending=counts.pending,
            sent=counts.sent,
            acked=counts.acked,
            refused=counts.refused,
            shed=counts.shed,
        )

    def figures(self) -> tuple[CameraFigures, ...]:
        """Each camera as the metrics show it."""
        captures, dropped = self._sources.captures(), self._sources.dropped()
        rows = []
        for spec in self._cameras:
            reasons = {reason: count for (camera_id, reason), count in dropped.items() if camera_id == spec.id}
            if failed := self._sources.failed.get(spec.id, 0):
                reasons["failed"] = failed
            looks, period_s = self._sources.looks[spec.id], self._sources.periods.get(spec.id)
            rows.append(CameraFigures(spec.id, captures[spec.id], looks, reasons, period_s))
        return tuple(rows)

    def box(self) -> BoxFigures:
        """What the agent uses of the processor, and what it gave up for want of it."""
        return self._sources.box()

    def _camera(self, spec: CameraSpec, figures: CameraFigures) -> CameraStatus:
        capture = figures.status
        snapshot = self._sources.snapshot(spec.id)
        return CameraStatus(
            camera_id=spec.id,
            name_zh=spec.name_zh,
            name_en=spec.name_en,
            grid_code=spec.grid_code,
            state=CameraState(capture.state),
            since=capture.since,
            reason=capture.reason[:500] if capture.reason else None,
            last_frame_at=capture.last_frame_at,
            fps=round(capture.fps, 2),
            frames_dropped=sum(figures.dropped.values()),
            snapshot=_picture(snapshot) if snapshot else None,
        )


def _look(figures: CameraFigures, limit: str | None, now_s: float) -> LookStatus:
    looks = figures.looks
    spent = {**looks.spent_s, "decode": figures.status.decode_s}
    return LookStatus(
        fps_asked=round(1 / figures.period_s, 2) if figures.period_s else None,
        fps_given=round(looks.fps(now_s), 2),
        lag_ms=None if looks.lag_s is None else round(max(looks.lag_s, 0.0) * 1000, 1),
        decoder=figures.status.decoder[:100] if figures.status.decoder else None,
        stage_ms={name: round(1000 * spent_s / max(looks.looks, 1), 2) for name, spent_s in spent.items()},
        dropped=dict(figures.dropped),
        limit=limit,
    )


def _picture(stored: StoredPicture) -> Picture:
    return Picture(
        sha256=stored.sha256, size=stored.size, width=stored.width, height=stored.height, taken_at=stored.taken_at
    )
