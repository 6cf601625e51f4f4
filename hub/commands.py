"""What an operator does on the hub's machine without signing in; works beside a running hub."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic import SecretStr

from hub.app import make_data_dir
from hub.audit.repository import AuditRepository
from hub.auth.policy import Role
from hub.auth.service import AuthService
from hub.auth.tokens import new_token
from hub.broker_users import BrokerUsers, write_secret
from hub.clock import SystemClock, SystemIds
from hub.db.engine import make_engine
from hub.db.migrate import upgrade
from hub.db.unit_of_work import UnitOfWork
from hub.errors import StartError
from hub.settings import HubSettings
from mqtt.errors import TopicError
from mqtt.topic import check_edge_id


async def provision_edge(settings: HubSettings, edge_id: str, token_file: Path | None) -> SecretStr:
    """Make or replace the token of a box, which is also its MQTT password, and write it to a file when asked.

    Raises:
        StartError: the id is not usable, or the database or a file cannot be written.
    """
    try:
        check_edge_id(edge_id)
    except TopicError as error:
        raise StartError(str(error)) from None
    async with _auth(settings) as auth:
        token = await auth.provision_edge(edge_id)
    users = BrokerUsers(settings.broker_dir)
    if settings.embedded_broker or users.path.exists():
        users.put(edge_id, token)
    if token_file is not None:
        try:
            write_secret(token_file, token.get_secret_value())
        except OSError as error:
            msg = f"the token file {token_file} cannot be written: {error.strerror}; run it again with another path"
            raise StartError(msg) from None
    return token


async def reset_password(settings: HubSettings, username: str) -> SecretStr:
    """Give a user a new one-time password and end their sessions.

    Raises:
        NotFoundError: there is no such user.
        StartError: the database cannot be used.
    """
    async with _auth(settings) as auth:
        return await auth.reset_password(username)


async def add_user(settings: HubSettings, username: str, role: Role, area_prefix: str) -> SecretStr:
    """Create a person who sees the grids that begin with `area_prefix`; returns the one-time password.

    Raises:
        HubError: the name or the area is not usable, or somebody has the name already.
        StartError: the database cannot be used.
    """
    async with _auth(settings) as auth:
        return await auth.add_user(username, role, area_prefix)


async def revoke_edge(settings: HubSettings, edge_id: str) -> None:
    """Take a box its token: its pictures and messages are refused from now on.

    Raises:
        NotFoundError: no such box was ever provisioned.
        StartError: the database cannot be used.
    """
    async with _auth(settings) as auth:
        await auth.revoke_edge(edge_id)
    users = BrokerUsers(settings.broker_dir)
    if edge_id in users.read():
        # A password that nobody knows; a broker with passwords asks every name for one.
        users.put(edge_id, SecretStr(new_token()))


def migrate(settings: HubSettings) -> None:
    """Bring the database to the newest tables.

    Raises:
        StartError: it cannot be used.
    """
    make_data_dir(settings)
    upgrade(settings.url_of_database)


@asynccontextmanager
async def _auth(settings: HubSettings) -> AsyncIterator[AuthService]:
    await asyncio.to_thread(migrate, settings)
    engine = make_engine(settings.url_of_database)
    clock, ids = SystemClock(), SystemIds()
    try:
        yield AuthService(UnitOfWork(engine), AuditRepository(clock, ids), clock, ids)
    finally:
        await engine.dispose()
