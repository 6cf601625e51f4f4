"""SIGKILL of broker, hub, boxes and database at random moments under 100 events a second: nothing lost, nothing double.

The truth comes from outside: the boxes' notes of each birth against the hub's database, read with a connection of the
test's own.
"""

import random
import threading
from collections import Counter
from pathlib import Path

import pytest

from tests.lab.fixtures import peer_or_skip
from tests.lab.fleet_site import FleetSite
from tests.lab.peers import Postgres
from tests.lab.processes import ManagedProcess

ROUNDS = 30
SEED = 20261124


class Killer:
    """Kills and starts victims again in rounds, each at a random moment of its own; `kills` counts what it hit."""

    def __init__(self, site: FleetSite, chance: random.Random) -> None:
        self._site = site
        self._chance = chance
        self.kills: Counter[str] = Counter()

    def round(self, victims: list[ManagedProcess]) -> None:
        """Wait for progress, kill each victim a random moment later, start them in any order, prove that each died."""
        self._site.wait_for_stored(5, "events reach the hub before the kill")
        for victim in victims:
            threading.Event().wait(self._chance.uniform(0, 0.15))
            assert victim.running
            victim.kill()
            assert victim.returncode is not None
            assert victim.returncode < 0, f"{victim.name} was not killed"
            self.kills[victim.name] += 1
        self._chance.shuffle(victims)
        for victim in victims:
            victim.launch()
        for victim in victims:
            victim.wait_for(victim.ready, "start again", 60)


def victims(site: FleetSite, fleet: ManagedProcess, number: int, always: ManagedProcess) -> list[ManagedProcess]:
    """`always` in each round, hub and fleet in turn, and sometimes both."""
    others = [site.hub] if number % 2 else [fleet]
    return [always, *others] if number % 5 else [always, site.hub, fleet]


@pytest.mark.timeout(500)
def test_kills_of_broker_hub_and_boxes_on_sqlite(tmp_path: Path) -> None:
    site = FleetSite(tmp_path)
    killer = Killer(site, random.Random(SEED))
    with site.running(), site.fleet() as fleet:
        for number in range(ROUNDS):
            killer.round(victims(site, fleet, number, site.broker))
        fleet.stop()
        site.drain()
        verdict = site.judge()
    assert killer.kills["mosquitto"] == ROUNDS
    assert killer.kills["hub"] >= ROUNDS // 2
    assert killer.kills["fleet"] >= ROUNDS // 2
    assert not verdict.faults, verdict
    assert verdict.stored > ROUNDS


@pytest.fixture
def victim_postgres() -> Postgres:
    with peer_or_skip():
        return Postgres()


@pytest.mark.timeout(500)
def test_kills_of_postgresql_hub_and_boxes(tmp_path: Path, victim_postgres: Postgres) -> None:
    with victim_postgres:
        site = FleetSite(tmp_path, postgres=victim_postgres)
        killer = Killer(site, random.Random(SEED + 1))
        with site.running(), site.fleet() as fleet:
            for number in range(ROUNDS):
                killer.round(victims(site, fleet, number, victim_postgres))
            fleet.stop()
            site.drain()
            verdict = site.judge()
    assert killer.kills["postgres"] == ROUNDS
    assert killer.kills["hub"] >= ROUNDS // 2
    assert not verdict.faults, verdict
    assert verdict.stored > ROUNDS


@pytest.mark.timeout(120)
def test_a_killed_fleet_goes_on_with_what_it_had_not_settled(tmp_path: Path) -> None:
    site = FleetSite(tmp_path)
    with site.running():
        site.hub.kill()
        with site.fleet() as fleet:
            fleet.wait_for(lambda: site.born() > 60, "births without a hub")
            fleet.kill()
        assert site.stored() == 0, "the hub was dead and still has the events"
        site.hub.start()
        site.drain()
        verdict = site.judge()
    assert not verdict.faults, verdict
    assert verdict.stored > 60
