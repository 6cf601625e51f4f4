"""Boxes without cameras that speak the real protocol: the agent's own outbox, sender and connection, invented findings.

Births are noted in a file (`scripts/births.py`), so that somebody outside can count. Started again with the same
folder, the boxes go on with what they had not settled.
"""

import argparse
import json
import logging
import signal
import sys
import threading
import time
from pathlib import Path

from pydantic import SecretStr

from edge_agent.outbox.budget import DiskLimits
from scripts.births import Births
from scripts.simulated_box import Home, Peers, SimulatedBox


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="scripts/simulate_fleet", description="Boxes that speak the real protocol.")
    parser.add_argument("--broker", default="127.0.0.1:1883", help="host:port")
    parser.add_argument("--tokens", type=Path, required=True, help="JSON file: edge id to token; one box each")
    parser.add_argument("--folder", type=Path, required=True, help="where the boxes keep outboxes and pictures")
    parser.add_argument("--births", type=Path, required=True, help="file to which each birth is added")
    parser.add_argument("--rate", type=float, default=10.0, help="events a second of all boxes together")
    parser.add_argument("--seconds", type=float, default=30.0, help="how long events are born")
    parser.add_argument("--drain", type=float, default=60.0, help="seconds to wait for the hub's acks afterwards")
    parser.add_argument("--pictures", metavar="HUB_URL", help="give each incident a picture and upload it there")
    parser.add_argument("--keepalive", type=int, default=30, help="seconds after which a silent broker is given up")
    parser.add_argument("--budget", type=int, metavar="BYTES", help="of the disk for each box, which sheds beyond it")
    return parser.parse_args()


def main() -> int:
    """Let events be born, wait for their acks, print the sums as one JSON line; 1 when something is not settled."""
    arguments = parse_arguments()
    logging.basicConfig(level=logging.WARNING)
    host, _, port = arguments.broker.rpartition(":")
    births, stopping = Births(arguments.births), threading.Event()
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, lambda *_: stopping.set())
    tokens: dict[str, str] = json.loads(arguments.tokens.read_text(encoding="utf-8"))
    peers = Peers(host, int(port), arguments.pictures, arguments.keepalive)
    limits = DiskLimits(arguments.budget, reserve=0) if arguments.budget else None
    home = Home(arguments.folder, limits)
    boxes = [SimulatedBox(edge_id, SecretStr(token), peers, home, births) for edge_id, token in tokens.items()]
    for box in boxes:
        box.start()
    _bear(boxes, arguments, stopping)
    ends = time.monotonic() + arguments.drain
    while (waits := any([box.waits for box in boxes])) and time.monotonic() < ends and not stopping.wait(0.1):
        pass
    rows = [box.counts() for box in boxes]
    for box in boxes:
        box.stop()
    print(json.dumps({name: sum(row[name] for row in rows) for name in rows[0]}), flush=True)
    return 1 if waits else 0


def _bear(boxes: list[SimulatedBox], arguments: argparse.Namespace, stopping: threading.Event) -> None:
    """Keep to the rate by the clock, not by pauses: what a slow disk delays is caught up with."""
    begun = time.monotonic()
    number = 0
    while (passed := time.monotonic() - begun) < arguments.seconds and not stopping.is_set():
        if number < passed * arguments.rate:
            boxes[number % len(boxes)].bear()
            number += 1
        else:
            stopping.wait(min(0.05, (number / arguments.rate) - passed + 0.001))


if __name__ == "__main__":
    sys.exit(main())
