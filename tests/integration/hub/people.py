"""People with a part of the district, and boxes that deliver pictures, for the tests of the routes."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI
from sqlalchemy import select

from hub.auth.models import AccountRow
from hub.auth.policy import Role
from hub.state import Hub
from tests.hub_fixtures import PASSWORD, browser_of, sign_in

JPEG = b"\xff\xd8\xff\xe0 a picture"
JPEG_SHA = hashlib.sha256(JPEG).hexdigest()


async def add_person(hub: Hub, username: str, area: str, role: Role = Role.VIEWER) -> None:
    """Create a person of an area, with the password of the administrator."""
    async with hub.uow.write() as session:
        query = select(AccountRow.password_hash).where(AccountRow.username == "admin")
        account = AccountRow(
            id=hub.ids.new(),
            username=username,
            display_name=username,
            role=role,
            area_prefix=area,
            password_hash=(await session.execute(query)).scalar_one(),
            must_change_password=False,
            created_at=hub.clock.now(),
        )
        session.add(account)


@asynccontextmanager
async def signed_in(app: FastAPI, username: str) -> AsyncIterator[httpx.AsyncClient]:
    """The browser of a person."""
    async with browser_of(app) as client:
        assert (await sign_in(client, username, PASSWORD)).status_code == 200
        yield client


async def deliver(
    hub: Hub, app: FastAPI, edge_id: str, content: bytes = JPEG, purpose: str = "evidence", status: int = 201
) -> str:
    """Deliver a picture as that box does, which gets a new token for it; returns the SHA-256."""
    token = (await hub.auth.provision_edge(edge_id)).get_secret_value()
    sha256 = hashlib.sha256(content).hexdigest()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "image/jpeg"}
    async with browser_of(app) as client:
        path = f"/api/v1/media/{sha256}?purpose={purpose}"
        answer = await client.put(path, content=content, headers=headers)
    assert answer.status_code == status, answer.text
    return sha256
