"""The routes of the session."""

from fastapi import APIRouter, Request, Response

from hub.auth.dependencies import COOKIE, SessionDep
from hub.auth.schemas import Credentials, PasswordChange, SessionAnswer
from hub.auth.service import SignedIn
from hub.state import Hub, HubDep

router = APIRouter(prefix="/api/v1/session", tags=["session"])


@router.post("")
async def sign_in(request: Request, response: Response, body: Credentials, hub: HubDep) -> SessionAnswer:
    """Open a session."""
    signed_in = await hub.auth.sign_in(body.username, body.password, _address(request))
    return _with_cookie(hub, response, signed_in)


@router.get("")
async def read_session(response: Response, signed_in: SessionDep, hub: HubDep) -> SessionAnswer:
    """Who is signed in."""
    response.headers["Cache-Control"] = "no-store"
    return _answer(hub, signed_in)


@router.delete("", status_code=204)
async def sign_out(response: Response, signed_in: SessionDep, hub: HubDep) -> None:
    """End the session."""
    await hub.auth.sign_out(signed_in)
    response.delete_cookie(COOKIE, path="/", secure=hub.settings.serves_tls, httponly=True, samesite="strict")


@router.put("/password")
async def change_password(
    request: Request, response: Response, body: PasswordChange, signed_in: SessionDep, hub: HubDep
) -> SessionAnswer:
    """Replace the password; every other session of the person ends."""
    changed = await hub.auth.change_password(signed_in, body.current_password, body.new_password, _address(request))
    return _with_cookie(hub, response, changed)


def _with_cookie(hub: Hub, response: Response, signed_in: SignedIn) -> SessionAnswer:
    response.headers["Cache-Control"] = "no-store"
    response.set_cookie(
        COOKIE, signed_in.token, path="/", secure=hub.settings.serves_tls, httponly=True, samesite="strict"
    )
    return _answer(hub, signed_in)


def _answer(hub: Hub, signed_in: SignedIn) -> SessionAnswer:
    return SessionAnswer(**signed_in.view.model_dump(), time_zone=hub.settings.time_zone)


def _address(request: Request) -> str:
    return request.client.host if request.client else "unknown"
