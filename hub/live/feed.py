"""The fan-out of changes to every viewer in this process; one that is too slow is told to fetch everything again."""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from hub.auth.policy import Subject, may_see_grid

VIEWER_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """Something that has changed, by name only: `thing` is which one, `grids` are the grid codes that it belongs to."""

    name: str
    thing: str
    data: dict[str, str | int]
    grids: tuple[str | None, ...]


class Viewer:
    """The changes that one browser still has to be told, at most `limit` things; the same thing again counts once."""

    def __init__(self, subject: Subject, limit: int = VIEWER_LIMIT) -> None:
        self._subject = subject
        self._limit = limit
        self._waiting: dict[tuple[str, str], FeedEvent] = {}
        self._news = asyncio.Event()
        self.missed = True

    def become(self, subject: Subject) -> None:
        """Go on as what the person is now; who may see other things than before has to fetch everything again."""
        if subject != self._subject:
            self._subject = subject
            self._miss()

    def offer(self, event: FeedEvent) -> None:
        """Keep the event when the subject may see it; when there are too many, drop all and remember that."""
        if self.missed or not any(may_see_grid(self._subject, grid) for grid in event.grids):
            return
        self._waiting[event.name, event.thing] = event
        if len(self._waiting) > self._limit:
            self._miss()
        self._news.set()

    def take(self) -> tuple[bool, list[FeedEvent]]:
        """Whether everything has to be fetched again, which is so at the start, and the events that wait."""
        missed, self.missed = self.missed, False
        events = list(self._waiting.values())
        self._waiting.clear()
        self._news.clear()
        return missed, events

    async def wait(self) -> None:
        """Return when there is something to take."""
        if not self.missed:
            await self._news.wait()

    def _miss(self) -> None:
        self._waiting.clear()
        self.missed = True


class Feed:
    """All viewers of this process."""

    def __init__(self) -> None:
        self._viewers: set[Viewer] = set()

    def __len__(self) -> int:
        """How many viewers there are."""
        return len(self._viewers)

    @contextmanager
    def watch(self, subject: Subject, limit: int = VIEWER_LIMIT) -> Iterator[Viewer]:
        """A viewer who is told of changes until the block ends."""
        viewer = Viewer(subject, limit)
        self._viewers.add(viewer)
        try:
            yield viewer
        finally:
            self._viewers.discard(viewer)

    def publish(self, events: Iterable[FeedEvent]) -> None:
        """Offer the events, which are committed already, to every viewer; never waits."""
        for event in events:
            for viewer in self._viewers:
                viewer.offer(event)
