"""A program that keeps events with pictures until it is killed, and prints each id once it is on disk.

Usage: python -m tests.unit.edge_agent.outbox.keeper FOLDER
"""

import os
import sys
from pathlib import Path

from edge_agent.clock import SystemClock, SystemIds
from edge_agent.evidence.store import EvidenceStore
from edge_agent.outbox.emitter import Emitter
from edge_agent.outbox.store import Outbox
from mqtt.messages import ReadingBody

PICTURE_BYTES = 20_000


def keep_for_ever(folder: Path) -> None:
    clock, ids = SystemClock(), SystemIds()
    store = EvidenceStore(folder / "evidence")
    outbox = Outbox(folder / "outbox.sqlite", clock)
    assert outbox.moved_aside is None
    emitter = Emitter(outbox, "box-1", ids.new(), clock, ids)
    body = ReadingBody(sensor_id="rain", quantity="depth", value=1.5, unit="mm")
    while True:
        stored = store.put(os.urandom(PICTURE_BYTES), 160, 120, clock.now())
        envelope = emitter.emit(body, clock.now(), 1, [stored])
        sys.stdout.write(f"{envelope.event_id} {stored.sha256}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    keep_for_ever(Path(sys.argv[1]))
