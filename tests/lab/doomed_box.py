"""A program whose children each are a simulated box that dies at a failpoint; the next one goes on in its folder.

Usage: python -m tests.lab.doomed_box '{"broker_port": .., "hub_url": .., "edge_id": .., "token": .., "folder": ..,
"births": .., "report": .., "rounds": .., "seed": ..}'
"""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from scripts.births import Births
from scripts.simulated_box import Home, Peers, SimulatedBox
from tests.lab.failpoints import BOX_POINTS, Failpoints, arm_box

LIFE_S = 15.0
NOT_REACHED = 3
PAUSE_S = 0.01


def live(options: dict[str, Any], points: Failpoints) -> None:
    """One life: report findings until the failpoint; a life that does not come to it ends by itself."""
    arm_box(points)
    peers = Peers("127.0.0.1", options["broker_port"], options["hub_url"])
    births = Births(Path(options["births"]))
    box = SimulatedBox(options["edge_id"], SecretStr(options["token"]), peers, Home(Path(options["folder"])), births)
    box.start()
    ends = time.monotonic() + LIFE_S
    while time.monotonic() < ends:
        box.bear()
        time.sleep(PAUSE_S)
    os._exit(NOT_REACHED)


def main(options: dict[str, Any]) -> None:
    """Die at each point, `rounds` times, in an order and after numbers of passes that the seed gives."""
    chance = random.Random(options["seed"])
    deaths = [name for name in BOX_POINTS for _ in range(options["rounds"])]
    chance.shuffle(deaths)
    for name in deaths:
        occurrence = chance.randint(1, 3)
        child = os.fork()
        if child == 0:
            try:
                live(options, Failpoints(name, occurrence, Path(options["report"])))
            finally:
                os._exit(1)
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != -signal.SIGKILL:
            sys.exit(f"a life did not come to {name} for the {occurrence}. time")


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
