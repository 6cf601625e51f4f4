"""Topics as types: built, parsed or refused, never put together from strings elsewhere."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from mqtt.errors import TopicError

ROOT = "tr/v1"
HUB_STATE = f"{ROOT}/hub/state"
EDGE_ID_PATTERN = r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$"
_EDGE_ID = re.compile(EDGE_ID_PATTERN)
_RESERVED = frozenset({"hub"})


class Channel(StrEnum):
    """The last level of a box's topic."""

    EVENT = "event"
    READING = "reading"
    STATE = "state"
    REPORTED = "reported"
    RESULT = "result"
    ACK = "ack"
    DESIRED = "desired"
    COMMAND = "command"


UPWARD = frozenset({Channel.EVENT, Channel.READING, Channel.STATE, Channel.REPORTED, Channel.RESULT})
DOWNWARD = frozenset({Channel.ACK, Channel.DESIRED, Channel.COMMAND})
RETAINED = frozenset({Channel.STATE, Channel.DESIRED, Channel.REPORTED})


def check_edge_id(edge_id: str) -> str:
    """Return `edge_id` when it can stand in a topic.

    Raises:
        TopicError: it is empty, reserved, longer than 63 characters or has other characters than a-z, 0-9 and `-`.
    """
    if not _EDGE_ID.fullmatch(edge_id) or edge_id in _RESERVED:
        msg = f"edge id {edge_id!r} is not usable: 1 to 63 of a-z, 0-9 and '-', no '-' at either end, not 'hub'"
        raise TopicError(msg)
    return edge_id


@dataclass(frozen=True, slots=True)
class Topic:
    """One box's topic, `tr/v1/{edge_id}/{channel}`."""

    edge_id: str
    channel: Channel

    def __post_init__(self) -> None:
        """Refuse an edge id that cannot stand in a topic."""
        check_edge_id(self.edge_id)

    def __str__(self) -> str:
        """The topic as MQTT spells it."""
        return f"{ROOT}/{self.edge_id}/{self.channel}"

    @property
    def retained(self) -> bool:
        """Whether the broker keeps the last message of this topic for later subscribers."""
        return self.channel in RETAINED

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a topic as MQTT spells it.

        Raises:
            TopicError: the text is not `tr/v1/{edge_id}/{channel}`.
        """
        prefix, _, rest = text.partition(f"{ROOT}/")
        levels = rest.split("/")
        if prefix or len(levels) != 2:  # noqa: PLR2004
            msg = f"topic {text!r} is not {ROOT}/<edge>/<channel>"
            raise TopicError(msg)
        try:
            channel = Channel(levels[1])
        except ValueError:
            msg = f"topic {text!r} has no known channel; known are {', '.join(Channel)}"
            raise TopicError(msg) from None
        return cls(levels[0], channel)


def subscription(channel: Channel, group: str | None = None) -> str:
    """The filter that matches `channel` of every box; with `group` a shared subscription (MQTT 5, section 4.8.2)."""
    topic_filter = f"{ROOT}/+/{channel}"
    return f"$share/{group}/{topic_filter}" if group else topic_filter
