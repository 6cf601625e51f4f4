"""Builds the hub: parts in the order of their needs, the routers, and what wraps every request."""

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import FastAPI
from starlette.middleware.trustedhost import TrustedHostMiddleware

import hub.auth.endpoints
import hub.cases.endpoints
import hub.fleet.endpoints
import hub.ingest.endpoints
import hub.live.endpoints
import hub.media.endpoints
import hub.ops.endpoints
from hub.audit.repository import AuditRepository
from hub.auth.dependencies import SubjectDep
from hub.auth.service import AuthService
from hub.broker import EmbeddedBroker
from hub.broker_users import HUB_USER, BrokerUsers
from hub.clock import Clock, Ids, SystemClock, SystemIds
from hub.db.engine import make_engine
from hub.db.migrate import upgrade
from hub.db.unit_of_work import UnitOfWork
from hub.errors import StartError
from hub.fleet.tasks import PictureSweep
from hub.headers import BodyLimit, SecurityHeaders
from hub.ingest.consumer import IngestConsumer, connection_options
from hub.ingest.resync import Resync
from hub.live.feed import Feed
from hub.media.service import MediaService
from hub.media.store import MediaStore
from hub.pages import Pages
from hub.problem import UnexpectedErrors, add_problem_handlers
from hub.settings import HubSettings
from hub.state import Hub, MqttAccount
from mqtt.errors import ConnectionSetupError

logger = logging.getLogger(__name__)

ROUTERS = (
    hub.auth.endpoints.router,
    hub.cases.endpoints.router,
    hub.fleet.endpoints.router,
    hub.live.endpoints.router,
    hub.ingest.endpoints.router,
    hub.media.endpoints.router,
    hub.ops.endpoints.router,
)


def create_app(settings: HubSettings, clock: Clock | None = None, ids: Ids | None = None) -> FastAPI:
    """The hub as an ASGI application; its lifespan starts and stops the parts behind it.

    Raises (from the lifespan):
        StartError: the data folder, the database, the embedded broker or the settings of the broker cannot be used.
    """
    clock = clock or SystemClock()
    ids = ids or SystemIds()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with run_hub(settings, clock, ids) as parts:
            app.state.hub = parts
            yield

    app = FastAPI(title="Tianrui hub", version="1", lifespan=lifespan, openapi_url=None, docs_url=None, redoc_url=None)
    for router in ROUTERS:
        app.include_router(router)

    @app.get("/api/v1/openapi.json", include_in_schema=False)
    async def openapi(subject: SubjectDep) -> dict[str, object]:  # noqa: ARG001
        return app.openapi()

    app.mount("/", Pages())
    add_problem_handlers(app)
    app.add_middleware(BodyLimit)
    if settings.trusted_hosts:
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=settings.trusted_hosts)
    app.add_middleware(UnexpectedErrors, ids=ids)
    app.add_middleware(SecurityHeaders, tls=settings.serves_tls)
    return app


@asynccontextmanager
async def run_hub(settings: HubSettings, clock: Clock, ids: Ids) -> AsyncIterator[Hub]:
    """Start every part behind the application and stop them in reverse order.

    Raises:
        StartError: the data folder, the database, the embedded broker or the settings of the broker cannot be used.
    """
    make_data_dir(settings)
    async with AsyncExitStack() as stack:
        parts = await _build(settings, clock, ids, stack)
        _check_broker_settings(parts)
        if settings.embedded_broker:
            await _start_broker(parts, stack)
        await _in_background(IngestConsumer(parts).run(), "ingest", parts, stack)
        resync = Resync(parts, connection_options(parts, f"hub-resync-{ids.new()}"))
        await _in_background(resync.run(), "resync", parts, stack)
        sweep = PictureSweep(parts.uow, parts.media, parts.clock)
        await _in_background(sweep.run(), "picture sweep", parts, stack)
        yield parts


def make_data_dir(settings: HubSettings) -> None:
    """Create the data folder, readable by its owner only.

    Raises:
        StartError: it cannot be created or written.
    """
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        MediaStore.prepare(settings.data_dir / "media")
    except OSError as error:
        msg = f"the data folder {settings.data_dir} cannot be used: {error.strerror}; give --data-dir a writable one"
        raise StartError(msg) from None


async def _build(settings: HubSettings, clock: Clock, ids: Ids, stack: AsyncExitStack) -> Hub:
    engine = make_engine(settings.url_of_database)
    stack.push_async_callback(engine.dispose)
    await asyncio.to_thread(upgrade, settings.url_of_database)
    uow = UnitOfWork(engine)
    audit = AuditRepository(clock, ids)
    auth = AuthService(uow, audit, clock, ids)
    return Hub(
        settings=settings,
        clock=clock,
        ids=ids,
        uow=uow,
        audit=audit,
        auth=auth,
        media=MediaService(MediaStore(settings.data_dir / "media", ids), uow, clock),
        feed=Feed(),
        mqtt_account=_mqtt_account(settings),
        first_password=await auth.create_first_user(),
    )


def _mqtt_account(settings: HubSettings) -> MqttAccount:
    if settings.embedded_broker:
        return MqttAccount(HUB_USER, BrokerUsers(settings.broker_dir).hub_password())
    return MqttAccount(settings.mqtt_username, settings.mqtt_password)


def _check_broker_settings(parts: Hub) -> None:
    try:
        connection_options(parts, "hub")
    except ConnectionSetupError as error:
        msg = f"the hub cannot connect to its broker with these settings: {error}"
        raise StartError(msg) from None


async def _start_broker(parts: Hub, stack: AsyncExitStack) -> None:
    settings = parts.settings
    broker = EmbeddedBroker(settings.broker_dir, settings.embedded_broker_port, BrokerUsers(settings.broker_dir))
    await broker.start()
    stack.push_async_callback(broker.stop)
    await _in_background(broker.watch(), "broker", parts, stack)


async def _in_background(work: Coroutine[None, None, None], name: str, parts: Hub, stack: AsyncExitStack) -> None:
    task = asyncio.create_task(work, name=name)

    def ended(finished: asyncio.Task[None]) -> None:
        error = None if finished.cancelled() else finished.exception()
        if error is not None:
            traceback = None if isinstance(error, StartError) else error
            logger.critical("the %s part failed, the hub stops", name, exc_info=traceback)
            parts.failure = error
            parts.stopping.set()

    async def stop() -> None:
        task.cancel()
        await asyncio.wait([task])

    task.add_done_callback(ended)
    stack.push_async_callback(stop)
