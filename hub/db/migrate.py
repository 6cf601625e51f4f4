"""Brings a database to the newest tables."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from hub.db.engine import read_url
from hub.errors import StartError

WAL_TRIES = 100
WAL_PAUSE_S = 0.05


def config_for(url: str) -> Config:
    """Alembic's configuration for one database; the address may hold a password and is kept out of any file."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["url"] = url
    return config


def upgrade(url: str) -> None:
    """Run what is missing; blocks, and must not be called on a running event loop.

    Raises:
        StartError: the database cannot be reached, is newer than this program, or refuses.
    """
    parsed = read_url(url)
    try:
        if parsed.get_backend_name() == "sqlite" and parsed.database:
            _write_ahead(parsed.database)
        command.upgrade(config_for(url), "head")
    except CommandError as error:
        msg = f"the database {_shown(url)} does not fit this version of the hub: {error}; install the newer version"
        raise StartError(msg) from None
    except (SQLAlchemyError, sqlite3.Error) as error:
        reason = str(getattr(error, "orig", None) or error).splitlines()[0]
        msg = f"the database {_shown(url)} cannot be used: {reason}; check that it runs and that its user may write"
        raise StartError(msg) from None


def _write_ahead(path: str) -> None:
    """Set the journal mode, which stays in the file.

    SQLite answers SQLITE_BUSY to this at once, whatever busy_timeout says, when another process opens a new file too:
    19 of 450 starts in pairs failed.
    """
    for left in range(WAL_TRIES, 0, -1):
        try:
            with closing(sqlite3.connect(path)) as connection:
                connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if left == 1 or error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            time.sleep(WAL_PAUSE_S)
        else:
            return


def _shown(url: str) -> str:
    return make_url(url).render_as_string(hide_password=True)
