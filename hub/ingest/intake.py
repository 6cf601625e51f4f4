"""What waits between the broker and the database: a short queue for each box, emptied in fair turns."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from hub.clock import Clock
from mqtt.connection import Message
from mqtt.topic import Channel

# What Python keeps of a message beside its payload: two strings, two objects, places in queues.
OVERHEAD_BYTES = 512
LANES_AT_REST = 4096


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a box may send before the others, and how much may wait.

    A box that keeps to `rate_per_s` (after `burst` messages at once) has its turn before those that do not. Twice the
    agent's window of 256 is room for all that it sends before it waits for an answer, and for all of it once more.
    Of its states, of which only the newest count, fewer wait. `total_bytes` is for all boxes together.
    """

    rate_per_s: float = 200.0
    burst: int = 2000
    messages: int = 512
    states: int = 16
    total_bytes: int = 32 * 1024 * 1024


@dataclass(slots=True, eq=False)
class _Lane:
    """One box's events and results, or its states, in order of arrival; `tokens` are those at `counted_at`."""

    key: tuple[str, bool]
    tokens: float
    counted_at: float
    waiting: deque[Message] = field(default_factory=deque)
    size: int = 0

    @property
    def is_state(self) -> bool:
        return self.key[1]

    def count(self, now: float, limits: Limits) -> float:
        """The tokens at `now`."""
        self.tokens = min(limits.burst, self.tokens + (now - self.counted_at) * limits.rate_per_s)
        self.counted_at = now
        return self.tokens


class Intake:
    """Admits every message and gives them out fairly; knows no broker and no loop, and takes its time from the clock.

    Boxes within their rate have their turn first, one message a turn; then those beyond it, as long as there is room in
    the batch: nobody waits while the hub could work. A box beyond its rate is within it again after 1/rate seconds
    without a turn, so it is never starved either. One box's messages keep their order, and its states overtake its
    events. A box's name is that in the topic, so garbage counts against its sender before anybody reads it.

    When a box has more waiting than its part, its newest message is let go, of its states the oldest; when all
    together have too much, the box with most loses its newest. Each message let go, unless it is a state,
    which newer ones stand for, is told to `on_let_go` with the box's name. No answer goes out for it, so the box sends
    it again.
    """

    def __init__(self, limits: Limits, clock: Clock, on_let_go: Callable[[str], None]) -> None:
        self._limits = limits
        self._clock = clock
        self._on_let_go = on_let_go
        self._lanes: dict[tuple[str, bool], _Lane] = {}
        self._within: deque[_Lane] = deque()
        self._beyond: deque[_Lane] = deque()
        self._number = 0
        self._size = 0

    def __len__(self) -> int:
        """How many messages wait."""
        return self._number

    @property
    def size(self) -> int:
        """How many bytes wait, with what Python needs for them."""
        return self._size

    def admit(self, message: Message) -> None:
        """Let a message wait for its turn, which may mean that another one is let go, or this one."""
        lane = self._lane(message.topic)
        if lane.is_state and len(lane.waiting) >= self._limits.states:
            self._let_go(lane, lane.waiting.popleft())
        elif not lane.is_state and len(lane.waiting) >= self._limits.messages:
            self._on_let_go(lane.key[0])
            return
        self._put(lane, message)
        while self._size > self._limits.total_bytes:
            largest = max((*self._within, *self._beyond), key=lambda lane: lane.size)
            self._let_go(largest, largest.waiting.pop())

    def take(self, limit: int) -> list[Message]:
        """Up to `limit` messages, in the order of their turns; empty only when nothing waits."""
        now = self._clock.monotonic()
        for _ in range(len(self._beyond)):
            lane = self._beyond.popleft()
            (self._within if lane.count(now, self._limits) >= 1 else self._beyond).append(lane)
        batch: list[Message] = []
        for turns in (self._within, self._beyond):
            while turns and len(batch) < limit:
                lane = turns.popleft()
                batch.append(self._remove(lane, lane.waiting.popleft()))
                # Not below nothing: what a box got of the others' room is not held against it.
                lane.tokens = max(0.0, lane.count(now, self._limits) - 1)
                if lane.waiting:
                    (self._within if lane.tokens >= 1 else self._beyond).append(lane)
        self._forget_rested(now)
        return batch

    def _lane(self, topic: str) -> _Lane:
        # tr/v1/{edge}/{channel}: the subscriptions let nothing else in, and a name that is none is left to the reader.
        _, _, rest = topic.removeprefix("tr/").partition("/")
        edge_id, _, channel = rest.partition("/")
        key = (edge_id, channel == Channel.STATE)
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = _Lane(key, self._limits.burst, self._clock.monotonic())
        return lane

    def _put(self, lane: _Lane, message: Message) -> None:
        if not lane.waiting:
            within = lane.count(self._clock.monotonic(), self._limits) >= 1
            (self._within if within else self._beyond).append(lane)
        size = len(message.payload) + OVERHEAD_BYTES
        lane.waiting.append(message)
        lane.size += size
        self._size += size
        self._number += 1

    def _remove(self, lane: _Lane, message: Message) -> Message:
        size = len(message.payload) + OVERHEAD_BYTES
        lane.size -= size
        self._size -= size
        self._number -= 1
        return message

    def _let_go(self, lane: _Lane, message: Message) -> None:
        self._remove(lane, message)
        if not lane.waiting:
            (self._within if lane in self._within else self._beyond).remove(lane)
        if not lane.is_state:
            self._on_let_go(lane.key[0])

    def _forget_rested(self, now: float) -> None:
        # A lane that is empty and has all its tokens again is like a new one; names that were made up come without end.
        if len(self._lanes) > LANES_AT_REST:
            for lane in list(self._lanes.values()):
                if not lane.waiting and lane.count(now, self._limits) >= self._limits.burst:
                    del self._lanes[lane.key]
