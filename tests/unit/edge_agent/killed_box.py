"""A program whose children each report the same life of incidents and are killed one step later than the one before.

A step is a statement of SQLite or a call that writes an event or changes the register. Prints the number of folders.

Usage: python -m tests.unit.edge_agent.killed_box FOLDER
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge_agent.types import Change
from tests.unit.edge_agent.scene_of_incidents import CROWD, ELSEWHERE, PARKING, Box, at, shot, verdict


class Countdown:
    """Kills this process at its `steps`-th step."""

    def __init__(self, steps: int) -> None:
        self._left = steps

    def step(self, *_: object) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: object) -> object:
            self.step()
            result = call(*args)
            self.step()
            return result

        return wrapped


def live(folder: Path, countdown: Countdown) -> None:
    """One life: adopt what is there, open, update, touch and close."""
    box = Box(folder)
    box.outbox._transactions._db.set_trace_callback(countdown.step)
    for owner, name in (
        (box.emitter, "emit"),
        (box.incidents, "open"),
        (box.incidents, "close"),
        (box.incidents, "adopt"),
    ):
        setattr(owner, name, countdown.around(getattr(owner, name)))
    box.reporter.report(PARKING, verdict(Change.OPEN, 10, "a"), lambda: shot(1))
    box.reporter.report(PARKING, verdict(Change.OPEN, 11, "b", ELSEWHERE), lambda: shot(2))
    box.reporter.report(PARKING, verdict(Change.CLOSE, 12, "a"), lambda: shot(3))
    box.reporter.report(CROWD, verdict(Change.OPEN, 13, "crowd", None), lambda: shot(4))
    box.reporter.report(CROWD, verdict(Change.UPDATE, 14, "crowd", None), lambda: shot(5))
    box.reporter.close_orphans(at(15))
    box.reporter.close_orphans(at(75))
    box.reporter.report(CROWD, verdict(Change.CLOSE, 80, "crowd", None), lambda: shot(6))
    os._exit(0)


def main(folder: Path) -> None:
    """Children until one lives to its end; each folder is lived in twice, so that the second finds orphans."""
    number = 0
    ended = False
    while not ended:
        number += 1
        lives = []
        for _ in range(2):
            child = os.fork()
            if child == 0:
                live(folder / str(number), Countdown(number))
            lives.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        assert set(lives) <= {0, -signal.SIGKILL}, lives
        ended = lives == [0, 0]
    sys.stdout.write(f"{number}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
