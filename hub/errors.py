"""What the hub answers when something is wrong: each error knows its HTTP status and a stable code.

HubError
├── BadRequestError 400       NotSignedInError 401     ForbiddenError 403     NotFoundError 404
├── ConflictError 409         TooLargeError 413        UnsupportedError 415   InvalidError 422
└── TooManyRequestsError 429  UnavailableError 503
StartError                    the hub cannot start; no HTTP answer, the process ends with the text
"""


class HubError(Exception):
    """Base of everything that the hub can say is wrong; `code` is stable and in snake_case, `detail` is for people."""

    status = 500

    def __init__(self, code: str, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.headers = headers or {}


class BadRequestError(HubError):
    """The request cannot be understood."""

    status = 400


class NotSignedInError(HubError):
    """Nobody, or nobody known, is asking."""

    status = 401


class ForbiddenError(HubError):
    """The subject is known and may not do this."""

    status = 403


class NotFoundError(HubError):
    """There is no such thing, or none that the subject may see."""

    status = 404


class ConflictError(HubError):
    """The thing is not in a state that allows this."""

    status = 409


class TooLargeError(HubError):
    """The body is larger than the limit."""

    status = 413


class UnsupportedError(HubError):
    """The media type is not taken."""

    status = 415


class InvalidError(HubError):
    """The content is well-formed and still not acceptable."""

    status = 422


class TooManyRequestsError(HubError):
    """The subject has to wait."""

    status = 429


class UnavailableError(HubError):
    """The hub cannot do this now; another try may help."""

    status = 503


class StartError(Exception):
    """The hub cannot start; the text says what, which and what to do."""
