"""The faults of the nemesis: how each begins, proves that it happened, and ends; and which of them come when."""

import itertools
import random
import signal
import threading
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from tests.lab.bad_box import BadBox
from tests.lab.clocks import FakedClock
from tests.lab.faultproxy import DOWN, UP, FaultProxy
from tests.lab.fleet_site import FleetSite
from tests.lab.powercut import fill
from tests.lab.processes import ManagedProcess, wait_until

LONGEST_FAULT_S = 4.0
PROOF_S = 60.0
NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
JUMPS_FROM = datetime(2030, 1, 1, 12, tzinfo=UTC)
OF_DAY = "SELECT count(*) FROM event WHERE substr(CAST(emitted_at AS TEXT), 1, 10) = '{:%Y-%m-%d}'"

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
End = Callable[[], object]


class NoFaultError(Exception):
    """A fault that was ordered did not happen, so the run proves nothing."""


class Nemesis:
    """Strikes one site, one to three faults at a time, in an order and for times that the seed gives.

    It has the faults of broker, hub, database and networks, and those of what it is given.
    """

    def __init__(self, site: FleetSite, chance: random.Random) -> None:
        self._site = site
        self._chance = chance
        self._begins: dict[str, Callable[[], End]] = {}
        self._due: list[str] = []
        self._days = itertools.count()
        self.faults: Counter[str] = Counter()
        for name, proxy in {"boxes": site.mqtt_proxy, "pictures": site.http_proxy, "hub": site.hub_proxy}.items():
            for toxic in TOXICS:
                fault = f"{toxic} {name}"
                self._begins[fault] = partial(self._poison, proxy, toxic, fault)
        self.may_strike("broker", site.broker)
        self.may_strike("hub", site.hub)
        if site.postgres is not None:
            self.may_strike("database", site.postgres)

    def may_strike(self, name: str, victim: ManagedProcess) -> None:
        """Kill and pause this process too."""
        self._begins[f"kill {name}"] = partial(self._kill, victim, f"kill {name}")
        self._begins[f"pause {name}"] = partial(self._pause, victim, f"pause {name}")

    def may_fill(self, disk: Path) -> None:
        """Fill this disk too; `fill` comes back only when the kernel refused a byte, which is the proof."""
        self._begins["full disk"] = lambda: fill(disk).unlink

    def may_move(self, clock: FakedClock) -> None:
        """Move this clock of boxes too, by years and each time to another day; it is set right at once."""
        clock.jump(NOW)
        self._begins["jump clock"] = partial(self._jump, clock)

    def may_speak_as(self, box: BadBox) -> None:
        """Let this box do its bad deeds too."""
        for deed in box.deeds:
            self._begins[f"{deed} bad_box"] = partial(self._misbehave, box, deed)

    @property
    def kinds(self) -> list[str]:
        """Every fault that this site can have."""
        return list(self._begins)

    def strike(self) -> None:
        """One round: some faults begin, last, and end; each has proved by then that it happened.

        Raises:
            NoFaultError: one did not.
        """
        wanted = self._next(self._chance.choice((1, 1, 2, 3)))
        # They end in this order: a hub needs its database to start, and a network fault proves itself on traffic.
        wanted.sort(key=_rank)
        ends = [self._begins[fault]() for fault in wanted]
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

    def _pause(self, victim: ManagedProcess, fault: str) -> End:
        victim.freeze()
        if not _is_stopped(victim.pid):
            raise NoFaultError(fault)
        return victim.thaw

    def _kill(self, victim: ManagedProcess, fault: str) -> End:
        if not victim.running:
            raise NoFaultError(f"{fault}: it was dead already: {victim.log()[-2000:]}")
        victim.kill()
        if victim.returncode != -signal.SIGKILL:
            raise NoFaultError(f"{fault}: it had ended with {victim.returncode}")
        return victim.start

    def _poison(self, proxy: FaultProxy, toxic: str, fault: str) -> End:
        begin, proof = TOXICS[toxic]
        before = proxy.counts[proof]
        begin(proxy)

        def felt() -> bool:
            if toxic == "reset" and proxy.counts[proof] == before:
                begin(proxy)  # There was no connection when it came.
            return proxy.counts[proof] > before

        def end() -> None:
            try:
                wait_until(felt, fault, PROOF_S)
            except TimeoutError as error:
                raise NoFaultError(f"{fault}: no connection felt it") from error
            finally:
                proxy.heal()

        return end

    def _jump(self, clock: FakedClock) -> End:
        day = JUMPS_FROM + timedelta(days=next(self._days))
        clock.jump(day)

        def end() -> None:
            try:
                wait_until(
                    lambda: self._site.oracle.rows(OF_DAY.format(day))[0][0] > 0, "an event of that day", PROOF_S
                )
            except TimeoutError as error:
                raise NoFaultError(f"jump clock: no event of {day:%Y-%m-%d} reached the hub") from error
            finally:
                clock.jump(NOW)

        return end

    def _misbehave(self, box: BadBox, deed: str) -> End:
        box.do(deed)

        def end() -> None:
            try:
                wait_until(lambda: box.is_answered(deed), f"{deed} is answered", PROOF_S)
            except TimeoutError as error:
                raise NoFaultError(f"{deed} bad_box: the hub answered nothing") from error

        return end


def _rank(fault: str) -> int:
    """Faults end in this order: first what holds others up, then the dead, by need, then what traffic has to prove."""
    what, _, name = fault.partition(" ")
    if what == "kill":
        return {"database": 1, "broker": 2, "hub": 3}.get(name, 4)
    if what in {"pause", "full"}:
        return 0
    return 5 if what in TOXICS else 6


def _is_stopped(pid: int) -> bool:
    return wait_until(lambda: Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0] == "T", "stop")
