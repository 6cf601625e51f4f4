"""Hears when boxes are answered: how long each event took from its birth to the hub's ack, seen from outside."""

import time
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Self
from uuid import UUID

import paho.mqtt.client as paho

from mqtt.answers import Ack
from mqtt.envelope import decode
from mqtt.topic import HUB_STATE
from tests.lab.wire import Wire


def born_at(event_id: UUID) -> float:
    """Seconds since 1970 at which a UUIDv7 was made, to the millisecond (RFC 9562, section 5.7)."""
    return (event_id.int >> 80) / 1000


def percentile(values: list[float], part: float) -> float:
    """The value under which `part` of the values lie."""
    if not values:
        raise ValueError("nothing was measured")
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


class _Listener(Wire):
    """Notes for each event of one box how many seconds after its birth the first ack of it came."""

    def __init__(self, port: int, edge_id: str, token: str) -> None:
        super().__init__(port, edge_id, token)
        self.took: dict[UUID, float] = {}

    def _take(self, client: object, data: object, message: paho.MQTTMessage) -> None:
        super()._take(client, data, message)
        if message.topic != HUB_STATE:
            now = time.time()
            for event_id in decode(bytes(message.payload), Ack).settled:
                self.took.setdefault(event_id, now - born_at(event_id))


class Ears:
    """Listens to the answers of several boxes, named with their tokens; a context manager."""

    def __init__(self, port: int, tokens: Mapping[str, str]) -> None:
        self._listeners = [_Listener(port, edge_id, token) for edge_id, token in tokens.items()]
        self._stack = ExitStack()
        self._seen: set[UUID] = set()

    def since_last(self) -> list[float]:
        """Seconds from birth to ack of the events that were answered since this was asked last."""
        took = {event_id: s for listener in self._listeners for event_id, s in list(listener.took.items())}
        fresh = [s for event_id, s in took.items() if event_id not in self._seen]
        self._seen |= took.keys()
        return fresh

    def __enter__(self) -> Self:
        for listener in self._listeners:
            self._stack.enter_context(listener)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
