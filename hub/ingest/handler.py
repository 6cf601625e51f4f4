"""One batch of messages, one transaction: what was taken, what was refused, and what to tell after the commit."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from hub.cases.service import CaseFiling
from hub.db.unit_of_work import UnitOfWork
from hub.fleet.policy import StateMessage
from hub.fleet.service import FleetKeeping
from hub.ingest.letter_repository import LetterRepository
from hub.ingest.order_keeping import OrderKeeping
from hub.ingest.reader import Accepted, Poison, read
from hub.ingest.repository import IngestRepository
from hub.live.feed import FeedEvent
from mqtt.answers import Refusal
from mqtt.connection import Message
from mqtt.envelope import Envelope
from mqtt.errors import RefusalReason
from mqtt.states import BirthBody, DeathBody, HealthBody

INTERNAL_ERROR = "internal_error"


@dataclass(slots=True)
class Outcome:
    """What a committed batch leaves to be done: answers for each box, and news for the viewers."""

    settled: dict[str, list[UUID]] = field(default_factory=lambda: defaultdict(list))
    refused: dict[str, list[Refusal]] = field(default_factory=lambda: defaultdict(list))
    events: list[FeedEvent] = field(default_factory=list)
    boots: set[tuple[str, UUID]] = field(default_factory=set)
    stored: int = 0
    duplicates: int = 0
    buried: int = 0


@dataclass(slots=True)
class Sorted:
    """A batch that was read: messages to store (different ids, in order), their repetitions, states, and poison."""

    durable: dict[UUID, Accepted] = field(default_factory=dict)
    repeated: list[Accepted] = field(default_factory=list)
    states: list[StateMessage] = field(default_factory=list)
    poison: list[Poison] = field(default_factory=list)


class IngestHandler:
    """Takes batches; the whole effect of a message is in one transaction with its event row."""

    def __init__(
        self,
        uow: UnitOfWork,
        repository: IngestRepository,
        letters: LetterRepository,
        cases: CaseFiling,
        fleet: FleetKeeping,
        order: OrderKeeping,
    ) -> None:
        self._uow = uow
        self._repository = repository
        self._letters = letters
        self._cases = cases
        self._fleet = fleet
        self._order = order

    async def take(self, messages: Sequence[Message]) -> Outcome:
        """Store the batch, or nothing of it.

        Raises:
            RaceLostError: another replica was faster with the same rows; take the batch again.
            SQLAlchemyError: the database is away, or a message cannot be stored.
        """
        async with self._uow.write() as session:
            outcome, poison = await self.take_within(session, messages)
            await self._refuse(session, [(letter, str(letter.reason)) for letter in poison], outcome)
        self._order.heard |= outcome.boots
        return outcome

    async def take_within(self, session: AsyncSession, messages: Sequence[Message]) -> tuple[Outcome, list[Poison]]:
        """Store what can be taken within the caller's transaction; the poison is returned and not buried yet."""
        read_messages = [read(message) for message in messages]
        outcome = Outcome()
        batch = await self._sort(session, read_messages)
        new = await self._store(session, batch, outcome)
        outcome.events += await self._cases.take(session, new)
        outcome.events += await self._fleet.take(session, batch.states)
        envelopes = [each.envelope for each in batch.durable.values()] + [each.envelope for each in batch.states]
        outcome.boots = {(envelope.edge_id, envelope.boot_id) for envelope in envelopes}
        return outcome, batch.poison

    async def bury(self, message: Message, error_id: UUID) -> Outcome:
        """Refuse a message that could not be stored for a reason that nobody foresaw; `error_id` is in the log."""
        poison = read(message)
        if isinstance(poison, Accepted):
            detail = f"the hub could not store it; error {error_id}"
            envelope = poison.envelope
            poison = Poison(message, envelope.edge_id, envelope.event_id, RefusalReason.INVALID, detail)
        outcome = Outcome()
        async with self._uow.write() as session:
            await self._refuse(session, [(poison, INTERNAL_ERROR)], outcome)
        return outcome

    async def _sort(self, session: AsyncSession, messages: Sequence[Accepted | Poison]) -> Sorted:
        edge_ids = {message.envelope.edge_id for message in messages if isinstance(message, Accepted)}
        known = await self._repository.may_send(session, edge_ids)
        batch = Sorted()
        for message in messages:
            if isinstance(message, Poison):
                batch.poison.append(message)
            elif message.envelope.edge_id not in known:
                batch.poison.append(
                    _refused(message, RefusalReason.UNKNOWN_EDGE, "this box is not provisioned here, or was revoked")
                )
            elif isinstance(message.envelope.body, BirthBody | HealthBody | DeathBody):
                batch.states.append(StateMessage(message.envelope, message.envelope.body, message.message.retained))
            elif batch.durable.setdefault(message.envelope.event_id, message) is not message:
                batch.repeated.append(message)
        return batch

    async def _store(self, session: AsyncSession, batch: Sorted, outcome: Outcome) -> list[Envelope]:
        new_ids = await self._repository.add_events(session, list(batch.durable.values()))
        seen = [message for event_id, message in batch.durable.items() if event_id not in new_ids] + batch.repeated
        contents = await self._repository.contents(session, {message.envelope.event_id for message in seen})
        for message in seen:
            if contents[message.envelope.event_id] != message.content_sha256:
                detail = "another message with this event_id has been taken already"
                batch.poison.append(_refused(message, RefusalReason.CONFLICT, detail))
            else:
                outcome.duplicates += 1
                outcome.settled[message.envelope.edge_id].append(message.envelope.event_id)
        for event_id in new_ids:
            outcome.settled[batch.durable[event_id].envelope.edge_id].append(event_id)
        outcome.stored = len(new_ids) + len(batch.states)
        return [message.envelope for event_id, message in batch.durable.items() if event_id in new_ids]

    async def _refuse(self, session: AsyncSession, letters: list[tuple[Poison, str]], outcome: Outcome) -> None:
        await self._letters.bury(session, letters)
        await self._order.refuse(session, [poison for poison, _ in letters])
        outcome.buried = len(letters)
        for poison, _ in letters:
            if poison.edge_id is not None:
                outcome.refused[poison.edge_id].append(poison.refusal())


def _refused(message: Accepted, reason: RefusalReason, detail: str) -> Poison:
    return Poison(message.message, message.envelope.edge_id, message.envelope.event_id, reason, detail)
