"""A program that measures how fast a backlog drains against a real mosquitto and a peer that acks each event at once.

Usage: python -m tests.unit.edge_agent.outbox.drain [--events 100000]
"""

import argparse
import json
import multiprocessing
import os
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from edge_agent.clock import SystemClock, SystemIds
from edge_agent.outbox.emitter import Emitter
from edge_agent.outbox.sender import Sender
from edge_agent.outbox.store import Outbox
from mqtt.connection import ConnectionOptions
from mqtt.envelope import encode
from mqtt.messages import HubState
from mqtt.paho_connection import PahoConnection
from mqtt.topic import HUB_STATE, Channel, Topic
from tests.lab.peers import Mosquitto
from tests.unit.edge_agent.outbox.builders import finding

EDGE = "box-1"


def ack_all(port: int) -> None:
    """A hub that stores nothing: one ack for each event, at once."""
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


def drain(events: int, folder: Path, port: int) -> dict[str, float]:
    """Keep `events`, let them flow, and put one severe event behind them in the middle of it."""
    clock, ids = SystemClock(), SystemIds()
    outbox = Outbox(folder / "outbox.sqlite", clock)
    outbox._transactions._db.execute("PRAGMA synchronous = OFF")
    emitter = Emitter(outbox, EDGE, ids.new(), clock, ids)
    for _ in range(events):
        emitter.emit(finding(), None, 1)
    outbox._transactions._db.execute("PRAGMA synchronous = FULL")
    sender = Sender(outbox, EDGE, clock)
    connection = PahoConnection(
        options=ConnectionOptions("127.0.0.1", port, EDGE, session_expiry_s=0),
        subscriptions=sender.subscriptions,
        will=None,
        on_message=sender.on_message,
        on_up=sender.on_up,
        on_down=sender.on_down,
    )
    began, cpu = time.perf_counter(), time.process_time()
    connection.start()
    sender.start(connection)
    severe_ms = 0.0
    waiting = threading.Event()
    while (left := outbox.counts().kept) > 0:
        if not severe_ms and left < events / 2:
            severe_ms = _severe_ms(outbox, emitter)
        waiting.wait(0.25)
    spent, cpu = time.perf_counter() - began, time.process_time() - cpu
    sender.stop()
    connection.stop()
    counts = outbox.counts()
    outbox.close()
    assert counts.adds_up
    assert counts.acked == events + 1
    return {
        "events": events,
        "seconds": spent,
        "events_per_s": events / spent,
        "cpu_ms_per_event_box": 1000 * cpu / events,
        "severe_settled_after_ms": severe_ms,
        "resent": sender.counters.resent,
    }


def _severe_ms(outbox: Outbox, emitter: Emitter) -> float:
    began = time.perf_counter()
    event_id = str(emitter.emit(finding(), None, 4).event_id)
    while True:
        with outbox._transactions.reading("looking for the severe event") as db:
            if db.execute("SELECT 1 FROM event WHERE event_id = ?", (event_id,)).fetchone() is None:
                return (time.perf_counter() - began) * 1000
        time.sleep(0.002)


def _cpu_ms(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return 1000 * (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, Mosquitto(Path(name)) as broker:
        hub = multiprocessing.get_context("spawn").Process(target=ack_all, args=(broker.port,), daemon=True)
        hub.start()
        figures = drain(arguments.events, Path(name), broker.port)
        others = {"peer": hub.pid or 0, "broker": broker.pid}
        figures |= {f"cpu_ms_per_event_{who}": _cpu_ms(pid) / arguments.events for who, pid in others.items()}
        print(json.dumps({what: round(figure, 3) for what, figure in figures.items()}))
        hub.terminate()


if __name__ == "__main__":
    main()
