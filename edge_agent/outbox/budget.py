"""Keeps the box inside its share of the disk: what is let go of, in which order, and that each time is told."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from edge_agent.errors import EdgeError
from edge_agent.outbox.emitter import Emitter, ShedReason
from edge_agent.outbox.rows import Shed
from edge_agent.outbox.store import Outbox
from mqtt.errors import MessageError

logger = logging.getLogger(__name__)

CHECK_EVERY_S = 5.0
# Shedding goes on to here, so that it comes in lots and not with every picture.
LOW_WATER = 0.95
PREVIEWS_REST_AT = 0.9
# Events take little room: for a disk that others fill they are let go of only when this share of the reserve is left.
EVENT_SHARE = 1 / 32
LOUD_EVERY_CHECKS = 60


class Shelf(Protocol):
    """The pictures' files; each method may raise OSError."""

    def used_bytes(self) -> int:
        """What the files take on the disk."""
        ...

    def remove(self, sha256: str) -> None:
        """Delete a picture; one that is not there is gone already."""
        ...


@dataclass(frozen=True, slots=True)
class DiskLimits:
    """What pictures and outbox may take together, and what must stay free on their disk, in bytes."""

    budget: int
    reserve: int


@dataclass(frozen=True, slots=True)
class DiskUse:
    """What pictures and outbox take, and what is free for them: on the disk, and inside the outbox's file."""

    used: int
    free: int


class DiskBudget:
    """Checks the disk every few seconds in a thread of its own and lets go of what has to go, lowest floor first.

    The floors: snapshots for live preview are not made; pictures that the hub refused and pictures of findings below
    level 3, oldest first; pictures of the others; dead letters; events, those below level 3 first. `free_on_disk` gives
    the bytes that the file system has for this user; it may raise OSError.
    """

    def __init__(
        self, emitter: Emitter, outbox: Outbox, shelf: Shelf, limits: DiskLimits, free_on_disk: Callable[[], int]
    ) -> None:
        self._emitter = emitter
        self._outbox = outbox
        self._shelf = shelf
        self._limits = limits
        self._free_on_disk = free_on_disk
        self._previews = True
        self._unkept_checks = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="disk-budget", daemon=True)

    @property
    def previews_allowed(self) -> bool:
        """Whether there is room enough to make pictures that prove nothing."""
        return self._previews

    def start(self) -> None:
        """Start the thread, which checks at once."""
        self._thread.start()

    def stop(self, timeout_s: float = 5.0) -> bool:
        """End the thread; False when it did not end in time."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def use(self) -> DiskUse:
        """Measure the disk as it is now.

        Raises:
            OutboxError: the outbox cannot be read.
            OSError: the folder or its file system cannot be read.
        """
        rows, spare = self._outbox.room()
        return DiskUse(self._shelf.used_bytes() + rows, self._free_on_disk() + spare)

    def check(self) -> None:
        """Measure once and let go of as much as is over.

        Raises:
            OutboxError: the outbox cannot be changed; what was let go of before is told.
            OSError: the disk failed; files of shed pictures that stay are removed by the uploader.
        """
        use, limits = self.use(), self._limits
        self._previews = use.used < limits.budget * PREVIEWS_REST_AT and use.free * PREVIEWS_REST_AT > limits.reserve
        over = int(use.used - limits.budget * LOW_WATER) if use.used > limits.budget else 0
        short = int(limits.reserve / LOW_WATER - use.free) if use.free < limits.reserve else 0
        reason: ShedReason = "over_budget" if over >= short else "disk_short"
        freed = self._shed_pictures(max(over, short), reason)
        needed = max(over, int(limits.reserve * EVENT_SHARE) - use.free)
        if needed > freed:
            freed += self._shed_events(needed - freed, reason)
        self._complain(max(over, short) - freed, use)

    def _shed_pictures(self, need: int, reason: ShedReason) -> int:
        freed = 0
        for severe in (False, True):
            while freed < need and (shed := self._emitter.shed_pictures(severe, need - freed, reason)):
                freed += shed.size
                self._note(shed, "pictures", reason)
                for sha256 in shed.pictures:
                    self._shelf.remove(sha256)
                self._outbox.pictures.forget(*shed.pictures)
        return freed

    def _shed_events(self, need: int, reason: ShedReason) -> int:
        if freed := self._outbox.drop_dead_letters():
            logger.warning("the dead letters, %d bytes, were dropped for want of room; the hub has them as well", freed)
        while freed < need and (shed := self._emitter.shed_events(need - freed, reason)):
            freed += shed.size
            self._note(shed, "events", reason)
        return freed

    def _note(self, shed: Shed, what: str, reason: ShedReason) -> None:
        severity = "severe" if shed.severe else "ordinary"
        text = "%d %s of %s findings (%d bytes, %s to %s) were let go of: %s"
        logger.error(text, shed.count, what, severity, shed.size, shed.oldest, shed.newest, reason)

    def _complain(self, left: int, use: DiskUse) -> None:
        if left <= 0:
            self._unkept_checks = 0
            return
        text = f"{use.free} bytes are free and there is nothing left to let go of; free some space on the disk"
        self._say_now_and_then(text)

    def _say_now_and_then(self, text: str) -> None:
        if self._unkept_checks % LOUD_EVERY_CHECKS == 0:
            logger.error("the disk budget is not kept: %s", text)
        self._unkept_checks += 1

    def _run(self) -> None:
        while True:
            try:
                self.check()
            except (EdgeError, MessageError, OSError) as error:
                self._say_now_and_then(str(error))
            if self._stopping.wait(CHECK_EVERY_S):
                return
