"""The embedded broker as the hub starts and ends it."""

import asyncio
from pathlib import Path

import pytest

from hub.broker import EmbeddedBroker
from hub.broker_users import BrokerUsers
from tests.lab.processes import free_port, listens


def children() -> set[str]:
    """The process ids of all that this process has started and not ended."""
    return {pid for path in Path("/proc/self/task").glob("*/children") for pid in path.read_text("ascii").split()}


async def test_a_start_that_is_cancelled_leaves_no_broker_behind(tmp_path: Path) -> None:
    users = BrokerUsers(tmp_path)
    users.hub_password()
    port, before = free_port(), children()
    starting = asyncio.create_task(EmbeddedBroker(tmp_path, port, users).start())
    while children() == before:
        await asyncio.sleep(0.001)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert children() == before
    assert not listens(port)
