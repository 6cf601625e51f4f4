"""The routes of the session."""

from fastapi import APIRouter, Request, Response

from hub.auth.dependencies import COOKIE, SessionDep
from hub.auth.schemas import Credentials, PasswordChange, SessionView
from hub.auth.service import SignedIn
from hub.state import Hub, HubDep

router = APIRouter(prefix="/api/v1/session", tags=["session"])


@router.post("")
async def sign_in(request: Request, response: Response, body: Credentials, hub: HubDep) -> SessionView:
    """Open a session."""
    signed_in = await hub.auth.sign_in(body.username, body.password, _address(request))
    return _with_cookie(hub, response, signed_in)


@router.get("")
async def read_session(response: Response, signed_in: SessionDep) -> SessionView:
    """Who is signed in."""
    response.headers["Cache-Control"] = "no-store"
    return signed_in.view


@router.delete("", status_code=204)
async def sign_out(response: Response, signed_in: SessionDep, hub: HubDep) -> None:
    """End the session."""
    await hub.auth.sign_out(signed_in)
    response.delete_cookie(COOKIE, path="/", secure=hub.settings.serves_tls, httponly=True, samesite="strict")


@router.put("/password")
async def change_password(
    request: Request, response: Response, body: PasswordChange, signed_in: SessionDep, hub: HubDep
) -> SessionView:
    """Replace the password; every other session of the person ends."""
    changed = await hub.auth.change_password(signed_in, body.current_password, body.new_password, _address(request))
    return _with_cookie(hub, response, changed)


def _with_cookie(hub: Hub, response: Response, signed_in: SignedIn) -> SessionView:
    response.headers["Cache-Control"] = "no-store"
    response.set_cookie(
        COOKIE, signed_in.token, path="/", secure=hub.settings.serves_tls, httponly=True, samesite="strict"
    )
    return signed_in.view


def _address(request: Request) -> str:
    return request.client.host if request.client else "unknown"
