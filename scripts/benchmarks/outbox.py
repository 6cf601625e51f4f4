"""Durable events a second on this disk, with a 20 kB picture each and without."""

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from edge_agent.clock import SystemClock, SystemIds
from edge_agent.evidence.store import EvidenceStore
from edge_agent.outbox.emitter import Emitter
from edge_agent.outbox.store import Outbox
from mqtt.messages import ReadingBody

PICTURE_BYTES = 20_000
BODY = ReadingBody(sensor_id="rain-1", quantity="depth", value=1.5, unit="mm")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this benchmark."""
    parser.add_argument("--events", type=int, default=2000)
    parser.add_argument("--folder", type=Path, help="on the disk to be measured (default: that of temporary files)")


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Keep events one after the other, as the agent does, and time each."""
    figures: dict[str, Any] = {"events": arguments.events}
    clock, ids = SystemClock(), SystemIds()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        store = EvidenceStore(Path(folder) / "evidence")
        outbox = Outbox(Path(folder) / "outbox.sqlite", clock)
        emitter = Emitter(outbox, "box-bench", ids.new(), clock, ids)
        for name, with_picture in (("with picture", True), ("without picture", False)):
            spent_ms = []
            for _ in range(arguments.events):
                picture = os.urandom(PICTURE_BYTES) if with_picture else b""
                began = time.perf_counter()
                kept = (store.put(picture, 160, 120, clock.now()),) if with_picture else ()
                emitter.emit(BODY, clock.now(), 1, kept)
                spent_ms.append((time.perf_counter() - began) * 1000)
            centiles = statistics.quantiles(spent_ms, n=100)
            figures[f"{name}: events/s"] = round(1000 / statistics.fmean(spent_ms))
            figures[f"{name}: p50 ms"] = round(centiles[49], 2)
            figures[f"{name}: p99 ms"] = round(centiles[98], 2)
        outbox.close()
    return figures
