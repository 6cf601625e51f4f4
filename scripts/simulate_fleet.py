"""Boxes without cameras that speak the real protocol: the agent's own outbox, sender and connection, invented findings.

Every birth is written to a file and fsynced right after the outbox has it, so that somebody outside can count: one JSON
line a birth with edge_id, event_id, incident_id and phase. Started again with the same folder, the boxes go on with
what they had not settled.
"""

import argparse
import json
import os
import signal
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO
from uuid import UUID

from pydantic import SecretStr

from edge_agent.clock import SystemClock, SystemIds
from edge_agent.outbox.emitter import Emitter
from edge_agent.outbox.sender import Sender
from edge_agent.outbox.store import Outbox
from mqtt.connection import ConnectionOptions, Will
from mqtt.envelope import encode
from mqtt.messages import Box, DeathBody, Finding, FindingBody, Measure, Phase, SeenBy
from mqtt.paho_connection import PahoConnection
from mqtt.topic import Channel, Topic

PHASES = (Phase.OPEN, Phase.UPDATE, Phase.CLOSE)
SEEN_BY = SeenBy(model="simulated", model_version="0", backend="none", config_version=1)


class Births:
    """The outside truth: each line is on disk before the next event is born."""

    def __init__(self, path: Path) -> None:
        self._file: TextIO = path.open("a", encoding="utf-8")
        self._lock = threading.Lock()

    def write(self, edge_id: str, event_id: UUID, body: FindingBody) -> None:
        """Note one birth, durably."""
        line = {
            "edge_id": edge_id,
            "event_id": str(event_id),
            "incident_id": str(body.incident_id),
            "phase": str(body.phase),
        }
        with self._lock:
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()
            os.fsync(self._file.fileno())


@dataclass(frozen=True, slots=True)
class Broker:
    """Where the broker listens."""

    host: str
    port: int


class SimulatedBox:
    """One box: every third event opens a new incident, the next ones update and close it."""

    def __init__(self, edge_id: str, token: SecretStr, broker: Broker, folder: Path, births: Births) -> None:
        self._edge_id = edge_id
        self._births = births
        self._clock, self._ids = SystemClock(), SystemIds()
        self._outbox = Outbox(folder / edge_id / "outbox.sqlite", self._clock)
        self._emitter = Emitter(self._outbox, edge_id, self._ids.new(), self._clock, self._ids)
        self._sender = Sender(self._outbox, edge_id, self._clock)
        state = str(Topic(edge_id, Channel.STATE))
        self._connection = PahoConnection(
            options=ConnectionOptions(broker.host, broker.port, f"edge-{edge_id}", edge_id, token, session_expiry_s=0),
            subscriptions=self._sender.subscriptions,
            will=Will(state, encode(self._emitter.state(DeathBody(reason="lost"))), retain=True),
            on_message=self._sender.on_message,
            on_up=self._sender.on_up,
            on_down=self._sender.on_down,
        )
        self._born = 0
        self._incident = self._ids.new()
        self._opened_at = self._clock.now()

    def start(self) -> None:
        """Connect and send what is due."""
        self._connection.start()
        self._sender.start(self._connection)

    def stop(self) -> None:
        """Disconnect; what is not settled stays on disk."""
        self._sender.stop()
        self._connection.stop()
        self._outbox.close()

    def bear(self) -> None:
        """Put the next event on disk and note its birth."""
        phase = PHASES[self._born % len(PHASES)]
        if phase is Phase.OPEN:
            self._incident, self._opened_at = self._ids.new(), self._clock.now()
        body = FindingBody(
            incident_id=self._incident,
            phase=phase,
            finding=Finding.ILLEGAL_PARKING,
            camera_id="simulated",
            zone_id="kerb",
            rule_id="parking",
            opened_at=self._opened_at,
            score=0.5,
            measures=(Measure(name="dwell", value=300.0, unit="s", threshold=300.0),),
            box=Box(x1=0.1, y1=0.1, x2=0.2, y2=0.2),
            grid_code="110102009012004",
            seen_by=SEEN_BY,
        )
        envelope = self._emitter.emit(body, self._clock.now())
        self._births.write(self._edge_id, envelope.event_id, body)
        self._born += 1

    def counts(self) -> dict[str, int]:
        """The milestones of the outbox."""
        counts = self._outbox.counts()
        return {name: getattr(counts, name) for name in ("born", "pending", "sent", "acked", "refused", "shed")}


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="scripts/simulate_fleet", description="Boxes that speak the real protocol.")
    parser.add_argument("--broker", default="127.0.0.1:1883", help="host:port")
    parser.add_argument("--tokens", type=Path, required=True, help="JSON file: edge id to token; one box each")
    parser.add_argument("--folder", type=Path, required=True, help="where the boxes keep their outboxes")
    parser.add_argument("--births", type=Path, required=True, help="file to which each birth is added")
    parser.add_argument("--rate", type=float, default=10.0, help="events a second of all boxes together")
    parser.add_argument("--seconds", type=float, default=30.0, help="how long events are born")
    parser.add_argument("--drain", type=float, default=60.0, help="seconds to wait for the hub's acks afterwards")
    return parser.parse_args()


def main() -> int:
    """Let events be born, wait for their acks, print the sums as one JSON line; 1 when something is not settled."""
    arguments = parse_arguments()
    host, _, port = arguments.broker.rpartition(":")
    births, stopping = Births(arguments.births), threading.Event()
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, lambda *_: stopping.set())
    tokens: dict[str, str] = json.loads(arguments.tokens.read_text(encoding="utf-8"))
    boxes = [
        SimulatedBox(edge_id, SecretStr(token), Broker(host, int(port)), arguments.folder, births)
        for edge_id, token in tokens.items()
    ]
    for box in boxes:
        box.start()
    ends = time.monotonic() + arguments.seconds
    number = 0
    while time.monotonic() < ends and not stopping.wait(1 / arguments.rate):
        boxes[number % len(boxes)].bear()
        number += 1
    ends = time.monotonic() + arguments.drain
    while (sums := _sum(boxes))["pending"] + sums["sent"] and time.monotonic() < ends and not stopping.wait(0.1):
        pass
    for box in boxes:
        box.stop()
    print(json.dumps(sums), flush=True)
    return 1 if sums["pending"] + sums["sent"] else 0


def _sum(boxes: list[SimulatedBox]) -> dict[str, int]:
    rows = [box.counts() for box in boxes]
    return {name: sum(row[name] for row in rows) for name in rows[0]}


if __name__ == "__main__":
    sys.exit(main())
