"""Liveness, readiness and metrics."""

import httpx
from fastapi import FastAPI

from hub.settings import HubSettings
from hub.state import Hub
from tests.hub_fixtures import browser_of


async def test_a_running_hub_is_alive(hub_client: httpx.AsyncClient) -> None:
    answer = await hub_client.get("/livez")
    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})


async def test_ready_says_which_part_is_not(hub: Hub, hub_client: httpx.AsyncClient, hub_settings: HubSettings) -> None:
    answer = await hub_client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"status": "not_ready", "database": True, "ingest": False, "disk": True}
    hub.ingest.connected = True
    answer = await hub_client.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "ready")
    hub_settings.data_dir.rename(hub_settings.data_dir.with_name("gone"))
    answer = await hub_client.get("/readyz")
    assert (answer.status_code, answer.json()["disk"]) == (503, False)


async def test_metrics_are_for_this_machine_only(hub_app: FastAPI) -> None:
    for address, status in (("127.0.0.1", 200), ("::1", 200), ("192.0.2.7", 403), ("testclient", 403)):
        async with browser_of(hub_app, address) as client:
            assert (await client.get("/metrics")).status_code == status, address


async def test_metrics_do_not_pass_through_a_proxy(hub_client: httpx.AsyncClient) -> None:
    for header in ("X-Forwarded-For", "Forwarded", "X-Real-IP"):
        assert (await hub_client.get("/metrics", headers={header: "192.0.2.7"})).status_code == 403, header
