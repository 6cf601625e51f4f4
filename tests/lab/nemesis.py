"""Faults of every kind, mixed by a seed, against broker, hub, database, networks and boxes; then the oracle's report.

Usage: scripts/nemesis --minutes N --seed S [--json FILE] [--sqlite]; exit code 1 when anything was lost, doubled,
made up or does not add up, 2 when a fault did not happen. Boxes' disks are filled only for root, and their clocks moved
only where libfaketime is installed.
"""

import argparse
import contextlib
import json
import os
import random
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.lab.bad_box import BadBox
from tests.lab.clocks import FakedClock
from tests.lab.fleet_site import FleetSite
from tests.lab.peers import Postgres
from tests.lab.powercut import tmpfs
from tests.lab.processes import ManagedProcess, PeerMissingError, wait_until
from tests.lab.strikes import Nemesis, NoFaultError

FLEETS = {"boxes_1": ("box-a", "box-b", "box-c"), "boxes_2": ("box-d", "box-e", "box-f")}
BAD_BOX = "box-g"
RATE_OF_EACH = 50
ROOM = "64m"
CALM_S = 1.0


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


def run(folder: Path, seed: int, minutes: float, postgres: Postgres | None = None) -> Report:
    """Make a site in `folder`, strike it for so long, let it drain and report.

    Raises:
        NoFaultError: a fault did not happen.
    """
    site = FleetSite(folder, [BAD_BOX, *(edge for edges in FLEETS.values() for edge in edges)], postgres)
    report = Report(seed, minutes, "sqlite" if postgres is None else "postgresql")
    with ExitStack() as disk:
        nemesis = Nemesis(site, random.Random(seed))
        if os.geteuid() == 0:
            nemesis.may_fill(disk.enter_context(tmpfs(site.boxes_folder, ROOM)))
        with site.running(), ExitStack() as stack:
            fleets = _fleets(site, nemesis)
            for fleet in fleets:
                nemesis.may_strike(fleet.name, stack.enter_context(fleet))
            nemesis.may_speak_as(stack.enter_context(BadBox(site, BAD_BOX)))
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


def _fleets(site: FleetSite, nemesis: Nemesis) -> list[ManagedProcess]:
    """The fleets; the clock of the last one can be moved where libfaketime is installed."""
    env: dict[str, dict[str, str]] = {}
    with contextlib.suppress(PeerMissingError):
        clock = FakedClock(site.folder / "clock")
        nemesis.may_move(clock)
        env[next(reversed(FLEETS))] = clock.env
    return [site.fleet(name, edges, env=env.get(name), rate=RATE_OF_EACH) for name, edges in FLEETS.items()]


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
