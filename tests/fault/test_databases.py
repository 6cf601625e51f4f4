"""A PostgreSQL that stops, holds a lock, cancels or has no room: no ack without a commit, and the hub catches up."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.lab.fixtures import peer_or_skip
from tests.lab.fleet_site import FleetSite
from tests.lab.peers import Postgres
from tests.lab.powercut import fill, free_bytes, tmpfs
from tests.lab.processes import wait_until

REFUSED = "the database does not take a batch"
MEMORY_MB = 300
WAITING = "SELECT pid FROM pg_locks WHERE NOT granted"


@pytest.fixture
def postgres_victim() -> Iterator[Postgres]:
    with peer_or_skip():
        cluster = Postgres()
    with cluster:
        yield cluster


def outages(site: FleetSite) -> int:
    return site.hub.log().count(REFUSED)


def most_memory_mb(site: FleetSite) -> int:
    status = Path(f"/proc/{site.hub.pid}/status").read_text(encoding="ascii")
    peak = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert peak is not None
    return int(peak[1]) // 1024


@contextmanager
def locked(site: FleetSite, cluster: Postgres) -> Iterator[psycopg.Connection]:
    """Somebody else holds the table of events; given is a connection that looks on."""
    dsn = cluster.dsn(site.database)
    with psycopg.connect(dsn) as holder, psycopg.connect(dsn, autocommit=True) as onlooker:
        holder.execute("LOCK TABLE event IN EXCLUSIVE MODE")
        yield onlooker
        holder.rollback()


def stops(site: FleetSite, cluster: Postgres) -> None:
    cluster.interrupt()
    wait_until(lambda: not cluster.running, "the server stops while clients are there")
    wait_until(lambda: outages(site), "the hub notices")
    site.wait_for_births(60, "births go on without a database")
    cluster.start()


def is_locked(site: FleetSite, cluster: Postgres) -> None:
    with locked(site, cluster) as onlooker:
        wait_until(lambda: onlooker.execute(WAITING).fetchall(), "the hub waits for the lock")
        stored = site.stored()
        site.wait_for_births(60, "births go on")
        assert site.stored() == stored, "the lock held nobody up"


def cancels(site: FleetSite, cluster: Postgres) -> None:
    """What `statement_timeout` does at its end, with the same SQLSTATE 57014."""
    before = outages(site)
    with locked(site, cluster) as onlooker:

        def cancelled() -> bool:
            for (pid,) in onlooker.execute(WAITING).fetchall():
                onlooker.execute("SELECT pg_cancel_backend(%s)", (pid,))
            return outages(site) > before

        wait_until(cancelled, "a statement of the hub is given up")


@pytest.mark.timeout(240)
def test_a_database_that_stops_locks_or_cancels_costs_nothing(
    tmp_path: Path, postgres_victim: Postgres, record_property: Callable[[str, object], None]
) -> None:
    site = FleetSite(tmp_path, postgres=postgres_victim)
    with site.running(), site.fleet(rate=60) as fleet:
        for trouble in (stops, is_locked, cancels):
            site.wait_for_stored(20, f"events flow before: {trouble.__name__}")
            trouble(site, postgres_victim)
        site.wait_for_stored(60, "events flow after all of it")
        record_property("hub_memory_mb", memory := most_memory_mb(site))
        assert memory < MEMORY_MB
        fleet.stop()
        site.drain()
        verdict = site.judge()
    assert not verdict.faults, verdict


@pytest.mark.needs_root
@pytest.mark.timeout(180)
def test_a_full_tablespace_costs_nothing(tmp_path: Path, postgres_victim: Postgres) -> None:
    with peer_or_skip(), tmpfs(postgres_victim.folder / "small", "48m") as small:
        small.chmod(0o777)
        site = FleetSite(tmp_path, postgres=postgres_victim)
        room = small / "space"
        room.mkdir(mode=0o777)
        room.chmod(0o777)
        postgres_victim.own(room)
        postgres_victim.run(
            f"CREATE TABLESPACE small LOCATION '{room}'", f"ALTER DATABASE {site.database} SET TABLESPACE small"
        )
        with site.running(), site.fleet(rate=200) as fleet:
            site.wait_for_stored(20)
            filler = fill(small)
            assert free_bytes(small) == 0
            wait_until(lambda: outages(site), "the tablespace has no room", 60)
            site.wait_for_births(60, "births go on")
            assert site.hub.running
            filler.unlink()
            site.wait_for_stored(60, "the hub takes events again")
            assert most_memory_mb(site) < MEMORY_MB
            fleet.stop()
            site.drain()
            verdict = site.judge()
        postgres_victim.stop()
    assert not verdict.faults, verdict
