"""Error answers: what the caller learns, and what only the log knows."""

import json
import logging
from typing import Annotated

import httpx
import psycopg
import pytest
from fastapi import Body, FastAPI
from pydantic import BaseModel, SecretStr
from sqlalchemy.exc import OperationalError, ProgrammingError

from hub.clock import SystemIds
from hub.errors import TooManyRequestsError
from hub.headers import BODY_LIMIT, BodyLimit, SecurityHeaders
from hub.problem import UnexpectedErrors, add_problem_handlers


class Thing(BaseModel):
    secret: SecretStr
    count: int


@pytest.fixture
def app() -> FastAPI:
    app = FastAPI()
    add_problem_handlers(app)
    app.add_middleware(BodyLimit)
    app.add_middleware(UnexpectedErrors, ids=SystemIds())
    app.add_middleware(SecurityHeaders, tls=True)

    @app.get("/busy")
    async def busy() -> None:
        raise TooManyRequestsError("too_many_attempts", "wait", {"Retry-After": "7"})

    @app.get("/boom")
    async def boom() -> None:
        raise RuntimeError("the password is hunter2")

    @app.get("/away")
    async def away() -> None:
        raise OperationalError("SELECT 'hunter2'", {}, psycopg.errors.AdminShutdown("the server stops"))

    @app.get("/broken")
    async def broken() -> None:
        raise ProgrammingError("SELECT 'hunter2'", {}, psycopg.errors.UndefinedTable("no such table"))

    @app.post("/api/thing")
    async def thing(body: Annotated[Thing, Body()]) -> int:
        return body.count

    return app


@pytest.fixture
def client(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://hub.test")


async def test_a_known_error_is_a_problem(client: httpx.AsyncClient) -> None:
    answer = await client.get("/busy")
    assert answer.status_code == 429
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Retry-After"] == "7"
    assert answer.json() == {
        "type": "urn:tianrui:problem:too_many_attempts",
        "title": "Too Many Requests",
        "status": 429,
        "code": "too_many_attempts",
        "detail": "wait",
    }


async def test_an_unexpected_error_is_logged_once_under_the_id_that_the_caller_gets(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        answer = await client.get("/boom")
    body = answer.json()
    assert (answer.status_code, body["code"]) == (500, "internal_error")
    assert "hunter2" not in answer.text
    assert "Traceback" not in answer.text
    assert [record.error_id for record in caplog.records] == [body["error_id"]]
    assert body["error_id"] in body["detail"]


async def test_a_database_that_is_away_is_no_fault_of_the_hub(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await client.get("/away")
    assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    (record,) = caplog.records
    assert (record.levelname, record.exc_info) == ("WARNING", None)
    assert "hunter2" not in record.getMessage()


async def test_a_query_that_the_database_refuses_is(client: httpx.AsyncClient) -> None:
    answer = await client.get("/broken")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "hunter2" not in answer.text


async def test_a_validation_error_lists_fields_and_repeats_no_value(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/thing", json={"secret": "hunter2", "count": "hunter3"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert [error["field"] for error in answer.json()["errors"]] == ["body.count"]
    assert "hunter" not in answer.text


async def test_broken_json_is_a_validation_error(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/thing", content=b"{", headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


@pytest.mark.parametrize(
    ("method", "path", "code"), [("GET", "/no", "not_found"), ("PUT", "/busy", "method_not_allowed")]
)
async def test_the_router_answers_problems_too(client: httpx.AsyncClient, method: str, path: str, code: str) -> None:
    answer = await client.request(method, path)
    assert answer.json()["code"] == code


async def test_a_body_over_the_limit_is_refused_with_and_without_its_length(client: httpx.AsyncClient) -> None:
    body = json.dumps({"secret": "x" * BODY_LIMIT, "count": 1}).encode()

    async def pieces():
        for start in range(0, len(body), 65536):
            yield body[start : start + 65536]

    headers = {"Content-Type": "application/json"}
    for content in (body, pieces()):
        answer = await client.post("/api/thing", content=content, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


async def test_every_answer_has_the_security_headers(client: httpx.AsyncClient) -> None:
    for path in ("/busy", "/boom", "/no"):
        headers = (await client.get(path)).headers
        assert "default-src 'self'" in headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Strict-Transport-Security"]
        assert "Access-Control-Allow-Origin" not in headers
