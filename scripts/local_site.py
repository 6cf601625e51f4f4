"""A hub and a box's agent as processes on this machine, for the demo and for the tests."""

import json
import re
import sys
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import httpx
import yaml

from scripts.processes import ManagedProcess, free_port, wait_until

START_TIMEOUT_S = 60.0


class SiteError(Exception):
    """A part of the site cannot be started; the text says which and why."""


def write_yaml(path: Path, document: dict[str, Any]) -> Path:
    """Write a settings file that only this user can read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return path


class HubProcess(ManagedProcess):
    """A hub; `settings` are those of `hub.settings`, completed with a data folder and a port."""

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        self.settings = {"data_dir": str(folder / "hub"), "port": free_port()} | settings
        self.settings_path = write_yaml(folder / "hub.yaml", self.settings)
        command = [sys.executable, "-m", "hub", "run", "--settings", self.settings_path, "--ready-json"]
        super().__init__("hub", command, folder)
        self.one_time_password: str | None = None

    @property
    def url(self) -> str:
        """The address of the pages and the API."""
        return f"http://127.0.0.1:{self.settings['port']}"

    def ready(self) -> bool:
        """Tell whether the hub serves."""
        # Asked again and again while the hub starts: a new httpx client takes 36 ms of CPU (measured), this 0.1 ms.
        connection = HTTPConnection("127.0.0.1", int(str(self.settings["port"])), timeout=2.0)
        try:
            connection.request("GET", "/livez")
            return connection.getresponse().status == httpx.codes.OK
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()

    def read_one_time_password(self) -> str:
        """The administrator's password, which the hub prints once, at its first start."""
        line = self.wait_for_log(r'^\{"url".*\}$')[0]
        password = json.loads(line)["one_time_password"]
        if not isinstance(password, str):
            msg = "this hub has been started before: its one-time password was printed then"
            raise SiteError(msg)
        return password

    def provision(self, edge_id: str) -> Path:
        """Give a box its token and return the file that holds it.

        Raises:
            SiteError: the hub refused; with its words.
        """
        token_file = self.folder / f"{edge_id}.token"
        command = [sys.executable, "-m", "hub", "provision-edge", edge_id]
        options = ["--settings", str(self.settings_path), "--token-file", str(token_file)]
        task = ManagedProcess(f"provision-{edge_id}", [*command, *options], self.folder)
        task.launch()
        wait_until(lambda: task.returncode is not None, f"provisioning {edge_id}", START_TIMEOUT_S)
        if task.returncode != 0:
            msg = f"the hub did not provision {edge_id}: {task.log()}"
            raise SiteError(msg)
        return token_file


class AgentProcess(ManagedProcess):
    """A box's agent; `settings` are those of `edge_agent.settings`, completed with folders and a metrics port."""

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        self.metrics_port = free_port()
        self.cameras_dir = folder / "cameras"
        document = {
            "data_dir": str(folder / "edge"),
            "cameras_dir": str(self.cameras_dir),
            "metrics_port": self.metrics_port,
        } | settings
        settings_path = write_yaml(folder / "edge.yaml", document)
        super().__init__("agent", [sys.executable, "-m", "edge_agent", "run", "--settings", settings_path], folder)

    def add_camera(self, document: dict[str, Any]) -> None:
        """Write one camera's configuration; before the start only."""
        write_yaml(self.cameras_dir / f"{document['id']}.yaml", document)

    def outbox(self) -> dict[str, int]:
        """The milestones of the outbox (born, acked, ...), from the agent's own figures; empty while it starts."""
        try:
            text = httpx.get(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=2.0).text
        except httpx.TransportError:
            return {}
        return {
            name: int(float(value))
            for name, value in re.findall(r'^tianrui_outbox_milestone_total\{milestone="(\w+)"\} (\S+)$', text, re.M)
        }
