"""Keeps one stream of a camera connected: opens it, reads it, waits and tries again, and says how it stands."""

import logging
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from threading import Event, Lock, Thread

from camera_configs.source import FileSource, RtspSource
from edge_agent.capture.backoff import BackOff
from edge_agent.capture.meter import Meter
from edge_agent.capture.packets import StreamCodec, TimedPacket
from edge_agent.capture.quiet_log import QuietLog
from edge_agent.capture.redact import redact
from edge_agent.capture.source import Source, Wait, open_source
from edge_agent.clock import Clock
from edge_agent.errors import SourceAuthError, SourceEndError, SourceError
from edge_agent.types import CaptureStatus, ConnectionState, Frame, FrameSink

# Takes one packet of a connection and returns the frames to hand on; each connection has its own.
Take = Callable[[TimedPacket], list[Frame]]
Connect = Callable[[StreamCodec, Meter], Take]
Opener = Callable[[str, RtspSource | FileSource, Clock, Wait], Source]

# Measured: FFmpeg needs two to three times its timeout of 3 s to give up a frozen camera; what takes longer hangs.
STUCK_S = 10.0
# Opening may try twice, each with several requests of 3 s.
OPENING_STUCK_S = 30.0
# A hanging thread cannot be ended, only left behind; more than this and the process had better be started anew.
MAX_HUNG = 3
# A connection that held this long was a good one: the next outage begins with short waits again.
SETTLED_S = 10.0
UNDECODABLE = "sends video that cannot be decoded; check the camera, its codec and how often it sends key frames"
FLOOD = "sends more than any camera does, 300 packets or 13 MB a second; check its frame rate and bit rate"

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream of a camera: what it is called in texts, where it is, and who takes its packets and its frames."""

    name: str
    source: RtspSource | FileSource
    connect: Connect
    sink: FrameSink


@dataclass(slots=True, eq=False)
class _Run:
    """One thread that serves the stream, until it is stopped or left behind."""

    meter: Meter
    stop: Event = field(default_factory=Event)
    thread: Thread | None = None
    live_since_s: float | None = None


class StreamSupervisor:
    """One stream's thread and its status; frames go to the stream's sink on that thread, which must not block.

    Something else must call `watch` once or twice a second: a thread that hangs cannot tell.
    """

    def __init__(
        self, stream: Stream, clock: Clock, back_off: BackOff | None = None, opener: Opener = open_source
    ) -> None:
        self._stream = stream
        self._clock = clock
        self._back_off = back_off or BackOff()
        self._opener = opener
        self._lock = Lock()
        self._log = QuietLog(_logger)
        self._status = CaptureStatus(ConnectionState.CONNECTING, clock.now())
        self._changed_s = clock.monotonic()
        self._run: _Run | None = None
        self._hung: list[Thread] = []
        self._was_live = False

    def start(self) -> None:
        """Begin to connect, in a thread of its own."""
        with self._lock:
            self._launch(Meter())

    def ask_to_stop(self) -> None:
        """Tell the thread to end soon; no frame is handed on from now."""
        with self._lock:
            if self._run is not None:
                self._run.stop.set()

    def stop(self, timeout_s: float) -> bool:
        """Stop and wait up to `timeout_s`; False when the thread hangs in the camera and was left behind."""
        self.ask_to_stop()
        with self._lock:
            run, self._run = self._run, None
            if run is None or run.thread is None:
                return True
            self._status = self._with_counters(run.meter)
        run.thread.join(timeout_s)
        if run.thread.is_alive():
            _logger.warning("%s: did not stop within %g s, left behind", self._stream.name, timeout_s)
            return False
        return True

    def status(self) -> CaptureStatus:
        """A copy of the status, consistent in itself."""
        with self._lock:
            if self._run is None:
                return replace(self._status, fps=0.0)
            return self._with_counters(self._run.meter)

    def watch(self) -> None:
        """Notice a stall and its end, and replace a thread that hangs."""
        with self._lock:
            run = self._run
            if run is None or run.stop.is_set():
                return
            now_s = self._clock.monotonic()
            state, limit_s = self._status.state, run.meter.stall_limit_s()
            quiet_s = now_s - (self._changed_s if run.meter.last_packet_s is None else run.meter.last_packet_s)
            if state is ConnectionState.LIVE and quiet_s > limit_s:
                self._status.stalls += 1
                self._enter(ConnectionState.STALLED, f"{self._stream.name}: no packet for {quiet_s:.0f} s")
            elif state is ConnectionState.STALLED and quiet_s <= limit_s:
                self._enter(ConnectionState.LIVE)
            elif self._is_stuck(state, quiet_s, limit_s):
                self._leave_behind(run)

    def _launch(self, meter: Meter) -> None:
        run = _Run(meter)
        run.thread = Thread(target=self._serve, args=(run,), name=f"capture: {self._stream.name}", daemon=True)
        self._run = run
        self._enter(ConnectionState.CONNECTING)
        run.thread.start()

    @staticmethod
    def _is_stuck(state: ConnectionState, quiet_s: float, limit_s: float) -> bool:
        if state is ConnectionState.CONNECTING:
            return quiet_s > OPENING_STUCK_S
        return state is ConnectionState.STALLED and quiet_s > limit_s + STUCK_S

    def _leave_behind(self, run: _Run) -> None:
        self._hung = [thread for thread in self._hung if thread.is_alive()]
        if len(self._hung) >= MAX_HUNG:
            self._status.reason = f"{len(self._hung) + 1} threads hang in this camera; restart the agent"
            self._log.write(logging.ERROR, f"{self._stream.name}: {self._status.reason}", self._clock.monotonic())
            return
        run.stop.set()
        if run.thread is not None:
            self._hung.append(run.thread)
        _logger.error("%s: its thread hangs; left behind, a new one is started", self._stream.name)
        meter = replace(run.meter)
        meter.connected()
        self._launch(meter)

    def _serve(self, run: _Run) -> None:
        pause_s: float | None = 0.0
        while pause_s is not None and not run.stop.wait(pause_s):
            pause_s = self._connect(run)

    def _connect(self, run: _Run) -> float | None:
        """Hold one connection; return the seconds to wait before the next, or None when there will be none."""
        run.live_since_s = None
        run.meter.connected()
        self._change(run, ConnectionState.CONNECTING)
        try:
            with self._opener(self._stream.name, self._stream.source, self._clock, partial(self._wait, run)) as source:
                take = self._stream.connect(source.codec, run.meter)
                for timed in source:
                    self._take(run, timed, take)
        except SourceAuthError as error:
            self._change(run, ConnectionState.AUTH_FAILED, redact(str(error)))
            return self._back_off.next_after_refusal_s()
        except SourceError as error:
            self._change(run, ConnectionState.BACKOFF, redact(str(error)))
            if isinstance(error, SourceEndError) and isinstance(self._stream.source, FileSource):
                return None
        except Exception as error:  # noqa: BLE001
            # One camera's surprise must not take the others down: law 6.
            self._change(run, ConnectionState.BACKOFF, f"unexpected {type(error).__name__}; the log has the details")
            text = redact("".join(traceback.format_exception(error)))
            self._log.write(logging.ERROR, f"{self._stream.name}: {text}", self._clock.monotonic())
        if self._held_s(run) >= SETTLED_S:
            self._back_off.reset()
        return self._back_off.next_s()

    def _wait(self, run: _Run, seconds: float) -> bool:
        """What a source calls before each packet: a stream that nobody can see is no connection, however lively."""
        if run.meter.is_undecodable():
            raise SourceError(f"{self._stream.name}: {UNDECODABLE}")
        if run.meter.is_flood():
            raise SourceError(f"{self._stream.name}: {FLOOD}")
        return run.stop.wait(seconds)

    def _held_s(self, run: _Run) -> float:
        return 0.0 if run.live_since_s is None else self._clock.monotonic() - run.live_since_s

    def _take(self, run: _Run, timed: TimedPacket, take: Take) -> None:
        packet = timed.packet
        run.meter.packet(
            timed.time.monotonic_s, key_frame=packet.is_keyframe, size=packet.size, corrupt=packet.is_corrupt
        )
        frames = take(timed)
        with self._lock:
            if self._run is not run or run.stop.is_set():
                return
            if frames:
                self._status.last_frame_at = frames[-1].time.captured_at
            if run.meter.seen:
                self._note_live(run, timed.time.monotonic_s)
        for frame in frames:
            self._stream.sink(frame)

    def _note_live(self, run: _Run, now_s: float) -> None:
        """Take note that the stream can be seen; the lock must be held."""
        if run.live_since_s is None:
            run.live_since_s = now_s
            self._status.reconnects += self._was_live
            self._was_live = True
        if self._status.state is not ConnectionState.LIVE:
            self._enter(ConnectionState.LIVE)

    def _change(self, run: _Run, state: ConnectionState, reason: str | None = None) -> None:
        with self._lock:
            if self._run is run and not run.stop.is_set():
                self._enter(state, reason)

    def _enter(self, state: ConnectionState, reason: str | None = None) -> None:
        """Change the state; the lock must be held."""
        self._status.state = state
        self._status.since = self._clock.now()
        self._changed_s = self._clock.monotonic()
        # While it connects anew, the reason of the last outage is what a maintainer wants to read.
        if state is not ConnectionState.CONNECTING:
            self._status.reason = reason
            level = logging.INFO if reason is None else logging.WARNING
            self._log.write(level, reason or f"{self._stream.name}: {state}", self._changed_s)

    def _with_counters(self, meter: Meter) -> CaptureStatus:
        fps = meter.fps() if self._status.state is ConnectionState.LIVE else 0.0
        return replace(
            self._status,
            fps=fps,
            packets=meter.packets,
            decoded=meter.decoded,
            corrupt=meter.corrupt,
            key_interval_s=meter.key_interval_at_least_s(),
            decoder=meter.decoder,
            decode_s=meter.decode_s,
        )
