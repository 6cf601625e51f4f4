"""The hub for tests: on SQLite and PostgreSQL in this process, or as a real process that can be killed."""

import json
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from hub.app import create_app
from hub.clock import SystemIds
from hub.settings import HubSettings
from hub.state import Hub
from tests.lab.peers import ROOT
from tests.lab.processes import ManagedProcess
from tests.lab.processes import free_port as find_free_port

PASSWORD = "a new pass phrase 9"


class FakeClock:
    """Both clocks of the hub, moved by the test only."""

    def __init__(self) -> None:
        self._now = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)
        self._monotonic = 1000.0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
        self._monotonic += seconds


@dataclass
class Admin:
    """The administrator's browser, signed in with the password `PASSWORD` and sending the CSRF token."""

    client: httpx.AsyncClient
    username: str = "admin"
    password: str = PASSWORD


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database of each kind; the test runs once on each."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'hub.sqlite'}"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
def hub_settings(tmp_path: Path, database_url: str) -> HubSettings:
    """Settings with a data folder of the test and a broker port at which nobody listens."""
    return HubSettings(data_dir=tmp_path / "data", database_url=database_url, mqtt_port=find_free_port())


@pytest.fixture
def hub_clock() -> FakeClock:
    """The clock of `hub_app`."""
    return FakeClock()


@pytest.fixture
async def hub_app(hub_settings: HubSettings, hub_clock: FakeClock) -> AsyncIterator[FastAPI]:
    """The hub's application with its parts running."""
    app = create_app(hub_settings, hub_clock, SystemIds())
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
def hub(hub_app: FastAPI) -> Hub:
    """The parts of the running hub."""
    parts: Hub = hub_app.state.hub
    return parts


def browser_of(app: FastAPI, address: str = "127.0.0.1") -> httpx.AsyncClient:
    """A browser at an address, with its own cookies."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app, client=(address, 50000)), base_url="http://hub.test")


@pytest.fixture
async def hub_client(hub_app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A browser that is not signed in."""
    async with browser_of(hub_app) as client:
        yield client


async def sign_in(client: httpx.AsyncClient, username: str, password: str) -> httpx.Response:
    """Sign in and let the client send the CSRF token from now on."""
    answer = await client.post("/api/v1/session", json={"username": username, "password": password})
    if answer.is_success:
        client.headers["X-CSRF-Token"] = answer.json()["csrf_token"]
    return answer


async def replace_password(client: httpx.AsyncClient, current: str, new: str) -> httpx.Response:
    """Change the password of the signed-in person."""
    body = {"current_password": current, "new_password": new}
    answer = await client.put("/api/v1/session/password", json=body)
    if answer.is_success:
        client.headers["X-CSRF-Token"] = answer.json()["csrf_token"]
    return answer


def one_time_password(hub: Hub) -> str:
    """The password of the first start."""
    assert hub.first_password is not None
    return hub.first_password.get_secret_value()


@pytest.fixture
async def admin(hub_app: FastAPI, hub: Hub) -> AsyncIterator[Admin]:
    """The administrator after the first sign-in."""
    async with browser_of(hub_app) as client:
        first = one_time_password(hub)
        assert (await sign_in(client, "admin", first)).status_code == 200
        assert (await replace_password(client, first, PASSWORD)).status_code == 200
        yield Admin(client)


class HubProcess(ManagedProcess):
    """`python -m hub run` in a process of its own, on SQLite in its data folder."""

    def __init__(self, folder: Path, *flags: str, port: int = 0, env: dict[str, str] | None = None) -> None:
        self.data_dir = folder / "data"
        command = [sys.executable, "-m", "hub", "run", "--ready-json", "--data-dir", str(self.data_dir)]
        environment = {"PYTHONPATH": str(ROOT), "TIANRUI_HUB_MQTT_PORT": str(find_free_port()), **(env or {})}
        super().__init__("hub", [*command, "--port", str(port), *flags], folder, environment)

    def ready(self) -> bool:
        """Whether this run announced itself."""
        return bool(self._announcements())

    @property
    def url(self) -> str:
        """Where this run serves."""
        return str(self._announcements()[-1]["url"])

    @property
    def one_time_password(self) -> str | None:
        """What this run printed."""
        return self._announcements()[-1]["one_time_password"]

    def command_of(self, *words: str) -> ManagedProcess:
        """Another command on the same data folder, not started yet."""
        command = [sys.executable, "-m", "hub", words[0], "--data-dir", str(self.data_dir), *words[1:]]
        return ManagedProcess(words[0], command, self.folder, self.env)

    def _announcements(self) -> list[dict[str, str | None]]:
        lines = [line for line in self.log().splitlines() if line.startswith('{"url"')]
        return [json.loads(line) for line in lines]
