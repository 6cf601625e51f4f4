"""The migrations make exactly the tables that the models describe, on both databases."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import text

from hub.db.engine import make_engine
from hub.db.migrate import config_for, upgrade
from hub.errors import StartError
from tests.lab.peers import ROOT


def test_models_and_migrations_agree(database_url: str) -> None:
    upgrade(database_url)
    command.check(config_for(database_url))


def test_they_go_back_and_forth(database_url: str) -> None:
    upgrade(database_url)
    command.downgrade(config_for(database_url), "base")
    upgrade(database_url)
    upgrade(database_url)
    command.check(config_for(database_url))


def test_there_is_one_head(database_url: str) -> None:
    assert len(ScriptDirectory.from_config(config_for(database_url)).get_heads()) == 1


def test_two_processes_may_migrate_at_once(database_url: str, tmp_path: Path) -> None:
    program = [sys.executable, "-m", "hub", "migrate", "--data-dir", tmp_path / "data"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TIANRUI_HUB_DATABASE_URL": database_url}
    running = [subprocess.Popen(program, env=environment, cwd=tmp_path) for _ in range(2)]
    assert [process.wait(60) for process in running] == [0, 0]
    command.check(config_for(database_url))


async def test_a_newer_database_is_refused(database_url: str) -> None:
    await asyncio.to_thread(upgrade, database_url)
    engine = make_engine(database_url)
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    await engine.dispose()
    with pytest.raises(StartError, match="does not fit this version of the hub.*9999"):
        await asyncio.to_thread(upgrade, database_url)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("sqlite:////nowhere/at/all/hub.sqlite", "unable to open database file"),
        ("postgresql://user:hunter2@127.0.0.1:1/none", "cannot be used"),
        ("mysql://host/name", "use sqlite or postgresql"),
        ("nonsense", "cannot be read"),
    ],
)
def test_a_database_that_cannot_be_used_is_named_without_its_password(url: str, words: str) -> None:
    with pytest.raises(StartError, match=words) as caught:
        upgrade(url)
    assert "hunter2" not in str(caught.value)
