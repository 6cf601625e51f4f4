"""Kills the process that it is in at a chosen step of the crash order, without a line of code in the product."""

import functools
import os
import signal
import stat
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge_agent.evidence.store import EvidenceStore
from edge_agent.evidence.uploader import MediaClient
from edge_agent.outbox.sender import Sender
from edge_agent.outbox.transactions import Transactions
from mqtt.connection import Message
from mqtt.paho_connection import PahoConnection
from mqtt.topic import HUB_STATE

BOX_POINTS = (
    "picture.written",
    "picture.synced",
    "picture.before_rename",
    "picture.renamed",
    "picture.folder_synced",
    "event.inserted",
    "event.before_commit",
    "event.committed",
    "sent.before_commit",
    "sent.committed",
    "publish.before",
    "publish.handed_over",
    "publish.answered",
    "ack.received",
    "settle.before_commit",
    "settle.committed",
    "upload.before",
    "upload.answered",
    "uploaded.before_commit",
    "uploaded.committed",
    "picture.removed",
    "forgotten.committed",
)
# The first words of a statement and the transaction that it makes of the one that runs.
_KINDS = (
    ("INSERT INTO event", "event"),
    ("UPDATE event SET state = 'sent'", "sent"),
    ("DELETE FROM event", "settle"),
    ("UPDATE picture SET state = 'done'", "uploaded"),
    ("DELETE FROM picture", "forgotten"),
)


class Failpoints:
    """Kills this process at the `occurrence`-th time that the point `target` is reached, and notes it in `report`."""

    def __init__(self, target: str, occurrence: int, report: Path) -> None:
        self._target = target
        self._left = occurrence
        self._report = report
        self.reached: Counter[str] = Counter()

    def hit(self, name: str) -> None:
        """Say that the point `name` is reached; does not return from the chosen one."""
        self.reached[name] += 1
        if name != self._target:
            return
        self._left -= 1
        if self._left == 0:
            handle = os.open(self._report, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            os.write(handle, f"{name}\n".encode())
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, owner: Any, name: str, before: str | None = None, after: str | None = None) -> None:  # noqa: ANN401
        """Put points before and after each call of a function of `owner`."""
        call = getattr(owner, name)

        @functools.wraps(call)
        def wrapped(*values: Any, **named: Any) -> Any:  # noqa: ANN401
            if before:
                self.hit(before)
            result = call(*values, **named)
            if after:
                self.hit(after)
            return result

        setattr(owner, name, wrapped)

    def around_async(self, owner: Any, name: str, before: str | None = None, after: str | None = None) -> None:  # noqa: ANN401
        """Put points before and after each awaited call of a coroutine function of `owner`."""
        call = getattr(owner, name)

        @functools.wraps(call)
        async def wrapped(*values: Any, **named: Any) -> Any:  # noqa: ANN401
            if before:
                self.hit(before)
            result = await call(*values, **named)
            if after:
                self.hit(after)
            return result

        setattr(owner, name, wrapped)


def around_fsync(points: Failpoints, file_suffix: str, name: str) -> None:
    """Put points around each fsync of a file whose name ends so, and behind each fsync of a folder."""
    fsync = os.fsync

    def wrapped(handle: int) -> None:
        path = str(Path(f"/proc/self/fd/{handle}").readlink())
        folder = stat.S_ISDIR(os.fstat(handle).st_mode)
        ours = not folder and path.endswith(file_suffix)
        if ours:
            points.hit(f"{name}.written")
        fsync(handle)
        if ours:
            points.hit(f"{name}.synced")
        if folder:
            points.hit(f"{name}.folder_synced")

    setattr(os, "fsync", wrapped)  # noqa: B010


def arm_box(points: Failpoints) -> None:
    """Put the points of `BOX_POINTS` into the agent's stack of this process; before a box is made."""
    around_fsync(points, ".part", "picture")
    points.around(Path, "replace", "picture.before_rename", "picture.renamed")
    points.around(EvidenceStore, "remove", after="picture.removed")
    points.around(PahoConnection, "publish", "publish.before", "publish.handed_over")
    points.around(Sender, "_published", "publish.answered")
    points.around(MediaClient, "put", "upload.before", "upload.answered")
    receive = Sender.on_message

    def on_message(sender: Sender, message: Message) -> None:
        if message.topic != HUB_STATE:
            points.hit("ack.received")
        receive(sender, message)

    setattr(Sender, "on_message", on_message)  # noqa: B010
    _arm_transactions(points)


def _arm_transactions(points: Failpoints) -> None:
    run: Callable[..., Any] = Transactions._run

    def wrapped(transactions: Transactions, work: Callable[..., Any]) -> Any:  # noqa: ANN401
        kind = "other"

        def trace(statement: str) -> None:
            nonlocal kind
            words = statement.strip()
            kind = next((name for begin, name in _KINDS if words.startswith(begin)), kind)
            if kind == "event" and words.startswith("UPDATE milestone"):
                points.hit("event.inserted")
            if words.startswith("COMMIT"):
                points.hit(f"{kind}.before_commit")

        transactions._db.set_trace_callback(trace)
        result = run(transactions, work)
        points.hit(f"{kind}.committed")
        return result

    setattr(Transactions, "_run", wrapped)  # noqa: B010
