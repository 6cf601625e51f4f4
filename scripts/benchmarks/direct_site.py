"""A broker with the committed rules and a real hub process, nothing in between that costs time, and a stopwatch."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from pydantic import SecretStr

from edge_agent.outbox.rows import NewEvent
from edge_agent.types import StoredPicture
from scripts.local_site import HubProcess
from scripts.processes import free_port
from scripts.simulated_box import Peers
from tests.lab.brokers import PASSWORDS, guarded_mosquitto
from tests.lab.oracle import Oracle, postgres_rows, sqlite_rows
from tests.lab.peers import Mosquitto, Postgres

DATABASES = ("sqlite", "postgresql")


class Moments:
    """A witness with a watch: when an event's commit on the box had returned, and when the hub's ack was taken."""

    def __init__(self) -> None:
        self.born_at: dict[UUID, float] = {}
        self.settled_at: dict[UUID, float] = {}

    def intend(self, event: NewEvent, pictures: Sequence[StoredPicture]) -> None:
        """Nothing to note yet."""

    def born(self, event: NewEvent) -> None:
        """The commit, with its fsync, has returned."""
        self.born_at[event.event_id] = time.monotonic()

    def settled(self, event_ids: Sequence[UUID]) -> None:
        """The hub's ack is here; later repetitions change nothing."""
        for event_id in event_ids:
            self.settled_at.setdefault(event_id, time.monotonic())


@dataclass(frozen=True, slots=True)
class DirectSite:
    """What runs: where boxes connect, their tokens, and who reads the hub's database by a connection of its own."""

    hub: HubProcess
    broker: Mosquitto
    tokens: dict[str, SecretStr]
    oracle: Oracle

    @property
    def peers(self) -> Peers:
        """Where boxes connect; they make no pictures."""
        return Peers("127.0.0.1", self.broker.port)


@contextmanager
def direct_site(folder: Path, edges: list[str], postgres: Postgres | None) -> Iterator[DirectSite]:
    """Run a hub in `folder`, on SQLite or on a new database of this cluster, for these boxes."""
    port = free_port()
    settings: dict[str, object] = {"mqtt_host": "127.0.0.1", "mqtt_port": port}
    settings |= {"mqtt_username": "hub", "mqtt_password": PASSWORDS["hub"]}
    rows = sqlite_rows(folder / "hub" / "hub.sqlite")
    if postgres is not None:
        database = f"bench_{port}"
        postgres.run(f"CREATE DATABASE {database}")
        settings["database_url"] = postgres.url(database)
        rows = postgres_rows(postgres.dsn(database))
    folder.mkdir(parents=True, exist_ok=True)
    hub = HubProcess(folder, settings)
    tokens = {edge: hub.provision(edge).read_text(encoding="utf-8").strip() for edge in edges}
    broker = guarded_mosquitto(folder, {"hub": PASSWORDS["hub"]} | tokens, port)
    with broker, hub:
        yield DirectSite(hub, broker, {edge: SecretStr(token) for edge, token in tokens.items()}, Oracle(rows))
