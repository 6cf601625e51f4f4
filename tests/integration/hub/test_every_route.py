"""No door is left open: every route of the API, taken from its own description, refuses a stranger."""

import re

import httpx
from fastapi import FastAPI

SIGN_IN = ("post", "/api/v1/session")
OPEN = {"/livez", "/readyz"}
VALUES = {"sha256": "0" * 64}


def filled(path: str) -> str:
    return re.sub(r"{(\w+)}", lambda name: VALUES.get(name[1], "x-1"), path)


async def test_every_route_refuses_a_stranger(hub_app: FastAPI, hub_client: httpx.AsyncClient) -> None:
    routes = [(method, path) for path, methods in hub_app.openapi()["paths"].items() for method in methods]
    assert len(routes) >= 12
    assert {path for _, path in routes if not path.startswith("/api/v1/")} == OPEN
    for method, path in [*routes, ("get", "/api/v1/openapi.json")]:
        if path in OPEN or (method, path) == SIGN_IN:
            continue
        for headers in ({}, {"Cookie": "tianrui_session=guess"}, {"Authorization": "Bearer guess"}):
            answer = await hub_client.request(method, filled(path), headers=headers)
            assert answer.status_code == 401, (method, path, headers)
            if method != "head":
                assert answer.json()["code"] in {"not_signed_in", "edge_token_missing", "unknown_edge_token"}


async def test_an_unknown_api_route_is_a_problem_and_not_the_page(hub_client: httpx.AsyncClient) -> None:
    for method in ("GET", "POST", "DELETE"):
        answer = await hub_client.request(method, "/api/v1/nothing")
        assert answer.status_code in {404, 405}
        assert answer.headers["Content-Type"] == "application/problem+json"


async def test_no_route_allows_other_origins(hub_client: httpx.AsyncClient) -> None:
    headers = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
    answer = await hub_client.options("/api/v1/session", headers=headers)
    assert not [name for name in answer.headers if name.startswith("access-control-")]
