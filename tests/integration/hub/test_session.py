"""Signing in: the one-time password, sessions, CSRF, and guessing."""

import asyncio
from collections import Counter

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from hub.audit.models import AuditRow
from hub.auth.models import AccountRow, SessionRow
from hub.auth.passwords import PLACES
from hub.auth.policy import Role
from hub.auth.service import SESSION_END, SESSION_LIFE
from hub.auth.throttle import ADDRESS_ATTEMPTS, FREE_ATTEMPTS
from hub.errors import HubError, NotFoundError
from hub.state import Hub
from tests.hub_fixtures import PASSWORD, Admin, FakeClock, browser_of, one_time_password, replace_password, sign_in
from tests.integration.hub.people import JPEG_SHA, deliver

SESSION = "/api/v1/session"
PASSWORD_ROUTE = f"{SESSION}/password"


async def test_the_one_time_password_opens_only_the_door_to_a_new_one(hub: Hub, hub_client: httpx.AsyncClient) -> None:
    answer = await sign_in(hub_client, "admin", one_time_password(hub))
    assert answer.status_code == 200
    assert answer.json()["must_change_password"] is True
    refused = await hub_client.get("/api/v1/openapi.json")
    assert (refused.status_code, refused.json()["code"]) == (403, "password_change_required")
    changed = await replace_password(hub_client, one_time_password(hub), PASSWORD)
    assert changed.json()["must_change_password"] is False
    assert (await hub_client.get("/api/v1/openapi.json")).status_code == 200
    assert (await sign_in(hub_client, "admin", one_time_password(hub))).status_code == 401


async def test_the_cookie_is_safe_and_the_answer_complete(hub: Hub, hub_client: httpx.AsyncClient) -> None:
    answer = await sign_in(hub_client, "ADMIN", one_time_password(hub))
    cookie = answer.headers["Set-Cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json() == {
        "username": "admin",
        "display_name": "admin",
        "role": "administrator",
        "area_prefix": "",
        "must_change_password": True,
        "csrf_token": answer.json()["csrf_token"],
        "expires_at": "2026-03-01T16:00:00Z",
        "time_zone": "Asia/Shanghai",
    }
    assert (await hub_client.get(SESSION)).json() == answer.json()


async def test_only_hashes_are_stored(hub: Hub, hub_client: httpx.AsyncClient) -> None:
    password = one_time_password(hub)
    await sign_in(hub_client, "admin", password)
    async with hub.uow.read() as session:
        account = (await session.execute(select(AccountRow))).scalar_one()
        stored = (await session.execute(select(SessionRow))).scalar_one()
        audit = (await session.execute(select(AuditRow).order_by(AuditRow.id))).scalars().all()
    assert account.password_hash.startswith("$argon2id$")
    token = hub_client.cookies["tianrui_session"]
    assert token not in stored.token_hash
    assert [row.action for row in audit] == ["created", "signed_in"]
    assert not any(secret in str(row.detail) for row in audit for secret in (password, token))


async def test_a_bad_login_does_not_say_what_was_wrong(admin: Admin, hub_client: httpx.AsyncClient) -> None:
    for username, password in (("admin", "wrong"), ("nobody", "wrong"), ("nobody", PASSWORD)):
        answer = await sign_in(hub_client, username, password)
        assert (answer.status_code, answer.json()["code"]) == (401, "bad_credentials")
        assert answer.json()["detail"] == "the name or the password is wrong"
        assert "Set-Cookie" not in answer.headers


async def test_guessing_is_slowed_down_for_the_guesser_only(
    admin: Admin, hub_app: FastAPI, hub_clock: FakeClock
) -> None:
    async with browser_of(hub_app, "10.0.0.66") as guesser, browser_of(hub_app, "10.0.0.1") as owner:
        for _ in range(FREE_ATTEMPTS):
            assert (await sign_in(guesser, "admin", "guess")).status_code == 401
        answer = await sign_in(guesser, "admin", PASSWORD)
        assert (answer.status_code, answer.json()["code"]) == (429, "too_many_attempts")
        assert (await sign_in(owner, "admin", PASSWORD)).status_code == 200
        hub_clock.advance(int(answer.headers["Retry-After"]))
        assert (await sign_in(guesser, "admin", PASSWORD)).status_code == 200


async def test_a_flood_of_names_from_one_address_keeps_nobody_waiting(admin: Admin, hub_app: FastAPI) -> None:
    async with browser_of(hub_app, "10.0.0.66") as guesser, browser_of(hub_app, "10.0.0.1") as owner:
        guesses = [sign_in(guesser, f"name-{number}", "guess") for number in range(100)]
        *answers, honest = await asyncio.gather(*guesses, sign_in(owner, "admin", PASSWORD))
    codes = Counter(answer.json()["code"] for answer in answers)
    assert codes == {"bad_credentials": ADDRESS_ATTEMPTS, "too_many_attempts": 100 - ADDRESS_ATTEMPTS}
    assert honest.status_code == 200


async def test_a_flood_from_everywhere_is_turned_away(admin: Admin, hub_app: FastAPI) -> None:
    async def guess(number: int) -> httpx.Response:
        async with browser_of(hub_app, f"10.0.1.{number}") as guesser:
            return await sign_in(guesser, "admin", "guess")

    answers = await asyncio.gather(*(guess(number) for number in range(PLACES + 5)))
    codes = Counter(answer.json()["code"] for answer in answers)
    assert codes == {"bad_credentials": PLACES, "sign_in_busy": 5}
    assert all("Retry-After" in answer.headers for answer in answers if answer.status_code == 503)


async def test_an_unsafe_request_needs_the_token_of_this_session(admin: Admin, hub_app: FastAPI) -> None:
    async with browser_of(hub_app) as other:
        foreign = (await sign_in(other, "admin", PASSWORD)).json()["csrf_token"]
    right = admin.client.headers.pop("X-CSRF-Token")
    for wrong in ({}, {"X-CSRF-Token": ""}, {"X-CSRF-Token": foreign}, {"X-CSRF-Token": "ä".encode("latin-1")}):
        answer = await admin.client.delete(SESSION, headers=wrong)
        assert (answer.status_code, answer.json()["code"]) == (403, "csrf_failed")
    assert (await admin.client.delete(SESSION, headers={"X-CSRF-Token": right})).status_code == 204


async def test_signing_out_ends_the_session_itself(admin: Admin) -> None:
    token = admin.client.cookies["tianrui_session"]
    assert (await admin.client.delete(SESSION)).status_code == 204
    assert "tianrui_session" not in admin.client.cookies
    answer = await admin.client.get(SESSION, headers={"Cookie": f"tianrui_session={token}"})
    assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in")


async def test_a_session_lives_while_it_is_used_and_then_ends(admin: Admin, hub_clock: FakeClock) -> None:
    life = SESSION_LIFE.total_seconds()
    for _ in range(3):
        hub_clock.advance(life - 60)
        assert (await admin.client.get(SESSION)).status_code == 200
    hub_clock.advance(life + 1)
    assert (await admin.client.get(SESSION)).status_code == 401


async def test_a_session_that_is_always_in_use_ends_too(admin: Admin, hub_clock: FakeClock) -> None:
    step = SESSION_LIFE.total_seconds() - 60
    steps = int(SESSION_END.total_seconds() // step)
    for _ in range(steps):
        hub_clock.advance(step)
        assert (await admin.client.get(SESSION)).status_code == 200
    answer = await admin.client.get(SESSION)
    assert answer.json()["expires_at"] == "2026-03-08T04:00:00Z"
    hub_clock.advance(SESSION_END.total_seconds() - steps * step)
    assert (await admin.client.get(SESSION)).status_code == 401


async def test_a_new_password_ends_the_other_sessions(admin: Admin, hub_app: FastAPI) -> None:
    async with browser_of(hub_app) as other:
        await sign_in(other, "admin", PASSWORD)
        assert (await replace_password(admin.client, PASSWORD, "another pass phrase 1")).status_code == 200
        assert (await other.get(SESSION)).status_code == 401
    assert (await admin.client.get(SESSION)).status_code == 200


async def test_a_weak_password_is_refused(admin: Admin) -> None:
    for weak in ("", "elevenchars", PASSWORD, "aaaaaaaaaaaaaaaa", "abababababababab"):
        answer = await replace_password(admin.client, PASSWORD, weak)
        assert (answer.status_code, answer.json()["code"]) == (422, "weak_password"), weak


async def test_the_current_password_is_asked_for_and_guessing_it_is_slowed_down(admin: Admin) -> None:
    for _ in range(FREE_ATTEMPTS):
        answer = await replace_password(admin.client, "wrong", "another pass phrase 1")
        assert (answer.status_code, answer.json()["code"]) == (401, "bad_credentials")
    assert (await replace_password(admin.client, PASSWORD, "another pass phrase 1")).status_code == 429


async def test_a_reset_ends_the_sessions_and_the_old_password(admin: Admin, hub: Hub) -> None:
    password = await hub.auth.reset_password("admin")
    assert (await admin.client.get(SESSION)).status_code == 401
    assert (await sign_in(admin.client, "admin", PASSWORD)).status_code == 401
    answer = await sign_in(admin.client, "admin", password.get_secret_value())
    assert answer.json()["must_change_password"] is True


async def test_a_role_is_checked_on_each_request(admin: Admin, hub: Hub) -> None:
    async with hub.uow.write() as session:
        account = (await session.execute(select(AccountRow))).scalar_one()
        account.role = Role.VIEWER
    answer = await admin.client.get("/api/v1/dead-letters")
    assert (answer.status_code, answer.json()["code"]) == (403, "role_required")


async def test_the_first_user_is_created_once(hub: Hub) -> None:
    assert await hub.auth.create_first_user() is None


async def test_a_new_person_signs_in_and_sees_the_area_only(admin: Admin, hub: Hub, hub_app: FastAPI) -> None:
    password = (await hub.auth.add_user("Wang.Fang", Role.DISPATCHER, "110102001")).get_secret_value()
    async with browser_of(hub_app) as client:
        answer = (await sign_in(client, "wang.fang", password)).json()
        assert (answer["role"], answer["area_prefix"]) == ("dispatcher", "110102001")
        assert answer["must_change_password"] is True


@pytest.mark.parametrize(
    ("name", "area", "code"),
    [
        ("admin", "", "user_exists"),
        ("", "", "bad_username"),
        ("wang fang", "", "bad_username"),
        ("王芳", "", "bad_username"),
        ("wang", "11010%", "bad_area"),
        ("wang", "1" * 16, "bad_area"),
    ],
)
async def test_a_person_that_cannot_be(hub: Hub, name: str, area: str, code: str) -> None:
    with pytest.raises(HubError) as caught:
        await hub.auth.add_user(name, Role.VIEWER, area)
    assert caught.value.code == code


async def test_a_revoked_box_is_a_stranger_until_it_is_provisioned_again(hub: Hub, hub_app: FastAPI) -> None:
    await deliver(hub, hub_app, "edge-1")
    token = (await hub.auth.provision_edge("edge-1")).get_secret_value()
    await hub.auth.revoke_edge("edge-1")
    async with browser_of(hub_app) as box:
        path, headers = f"/api/v1/media/{JPEG_SHA}", {"Authorization": f"Bearer {token}"}
        assert (await box.head(path, headers=headers)).status_code == 401
        await deliver(hub, hub_app, "edge-1", status=200)
        assert (await box.head(path, headers=headers)).status_code == 401
    with pytest.raises(NotFoundError, match="no box 'edge-2'"):
        await hub.auth.revoke_edge("edge-2")


async def test_a_malformed_login_is_refused_without_repeating_it(hub_client: httpx.AsyncClient) -> None:
    right = {"username": "admin", "password": "x" * 20}
    for wrong in ({"password": "x" * 300}, {"username": ""}, {"password": None}, {"c": "xxxx"}):
        answer = await hub_client.post(SESSION, json=right | wrong)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request"), wrong
        assert "xxxx" not in answer.text
