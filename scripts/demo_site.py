"""The demo's site: hub with its embedded broker, and one agent that looks at real video."""

import os
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from models.registry import find, search_path
from scripts.demo_camera import Say, camera_document, demo_source
from scripts.local_site import AgentProcess, HubProcess
from scripts.processes import free_port, listens

EDGE_ID = "box-demo"
MODEL = "yolo11n-int8"
PORT = 8480


@dataclass(frozen=True, slots=True)
class DemoSite:
    """A running site; `password` is the administrator's one-time password."""

    hub: HubProcess
    agent: AgentProcess
    password: str


def start_demo_site(stack: ExitStack, folder: Path, source: str | None, port: int | None, say: Say) -> DemoSite:
    """Start camera, hub, broker and agent; `stack` stops them in reverse.

    Raises:
        ModelError, FootageError, SiteError, RuntimeError, TimeoutError: with what is missing or did not start.
    """
    named = os.environ.get("TIANRUI_MODELS")
    find(MODEL, search_path((Path(named),) if named else ()))
    seen = demo_source(stack, source, folder, say)
    say("starting the hub and its broker")
    settings = {"port": port or _usual_port(), "embedded_broker": True, "embedded_broker_port": free_port()}
    hub = HubProcess(folder, settings)
    token_file = hub.provision(EDGE_ID)
    stack.enter_context(hub)
    password = hub.read_one_time_password()
    agent = AgentProcess(
        folder,
        {
            "edge_id": EDGE_ID,
            "hub_url": hub.url,
            "mqtt_host": "127.0.0.1",
            "mqtt_port": settings["embedded_broker_port"],
            "token_file": str(token_file),
            "model": MODEL,
            "heartbeat_s": 5.0,
            "snapshot_s": 5.0,
        },
    )
    agent.add_camera(camera_document(seen))
    stack.enter_context(agent)
    say(f"the agent looks at {seen.label}")
    return DemoSite(hub, agent, password)


def _usual_port() -> int:
    return free_port() if listens(PORT) else PORT
