"""A box that says again what the hub has long settled, cuts it short, or floods the hub with it."""

import time
from pathlib import Path
from typing import Self

from pydantic import SecretStr

from scripts.births import Births
from scripts.simulated_box import Home, Peers, SimulatedBox
from tests.lab.fleet_site import FleetSite
from tests.lab.processes import wait_until
from tests.lab.wire import Wire

EVENTS = 60
DEEDS = {"repeat": 1, "poison": 1, "flood": 30}
AGAIN_AFTER_S = 2.0


class BadBox:
    """Its own events are born, noted and settled at entry, with the site running; a context manager.

    The hub's answers after that are to its bad deeds alone, which proves them.
    """

    deeds = tuple(DEEDS)

    def __init__(self, site: FleetSite, edge_id: str) -> None:
        self._site, self._edge_id = site, edge_id
        self._wire = Wire(site.broker.port, edge_id, site.tokens[edge_id])
        self._settled: list[tuple[str, bytes]] = []
        self._heard, self._done_at = 0, 0.0

    def do(self, deed: str) -> None:
        """Send it all, and do not wait."""
        self._heard = self._answers(deed)
        self._send(deed, DEEDS[deed])

    def _send(self, deed: str, times: int) -> None:
        self._done_at = time.monotonic()
        for topic, payload in self._settled * times:
            self._wire.throw(topic, payload[: len(payload) // 2] if deed == "poison" else payload)

    def is_answered(self, deed: str) -> bool:
        """Whether the hub has answered any of it; sent again now and then, for a broker that died heard nothing."""
        if self._answers(deed) > self._heard:
            return True
        if time.monotonic() - self._done_at > AGAIN_AFTER_S:
            self._send(deed, 1)
        return False

    def _answers(self, deed: str) -> int:
        return len(self._wire.refused if deed == "poison" else self._wire.settled)

    def __enter__(self) -> Self:
        path: Path = self._site.folder / f"{self._edge_id}.births.jsonl"
        self._site.births_paths.append(path)
        births = Births(path)
        peers = Peers("127.0.0.1", self._site.broker.port)
        box = SimulatedBox(
            self._edge_id, SecretStr(self._site.tokens[self._edge_id]), peers, Home(self._site.boxes_folder), births
        )
        for _ in range(EVENTS):
            box.bear()
        self._settled = [(due.topic, due.payload) for due in box.outbox.due(EVENTS, EVENTS)]
        box.start()
        wait_until(lambda: not box.waits, "the bad box was good first", 60)
        box.stop()
        births.close()
        self._wire.__enter__()
        return self

    def __exit__(self, *reason: object) -> None:
        self._wire.__exit__(*reason)
