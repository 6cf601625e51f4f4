"""Events a second through the hub's ingest, against a bare batched insert of the same rows, on SQLite and PostgreSQL.

Each event is a new incident with one picture: the dearest kind, for it makes a case, a step of its history, a line of
evidence and one of the audit. PostgreSQL commits to disk. Per core means per second of this process's CPU time.
"""

import argparse
import asyncio
import logging
import tempfile
import time
from pathlib import Path
from typing import Any

from sqlalchemy import Column, MetaData, Table, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.app import run_hub
from hub.clock import SystemClock, SystemIds
from hub.ingest.consumer import make_handler
from hub.settings import HubSettings, load_settings
from hub.state import Hub
from mqtt.connection import Message
from scripts.processes import free_port
from tests.hub_messages import BoxVoice, evidence, new_id, on_wire
from tests.lab.peers import Postgres

BATCH = 100
EDGE = "edge-1"
TABLES = ("event", "grid_case", "case_history", "case_evidence", "audit")

Rows = dict[str, list[dict[str, Any]]]


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
            figures |= {f"{name}: {key}": value for key, value in measured.items()}
    figures["events_per_s_core"] = figures["postgresql: events_per_s_core"]
    figures["vs_bare_insert"] = figures["postgresql: vs_bare_insert"]
    return figures


async def _measure(settings: HubSettings, events: int) -> dict[str, Any]:
    async with run_hub(settings, SystemClock(), SystemIds()) as hub:
        await hub.auth.provision_edge(EDGE)
        box = BoxVoice(EDGE)
        messages = [on_wire(box.finding(new_id(), evidence=(evidence(),))) for _ in range(events)]
        ingest_s, ingest_cpu_s = await _ingest(hub, messages)
        bare_s, bare_cpu_s = await _insert_again(hub.uow.engine)
    return {
        "events_per_s": round(events / ingest_s),
        "events_per_s_core": round(events / ingest_cpu_s),
        "bare_insert_per_s": round(events / bare_s),
        "bare_insert_per_s_core": round(events / bare_cpu_s),
        "vs_bare_insert": round(bare_s / ingest_s, 2),
    }


async def _ingest(hub: Hub, messages: list[Message]) -> tuple[float, float]:
    handler = make_handler(hub)
    began, cpu = time.perf_counter(), time.process_time()
    for start in range(0, len(messages), BATCH):
        await handler.take(messages[start : start + BATCH])
    return time.perf_counter() - began, time.process_time() - cpu


async def _insert_again(engine: AsyncEngine) -> tuple[float, float]:
    """Insert the rows that the ingest made into empty copies of their tables, in as many transactions."""
    metadata = MetaData()
    async with engine.begin() as connection:
        originals = {name: await connection.run_sync(_reflect, metadata, name) for name in TABLES}
        rows: Rows = {
            name: [dict(row) for row in (await connection.execute(select(table))).mappings()]
            for name, table in originals.items()
        }
        copies = {name: _bare_copy(table) for name, table in originals.items()}
        for table in copies.values():
            await connection.run_sync(table.create)
    size = {name: -(-len(found) * BATCH // len(rows["event"])) for name, found in rows.items()}
    began, cpu = time.perf_counter(), time.process_time()
    for number in range(-(-len(rows["event"]) // BATCH)):
        async with engine.begin() as connection:
            for name, table in copies.items():
                if chunk := rows[name][number * size[name] : (number + 1) * size[name]]:
                    await connection.execute(insert(table), chunk)
    return time.perf_counter() - began, time.process_time() - cpu


def _reflect(connection: Any, metadata: MetaData, name: str) -> Table:  # noqa: ANN401
    return Table(name, metadata, autoload_with=connection, resolve_fks=False)


def _bare_copy(table: Table) -> Table:
    """The same columns and primary key, without indexes and references."""
    columns = [Column(column.name, column.type, primary_key=column.primary_key) for column in table.columns]
    return Table(f"bare_{table.name}", MetaData(), *columns)
