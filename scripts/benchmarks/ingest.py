"""Events a second through the hub's ingest, against a bare batched insert of the same rows, on SQLite and PostgreSQL.

Each event is a new incident with one picture: the dearest kind, for it makes a case, a step of its history, a line of
evidence and one of the audit. PostgreSQL commits to disk. Per core means per second of this process's CPU time.
Batches of both take turns, after as many events that only warm up and give the bare insert its rows, so that other
load meets both alike. The bare insert is SQLAlchemy's of many rows, into tables without indexes and references.
"""

import argparse
import asyncio
import logging
import tempfile
import time
from pathlib import Path
from typing import Any

from sqlalchemy import Column, MetaData, Table, insert, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.app import run_hub
from hub.clock import SystemClock, SystemIds
from hub.ingest.consumer import make_handler
from hub.settings import HubSettings, load_settings
from scripts.processes import free_port
from tests.hub_messages import BoxVoice, evidence, new_id, on_wire
from tests.lab.peers import Postgres

BATCH = 100
EDGE = "edge-1"
TABLES = ("event", "grid_case", "case_history", "case_evidence", "audit")


class Stopwatch:
    """Adds up the wall time of its blocks and the CPU time of this process in them."""

    def __init__(self) -> None:
        self.wall_s = self.cpu_s = 0.0

    def __enter__(self) -> None:
        self.wall_s -= time.perf_counter()
        self.cpu_s -= time.process_time()

    def __exit__(self, *_: object) -> None:
        self.wall_s += time.perf_counter()
        self.cpu_s += time.process_time()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this benchmark."""
    parser.add_argument("--events", type=int, default=3000)


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure both databases in one run."""
    logging.disable(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder, Postgres(durable=True) as postgres:
        postgres.run("CREATE DATABASE bench")
        figures: dict[str, Any] = {"events": arguments.events}
        urls = {"postgresql": postgres.url("bench"), "sqlite": f"sqlite:///{folder}/bench.sqlite"}
        for name, url in urls.items():
            settings = load_settings(data_dir=Path(folder) / name, database_url=url, mqtt_port=free_port())
            measured = asyncio.run(_measure(settings, arguments.events))
            figures |= {f"{name}.{key}": value for key, value in measured.items()}
    figures["events_per_s_core"] = figures["postgresql.events_per_s_core"]
    figures["vs_bare_insert"] = figures["postgresql.vs_bare_insert"]
    return figures


async def _measure(settings: HubSettings, events: int) -> dict[str, Any]:
    async with run_hub(settings, SystemClock(), SystemIds()) as hub:
        await hub.auth.provision_edge(EDGE)
        box = BoxVoice(EDGE)
        messages = [on_wire(box.finding(new_id(), evidence=(evidence(),))) for _ in range(2 * events)]
        handler, engine = make_handler(hub), hub.uow.engine
        for start in range(0, events, BATCH):
            await handler.take(messages[start : start + BATCH])
        if engine.dialect.name == "postgresql":
            # As its autovacuum does within a minute of a real hub's first events: until then it reads by a poor index.
            async with engine.begin() as connection:
                await connection.execute(text("ANALYZE"))
        bare = await _bare(engine)
        ingest_time, bare_time = Stopwatch(), Stopwatch()
        for start in range(0, events, BATCH):
            with ingest_time:
                await handler.take(messages[events + start : events + start + BATCH])
            with bare_time:
                await _insert(engine, bare, start)
    return {
        "events_per_s": round(events / ingest_time.wall_s),
        "events_per_s_core": round(events / ingest_time.cpu_s),
        "bare_insert_per_s": round(events / bare_time.wall_s),
        "bare_insert_per_s_core": round(events / bare_time.cpu_s),
        "vs_bare_insert": round(bare_time.wall_s / ingest_time.wall_s, 2),
    }


async def _bare(engine: AsyncEngine) -> list[tuple[Table, list[dict[str, Any]]]]:
    """Empty copies of the tables that the ingest has filled, with the rows to be inserted into each."""
    metadata = MetaData()
    bare = []
    async with engine.begin() as connection:
        for name in TABLES:
            table = await connection.run_sync(_reflect, metadata, name)
            rows = [dict(row) for row in (await connection.execute(select(table))).mappings()]
            bare.append((_bare_copy(table), rows))
            await connection.run_sync(bare[-1][0].create)
    return bare


async def _insert(engine: AsyncEngine, bare: list[tuple[Table, list[dict[str, Any]]]], start: int) -> None:
    """Insert one batch; each event has one row in each table."""
    async with engine.begin() as connection:
        for table, rows in bare:
            if chunk := rows[start : start + BATCH]:
                await connection.execute(insert(table), chunk)


def _reflect(connection: Any, metadata: MetaData, name: str) -> Table:  # noqa: ANN401
    return Table(name, metadata, autoload_with=connection, resolve_fks=False)


def _bare_copy(table: Table) -> Table:
    """The same columns and primary key, without indexes and references."""
    columns = [Column(column.name, column.type, primary_key=column.primary_key) for column in table.columns]
    return Table(f"bare_{table.name}", MetaData(), *columns)
