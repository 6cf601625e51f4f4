"""What a connection does before it has a broker; the rest is in tests/integration/test_connections.py."""

import pytest

from mqtt.connection import ConnectionOptions
from mqtt.errors import BrokerError
from mqtt.paho_connection import PahoConnection


def connection() -> PahoConnection:
    return PahoConnection(
        options=ConnectionOptions("127.0.0.1", 1883, "box1"),
        subscriptions=(),
        will=None,
        on_message=print,
        on_up=print,
        on_down=print,
    )


def test_a_publish_without_a_connection_fails_at_once() -> None:
    idle = connection()
    with pytest.raises(BrokerError, match="mqtt://127.0.0.1:1883: not connected"):
        idle.publish("tr/v1/box1/event", b"x").result(0)
    idle.stop()


def test_a_connection_that_was_never_started_can_be_stopped() -> None:
    idle = connection()
    idle.stop(("tr/v1/box1/state", b"last", True))
    assert not idle.connected


def test_a_connection_starts_once() -> None:
    used = connection()
    used.start()
    with pytest.raises(RuntimeError):
        used.start()
    used.stop()
