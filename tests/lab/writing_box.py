"""A program that keeps events with pictures as fast as it can and settles old ones, until its power is cut.

Usage: python -m tests.lab.writing_box FOLDER BIRTHS SABOTAGE

SABOTAGE may be empty, or leaves something out, to see that the power cut finds it: `fsync` the pictures' flushes,
`everything` those of SQLite too. SQLite's alone would hide: a picture's fsync flushes what lies beside it.
"""

import os
import sys
from collections import deque
from datetime import datetime
from pathlib import Path
from uuid import UUID

from pydantic import SecretStr

from edge_agent.types import StoredPicture
from mqtt.messages import FindingBody
from scripts.births import Births
from scripts.simulated_box import Home, Peers, SimulatedBox

KEPT = 30


class WritingBox(SimulatedBox):
    """A simulated box without a network, which lets go of all but its newest events as if the hub had answered."""

    def __init__(self, folder: Path, births: Births) -> None:
        super().__init__("box-a", SecretStr("none"), Peers("127.0.0.1", 1, "http://127.0.0.1:1"), Home(folder), births)
        self._births = births
        self._settled: deque[tuple[UUID, tuple[str, ...]]] = deque()

    def _emit(self, body: FindingBody, captured_at: datetime, pictures: tuple[StoredPicture, ...]) -> None:
        envelope = self._emitter.emit(body, captured_at, body.level or 1, pictures)
        self._settled.append((envelope.event_id, tuple(picture.sha256 for picture in pictures)))
        if len(self._settled) > KEPT:
            event_id, shas = self._settled.popleft()
            self._births.note("settling", event_id)
            self.outbox.settle([event_id])
            for sha256 in shas:
                self.outbox.pictures.mark_uploaded(sha256)
                self._store.remove(sha256)
                self.outbox.pictures.forget(sha256)


def main() -> None:
    folder, births, sabotage = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    box = WritingBox(folder, Births(births))
    if sabotage == "everything":
        box.outbox._transactions._db.execute("PRAGMA synchronous = OFF")
    if sabotage:
        setattr(os, "fsync", lambda _: None)  # noqa: B010
    while True:
        box.bear()


if __name__ == "__main__":
    main()
