"""No door is left open: every route of the API, taken from its own description, is tried by everybody.

A new route is tried without a word here, but one with a new kind of name in its path, or for some roles only.
"""

import re
from dataclasses import dataclass

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from hub.auth.policy import Role
from hub.ingest.consumer import make_handler
from hub.ingest.models import DeadLetterRow
from hub.state import Hub
from mqtt.connection import Message
from mqtt.messages import EvidenceRole
from tests.hub_fixtures import Admin, browser_of, sign_in
from tests.hub_messages import GRID, BoxVoice, camera, evidence, new_id, on_wire, picture
from tests.integration.hub.people import JPEG, add_person, deliver, signed_in

Route = tuple[str, str]

SESSION = "/api/v1/session"
SIGN_IN = ("post", SESSION)
OPEN = {"/livez", "/readyz"}
LETTERS = "/api/v1/dead-letters"
"""For administrators only."""
STREAMS = {"/api/v1/feed"}
"""These never end; which events a person gets is tried by `test_feed`."""
AREA = "110102"
ELSEWHERE = "110105001001001"


@dataclass(frozen=True)
class Place:
    """One thing of each kind at one place: the names that a path may need, and those that only this place has."""

    names: dict[str, str]

    @property
    def marks(self) -> set[str]:
        return set(self.names.values())

    def fill(self, path: str) -> str:
        return re.sub(r"{(\w+)}", lambda name: self.names[name[1]], path)


NOWHERE = Place(
    {"case_no": "x-1", "edge_id": "x-1", "camera_id": "x-1", "sha256": "0" * 64, "letter_id": str(new_id())}
)


async def furnish(hub: Hub, app: FastAPI, name: str, grid: str) -> Place:
    box, shown = BoxVoice(f"edge-{name}"), camera(f"cam-{name}", grid_code=grid)
    sha256 = await deliver(hub, app, box.edge_id, JPEG + name.encode())
    proof = (evidence(EvidenceRole.T1, sha256),)
    finding = box.finding(new_id(), camera_id=shown.camera_id, grid_code=grid, evidence=proof)
    birth = box.birth(shown.model_copy(update={"snapshot": picture(sha256)}))
    spoilt = Message(f"tr/v1/{box.edge_id}/event", b"not json", retained=False)
    outcome = await make_handler(hub).take([on_wire(finding), on_wire(birth), spoilt])
    (case_no,) = (event.data["case_no"] for event in outcome.events if event.name == "case")
    async with hub.uow.read() as session:
        query = select(DeadLetterRow.id).where(DeadLetterRow.edge_id == box.edge_id)
        letter_id = (await session.execute(query)).scalar_one()
    names = {"case_no": str(case_no), "edge_id": box.edge_id, "camera_id": shown.camera_id, "sha256": sha256}
    return Place(names | {"letter_id": str(letter_id)})


def routes_of(app: FastAPI) -> dict[Route, bool]:
    """Every route, and whether it is for boxes."""
    paths = app.openapi()["paths"].items()
    routes = {(method, path): "security" in told for path, methods in paths for method, told in methods.items()}
    assert len(routes) >= 16
    return routes | {("get", "/api/v1/openapi.json"): False}


def routes_for_people(app: FastAPI) -> list[Route]:
    """Every route that needs a session."""
    closed = [route for route, for_boxes in routes_of(app).items() if not for_boxes and route != SIGN_IN]
    return [(method, path) for method, path in closed if path not in OPEN]


async def test_every_route_refuses_a_stranger(hub_app: FastAPI, hub_client: httpx.AsyncClient) -> None:
    routes = list(routes_of(hub_app))
    assert {path for _, path in routes if not path.startswith("/api/v1/")} == OPEN
    for method, path in routes:
        if path in OPEN or (method, path) == SIGN_IN:
            continue
        for headers in ({}, {"Cookie": "tianrui_session=guess"}, {"Authorization": "Bearer guess"}):
            answer = await hub_client.request(method, NOWHERE.fill(path), headers=headers)
            assert answer.status_code == 401, (method, path, headers)
            if method != "head":
                assert answer.json()["code"] in {"not_signed_in", "edge_token_missing", "unknown_edge_token"}


@pytest.mark.parametrize("role", list(Role))
async def test_every_route_keeps_every_role_in_its_area(hub: Hub, hub_app: FastAPI, admin: Admin, role: Role) -> None:
    own, foreign = await furnish(hub, hub_app, "own", GRID), await furnish(hub, hub_app, "foreign", ELSEWHERE)
    await add_person(hub, "somebody", AREA, role)
    async with signed_in(hub_app, "somebody") as client:
        for method, path in routes_for_people(hub_app):
            if path in STREAMS or path.startswith(SESSION):
                continue
            answer = await client.request(method, own.fill(path))
            there = await client.request(method, foreign.fill(path))
            if path.startswith(LETTERS):
                if role is Role.ADMINISTRATOR:
                    # They belong to no area; the one of the path may be dismissed already.
                    assert answer.is_success or answer.json()["code"] == "letter_not_found", (method, path)
                else:
                    assert (answer.status_code, answer.json()["code"]) == (403, "role_required"), (method, path)
            elif "{" in path:
                assert (answer.status_code, there.status_code) == (200, 404), (method, path)
            else:
                assert answer.status_code == 200, (method, path)
                assert not [mark for mark in foreign.marks if mark in answer.text], (method, path)
                if answer.json().get("items"):
                    assert [mark for mark in own.marks if mark in answer.text], (method, path)


async def test_an_administrator_of_everything_gets_everything(hub: Hub, hub_app: FastAPI, admin: Admin) -> None:
    places = [await furnish(hub, hub_app, "own", GRID), await furnish(hub, hub_app, "foreign", ELSEWHERE)]
    for method, path in routes_for_people(hub_app):
        if method == "get" and path not in STREAMS:
            for place in places:
                assert (await admin.client.get(place.fill(path))).status_code == 200, path


async def test_no_person_passes_for_a_box_and_no_box_for_a_person(hub: Hub, hub_app: FastAPI, admin: Admin) -> None:
    place = await furnish(hub, hub_app, "own", GRID)
    token = (await hub.auth.provision_edge("edge-own")).get_secret_value()
    async with browser_of(hub_app) as box:
        for (method, path), for_boxes in routes_of(hub_app).items():
            if path in OPEN or (method, path) == SIGN_IN:
                continue
            if for_boxes:
                answer = await admin.client.request(method, place.fill(path))
            else:
                answer = await box.request(method, place.fill(path), headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code == 401, (method, path)


async def test_every_route_waits_until_the_one_time_password_is_replaced(
    hub: Hub, hub_app: FastAPI, admin: Admin
) -> None:
    password = (await hub.auth.add_user("new", Role.ADMINISTRATOR, "")).get_secret_value()
    async with browser_of(hub_app) as client:
        await sign_in(client, "new", password)
        for method, path in routes_for_people(hub_app):
            if not path.startswith(SESSION):
                answer = await client.request(method, NOWHERE.fill(path))
                assert (answer.status_code, answer.json()["code"]) == (403, "password_change_required"), (method, path)


async def test_every_route_that_changes_something_needs_the_csrf_token(hub_app: FastAPI, admin: Admin) -> None:
    del admin.client.headers["X-CSRF-Token"]
    unsafe = [(method, path) for method, path in routes_for_people(hub_app) if method not in {"get", "head"}]
    assert ("put", f"{SESSION}/password") in unsafe
    for method, path in unsafe:
        answer = await admin.client.request(method, NOWHERE.fill(path))
        assert (answer.status_code, answer.json()["code"]) == (403, "csrf_failed"), (method, path)


async def test_an_unknown_api_route_is_a_problem_and_not_the_page(hub_client: httpx.AsyncClient) -> None:
    for method in ("GET", "POST", "DELETE"):
        answer = await hub_client.request(method, "/api/v1/nothing")
        assert answer.status_code in {404, 405}
        assert answer.headers["Content-Type"] == "application/problem+json"


async def test_no_route_allows_other_origins(hub_client: httpx.AsyncClient) -> None:
    headers = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
    answer = await hub_client.options("/api/v1/session", headers=headers)
    assert not [name for name in answer.headers if name.startswith("access-control-")]
