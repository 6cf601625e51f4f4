"""A site of simulated boxes: broker with the committed rules, hub, a fault proxy before each, boxes, and the oracle."""

import asyncio
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from hub.commands import provision_edge
from hub.settings import load_settings
from scripts.local_site import HubProcess
from tests.lab.brokers import guarded_mosquitto
from tests.lab.faultproxy import FaultProxy
from tests.lab.oracle import Boxes, Oracle, Truth, Verdict, outboxes_in, postgres_rows, sqlite_rows
from tests.lab.peers import ROOT, Mosquitto, Postgres
from tests.lab.processes import ManagedProcess, free_port, wait_until

HUB_PASSWORD = "the hub's word"
BOXES = ("box-a", "box-b", "box-c")
DRAIN_S = 180
BORN = b'"note": "born"'


class FleetSite:
    """Parts that are made and not started; boxes reach the broker and the hub through `mqtt_proxy` and `http_proxy`.

    `hub_proxy` is between the hub and the broker. On PostgreSQL the hub uses a new database of the given cluster.
    """

    def __init__(
        self,
        folder: Path,
        edges: Sequence[str] = BOXES,
        postgres: Postgres | None = None,
        hub_settings: dict[str, Any] | None = None,
    ) -> None:
        self.folder, self.edges, self.postgres = folder, tuple(edges), postgres
        broker_port = free_port()
        self.hub_proxy, self.mqtt_proxy = FaultProxy(broker_port, seed=1), FaultProxy(broker_port, seed=2)
        settings: dict[str, Any] = {"mqtt_host": "127.0.0.1", "mqtt_port": self.hub_proxy.port}
        settings |= {"mqtt_username": "hub", "mqtt_password": HUB_PASSWORD}
        if postgres is not None:
            self.database = f"site_{free_port()}"
            postgres.run(f"CREATE DATABASE {self.database}")
            settings["database_url"] = postgres.url(self.database)
        self.hub = HubProcess(folder, settings | (hub_settings or {}))
        self.http_proxy = FaultProxy(int(str(self.hub.settings["port"])), seed=3)
        self.tokens = self._provision()
        self.broker: Mosquitto = guarded_mosquitto(folder, {"hub": HUB_PASSWORD} | self.tokens, broker_port)
        self.births_paths: list[Path] = []
        self.boxes_folder = folder / "boxes"

    def _provision(self) -> dict[str, str]:
        """The boxes' tokens, made in this process: the command would start Python anew for each of them."""
        settings = load_settings(self.hub.settings_path)
        return {edge: asyncio.run(provision_edge(settings, edge, None)).get_secret_value() for edge in self.edges}

    @property
    def data_dir(self) -> Path:
        """The hub's folder."""
        return Path(str(self.hub.settings["data_dir"]))

    @property
    def oracle(self) -> Oracle:
        """Somebody who reads the hub's database by a connection of his own."""
        if self.postgres is not None:
            return Oracle(postgres_rows(self.postgres.dsn(self.database)), self.data_dir / "media")
        return Oracle(sqlite_rows(self.data_dir / "hub.sqlite"), self.data_dir / "media")

    @contextmanager
    def running(self) -> Iterator["FleetSite"]:
        """Proxies, broker and hub."""
        with ExitStack() as stack:
            for part in (self.hub_proxy, self.mqtt_proxy, self.http_proxy, self.broker, self.hub):
                stack.enter_context(part)
            yield self

    def fleet(
        self, name: str = "fleet", edges: Sequence[str] | None = None, env: dict[str, str] | None = None, **options: Any
    ) -> ManagedProcess:
        """Boxes in one process; started again they go on where they were. `options` are those of simulate_fleet."""
        tokens = self.folder / f"{name}.tokens.json"
        tokens.write_text(json.dumps({edge: self.tokens[edge] for edge in edges or self.edges}), encoding="utf-8")
        births = self.folder / f"{name}.births.jsonl"
        if births not in self.births_paths:
            self.births_paths.append(births)
        words = {
            "broker": f"127.0.0.1:{self.mqtt_proxy.port}",
            "tokens": tokens,
            "folder": self.boxes_folder,
            "births": births,
            "rate": 100,
            "seconds": 3600,
            "drain": DRAIN_S,
            "pictures": f"http://127.0.0.1:{self.http_proxy.port}",
            "keepalive": 4,
        } | options
        line = [str(word) for option, value in words.items() if value is not None for word in (f"--{option}", value)]
        command = [sys.executable, "-m", "scripts.simulate_fleet", *line]
        return ManagedProcess(name, command, self.folder, {"PYTHONPATH": str(ROOT)} | (env or {}))

    def truth(self) -> Truth:
        """What the boxes noted so far."""
        return Truth.read(self.births_paths)

    def born(self) -> int:
        """How many events are born for certain so far."""
        return sum(path.read_bytes().count(BORN) for path in self.births_paths if path.exists())

    def stored(self) -> int:
        """How many events the hub has committed so far."""
        return self.oracle.stored()

    def drain(self, name: str = "fleet", edges: Sequence[str] | None = None, **options: Any) -> dict[str, int]:
        """Run the boxes once more without new events until all is settled; returns their milestones."""
        with self.fleet(name, edges, seconds=0, **options) as fleet:
            fleet.wait_for(lambda: not fleet.running, "everything settled", DRAIN_S + 30)
            sums: dict[str, int] = json.loads(fleet.log().splitlines()[-1])
            if fleet.returncode != 0:
                raise AssertionError(f"not everything was settled: {sums}\n{fleet.log()[-2000:]}")
            return sums

    def judge(self) -> Verdict:
        """Compare the notes, the stopped boxes and the hub."""
        return self.oracle.judge(self.truth(), self.boxes())

    def boxes(self) -> Boxes:
        """What the boxes, which must not run, still hold."""
        return Boxes.read(outboxes_in(self.boxes_folder, self.edges))

    def wait_for_births(self, number: int, what: str = "events are born", timeout_s: float = 30.0) -> None:
        """Wait until so many more events are born."""
        goal = self.born() + number
        wait_until(lambda: self.born() >= goal, what, timeout_s)

    def wait_for_stored(self, number: int, what: str = "events reach the hub", timeout_s: float = 60.0) -> None:
        """Wait until the hub has committed so many more events."""
        goal = self.stored() + number
        wait_until(lambda: self.stored() >= goal, what, timeout_s)
