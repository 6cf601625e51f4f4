"""A whole site for tests: a hub with its embedded broker and a real agent that looks at vtest.avi."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from scripts.demo_camera import DemoSource, camera_document
from scripts.local_site import AgentProcess, HubProcess
from tests.lab.processes import free_port

EDGE_ID = "box-demo"
PASSWORD = "correct horse battery"


class FirstLight:
    """Hub and agent, not started; `source` is the camera's, whose zones are those of the demo."""

    def __init__(self, folder: Path, source: dict[str, Any]) -> None:
        self.hub = HubProcess(folder, {"embedded_broker": True, "embedded_broker_port": free_port()})
        token_file = self.hub.provision(EDGE_ID)
        settings = {
            "edge_id": EDGE_ID,
            "hub_url": self.hub.url,
            "mqtt_host": "127.0.0.1",
            "mqtt_port": self.hub.settings["embedded_broker_port"],
            "token_file": str(token_file),
            "heartbeat_s": 1.0,
            "snapshot_s": 1.0,
        }
        self.agent = AgentProcess(folder, settings)
        self.camera = camera_document(DemoSource(source, "vtest", fits_example=True))
        self.agent.add_camera(self.camera)

    @contextmanager
    def administrator(self) -> Iterator[httpx.Client]:
        """A signed-in client whose one-time password is replaced by `PASSWORD`."""
        first = self.hub.read_one_time_password()
        with httpx.Client(base_url=self.hub.url, timeout=10.0) as client:
            session = client.post("/api/v1/session", json={"username": "admin", "password": first}).raise_for_status()
            client.headers["X-CSRF-Token"] = session.json()["csrf_token"]
            change = {"current_password": first, "new_password": PASSWORD}
            client.put("/api/v1/session/password", json=change).raise_for_status()
            yield client


def items(client: httpx.Client, path: str) -> list[dict[str, Any]]:
    """The items of a list of the API."""
    rows: list[dict[str, Any]] = client.get(path).raise_for_status().json()["items"]
    return rows
