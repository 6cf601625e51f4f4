"""Says which boxes send more than the hub takes: in the hub's status, in the metrics, and in the log twice."""

import logging
from dataclasses import dataclass

from prometheus_client import Gauge

from hub.clock import Clock

# Longer than most boxes wait before they send again, so that one flood is one line in the log.
QUIET_S = 60.0

_log = logging.getLogger(__name__)
_held_back = Gauge(
    "tianrui_hub_ingest_held_back",
    "Messages of a box that were let go unanswered since it began to send more than its room; it sends them again",
    ["edge_id"],
)


@dataclass(slots=True)
class _Flood:
    began_at: float
    last_at: float


class HeldBack:
    """Counts what was let go into `status`: box to number of messages, for as long as the box floods."""

    def __init__(self, status: dict[str, int], clock: Clock) -> None:
        self._status = status
        self._clock = clock
        self._floods: dict[str, _Flood] = {}

    def note(self, edge_id: str) -> None:
        """A message of this box was let go."""
        now = self._clock.monotonic()
        flood = self._floods.get(edge_id)
        if flood is None:
            self._floods[edge_id] = flood = _Flood(now, now)
            self._status[edge_id] = 0
            _log.warning("box %s sends more than the hub takes; it is held back, nothing is lost", edge_id)
        flood.last_at = now
        self._status[edge_id] += 1
        _held_back.labels(edge_id).set(self._status[edge_id])

    def look(self) -> None:
        """Forget the boxes that have kept to their room for a while."""
        now = self._clock.monotonic()
        for edge_id, flood in list(self._floods.items()):
            if now - flood.last_at >= QUIET_S:
                del self._floods[edge_id]
                number = self._status.pop(edge_id)
                _held_back.remove(edge_id)
                text = "box %s is no longer held back; %d of its messages were let go in %.0f s, to be sent again"
                _log.warning(text, edge_id, number, flood.last_at - flood.began_at)
