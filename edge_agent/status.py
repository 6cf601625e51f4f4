"""What the box says of itself on the wire: its cameras and its outbox, put together from the stages' own status."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from camera_configs.camera import CameraSpec
from edge_agent.health.metrics import CameraFigures
from edge_agent.outbox.rows import Counts
from edge_agent.pipeline import LookFigures
from edge_agent.types import CaptureStatus, StoredPicture
from mqtt.messages import CameraState, CameraStatus, OutboxStatus, Picture


@dataclass(frozen=True, slots=True)
class StatusSources:
    """Where the figures come from, each by camera id; all may be called from any thread."""

    captures: Callable[[], Mapping[str, CaptureStatus]]
    dropped: Callable[[], Mapping[str, int]]
    looks: Mapping[str, LookFigures]
    snapshot: Callable[[str], StoredPicture | None]
    counts: Callable[[], Counts]


class BoxStatus:
    """The state of one box, built when somebody asks."""

    def __init__(self, cameras: tuple[CameraSpec, ...], sources: StatusSources) -> None:
        self._cameras = cameras
        self._sources = sources

    def cameras(self) -> tuple[CameraStatus, ...]:
        """Each camera as it travels in birth and health."""
        captures, dropped = self._sources.captures(), self._sources.dropped()
        return tuple(self._camera(spec, captures[spec.id], dropped.get(spec.id, 0)) for spec in self._cameras)

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
            looks = self._sources.looks[spec.id]
            rows.append(
                CameraFigures(spec.id, captures[spec.id], dropped.get(spec.id, 0), looks.inference_s, looks.looks)
            )
        return tuple(rows)

    def _camera(self, spec: CameraSpec, capture: CaptureStatus, dropped: int) -> CameraStatus:
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
            frames_dropped=dropped,
            snapshot=_picture(snapshot) if snapshot else None,
        )


def _picture(stored: StoredPicture) -> Picture:
    return Picture(
        sha256=stored.sha256, size=stored.size, width=stored.width, height=stored.height, taken_at=stored.taken_at
    )
