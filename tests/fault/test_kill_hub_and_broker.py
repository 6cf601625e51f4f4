"""SIGKILL of hub and broker in the middle: nothing is lost, nothing doubles, one incident is one case.

The truth comes from outside: the fleet's births, each fsynced when it happened, against the hub's database read with a
connection of the test's own.
"""

import json
import random
import sqlite3
import sys
from collections import Counter
from pathlib import Path

import pytest

from scripts.local_site import HubProcess
from tests.lab.brokers import guarded_mosquitto
from tests.lab.peers import ROOT, Mosquitto
from tests.lab.processes import ManagedProcess, free_port, wait_until

HUB_PASSWORD = "the hub's word"
BOXES = ("box-a", "box-b", "box-c")
KILLS = 8
SEED = 20261124


class Site:
    """A broker with the committed rules, a hub on SQLite, and three simulated boxes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        port = free_port()
        account = {"mqtt_username": "hub", "mqtt_password": HUB_PASSWORD}
        self.hub = HubProcess(folder, {"mqtt_host": "127.0.0.1", "mqtt_port": port} | account)
        tokens = {edge: self.hub.provision(edge).read_text(encoding="utf-8").strip() for edge in BOXES}
        self.broker: Mosquitto = guarded_mosquitto(folder, {"hub": HUB_PASSWORD} | tokens, port)
        (folder / "tokens.json").write_text(json.dumps(tokens), encoding="utf-8")
        self.births_path = folder / "births.jsonl"

    def fleet(self, seconds: float) -> ManagedProcess:
        """The boxes, which go on where they were when they are started again."""
        options = {
            "--broker": f"127.0.0.1:{self.broker.port}",
            "--tokens": self.folder / "tokens.json",
            "--folder": self.folder / "boxes",
            "--births": self.births_path,
            "--rate": 60,
            "--seconds": seconds,
            "--drain": 60,
        }
        words = [str(word) for option in options.items() for word in option]
        command = [sys.executable, "-m", "scripts.simulate_fleet", *words]
        return ManagedProcess("fleet", command, self.folder, {"PYTHONPATH": str(ROOT)})

    def births(self) -> list[dict[str, str]]:
        """What was born, by the fleet's own fsynced notes."""
        if not self.births_path.exists():
            return []
        return [json.loads(line) for line in self.births_path.read_text(encoding="utf-8").splitlines() if line]

    def committed(self) -> list[str]:
        """The event ids in the hub's database, read by a connection of its own."""
        path = self.folder / "hub" / "hub.sqlite"
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
            return [str(row[0]) for row in database.execute("SELECT event_id FROM event")]

    def cases(self) -> list[tuple[str, str, bool]]:
        """Edge, incident and whether the camera said that it ended, of every case."""
        path = self.folder / "hub" / "hub.sqlite"
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
            rows = database.execute("SELECT edge_id, incident_id, cleared_at IS NOT NULL FROM grid_case")
            return [(edge, plain(incident), bool(cleared)) for edge, incident, cleared in rows]


def plain(uuid: str) -> str:
    return str(uuid).replace("-", "")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.mark.timeout(300)
def test_kills_of_hub_and_broker_lose_nothing_and_double_nothing(site: Site) -> None:
    chance = random.Random(SEED)
    with site.broker, site.hub, site.fleet(seconds=280) as fleet:
        for number in range(KILLS):
            before, born = set(site.committed()), len(site.births())
            wait_until(lambda: len(site.committed()) > len(before), "events reach the hub before the kill")  # noqa: B023
            victims = chance.choice([[site.hub], [site.broker], [site.hub, site.broker]])
            for victim in victims:
                victim.kill()
            assert not any(victim.running for victim in victims), f"kill {number} hit nothing"
            wait_until(lambda: len(site.births()) > born + 20, "births go on while hub or broker are dead")  # noqa: B023
            for victim in reversed(victims):
                victim.start()
        fleet.stop()
        with site.fleet(seconds=1) as again:
            again.wait_for(lambda: not again.running, "everything settled", 120)
            assert again.returncode == 0, again.log()
        births = site.births()
        committed = Counter(map(plain, site.committed()))
        cases = site.cases()
    assert set(committed) == {plain(birth["event_id"]) for birth in births}
    assert max(committed.values()) == 1
    incidents = {(birth["edge_id"], plain(birth["incident_id"])) for birth in births}
    assert Counter((edge, incident) for edge, incident, _ in cases) == dict.fromkeys(incidents, 1)
    ended = {(birth["edge_id"], plain(birth["incident_id"])) for birth in births if birth["phase"] == "close"}
    assert {(edge, incident) for edge, incident, cleared in cases if cleared} == ended


@pytest.mark.timeout(300)
def test_a_killed_fleet_goes_on_with_what_it_had_not_settled(site: Site) -> None:
    with site.broker, site.hub:
        site.hub.kill()
        fleet = site.fleet(seconds=60).start()
        fleet.wait_for(lambda: len(site.births()) > 60, "births without a hub")
        fleet.kill()
        born_before = {plain(birth["event_id"]) for birth in site.births()}
        assert not born_before & set(map(plain, site.committed())), "the hub was dead and still has the events"
        site.hub.start()
        with site.fleet(seconds=1) as again:
            again.wait_for(lambda: not again.running, "everything settled", 120)
            assert again.returncode == 0, again.log()
        assert {plain(birth["event_id"]) for birth in site.births()} == set(map(plain, site.committed()))
