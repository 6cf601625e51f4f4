"""The hub's parts in one typed container, built once by `app` and handed to endpoints and background parts."""

import asyncio
from dataclasses import dataclass, field
from typing import Annotated
from uuid import UUID

from fastapi import Depends
from pydantic import SecretStr
from starlette.requests import HTTPConnection

from hub.audit.repository import AuditRepository
from hub.auth.service import AuthService
from hub.clock import Clock, Ids
from hub.db.unit_of_work import UnitOfWork
from hub.live.feed import Feed
from hub.media.service import MediaService
from hub.settings import HubSettings


@dataclass
class IngestStatus:
    """What the consumer says about itself; `heard` are the boots whose order is to be looked at again.

    `held_back` has the boxes that send more than this hub takes, each with the number of messages let go so far.
    """

    connected: bool = False
    heard: set[tuple[str, UUID]] = field(default_factory=set)
    held_back: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class MqttAccount:
    """With which name and password the hub signs in to the broker."""

    username: str | None
    password: SecretStr | None


@dataclass
class Hub:
    """Everything that a request or a background part may use."""

    settings: HubSettings
    clock: Clock
    ids: Ids
    uow: UnitOfWork
    audit: AuditRepository
    auth: AuthService
    media: MediaService
    feed: Feed
    mqtt_account: MqttAccount
    ingest: IngestStatus = field(default_factory=IngestStatus)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    failure: BaseException | None = None
    first_password: SecretStr | None = None


def get_hub(connection: HTTPConnection) -> Hub:
    """The hub that serves this request, as a FastAPI dependency."""
    hub: Hub = connection.app.state.hub
    return hub


HubDep = Annotated[Hub, Depends(get_hub)]
