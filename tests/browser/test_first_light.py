"""The whole way, seen in a browser: real video over RTSP, a real agent and hub, and a person who opens the case."""

from pathlib import Path

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, expect

from tests.lab.peers import RtspCamera
from tests.lab.site import PASSWORD, FirstLight


@pytest.fixture
def site(tmp_path: Path, rtsp_camera: RtspCamera) -> FirstLight:
    return FirstLight(tmp_path, {"kind": "rtsp", "url": rtsp_camera.url("vtest")})


@pytest.mark.needs_assets
@pytest.mark.timeout(300)
async def test_a_person_sees_the_case_appear_and_opens_it(browser: Browser, site: FirstLight) -> None:
    problems: list[str] = []
    with site.hub:
        page = await browser.new_page(locale="zh-CN", viewport={"width": 1366, "height": 768})
        page.on("console", lambda message: note(message, problems))
        page.on("pageerror", lambda error: problems.append(str(error)))
        await page.goto(site.hub.url)
        await sign_in(page, site.hub.read_one_time_password())
        await expect(page.get_by_text("共 0 件")).to_be_visible()
        with site.agent:
            parking = page.get_by_role("listitem").filter(has_text="机动车乱停放")
            await expect(parking).to_have_count(1, timeout=90_000)
            await parking.get_by_role("link").click()
            await page.wait_for_url("**/cases/110102*")
            pictures = page.locator("img[src*='/evidence/']")
            await expect(pictures).to_have_count(2, timeout=30_000)
            for picture in await pictures.all():
                assert await picture.evaluate("image => image.decode().then(() => image.naturalWidth)") == 768
            await expect(page.get_by_text("edge:box-demo").first).to_be_visible()
            await page.keyboard.press("g")
            await page.keyboard.press("v")
            snapshot = page.locator("img[src*='/snapshot/']").first
            await expect(snapshot).to_be_visible(timeout=30_000)
            assert await snapshot.evaluate("image => image.decode().then(() => image.naturalWidth)") == 768
    assert problems == []


async def sign_in(page: Page, one_time_password: str) -> None:
    """Sign in and replace the one-time password, with the keyboard only after the fields."""
    await page.locator("input[autocomplete=username]").fill("admin")
    await page.locator("input[autocomplete=current-password]").fill(one_time_password)
    await page.keyboard.press("Enter")
    for field in await fields(page):
        await field.fill(PASSWORD)
    current = page.locator("input[autocomplete=current-password]")
    if await current.count():
        await current.fill(one_time_password)
    await page.keyboard.press("Enter")


async def fields(page: Page) -> list:
    """The fields for the new password, once they are there."""
    new = page.locator("input[autocomplete=new-password]")
    await expect(new.first).to_be_visible()
    return await new.all()


def note(message: ConsoleMessage, problems: list[str]) -> None:
    if message.type in {"error", "warning"}:
        problems.append(message.text)
