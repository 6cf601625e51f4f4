"""The answers to boxes, in messages that fit the wire."""

from collections.abc import Iterator, Sequence
from uuid import UUID

from mqtt.answers import Ack, Refusal

SETTLED_LIMIT = 500
REFUSED_LIMIT = 15
"""A refusal has at most 500 signs of detail, 6 bytes each when escaped: 15 of them stay under 64 KiB."""


def acks(settled: Sequence[UUID], refused: Sequence[Refusal]) -> Iterator[Ack]:
    """As many acks as are needed for these answers to one box, each under 64 KiB."""
    for start in range(0, len(settled), SETTLED_LIMIT):
        yield Ack(settled=tuple(settled[start : start + SETTLED_LIMIT]))
    for start in range(0, len(refused), REFUSED_LIMIT):
        yield Ack(refused=tuple(refused[start : start + REFUSED_LIMIT]))
