"""What can go wrong on a box.

EdgeError
├── SettingsError     the box cannot start with these settings
├── SourceError       a camera or file cannot be opened or read; another try may help
│   ├── SourceAuthError   the camera refused the credentials; try slowly, cameras lock accounts
│   └── SourceEndError    the stream ended; for a camera that is an outage
├── LookFailedError   a frame could not be judged; the next one may be
├── BackendError      the detector cannot load or run a model
├── EvidenceError     a picture could not be made, stored or uploaded
└── OutboxError       the outbox cannot keep its promise
"""


class EdgeError(Exception):
    """Base of everything that a box can say is wrong."""


class SettingsError(EdgeError):
    """The box cannot start with these settings."""


class SourceError(EdgeError):
    """A camera or file cannot be opened or read."""


class SourceAuthError(SourceError):
    """The camera refused the credentials."""


class SourceEndError(SourceError):
    """The stream ended."""


class LookFailedError(EdgeError):
    """A frame could not be judged."""


class BackendError(EdgeError):
    """The detector cannot load or run a model."""


class EvidenceError(EdgeError):
    """A picture could not be made, stored or uploaded."""


class OutboxError(EdgeError):
    """The outbox cannot keep its promise."""
