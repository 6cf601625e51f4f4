"""Ends a thread's wait for sockets from another thread."""

import socket


class Waker:
    """A pair of sockets: a thread polls `fileno()`, another calls `wake()`."""

    def __init__(self) -> None:
        self._inner, self._outer = socket.socketpair()
        self._inner.setblocking(False)
        self._outer.setblocking(False)

    def fileno(self) -> int:
        """The descriptor that becomes readable on `wake`."""
        return self._inner.fileno()

    def wake(self) -> None:
        """Make the waiting thread go on; never blocks, and does nothing after `close`."""
        try:
            self._outer.send(b"\0")
        except OSError:
            return  # full, so the thread wakes anyway; or closed, so nobody waits

    def drain(self) -> None:
        """Forget the wakes so far; only for the waiting thread, when `fileno()` is readable."""
        self._inner.recv(4096)

    def close(self) -> None:
        """Give the sockets back."""
        self._inner.close()
        self._outer.close()
