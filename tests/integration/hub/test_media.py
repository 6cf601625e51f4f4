"""Pictures from boxes: what is taken, what is refused, and that no row is without its file."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

import httpx
import pytest
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from hub.auth.policy import EdgeIdentity
from hub.db.unit_of_work import UnitOfWork
from hub.errors import NotFoundError
from hub.media.models import MediaRow
from hub.media.service import MediaService
from hub.media.store import LIMIT, MediaStore
from hub.settings import HubSettings
from hub.state import Hub

PICTURE = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 40
SHA256 = hashlib.sha256(PICTURE).hexdigest()
ROUTE = f"/api/v1/media/{SHA256}"


@pytest.fixture
async def box(hub: Hub, hub_client: httpx.AsyncClient) -> httpx.AsyncClient:
    """A box with its token."""
    token = await hub.auth.provision_edge("box-1")
    hub_client.headers.update({"Authorization": f"Bearer {token.get_secret_value()}", "Content-Type": "image/jpeg"})
    return hub_client


async def rows(hub: Hub) -> list[MediaRow]:
    async with hub.uow.read() as session:
        return list((await session.execute(select(MediaRow))).scalars())


async def forget(session: AsyncSession, *, shas: Collection[str]) -> set[str]:
    statement = delete(MediaRow).where(MediaRow.sha256.in_(shas)).returning(MediaRow.sha256)
    return set((await session.execute(statement)).scalars())


def files(settings: HubSettings) -> list[str]:
    return sorted(path.name for path in (settings.data_dir / "media").rglob("*") if path.is_file())


async def test_a_picture_is_stored_once_and_told_once(
    box: httpx.AsyncClient, hub: Hub, hub_settings: HubSettings
) -> None:
    told = []

    async def tell(sha256: str, edge_id: str) -> None:
        told.append((sha256, edge_id, await hub.media.exists(sha256)))

    hub.media.on_stored.append(tell)
    assert (await box.head(ROUTE)).status_code == 404
    assert (await box.put(ROUTE, content=PICTURE)).status_code == 201
    assert (await box.put(ROUTE, content=PICTURE)).status_code == 200
    assert (await box.head(ROUTE)).status_code == 200
    assert told == [(SHA256, "box-1", True)]
    assert [(row.sha256, row.size, row.content_type, row.edge_id) for row in await rows(hub)] == [
        (SHA256, len(PICTURE), "image/jpeg", "box-1")
    ]
    assert (await hub.media.response(SHA256)).body == PICTURE
    assert files(hub_settings) == [SHA256]


async def test_two_boxes_may_send_the_same_picture_at_once(box: httpx.AsyncClient, hub: Hub) -> None:
    answers = await asyncio.gather(*(box.put(ROUTE, content=PICTURE) for _ in range(5)))
    assert {answer.status_code for answer in answers} <= {200, 201}
    assert len(await rows(hub)) == 1


async def pieces(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), 65536):
        yield content[start : start + 65536]


REFUSED = (
    (PICTURE + b"!", SHA256, "image/jpeg", 400, "hash_mismatch"),
    (b"", SHA256, "image/jpeg", 400, "hash_mismatch"),
    (PICTURE, SHA256, "image/png", 415, "not_jpeg"),
    (b"GIF89a", None, "image/jpeg", 415, "not_jpeg"),
    (bytes(LIMIT + 1), None, "image/jpeg", 413, "too_large"),
    (PICTURE, SHA256.upper(), "image/jpeg", 422, "invalid_request"),
    (PICTURE, "0" * 63, "image/jpeg", 422, "invalid_request"),
)


@pytest.mark.parametrize("chunked", [False, True])
async def test_what_is_refused_leaves_nothing(
    box: httpx.AsyncClient, hub: Hub, hub_settings: HubSettings, chunked: bool
) -> None:
    for content, named, kind, status, code in REFUSED:
        route = f"/api/v1/media/{named or hashlib.sha256(content).hexdigest()}"
        answer = await box.put(route, content=pieces(content) if chunked else content, headers={"Content-Type": kind})
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await rows(hub) == []
    assert files(hub_settings) == []


async def test_a_name_cannot_leave_the_folder(box: httpx.AsyncClient, hub_settings: HubSettings) -> None:
    for name in ("..%2f..%2fetc%2fpasswd", "%2e%2e", "..\\..\\x", "a%00b"):
        answer = await box.put(f"/api/v1/media/{name}", content=PICTURE)
        assert answer.status_code in {404, 405, 422}, name
    assert files(hub_settings) == []


async def test_the_largest_picture_is_taken(box: httpx.AsyncClient) -> None:
    content = PICTURE + bytes(LIMIT - len(PICTURE))
    answer = await box.put(f"/api/v1/media/{hashlib.sha256(content).hexdigest()}", content=content)
    assert answer.status_code == 201


async def test_only_a_living_token_delivers(box: httpx.AsyncClient, hub: Hub) -> None:
    old = box.headers["Authorization"]
    new = await hub.auth.provision_edge("box-1")
    for authorization in (old, "Bearer ", "Basic " + old.removeprefix("Bearer "), "Bearer guess"):
        answer = await box.put(ROUTE, content=PICTURE, headers={"Authorization": authorization})
        assert answer.status_code == 401, authorization
    box.headers["Authorization"] = f"Bearer {new.get_secret_value()}"
    assert (await box.put(ROUTE, content=PICTURE)).status_code == 201


class LosesPowerError(Exception):
    """What the test throws where the power goes."""


async def test_power_lost_between_file_and_row_leaves_a_file_that_the_next_delivery_completes(
    hub: Hub, hub_settings: HubSettings
) -> None:
    class Broken(UnitOfWork):
        @asynccontextmanager
        async def write(self) -> AsyncIterator[AsyncSession]:
            assert files(hub_settings) == [SHA256]
            raise LosesPowerError
            yield

    store = MediaStore(hub_settings.data_dir / "media", hub.ids)
    broken = MediaService(store, Broken(hub.uow.engine), hub.clock)
    with pytest.raises(LosesPowerError):
        await broken.receive(EdgeIdentity("box-1"), SHA256, pieces(PICTURE))
    assert await rows(hub) == []
    assert not await hub.media.exists(SHA256)
    assert await hub.media.receive(EdgeIdentity("box-1"), SHA256, pieces(PICTURE))
    assert len(await rows(hub)) == 1


async def test_power_lost_between_row_and_file_of_a_deletion_leaves_no_row(hub: Hub, hub_settings: HubSettings) -> None:
    await hub.media.receive(EdgeIdentity("box-1"), SHA256, pieces(PICTURE))

    class Broken(MediaStore):
        def delete(self, sha256: str) -> None:
            raise LosesPowerError

    broken = MediaService(Broken(hub_settings.data_dir / "media", hub.ids), hub.uow, hub.clock)
    with pytest.raises(LosesPowerError):
        await broken.delete([SHA256], forget)
    assert await rows(hub) == []
    assert files(hub_settings) == [SHA256]


async def test_a_lost_file_is_delivered_again(box: httpx.AsyncClient, hub: Hub, hub_settings: HubSettings) -> None:
    await box.put(ROUTE, content=PICTURE)
    (hub_settings.data_dir / "media" / SHA256[:2] / SHA256).unlink()
    assert (await box.head(ROUTE)).status_code == 404
    assert (await box.put(ROUTE, content=PICTURE)).status_code == 201
    assert files(hub_settings) == [SHA256]


async def test_a_deleted_picture_is_gone_as_row_and_file(
    box: httpx.AsyncClient, hub: Hub, hub_settings: HubSettings
) -> None:
    await box.put(ROUTE, content=PICTURE)
    assert await hub.media.delete([SHA256, "0" * 64], forget) == 1
    async with hub.uow.read() as session:
        assert await hub.media.stored(session, [SHA256]) == set()
    assert files(hub_settings) == []
    with pytest.raises(NotFoundError):
        await hub.media.response(SHA256)


async def test_a_disk_that_does_not_take_it_is_said(
    box: httpx.AsyncClient, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    answer = await box.put(ROUTE, content=PICTURE)
    monkeypatch.undo()
    assert (answer.status_code, answer.json()["code"]) == (503, "disk_failed")
    assert "No space left" in answer.json()["detail"]
    assert await rows(hub) == []


async def test_a_disk_that_is_nearly_full_takes_no_pictures(
    box: httpx.AsyncClient, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.media.store.LEAST_FREE", 1.0)
    answer = await box.put(ROUTE, content=PICTURE)
    assert (answer.status_code, answer.json()["code"], answer.headers["Retry-After"]) == (503, "disk_low", "60")
    assert await rows(hub) == []
    monkeypatch.undo()
    assert (await box.put(ROUTE, content=PICTURE)).status_code == 201


@pytest.mark.parametrize("purposes", [("evidence", "snapshot"), ("snapshot", "evidence")])
async def test_what_ever_came_as_evidence_is_evidence_also_after_its_file_was_lost(
    box: httpx.AsyncClient, hub: Hub, hub_settings: HubSettings, purposes: tuple[str, str]
) -> None:
    for purpose in purposes:
        assert (await box.put(f"{ROUTE}?purpose={purpose}", content=PICTURE)).status_code == 201
        (hub_settings.data_dir / "media" / SHA256[:2] / SHA256).unlink()
    assert [row.purpose for row in await rows(hub)] == ["evidence"]
