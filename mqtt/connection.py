"""What a connection to a broker needs and gives, without any MQTT library."""

import random
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

from mqtt.errors import ConnectionSetupError

MAX_PACKET = 128 * 1024
MAX_PORT = 65_535
MAX_KEEPALIVE_S = 65_535
FAILURE = 0x80
# Without it a small message waits for the acknowledgement of the one before, which the other side holds back for 40 ms.
NO_DELAY = (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
# paho reports 0x80 when a broker dies abruptly: no refusal, and worth a quick retry.
BUSY = frozenset({0x80, 0x88, 0x89, 0x97, 0x9F})


def _no_passphrase() -> str:
    return ""


@dataclass(frozen=True, slots=True)
class TlsOptions:
    """The authority that signed the broker's certificate, and our own certificate where the broker wants one."""

    ca_file: Path
    cert_file: Path | None = None
    key_file: Path | None = None

    def __post_init__(self) -> None:
        """Refuse files that are missing, unreadable, or no certificate and key that belong together.

        Raises:
            ConnectionSetupError: says which file and why.
        """
        if (self.cert_file is None) != (self.key_file is None):
            given = self.cert_file or self.key_file
            msg = f"TLS: only {given} is given; cert_file and key_file go together, set both or neither"
            raise ConnectionSetupError(msg)
        for name in ("ca_file", "cert_file", "key_file"):
            path = getattr(self, name)
            if path is not None:
                _check_readable(name, path)
        self.context()

    def context(self) -> ssl.SSLContext:
        """A client context that verifies the broker's certificate and host name, TLS 1.2 or newer.

        Raises:
            ConnectionSetupError: a file is not what it should be.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.load_verify_locations(self.ca_file)
        except OSError as error:
            msg = f"TLS: ca_file {self.ca_file} holds no PEM certificate: {error}"
            raise ConnectionSetupError(msg) from None
        if self.cert_file is not None:
            try:
                context.load_cert_chain(self.cert_file, self.key_file, password=_no_passphrase)
            except OSError as error:
                msg = (
                    f"TLS: cert_file {self.cert_file} and key_file {self.key_file} are not a PEM certificate "
                    f"and its unencrypted private key: {error}"
                )
                raise ConnectionSetupError(msg) from None
        return context


def _check_readable(name: str, path: Path) -> None:
    try:
        with path.open("rb") as file:
            file.read(1)
    except OSError as error:
        msg = f"TLS: {name} {path} cannot be read: {error.strerror}"
        raise ConnectionSetupError(msg) from None


@dataclass(frozen=True, slots=True)
class ConnectionOptions:
    """Where the broker is and who we are; the session outlives a lost connection by `session_expiry_s` seconds."""

    host: str
    port: int
    client_id: str
    username: str | None = None
    password: SecretStr | None = None
    tls: TlsOptions | None = None
    keepalive_s: int = 30
    session_expiry_s: int = 86_400
    connect_timeout_s: float = 5.0

    def __post_init__(self) -> None:
        """Refuse options that cannot work.

        Raises:
            ConnectionSetupError: says which option and what it must be.
        """
        for wrong, what in (
            (not self.host, "host is empty; give the broker's name or address"),
            (not 1 <= self.port <= MAX_PORT, f"port {self.port} is not in 1..{MAX_PORT}"),
            (not self.client_id, "client_id is empty; a session that is kept needs a name of its own"),
            (
                (self.username is None) != (self.password is None),
                "username and password go together; set both or neither",
            ),
            (
                not 1 <= self.keepalive_s <= MAX_KEEPALIVE_S,
                f"keepalive_s {self.keepalive_s} is not in 1..{MAX_KEEPALIVE_S}",
            ),
            (self.session_expiry_s < 0, f"session_expiry_s {self.session_expiry_s} is negative"),
            (self.connect_timeout_s <= 0, f"connect_timeout_s {self.connect_timeout_s} is not above 0"),
        ):
            if wrong:
                msg = f"broker connection: {what}"
                raise ConnectionSetupError(msg)

    @property
    def clean_start(self) -> bool:
        """Whether a session that the broker may still have is thrown away: when it should not outlive a connection."""
        return self.session_expiry_s == 0

    def __str__(self) -> str:
        """The broker as logs and errors name it, without secrets."""
        return f"{'mqtts' if self.tls else 'mqtt'}://{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker publishes in our name when the connection is lost."""

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it arrived; `retained` when the broker had kept it from before the subscription."""

    topic: str
    payload: bytes
    retained: bool


@dataclass(frozen=True, slots=True)
class PublishOutcome:
    """The broker's answer to one publish: the MQTT 5 reason code of its PUBACK, `text` being its name."""

    reason_code: int
    text: str

    @property
    def ok(self) -> bool:
        """Whether the broker took the message (0x10, nobody subscribed, is a success too)."""
        return self.reason_code < FAILURE


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait before the next try: full jitter over a doubling range, so that no fleet comes back at once.

    `random` gives numbers in [0, 1). A broker that said no (bad password, taken over) is asked again slowly.
    """

    shortest_s: float = 0.25
    longest_s: float = 30.0
    random: Callable[[], float] = field(default=random.random, repr=False)

    def delay_s(self, attempt: int, reason_code: int | None = None) -> float:
        """Seconds to wait after failure number `attempt` (0 for the first), which had the broker's `reason_code`."""
        if reason_code is not None and reason_code >= FAILURE and reason_code not in BUSY:
            return self.longest_s * (1 + self.random())
        highest = min(self.longest_s, self.shortest_s * 2.0 ** min(attempt + 1, 32))
        return self.shortest_s + (highest - self.shortest_s) * self.random()
