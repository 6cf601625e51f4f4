"""What can be wrong with a message, a topic or a connection.

WireError
├── TopicError            a topic that this protocol does not have
├── MessageError          a payload that is not a valid message; carries a stable reason
├── ConnectionSetupError  options that cannot work (files missing, contradictory TLS settings)
└── BrokerError           the broker refused or went away; carries the MQTT 5 reason code
"""

from enum import StrEnum


class RefusalReason(StrEnum):
    """Why a message is not taken; travels in a nack and stands in the dead letters."""

    TOO_LARGE = "too_large"
    NOT_JSON = "not_json"
    WRONG_VERSION = "wrong_version"
    INVALID = "invalid"
    WRONG_TOPIC = "wrong_topic"
    UNKNOWN_EDGE = "unknown_edge"
    CONFLICT = "conflict"


class WireError(Exception):
    """Base of everything that goes wrong on the wire."""


class TopicError(WireError, ValueError):
    """A topic that this protocol does not have."""


class MessageError(WireError, ValueError):
    """A payload that is not a valid message.

    `event_id` is the id that could still be read from the payload, or None.
    """

    def __init__(self, reason: RefusalReason, detail: str, event_id: str | None = None) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.event_id = event_id


class ConnectionSetupError(WireError):
    """Connection options that cannot work."""


class BrokerError(WireError):
    """The broker refused an operation or is not there; `reason_code` is MQTT 5's (0x80 and above) or None."""

    def __init__(self, message: str, reason_code: int | None = None) -> None:
        super().__init__(message)
        self.reason_code = reason_code
