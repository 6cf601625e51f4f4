"""What the hub orders a box to do, and the result that it gets for each order."""

import json
import logging
from collections.abc import Callable
from functools import partial
from uuid import UUID

from edge_agent.outbox.emitter import Emitter
from edge_agent.outbox.sender import Sender
from edge_agent.outbox.store import Outbox
from mqtt.answers import Command
from mqtt.connection import Message
from mqtt.envelope import decode
from mqtt.errors import MessageError
from mqtt.messages import ResultBody
from mqtt.topic import Channel, Topic

logger = logging.getLogger(__name__)


class Orders:
    """Carries out commands in the sender's thread; `greet` publishes the birth.

    The only verb is `resync`: the hub misses something of the order of a boot, so everything unsettled is due at once,
    and the birth, whose seq is the number of events so far, shows what there is to be had.
    """

    def __init__(
        self, outbox: Outbox, emitter: Emitter, sender: Sender, edge_id: str, greet: Callable[[], None]
    ) -> None:
        self.topic = str(Topic(edge_id, Channel.COMMAND))
        self._outbox = outbox
        self._emitter = emitter
        self._sender = sender
        self._greet = greet

    def on_message(self, message: Message) -> None:
        """Take a command; one that is not known gets a result `refused`, one without a readable id only a log line."""
        if message.topic != self.topic:
            return
        try:
            command = decode(message.payload, Command)
        except MessageError as error:
            self._refuse(message.payload, error)
            return
        self._sender.soon(partial(self._resync, command.command_id))

    def _resync(self, command_id: UUID) -> None:
        held = self._outbox.counts().kept
        self._outbox.put_all_back()
        logger.info("the hub asked for a resync: %d unsettled events are sent again", held)
        if held:
            result = ResultBody(command_id=command_id, status="done", reason=f"{held} unsettled events are sent again")
        else:
            words = "nothing is unsettled here: every event was settled, refused or shed, and none can be sent again"
            result = ResultBody(command_id=command_id, status="failed", reason=words)
        self._emitter.emit(result, None)
        self._greet()

    def _refuse(self, payload: bytes, error: MessageError) -> None:
        command_id = _readable_id(payload)
        logger.error("a command of the hub cannot be read and is refused: %s", error)
        if command_id is not None:
            result = ResultBody(command_id=command_id, status="refused", reason=str(error)[:500])
            self._sender.soon(lambda: self._emitter.emit(result, None))


def _readable_id(payload: bytes) -> UUID | None:
    try:
        return UUID(json.loads(payload)["command_id"])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
