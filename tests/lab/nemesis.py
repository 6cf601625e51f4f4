"""Faults of every kind, mixed by a seed, against broker, hub, database, networks and boxes; then the oracle's report.

Usage: scripts/nemesis --minutes N --seed S [--json FILE] [--sqlite]; exit code 1 when anything was lost, doubled,
made up or does not add up, 2 when a fault did not happen.
"""

import argparse
import json
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.lab.faultproxy import DOWN, UP, FaultProxy
from tests.lab.fleet_site import FleetSite
from tests.lab.peers import Postgres
from tests.lab.processes import ManagedProcess, wait_until

FLEETS = {"fleet-1": ("box-a", "box-b", "box-c"), "fleet-2": ("box-d", "box-e", "box-f")}
RATE_OF_EACH = 50
LONGEST_FAULT_S = 4.0
CALM_S = 1.0
PROOF_S = 20.0

TOXICS: dict[str, tuple[Callable[[FaultProxy], None], str]] = {
    "latency": (lambda proxy: proxy.set(latency_s=0.3), "delayed"),
    "slow_line": (lambda proxy: proxy.set(bytes_per_s=8_000), "throttled"),
    "slicer": (lambda proxy: proxy.set(slice_bytes=1), "slices"),
    "random_resets": (lambda proxy: proxy.set(reset_rate=0.05), "resets"),
    "reset": (FaultProxy.reset, "resets"),
    "cut": (FaultProxy.cut, "refused"),
    "half_open": (FaultProxy.half_open, f"lost_{UP}"),
    "one_way_up": (lambda proxy: proxy.one_way(UP), f"lost_{UP}"),
    "one_way_down": (lambda proxy: proxy.one_way(DOWN), f"lost_{DOWN}"),
}


class NoFaultError(Exception):
    """A fault that was ordered did not happen, so the run proves nothing."""


@dataclass(slots=True)
class Report:
    """What a run came to; `born = settled + pending + shed` where nothing is refused."""

    seed: int
    minutes: float
    database: str
    born: int = 0
    settled: int = 0
    pending: int = 0
    shed: int = 0
    refused: int = 0
    lost: int = 0
    double: int = 0
    phantom: int = 0
    unknown: int = 0
    other_faults: list[str] = field(default_factory=list)
    faults: dict[str, int] = field(default_factory=dict)
    seconds_to_drain: float = 0.0

    @property
    def good(self) -> bool:
        """Whether every promise was kept."""
        wrong = self.lost + self.double + self.phantom + self.refused + len(self.other_faults)
        return wrong == 0 and self.born == self.settled + self.pending + self.shed and self.born > 0


class Nemesis:
    """Strikes one site, one to three faults at a time, in an order and for times that the seed gives."""

    def __init__(self, site: FleetSite, fleets: list[ManagedProcess], chance: random.Random) -> None:
        self._chance = chance
        self._killable: dict[str, ManagedProcess] = {"broker": site.broker, "hub": site.hub}
        self._killable |= {f"boxes_{number}": fleet for number, fleet in enumerate(fleets, 1)}
        self._pausable = dict(self._killable)
        if site.postgres is not None:
            self._killable["database"] = site.postgres
            self._pausable["database"] = site.postgres
        self._proxies = {"boxes": site.mqtt_proxy, "pictures": site.http_proxy, "hub": site.hub_proxy}
        self._due: list[str] = []
        self.faults: Counter[str] = Counter()

    @property
    def kinds(self) -> list[str]:
        """Every fault that this site can have."""
        return [
            *(f"kill {name}" for name in self._killable),
            *(f"pause {name}" for name in self._pausable),
            *(f"{toxic} {name}" for toxic in TOXICS for name in self._proxies),
        ]

    def strike(self) -> None:
        """One round: some faults begin, last, and end; each has proved by then that it happened.

        Raises:
            NoFaultError: one did not.
        """
        wanted = self._next(self._chance.choice((1, 1, 2, 3)))
        # They end in this order: a hub needs its database to start, and a network fault proves itself on traffic.
        wanted.sort(key=_rank)
        ends = [self._begin(fault) for fault in wanted]
        threading.Event().wait(self._chance.uniform(0.2, LONGEST_FAULT_S))
        for end in ends:
            end()
        self.faults.update(wanted)

    def _next(self, number: int) -> list[str]:
        """Every kind comes once before any comes again, so that a short run has seen many; one of each victim."""
        chosen: dict[str, str] = {}
        while len(chosen) < number:
            if not self._due:
                self._due = self.kinds
                self._chance.shuffle(self._due)
            fault = self._due.pop()
            chosen.setdefault(fault.partition(" ")[2], fault)
        return list(chosen.values())

    def _begin(self, fault: str) -> Callable[[], None]:
        what, _, name = fault.partition(" ")
        if what == "kill":
            return self._kill(self._killable[name], fault)
        if what == "pause":
            victim = self._pausable[name]
            victim.freeze()
            if not _is_stopped(victim.pid):
                raise NoFaultError(fault)
            return victim.thaw
        return self._poison(self._proxies[name], what, fault)

    def _kill(self, victim: ManagedProcess, fault: str) -> Callable[[], None]:
        if not victim.running:
            raise NoFaultError(f"{fault}: it was dead already: {victim.log()[-2000:]}")
        victim.kill()
        if victim.returncode != -signal.SIGKILL:
            raise NoFaultError(f"{fault}: it had ended with {victim.returncode}")

        def again() -> None:
            victim.start()

        return again

    def _poison(self, proxy: FaultProxy, toxic: str, fault: str) -> Callable[[], None]:
        begin, proof = TOXICS[toxic]
        before = proxy.counts[proof]
        begin(proxy)

        def end() -> None:
            try:
                wait_until(lambda: proxy.counts[proof] > before, fault, PROOF_S)
            except TimeoutError as error:
                raise NoFaultError(f"{fault}: no connection felt it") from error
            finally:
                proxy.heal()

        return end


def _rank(fault: str) -> int:
    what, _, name = fault.partition(" ")
    if what == "kill":
        return {"database": 1, "broker": 2, "hub": 3}.get(name, 4)
    return 0 if what == "pause" else 5


def _is_stopped(pid: int) -> bool:
    return wait_until(lambda: Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0] == "T", "stop")


def run(folder: Path, seed: int, minutes: float, postgres: Postgres | None = None) -> Report:
    """Make a site in `folder`, strike it for so long, let it drain and report.

    Raises:
        NoFaultError: a fault did not happen.
    """
    site = FleetSite(folder, [edge for edges in FLEETS.values() for edge in edges], postgres)
    report = Report(seed, minutes, "sqlite" if postgres is None else "postgresql")
    with site.running(), ExitStack() as stack:
        fleets = [stack.enter_context(site.fleet(name, edges, rate=RATE_OF_EACH)) for name, edges in FLEETS.items()]
        nemesis = Nemesis(site, fleets, random.Random(seed))
        site.wait_for_stored(1)
        ends = time.monotonic() + minutes * 60
        while time.monotonic() < ends:
            nemesis.strike()
            threading.Event().wait(CALM_S)
        report.faults = dict(nemesis.faults)
        for fleet in fleets:
            fleet.stop()
        report.seconds_to_drain = _drain(site)
    _judge(site, report)
    return report


def _drain(site: FleetSite) -> float:
    begun = time.monotonic()
    rests = [site.fleet(name, edges, seconds=0) for name, edges in FLEETS.items()]
    for rest in rests:
        rest.launch()
    for rest in rests:
        wait_until(lambda: not rest.running, f"{rest.name} drains", 180)  # noqa: B023
        rest.stop()
    return round(time.monotonic() - begun, 2)


def _judge(site: FleetSite, report: Report) -> None:
    """The stopped boxes' own milestones, and the oracle's verdict on notes, boxes and hub."""
    verdict = site.judge()
    stones = site.boxes().milestones
    report.born, report.settled, report.shed = stones["born"], stones["acked"], stones["shed"]
    report.refused, report.pending = stones["refused"], len(site.boxes().kept)
    report.lost, report.double, report.phantom = len(verdict.lost), len(verdict.double), len(verdict.phantom)
    report.unknown = verdict.unknown
    report.other_faults = [*verdict.cases, *verdict.pictures, *verdict.sums]


def main() -> int:
    """Run by command line and print the report; see the module."""
    parser = argparse.ArgumentParser(prog="scripts/nemesis", description="All faults mixed, with an outside oracle.")
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--json", type=Path, help="where to write the report")
    parser.add_argument("--sqlite", action="store_true", help="the hub on SQLite, not on PostgreSQL")
    parser.add_argument("--folder", type=Path, help="where logs and databases stay; a new temporary folder otherwise")
    arguments = parser.parse_args()
    folder = arguments.folder or Path(tempfile.mkdtemp(prefix="tianrui-nemesis-"))
    folder.mkdir(parents=True, exist_ok=True)
    again = f"scripts/nemesis --minutes {arguments.minutes:g} --seed {arguments.seed}"
    print(f"to play it again: {again}{' --sqlite' if arguments.sqlite else ''}; logs in {folder}", flush=True)
    with ExitStack() as stack:
        postgres = None if arguments.sqlite else stack.enter_context(Postgres())
        try:
            report = run(folder, arguments.seed, arguments.minutes, postgres)
        except NoFaultError as error:
            print(f"a fault did not happen, so this run proves nothing: {error}", file=sys.stderr)
            return 2
    document: dict[str, Any] = asdict(report)
    print(json.dumps(document, indent=1))
    if arguments.json:
        arguments.json.write_text(json.dumps(document) + "\n", encoding="utf-8")
    return 0 if report.good else 1


if __name__ == "__main__":
    sys.exit(main())
