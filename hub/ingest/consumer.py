"""The hub's one MQTT connection: takes what boxes send in batches, has them stored, and answers after the commit."""

import asyncio
import contextlib
import logging
from zoneinfo import ZoneInfo

from prometheus_client import Counter

from hub.cases.service import CaseFiling, CaseReading, Site
from hub.catalogue.service import load_catalogue
from hub.errors import StartError
from hub.fleet.service import FleetKeeping
from hub.ingest.acks import acks
from hub.ingest.batcher import Batcher
from hub.ingest.handler import IngestHandler, Outcome
from hub.ingest.held_back import HeldBack
from hub.ingest.intake import Intake, Limits
from hub.ingest.letter_repository import LetterRepository
from hub.ingest.order_keeping import OrderKeeping
from hub.ingest.repository import IngestRepository
from hub.ingest.settler import Settler
from hub.settings import HubSettings
from hub.state import Hub
from mqtt import aio_connection
from mqtt.aio_connection import AioSession
from mqtt.answers import HubState
from mqtt.connection import ConnectionOptions, Message, TlsOptions, Will
from mqtt.envelope import decode, encode
from mqtt.errors import BrokerError, MessageError
from mqtt.topic import HUB_STATE, Channel, Topic, subscription

SHARED = (Channel.EVENT, Channel.READING, Channel.RESULT, Channel.REPORTED)
# A group for each channel: rumqttd delivers only the first filter of a group (measured with iotcore 0.4.0).
FILTERS = (*(subscription(channel, f"hub-{channel}") for channel in SHARED), subscription(Channel.STATE), HUB_STATE)
FAREWELL_S = 2.0

_log = logging.getLogger(__name__)
_taken = Counter("tianrui_hub_ingest_messages", "Messages of boxes by what became of them", ["outcome"])


class IngestConsumer:
    """Consumes until it is cancelled; several replicas share the work through the subscription group."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._settler = Settler(make_handler(hub), hub.ids, self._on_outage)
        self._cases = CaseReading(hub.uow, hub.clock, hub.media, load_catalogue())
        self._limits = Limits(hub.settings.edge_events_per_s, hub.settings.edge_events_burst)
        self._held_back = HeldBack(hub.ingest.held_back, hub.clock)
        self._link: AioSession | None = None
        self._open = False

    async def run(self) -> None:
        """Keep connected and consume.

        Raises:
            ConnectionSetupError: the settings of the broker cannot work.
            StartError: TLS settings are incomplete.
        """
        self._hub.media.on_stored.append(self._on_picture)
        # The name differs each time and the session ends with the connection: what the broker would keep for a hub that
        # never comes back, it would keep from the other replicas; boxes send again whatever was not acked.
        options = connection_options(self._hub, f"hub-{self._hub.ids.new()}")
        try:
            await aio_connection.run(options, self._consume, Will(HUB_STATE, self._state(online=False), retain=True))
        finally:
            self._hub.media.on_stored.remove(self._on_picture)

    async def _consume(self, link: AioSession) -> None:
        self._link = link
        try:
            await self._settler.wait_until_ready()
            await link.subscribe(FILTERS)
            await self._announce(online=True)
            self._hub.ingest.connected = True
            async with Batcher(link.messages, Intake(self._limits, self._hub.clock, self._let_go)) as batcher:
                while True:
                    await self._take(await batcher.next_batch())
                    self._held_back.look()
        finally:
            self._hub.ingest.connected = False
            with contextlib.suppress(BrokerError, TimeoutError):
                async with asyncio.timeout(FAREWELL_S):
                    await self._announce(online=False)
            self._link = None

    def _let_go(self, edge_id: str) -> None:
        _taken.labels("held_back").inc()
        self._held_back.note(edge_id)

    async def _take(self, batch: list[Message]) -> None:
        for_us = [message for message in batch if message.topic != HUB_STATE]
        if len(for_us) < len(batch):
            await self._defend([message for message in batch if message.topic == HUB_STATE])
        if for_us:
            async for outcome in self._settler.settle(for_us):
                await self._follow_up(outcome)

    async def _follow_up(self, outcome: Outcome) -> None:
        _taken.labels("stored").inc(outcome.stored)
        _taken.labels("duplicate").inc(outcome.duplicates)
        _taken.labels("refused").inc(outcome.buried)
        self._hub.feed.publish(outcome.events)
        answers = [
            (str(Topic(edge_id, Channel.ACK)), encode(ack))
            for edge_id in sorted({*outcome.settled, *outcome.refused})
            for ack in acks(outcome.settled.get(edge_id, ()), outcome.refused.get(edge_id, ()))
        ]
        await asyncio.gather(*(self._publish(topic, payload) for topic, payload in answers))

    async def _publish(self, topic: str, payload: bytes, retain: bool = False) -> None:
        if self._link is None:
            return
        result = await self._link.publish(topic, payload, 1, retain)
        if not result.ok:
            _log.error("the broker refused a message on %s: %s; check the hub's rights there", topic, result.text)

    async def _announce(self, *, online: bool) -> None:
        self._open = online
        await self._publish(HUB_STATE, self._state(online=online), retain=True)

    async def _defend(self, messages: list[Message]) -> None:
        """Another replica's farewell or will must not close the door that this one holds open."""
        for message in messages:
            try:
                closed = not decode(message.payload, HubState).online
            except MessageError as error:
                _log.warning("%s holds no valid state: %s", HUB_STATE, error)
                closed = True
            if closed and self._open:
                await self._announce(online=True)

    async def _on_outage(self, away: bool) -> None:
        with contextlib.suppress(BrokerError):
            await self._announce(online=not away)

    async def _on_picture(self, sha256: str, edge_id: str) -> None:  # noqa: ARG002
        self._hub.feed.publish(await self._cases.changes_by_picture(sha256))

    def _state(self, *, online: bool) -> bytes:
        return encode(HubState(online=online, since=self._hub.clock.now()))


def make_handler(hub: Hub) -> IngestHandler:
    """The handler with the hub's parts."""
    site = Site(hub.settings.district_code, ZoneInfo(hub.settings.time_zone))
    filing = CaseFiling(load_catalogue(), hub.audit, hub.clock, hub.ids, site)
    letters = LetterRepository(hub.clock, hub.ids)
    order = OrderKeeping(hub.clock, hub.ingest.heard)
    return IngestHandler(hub.uow, IngestRepository(hub.clock), letters, filing, FleetKeeping(hub.clock), order)


def connection_options(hub: Hub, client_id: str) -> ConnectionOptions:
    """How this hub connects to its broker.

    Raises:
        ConnectionSetupError: the settings of the broker cannot work.
        StartError: TLS settings are incomplete.
    """
    host, port = hub.settings.broker_address
    return ConnectionOptions(
        host=host,
        port=port,
        client_id=client_id,
        username=hub.mqtt_account.username,
        password=hub.mqtt_account.password,
        tls=_tls(hub.settings),
        session_expiry_s=0,
    )


def _tls(settings: HubSettings) -> TlsOptions | None:
    if settings.mqtt_ca is None:
        if settings.mqtt_cert is not None:
            raise StartError(
                "mqtt_cert is set without mqtt_ca; set mqtt_ca to the authority of the broker's certificate"
            )
        return None
    return TlsOptions(settings.mqtt_ca, settings.mqtt_cert, settings.mqtt_key)
