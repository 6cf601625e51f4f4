"""The real agent with a stopwatch put around it from outside: `python -m scripts.benchmarks.timed_agent FILE ...`.

For each event a JSON line goes to FILE: `frame_to_disk_ms`, from the arrival of the frame's packet until the commit of
the event has returned, and `inference_ms`, the detector's part of that. The other arguments are those of the agent.
"""

import json
import sys
import time
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any
from uuid import UUID

import edge_agent.app
from edge_agent.__main__ import main
from edge_agent.detect.backend import ModelDetector
from edge_agent.outbox.rows import NewEvent
from edge_agent.pipeline import CameraPipeline
from edge_agent.types import Frame, StoredPicture
from scripts.births import NotedOutbox


class FrameWatch:
    """A witness of births; looks, inferences and births of findings are all in the looking thread."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8", buffering=1)
        self._arrived_at: float | None = None
        self._inference_s = 0.0

    def intend(self, event: NewEvent, pictures: Sequence[StoredPicture]) -> None:
        """Nothing to note yet."""

    def born(self, event: NewEvent) -> None:
        """The event of the frame that is looked at is on disk."""
        if self._arrived_at is not None and event.incident is not None:
            spent_s = time.monotonic() - self._arrived_at
            line = {"frame_to_disk_ms": spent_s * 1000, "inference_ms": self._inference_s * 1000}
            self._file.write(json.dumps(line) + "\n")

    def settled(self, event_ids: Sequence[UUID]) -> None:
        """What the hub says comes too late to matter here."""

    def looking(self, look: Callable[..., None]) -> Callable[..., None]:
        """A look that notes when its frame arrived."""

        @wraps(look)
        def timed(pipeline: CameraPipeline, frame: Frame, **options: Any) -> None:  # noqa: ANN401
            self._arrived_at, self._inference_s = frame.time.monotonic_s, 0.0
            look(pipeline, frame, **options)
            self._arrived_at = None

        return timed

    def detecting(self, detect: Callable[..., Any]) -> Callable[..., Any]:
        """A detection whose time is added to that of the look."""

        @wraps(detect)
        def timed(*values: Any) -> Any:  # noqa: ANN401
            began = time.monotonic()
            found = detect(*values)
            self._inference_s += time.monotonic() - began
            return found

        return timed


if __name__ == "__main__":
    watch = FrameWatch(Path(sys.argv.pop(1)))
    setattr(CameraPipeline, "look", watch.looking(CameraPipeline.look))  # noqa: B010
    setattr(ModelDetector, "detect", watch.detecting(ModelDetector.detect))  # noqa: B010
    setattr(edge_agent.app, "Outbox", lambda path, clock: NotedOutbox(path, clock, watch))  # noqa: B010
    sys.exit(main())
