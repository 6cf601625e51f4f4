"""Brings a database to the newest tables."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from hub.errors import StartError


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
    try:
        command.upgrade(config_for(url), "head")
    except CommandError as error:
        msg = f"the database {_shown(url)} does not fit this version of the hub: {error}; install the newer version"
        raise StartError(msg) from None
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).splitlines()[0]
        msg = f"the database {_shown(url)} cannot be used: {reason}; check that it runs and that its user may write"
        raise StartError(msg) from None


def _shown(url: str) -> str:
    return make_url(url).render_as_string(hide_password=True)
