"""Milliseconds from a frame to the event on the box's disk, and from there to the case in the hub's database.

disk to case: simulated boxes with the agent's own outbox, sender and connection, a real mosquitto and a real hub on a
durable database. The watch starts when the commit on the box has returned (fsync done) and stops when the box's sender
takes the hub's ack, both by this machine's monotonic clock. The hub acks after its commit, so this is an upper bound:
it includes the ack's way back through the broker.

frame to disk: the real agent looks at real footage with rules that nearly every look changes, so that there are many
events; from the arrival of the frame's packet to the commit of its event, without inference, which stands by itself.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from scripts.benchmarks.direct_site import DATABASES, DirectSite, Moments, direct_site
from scripts.demo_camera import camera_document, demo_source
from scripts.local_site import AgentProcess
from scripts.processes import wait_until
from scripts.simulated_box import Home, SimulatedBox
from tests.lab.peers import ROOT, Postgres

EDGES = [f"box-{number}" for number in range(1, 11)]
MODEL = "yolo11n-int8"
SETTLED_S = 30.0
STRIPES = 8


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this benchmark."""
    parser.add_argument("--rate", type=float, default=100.0, help="events a second of all boxes together")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long each part is measured")


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure both databases and the agent, one after the other."""
    figures: dict[str, Any] = {"events/s": arguments.rate, "seconds": arguments.seconds}
    figures["load average before"] = round(os.getloadavg()[0], 2)
    with tempfile.TemporaryDirectory() as name, Postgres(durable=True) as postgres:
        for database in DATABASES:
            base = postgres if database == "postgresql" else None
            with direct_site(Path(name) / database, EDGES, base) as site:
                spent_ms = _disk_to_case_ms(Path(name) / database, site, arguments)
            figures |= {f"{database}: {key}": value for key, value in _centiles("disk_to_case", spent_ms).items()}
        figures |= _frame_to_disk(Path(name) / "agent", arguments.seconds)
    figures |= {key: figures[f"postgresql: {key}"] for key in ("disk_to_case_p50_ms", "disk_to_case_p99_ms")}
    return figures


def _disk_to_case_ms(folder: Path, site: DirectSite, arguments: argparse.Namespace) -> list[float]:
    moments = Moments()
    boxes = [SimulatedBox(edge, token, site.peers, Home(folder), moments) for edge, token in site.tokens.items()]
    for box in boxes:
        box.start()
        box.bear()
    wait_until(lambda: len(moments.settled_at) == len(boxes), "the first event of each box is settled")
    first = set(moments.born_at)
    began, number = time.monotonic(), 0
    while (passed := time.monotonic() - began) < arguments.seconds:
        if number < passed * arguments.rate:
            boxes[number % len(boxes)].bear()
            number += 1
        else:
            time.sleep(number / arguments.rate - passed)
    wait_until(lambda: len(moments.settled_at) == len(moments.born_at), "every event is settled", SETTLED_S)
    for box in boxes:
        box.stop()
    return [1000 * (moments.settled_at[each] - at) for each, at in moments.born_at.items() if each not in first]


def _frame_to_disk(folder: Path, seconds: float) -> dict[str, Any]:
    with ExitStack() as stack:
        site = stack.enter_context(direct_site(folder, EDGES[:1], None))
        settings = {
            "edge_id": EDGES[0],
            "hub_url": site.hub.url,
            "mqtt_host": site.peers.broker_host,
            "mqtt_port": site.peers.broker_port,
            "token_file": str(folder / f"{EDGES[0]}.token"),
            "model": MODEL,
        }
        agent = AgentProcess(folder, settings)
        agent.add_camera(_busy(camera_document(demo_source(stack, None, folder, print))))
        lines = folder / "frame_to_disk.jsonl"
        agent.command[1:3] = ["-m", "scripts.benchmarks.timed_agent", str(lines)]
        agent.env["PYTHONPATH"] = str(ROOT)
        stack.enter_context(agent)
        agent.wait_for(lambda: lines.exists() and lines.read_bytes(), "the first event", 120)
        agent.wait_for(_after(seconds), "the time of measuring", seconds + 10)
        agent.stop()
        spent = [json.loads(line) for line in lines.read_text(encoding="utf-8").splitlines()]
    inference_ms = [line["inference_ms"] for line in spent]
    rest_ms = [line["frame_to_disk_ms"] - line["inference_ms"] for line in spent]
    figures = {"frame_to_disk events": len(spent)}
    return figures | _centiles("frame_to_disk", rest_ms) | _centiles("inference", inference_ms)


def _busy(document: dict[str, Any]) -> dict[str, Any]:
    """The camera with its picture in stripes: in each, one person more or less changes an incident within a second."""
    rule = {"kind": "crowding", "levels": [1, 2, 3, 4], "hold_s": 1.0, "release_s": 1.0, "margin": 0}
    zones = []
    for number in range(STRIPES):
        left, right = number / STRIPES, (number + 1) / STRIPES
        corners = [[left, 0.0], [right, 0.0], [right, 1.0], [left, 1.0]]
        names = {"id": f"stripe-{number}", "name_zh": f"第{number}条", "name_en": f"Stripe {number}"}
        zones.append({**names, "polygon": corners, "rules": [rule | {"id": f"crowd-{number}"}]})
    return document | {"decode": {"mode": "full", "fps": 10}, "zones": zones}


def _after(seconds: float) -> Any:  # noqa: ANN401
    ends = time.monotonic() + seconds
    return lambda: time.monotonic() >= ends


def _centiles(name: str, spent_ms: Sequence[float]) -> dict[str, float]:
    centiles = statistics.quantiles(spent_ms, n=100)
    return {f"{name}_p50_ms": round(centiles[49], 1), f"{name}_p99_ms": round(centiles[98], 1)}
