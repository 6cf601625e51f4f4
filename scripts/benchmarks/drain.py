"""How fast a backlog drains: to a peer that acks each event at once, and to the real hub on SQLite and PostgreSQL.

One box with the agent's own outbox, sender and connection, and a real mosquitto; the acking peer sends one ack an
event, the hub one a batch. A severe event is born in the middle: `severe ms` is until it is settled.
"""

import argparse
import json
import multiprocessing
import os
import shutil
import tempfile
import threading
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from pydantic import SecretStr

from mqtt.answers import HubState
from mqtt.envelope import encode
from mqtt.topic import HUB_STATE, Channel, Topic
from scripts.benchmarks.direct_site import DATABASES, Moments, direct_site
from scripts.simulated_box import Home, Peers, SimulatedBox
from tests.lab.peers import Mosquitto, Postgres

EDGE = "box-a"
LOOK_S = 0.1
NOWHERE = Peers("127.0.0.1", 1)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this benchmark."""
    parser.add_argument("--events", type=int, default=100_000)


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Let the backlog be born once, and drain a copy of it to each peer."""
    figures: dict[str, Any] = {"events": arguments.events, "load average before": os.getloadavg()[0]}
    with tempfile.TemporaryDirectory() as name, Postgres(durable=True) as postgres:
        folder = Path(name)
        began = time.perf_counter()
        _fill(folder / "backlog", arguments.events)
        figures["births/s"] = round(arguments.events / (time.perf_counter() - began))
        for peer in ("acking peer", *DATABASES):
            home = folder / peer.replace(" ", "_")
            shutil.copytree(folder / "backlog", home)
            with ExitStack() as stack:
                if peer == "acking peer":
                    peers, token = stack.enter_context(_AckingPeer(home)).peers, SecretStr("none")
                else:
                    base = postgres if peer == "postgresql" else None
                    site = stack.enter_context(direct_site(home / "site", [EDGE], base))
                    peers, token = site.peers, site.tokens[EDGE]
                figures |= {f"{peer}: {key}": value for key, value in _drain(home, peers, token).items()}
    return figures


def _fill(folder: Path, events: int) -> None:
    box = SimulatedBox(EDGE, SecretStr("none"), NOWHERE, Home(folder), Moments())
    for _ in range(events):
        box.bear()
    box.outbox.close()


def _drain(folder: Path, peers: Peers, token: SecretStr) -> dict[str, float]:
    moments = Moments()
    box = SimulatedBox(EDGE, token, peers, Home(folder), moments)
    backlog = box.counts()["pending"]
    began, cpu = time.perf_counter(), time.process_time()
    box.start()
    severe_s, pause = 0.0, threading.Event()
    while (left := box.outbox.counts().kept) > 0:
        if not severe_s and left < backlog / 2:
            severe_s = _settle_severe(box, moments)
        pause.wait(LOOK_S)
    spent, cpu = time.perf_counter() - began, time.process_time() - cpu
    counts = box.outbox.counts()
    box.stop()
    if counts.acked != backlog + 1 or not counts.adds_up:
        msg = f"{backlog} events and a severe one were born, but {counts}"
        raise AssertionError(msg)
    return {
        "events/s": round(backlog / spent),
        "box CPU ms an event": round(1000 * cpu / backlog, 3),
        "severe ms": round(1000 * severe_s),
    }


def _settle_severe(box: SimulatedBox, moments: Moments) -> float:
    """Seconds until a severe event that is born now is settled."""
    box.bear_severe()
    (event_id,) = moments.born_at
    while event_id not in moments.settled_at:
        time.sleep(LOOK_S / 10)
    return moments.settled_at[event_id] - moments.born_at[event_id]


class _AckingPeer:
    """A broker and, in a process of its own, a hub that stores nothing."""

    def __init__(self, folder: Path) -> None:
        self._broker = Mosquitto(folder)
        self.peers = Peers("127.0.0.1", self._broker.port)

    def __enter__(self) -> "_AckingPeer":
        self._broker.start()
        context = multiprocessing.get_context("spawn")
        self._process = context.Process(target=_ack_all, args=(self._broker.port,), daemon=True)
        self._process.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.join()
        self._broker.stop()


def _ack_all(port: int) -> None:
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="hub", protocol=paho.MQTTv5)
    client.max_inflight_messages_set(1000)
    topic = str(Topic(EDGE, Channel.ACK))

    def take(_client: object, _data: object, message: paho.MQTTMessage) -> None:
        event_id = json.loads(message.payload)["event_id"]
        client.publish(topic, f'{{"v":1,"settled":["{event_id}"],"refused":[]}}', 1)

    client.on_message = take
    client.connect("127.0.0.1", port)
    client.subscribe(str(Topic(EDGE, Channel.EVENT)), 1)
    client.publish(HUB_STATE, encode(HubState(online=True, since=datetime(2026, 3, 1, tzinfo=UTC))), 1, retain=True)
    client.loop_forever()
