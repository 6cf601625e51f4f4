"""Each toxic of the fault proxy does what its name says, seen from both ends of a plain connection, and is counted."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.lab.faultproxy import DOWN, RST, UP, FaultProxy
from tests.lab.processes import free_port, wait_until


class Echo:
    """A server that sends back what it gets and keeps it."""

    def __init__(self) -> None:
        self.heard = bytearray()
        self._connections: list[socket.socket] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self._connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            try:
                while data := connection.recv(65536):
                    self.heard += data
                    connection.sendall(data)
            except OSError:
                return

    def die(self) -> None:
        """End every connection by RST, as a killed process with unread bytes does."""
        for connection in self._connections:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RST)
            connection.shutdown(socket.SHUT_RD)
            connection.close()

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()


@pytest.fixture
def echo() -> Iterator[Echo]:
    server = Echo()
    yield server
    server.close()


@pytest.fixture
def proxy(echo: Echo) -> Iterator[FaultProxy]:
    with FaultProxy(echo.port) as proxy:
        yield proxy


@pytest.fixture
def client(proxy: FaultProxy) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as client:
        assert say(client, b"hello") == b"hello"
        yield client


def say(client: socket.socket, data: bytes) -> bytes:
    client.sendall(data)
    return hear(client, len(data))


def hear(client: socket.socket, size: int) -> bytes:
    answer = b""
    while len(answer) < size and (more := client.recv(size - len(answer))):
        answer += more
    return answer


def test_a_good_network_passes_all(proxy: FaultProxy, client: socket.socket) -> None:
    data = bytes(range(256)) * 1000
    received: list[bytes] = []
    reading = threading.Thread(target=lambda: received.append(hear(client, len(data))))
    reading.start()
    client.sendall(data)
    reading.join(10)
    assert received == [data]
    assert proxy.counts["connections"] == 1
    assert proxy.counts["bytes_up"] == proxy.counts["bytes_down"] == len(data) + 5


def test_latency_delays_each_direction(proxy: FaultProxy, client: socket.socket) -> None:
    proxy.set(latency_s=0.2)
    begun = time.monotonic()
    assert say(client, b"late") == b"late"
    assert time.monotonic() - begun >= 0.4
    assert proxy.counts["delayed"] == 2


def test_bandwidth_slows_down(proxy: FaultProxy, client: socket.socket) -> None:
    proxy.set(bytes_per_s=10_000)
    begun = time.monotonic()
    assert say(client, bytes(2_000)) == bytes(2_000)
    assert time.monotonic() - begun >= 0.4
    assert proxy.counts["throttled"] >= 2


def test_the_slicer_passes_single_bytes(proxy: FaultProxy, client: socket.socket) -> None:
    # The read that already waits for data was begun with the old size.
    proxy.set(slice_bytes=1)
    assert say(client, b"0123456789") == b"0123456789"
    assert say(client, b"0123456789") == b"0123456789"
    assert proxy.counts["slices"] >= 20


def test_half_open_takes_and_never_answers_and_the_connection_is_reset_after(
    proxy: FaultProxy, client: socket.socket, echo: Echo
) -> None:
    proxy.half_open()
    client.sendall(b"nobody hears")
    wait_until(lambda: proxy.counts["lost_up"] == 12, "the bytes vanished")
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as second:
        second.sendall(b"nor this")
        wait_until(lambda: proxy.counts["lost_up"] == 20, "a new connection is taken and not heard")
    assert bytes(echo.heard) == b"hello"
    proxy.heal()
    with pytest.raises(ConnectionResetError):
        client.recv(1)


def test_one_way_up_and_down(proxy: FaultProxy, client: socket.socket, echo: Echo) -> None:
    proxy.one_way(DOWN)
    client.sendall(b"heard, not answered")
    wait_until(lambda: proxy.counts["lost_down"] == 19, "the answer vanished")
    assert echo.heard.endswith(b"heard, not answered")
    proxy.heal()
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as second:
        assert say(second, b"well") == b"well"
        proxy.one_way(UP)
        second.sendall(b"not heard")
        wait_until(lambda: proxy.counts["lost_up"] == 9, "the words vanished")
    assert not echo.heard.endswith(b"not heard")


def test_cut_ends_all_and_refuses_until_it_heals(proxy: FaultProxy, client: socket.socket) -> None:
    proxy.cut()
    with pytest.raises(ConnectionResetError):
        client.recv(1)
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as second:
        assert second.recv(1) == b""
    wait_until(lambda: proxy.counts["refused"] == 1, "the second connection was refused")
    proxy.heal()
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as third:
        assert say(third, b"again") == b"again"


def test_resets_by_chance(proxy: FaultProxy, client: socket.socket) -> None:
    proxy.set(reset_rate=1.0)
    client.sendall(b"x")
    with pytest.raises(ConnectionResetError):
        client.recv(1)
    assert proxy.counts["resets"] == 1


def test_slow_close_keeps_the_other_end_waiting(proxy: FaultProxy, client: socket.socket) -> None:
    proxy.set(slow_close_s=0.3)
    client.shutdown(socket.SHUT_WR)
    begun = time.monotonic()
    assert client.recv(1) == b""
    assert time.monotonic() - begun >= 0.3
    assert proxy.counts["slow_closes"] >= 1


def test_a_server_that_is_gone_is_counted() -> None:
    with FaultProxy(free_port()) as proxy, socket.create_connection(("127.0.0.1", proxy.port), timeout=10):
        wait_until(lambda: proxy.counts["unreachable"] == 1, "there is no server")


def test_a_server_that_dies_is_noticed_by_an_idle_client(proxy: FaultProxy, client: socket.socket, echo: Echo) -> None:
    echo.die()
    with contextlib.suppress(ConnectionResetError):
        assert client.recv(1) == b""
