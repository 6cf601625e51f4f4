"""A program whose children each are a whole hub that dies at a failpoint; the next one goes on with its database.

Usage: python -m tests.lab.doomed_hub SETTINGS_FILE REPORT_FILE DEATHS_AT_EACH_POINT SEED
"""

import asyncio
import os
import random
import signal
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from hub.app import run_hub
from hub.cases.service import CaseFiling
from hub.clock import SystemClock, SystemIds
from hub.ingest.consumer import IngestConsumer
from hub.ingest.handler import IngestHandler
from hub.ingest.repository import IngestRepository
from hub.logs import set_up_logs
from hub.media.repository import MediaRepository
from hub.media.service import MediaService
from hub.media.store import Incoming
from hub.server import serve
from hub.settings import load_settings
from mqtt.topic import Channel
from tests.lab.failpoints import Failpoints
from tests.lab.processes import free_port

HUB_POINTS = (
    "batch.received",
    "batch.begun",
    "events.inserted",
    "cases.filed",
    "batch.before_commit",
    "batch.committed",
    "batch.taken",
    "ack.before",
    "ack.sent",
    "media.received",
    "media.on_disk",
    "media.before_row",
    "media.stored",
)
LIFE_S = 20.0
NOT_REACHED = 3


def arm_hub(points: Failpoints) -> None:
    """Put the points of `HUB_POINTS` into the hub of this process; before it starts."""
    points.around_async(IngestRepository, "add_events", "batch.begun", "events.inserted")
    points.around_async(CaseFiling, "take", after="cases.filed")
    points.around(Incoming, "keep", "media.received", "media.on_disk")
    points.around_async(MediaRepository, "add", before="media.before_row")
    points.around_async(MediaService, "receive", after="media.stored")
    _arm_commits(points)
    publish = IngestConsumer._publish

    async def published(consumer: IngestConsumer, topic: str, *rest: Any, **named: Any) -> None:  # noqa: ANN401
        ack = topic.endswith(f"/{Channel.ACK}")
        if ack:
            points.hit("ack.before")
        await publish(consumer, topic, *rest, **named)
        if ack:
            points.hit("ack.sent")

    setattr(IngestConsumer, "_publish", published)  # noqa: B010


def _arm_commits(points: Failpoints) -> None:
    """Points around the commit of a batch that holds messages; other transactions pass."""
    take = IngestHandler.take
    taking = False

    async def taken(handler: IngestHandler, messages: Any) -> Any:  # noqa: ANN401
        nonlocal taking
        if not messages:
            return await take(handler, messages)
        points.hit("batch.received")
        taking = True
        outcome = await take(handler, messages)
        taking = False
        points.hit("batch.taken")
        return outcome

    def before(_: object) -> None:
        if taking:
            points.hit("batch.before_commit")

    def after(_: object) -> None:
        if taking:
            points.hit("batch.committed")

    setattr(IngestHandler, "take", taken)  # noqa: B010
    event.listen(Engine, "commit", before)
    event.listen(Session, "after_commit", after)


def live(settings: Path, points: Failpoints) -> None:
    """One life: serve until the failpoint; a life that does not come to it ends by itself."""
    arm_hub(points)
    ending = threading.Timer(LIFE_S, lambda: os._exit(NOT_REACHED))
    ending.daemon = True
    ending.start()
    asyncio.run(serve(load_settings(settings), lambda *_: None))


async def _warm_up() -> None:
    """Start and stop a hub, so that no child has to import what the hub imports late."""
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings(data_dir=Path(folder), mqtt_port=free_port())
        async with run_hub(settings, SystemClock(), SystemIds()):
            pass


def main(settings: Path, report: Path, rounds: int, seed: int) -> None:
    """Die at each point `rounds` times, in an order and after numbers of passes that the seed gives."""
    set_up_logs()
    asyncio.run(_warm_up())
    chance = random.Random(seed)
    deaths = [name for name in HUB_POINTS for _ in range(rounds)]
    chance.shuffle(deaths)
    for name in deaths:
        occurrence = chance.randint(1, 2)
        child = os.fork()
        if child == 0:
            try:
                live(settings, Failpoints(name, occurrence, report))
            finally:
                os._exit(1)
        ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if ended != -signal.SIGKILL:
            sys.exit(f"a life did not come to {name} for the {occurrence}. time; it ended with {ended}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
