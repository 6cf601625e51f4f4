"""The command `tianrui-edge`: `run` the agent, or `check` settings, cameras and model without starting it."""

import argparse
import os
import signal
import sys
from pathlib import Path

from camera_configs.errors import ConfigError
from edge_agent.app import Agent, prepare
from edge_agent.clock import SystemClock, SystemIds
from edge_agent.errors import EdgeError
from edge_agent.logs import set_up_logging
from edge_agent.settings import load_settings
from models.errors import ModelError
from mqtt.errors import ConnectionSetupError

EXIT_DIED = 1
EXIT_CANNOT_START = 2


def main() -> int:
    """Run the command line; 0 after a clean stop, 1 when a part died, 2 when the agent cannot start."""
    parser = argparse.ArgumentParser(prog="tianrui-edge", description="The Tianrui agent of one box.")
    parser.add_argument(
        "command", choices=["run", "check"], help="run the agent, or check everything and say what is wrong"
    )
    parser.add_argument("--settings", type=Path, help="YAML file; environment variables TIANRUI_EDGE_* win over it")
    arguments = parser.parse_args()
    # Pictures and the outbox are nobody else's business on this machine.
    os.umask(0o077)
    set_up_logging()
    try:
        ready = prepare(load_settings(arguments.settings))
        if arguments.command == "check":
            print(f"ok: box {ready.settings.edge_id}, {len(ready.cameras)} cameras, model {ready.model.entry.name}")
            return 0
        agent = Agent(ready, SystemClock(), SystemIds())
        for ending in (signal.SIGTERM, signal.SIGINT):
            signal.signal(ending, lambda *_: agent.stop())
        return 0 if agent.run() else EXIT_DIED
    except (EdgeError, ConfigError, ModelError, ConnectionSetupError) as error:
        print(f"tianrui-edge cannot start: {error}", file=sys.stderr)
        return EXIT_CANNOT_START


if __name__ == "__main__":
    sys.exit(main())
