"""Error answers as RFC 9457 problems, and the one place that catches what nobody expected."""

import logging
from collections.abc import Mapping
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub.clock import Ids
from hub.db.errors import is_outage
from hub.errors import HubError

logger = logging.getLogger(__name__)

RETRY_AFTER_S = 5
CODES = {404: "not_found", 405: "method_not_allowed", 413: "too_large", 415: "unsupported_media_type"}


def problem(
    status: int, code: str, detail: str, headers: Mapping[str, str] | None = None, **more: object
) -> JSONResponse:
    """An `application/problem+json` answer; `code` is what the page translates, `detail` is for people."""
    body = {
        "type": f"urn:tianrui:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        **more,
    }
    return JSONResponse(
        body, status, {"Cache-Control": "no-store", **(headers or {})}, media_type="application/problem+json"
    )


def add_problem_handlers(app: FastAPI) -> None:
    """Answer the errors that the hub knows."""
    app.add_exception_handler(HubError, _hub_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(SQLAlchemyError, _database_error)


async def _hub_error(request: Request, error: Exception) -> JSONResponse:  # noqa: ARG001
    assert isinstance(error, HubError)  # noqa: S101
    return problem(error.status, error.code, error.detail, error.headers)


async def _validation_error(request: Request, error: Exception) -> JSONResponse:  # noqa: ARG001
    assert isinstance(error, RequestValidationError)  # noqa: S101
    fields = [
        {"field": ".".join(str(part) for part in e["loc"]), "code": e["type"], "message": e["msg"]}
        for e in error.errors()
    ]
    names = ", ".join(field["field"] for field in fields)
    return problem(422, "invalid_request", f"not acceptable: {names}", errors=fields)


async def _http_error(request: Request, error: Exception) -> JSONResponse:  # noqa: ARG001
    assert isinstance(error, HTTPException)  # noqa: S101
    code = CODES.get(error.status_code, f"http_{error.status_code}")
    return problem(error.status_code, code, str(error.detail), error.headers)


async def _database_error(request: Request, error: Exception) -> JSONResponse:
    if not is_outage(error):
        raise error
    reason = str(getattr(error, "orig", None) or error).partition("\n")[0]
    logger.warning("the database does not answer: %s", reason, extra={"path": request.url.path})
    headers = {"Retry-After": str(RETRY_AFTER_S)}
    return problem(503, "database_unavailable", "the database does not answer; try again", headers)


class UnexpectedErrors:
    """ASGI middleware: an error that nobody expected is logged once under an id, and the caller learns that id only."""

    def __init__(self, app: ASGIApp, ids: Ids) -> None:
        self._app = app
        self._ids = ids

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and catch what comes back."""
        started = False

        async def watch(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except ClientDisconnect:
            logger.info("the caller left", extra={"path": scope.get("path")})
        except Exception:  # noqa: BLE001
            error_id = self._ids.new().hex
            logger.exception("unexpected error", extra={"error_id": error_id, "path": scope.get("path")})
            if not started and scope["type"] == "http":
                answer = problem(
                    500,
                    "internal_error",
                    f"the hub failed; tell the maintainer the error id {error_id}",
                    error_id=error_id,
                )
                await answer(scope, receive, send)
