"""Dead letters in a browser: an administrator reads them, replays them with the keyboard, and sees what came of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn
from fastapi import FastAPI
from playwright.async_api import Browser, Page, expect
from sqlalchemy import func, select

from hub.cases.models import CaseRow
from hub.ingest.consumer import make_handler
from hub.state import Hub
from mqtt.connection import Message
from tests.browser.test_first_light import note, sign_in
from tests.hub_fixtures import one_time_password
from tests.hub_messages import BoxVoice, new_id, on_wire
from tests.lab.processes import free_port


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[str]:
    """The address at which the application answers."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, lifespan="off", log_level="warning", ws="none"))
    task = asyncio.create_task(server.serve())
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = server.force_exit = True
        await task


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_an_administrator_replays_dead_letters_with_the_keyboard(
    browser: Browser, hub: Hub, hub_app: FastAPI
) -> None:
    handler = make_handler(hub)
    problems: list[str] = []
    await handler.take([Message("tr/v1/box-2/event", b"not json", False)])
    await handler.take([on_wire(BoxVoice("box-1").finding(new_id())) for _ in range(3)])
    await hub.auth.provision_edge("box-1")
    async with served(hub_app) as url:
        page = await browser.new_page(locale="zh-CN", viewport={"width": 1366, "height": 768})
        page.on("console", lambda message: note(message, problems))
        page.on("pageerror", lambda error: problems.append(str(error)))
        await page.goto(url)
        await sign_in(page, one_time_password(hub))
        await expect(page.get_by_text("共 0 件")).to_be_visible()
        await press(page, "g", "d")
        await expect(page.get_by_text("共 4 条")).to_be_visible()
        await press(page, "j", "Enter")
        await expect(page.get_by_text("登记后重放")).to_be_visible()
        await expect(page.locator("pre")).to_contain_text('"kind": "finding"')
        await press(page, "p")
        await expect(page.get_by_text("已接收", exact=True)).to_be_visible()
        await press(page, "a")
        await confirm(page, "重放 4 条拒收报文？")
        await expect(page.get_by_text("接收 2 条，此前已接收 0 条，再次拒收 1 条")).to_be_visible()
        await expect(page.get_by_text("共 1 条")).to_be_visible()
        await press(page, "j", "d")
        await confirm(page, "丢弃这条拒收报文？")
        await expect(page.get_by_text("已丢弃")).to_be_visible()
    async with hub.uow.read() as session:
        assert (await session.execute(select(func.count()).select_from(CaseRow))).scalar_one() == 3
    assert problems == []


async def confirm(page: Page, question: str) -> None:
    await expect(page.get_by_role("dialog", name=question)).to_be_visible()
    await press(page, "Enter")


async def press(page: Page, *keys: str) -> None:
    for key in keys:
        await page.keyboard.press(key)
