"""Hours without the network: the backlog arrives whole and once, and what is severe and new does not wait for it."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from edge_agent.outbox.flow import FlowOptions
from edge_agent.outbox.rows import URGENT_SEVERITY
from scripts.births import Births
from scripts.simulated_box import Home, Peers, SimulatedBox
from tests.lab.clocks import SimulatedClock
from tests.lab.effort import rounds
from tests.lab.faultproxy import DOWN, UP, FaultProxy
from tests.lab.fleet_site import FleetSite
from tests.lab.oracle import Verdict, plain
from tests.lab.processes import wait_until

EDGE = "box-a"
HEALED_AT = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
PARTITION = timedelta(hours=4)
BACKLOG = rounds(100_000, 3_000)
SMALL_BACKLOG = rounds(3_000, 300)
SLOWEST_DRAIN_PER_S = 100
SILENT: dict[str, tuple[Callable[[FaultProxy], None], str]] = {
    "half_open": (FaultProxy.half_open, f"lost_{UP}"),
    "one_way_up": (lambda proxy: proxy.one_way(UP), f"lost_{UP}"),
    "one_way_down": (lambda proxy: proxy.one_way(DOWN), f"lost_{DOWN}"),
}


@dataclass(frozen=True, slots=True)
class Partitioned:
    """A site with one box, which runs in this process with a clock of its own; its first event is in the hub."""

    site: FleetSite
    box: SimulatedBox
    clock: SimulatedClock

    def live_through(self, fault: Callable[[FaultProxy], None], proof: str, backlog: int) -> None:
        """Break the network, prove that it is broken, and let `backlog` events be born over the simulated hours."""
        proxy = self.site.mqtt_proxy
        before = proxy.counts[proof]
        acked = self.box.counts()["acked"]
        fault(proxy)
        for _ in range(backlog):
            self.clock.step(PARTITION / backlog)
            self.box.bear()
        wait_until(lambda: proxy.counts[proof] > before, f"the network was felt to be broken: {proof}", 30)
        counts = self.box.counts()
        assert counts["acked"] == acked, "an ack came through a network that is broken"
        assert counts["pending"] + counts["sent"] == backlog

    def wait_until_settled(self, backlog: int) -> None:
        """Wait until the hub has committed all of it."""
        wait_until(lambda: not self.box.waits, "everything is settled", 60 + backlog / SLOWEST_DRAIN_PER_S)

    def wait_for_case(self, incident: str) -> None:
        """Wait until the hub has committed the case of an incident."""
        query = "SELECT incident_id FROM grid_case WHERE level >= 3 ORDER BY rowid DESC LIMIT 100"
        wait_until(
            lambda: incident in {plain(row[0]) for row in self.site.oracle.rows(query)}, "the severe finding's case", 60
        )

    def judge(self) -> Verdict:
        """Stop the box and ask the oracle."""
        self.box.stop()
        return self.site.judge()


@contextmanager
def partitioned(folder: Path) -> Iterator[Partitioned]:
    site = FleetSite(folder, [EDGE])
    births = site.folder / f"{EDGE}.births.jsonl"
    site.births_paths.append(births)
    clock = SimulatedClock(HEALED_AT - PARTITION)
    peers = Peers("127.0.0.1", site.mqtt_proxy.port, keepalive_s=4)
    box = SimulatedBox(EDGE, SecretStr(site.tokens[EDGE]), peers, Home(site.boxes_folder), Births(births), clock)
    with site.running():
        box.start()
        try:
            box.bear()
            wait_until(lambda: box.counts()["acked"] == 1, "events flow before the partition")
            yield Partitioned(site, box, clock)
        finally:
            box.stop()


@pytest.mark.timeout(1800)
def test_a_severe_finding_overtakes_the_backlog_of_four_hours_and_nothing_is_lost(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with partitioned(tmp_path) as there:
        there.live_through(FaultProxy.cut, "refused", BACKLOG)
        assert there.site.stored() == 1, "something came through the cut"
        there.site.mqtt_proxy.heal()
        healed = time.monotonic()
        incident = plain(there.box.bear_severe())
        there.wait_for_case(incident)
        severe_s = time.monotonic() - healed
        there.wait_until_settled(BACKLOG)
        drained_s = time.monotonic() - healed
        verdict = there.judge()
        rows = there.site.oracle.rows("SELECT body, emitted_at FROM event ORDER BY rowid")
    told = f"{BACKLOG} events drained at {BACKLOG / drained_s:.0f}/s, the severe one was a case after {severe_s:.2f} s"
    with capsys.disabled():
        print(f"\n{told}")
    assert not verdict.faults, verdict
    assert verdict.stored == BACKLOG + 2
    moments = sorted(str(emitted_at)[:13] for _, emitted_at in rows)
    assert (moments[0], moments[-1]) == ("2026-11-24 04", "2026-11-24 08"), "the partition was no four hours"
    bodies = [json.loads(body) for body, _ in rows]
    (place,) = (number for number, body in enumerate(bodies) if plain(body["incident_id"]) == incident)
    overtaken = [body for body in bodies[place:] if body["level"] < URGENT_SEVERITY]
    ordinary = [body for body in bodies if body["level"] < URGENT_SEVERITY]
    assert len(ordinary) - len(overtaken) <= FlowOptions().window, "more than a window of ordinary ones came before it"


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", SILENT)
def test_hours_of_a_network_that_only_swallows_lose_nothing_and_double_nothing(tmp_path: Path, name: str) -> None:
    with partitioned(tmp_path) as there:
        there.live_through(*SILENT[name], SMALL_BACKLOG)
        there.site.mqtt_proxy.heal()
        there.wait_until_settled(SMALL_BACKLOG)
        verdict = there.judge()
    assert not verdict.faults, verdict
    assert verdict.stored == SMALL_BACKLOG + 1
