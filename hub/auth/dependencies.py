"""FastAPI dependencies: who is asking, and may they ask this."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from hub.auth.policy import EdgeIdentity, Role, Subject
from hub.auth.service import SignedIn
from hub.auth.tokens import same
from hub.errors import ForbiddenError, NotSignedInError
from hub.state import HubDep

COOKIE = "tianrui_session"
CSRF_HEADER = "X-CSRF-Token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

_bearer = HTTPBearer(auto_error=False, description="the token that provision-edge printed")


async def current_session(request: Request, hub: HubDep) -> SignedIn:
    """The living session of the cookie, also while its one-time password was not replaced yet.

    Raises:
        NotSignedInError: no cookie, or its session is over.
        ForbiddenError: an unsafe method without the session's CSRF token.
    """
    token = request.cookies.get(COOKIE)
    if not token:
        raise NotSignedInError("not_signed_in", "sign in first")
    signed_in = await hub.auth.session(token)
    if request.method not in SAFE_METHODS and not same(request.headers.get(CSRF_HEADER, ""), signed_in.view.csrf_token):
        raise ForbiddenError("csrf_failed", f"the header {CSRF_HEADER} does not fit the session; reload the page")
    return signed_in


SessionDep = Annotated[SignedIn, Depends(current_session)]


async def current_subject(signed_in: SessionDep) -> Subject:
    """The signed-in person.

    Raises:
        ForbiddenError: the one-time password has to be replaced first.
    """
    if signed_in.view.must_change_password:
        raise ForbiddenError("password_change_required", "replace the one-time password first")
    return signed_in.subject


SubjectDep = Annotated[Subject, Depends(current_subject)]


def require(*roles: Role) -> Callable[[Subject], Awaitable[Subject]]:
    """A dependency that lets only these roles pass and returns the subject."""

    async def subject_with_role(subject: SubjectDep) -> Subject:
        if subject.role not in roles:
            raise ForbiddenError("role_required", f"this needs the role {' or '.join(roles)}")
        return subject

    return subject_with_role


async def current_edge(
    hub: HubDep, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> EdgeIdentity:
    """The box that sent its token.

    Raises:
        NotSignedInError: no token, or one that no box has.
    """
    if credentials is None:
        raise NotSignedInError(
            "edge_token_missing", "send Authorization: Bearer with the token of the box", {"WWW-Authenticate": "Bearer"}
        )
    return await hub.auth.edge(credentials.credentials)


EdgeDep = Annotated[EdgeIdentity, Depends(current_edge)]
