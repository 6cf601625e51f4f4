"""How far the machine's wall clock can be trusted, asked of the kernel."""

import ctypes
import sys
import threading
from collections.abc import Callable

from edge_agent.clock import Clock
from mqtt.envelope import ClockReport

ASK_EVERY_S = 10.0
# From linux/timex.h.
_UNSYNC = 0x0040
_NANO = 0x2000
_PER_MS = 1_000
_PER_MS_NANO = 1_000_000
UNKNOWN = ClockReport(source="unknown")


class _Timex(ctypes.Structure):
    # The kernel writes `struct timex`; what follows `status` is not read, and 208 bytes is its whole size on 64 bit.
    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 208),
    )


def ask_kernel() -> ClockReport:
    """`ntp` with its remaining offset while something disciplines the clock, `rtc` while it runs freely, else unknown.

    chrony slews by frequency and leaves no offset to the kernel: it reads as 0.
    """
    if not sys.platform.startswith("linux"):
        return UNKNOWN
    timex = _Timex(modes=0)
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.byref(timex))
    except (OSError, AttributeError):
        return UNKNOWN
    return UNKNOWN if state < 0 else read(timex.status, timex.offset)


def read(status: int, offset: int) -> ClockReport:
    """What `status` and `offset` of adjtimex(2) say; the kernel's offset is what the clock still lacks."""
    if status & _UNSYNC:
        return ClockReport(source="rtc")
    per_ms = _PER_MS_NANO if status & _NANO else _PER_MS
    return ClockReport(source="ntp", offset_ms=round(-offset / per_ms))


class WallClock:
    """The report of `ask`, at most 10 s old; may be used from several threads."""

    def __init__(self, clock: Clock, ask: Callable[[], ClockReport] = ask_kernel) -> None:
        self._clock = clock
        self._ask = ask
        self._lock = threading.Lock()
        self._report = UNKNOWN
        self._asked_s: float | None = None

    def report(self) -> ClockReport:
        """How far the wall clock can be trusted now."""
        now_s = self._clock.monotonic()
        with self._lock:
            if self._asked_s is None or now_s - self._asked_s >= ASK_EVERY_S:
                self._report, self._asked_s = self._ask(), now_s
            return self._report
