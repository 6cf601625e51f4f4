"""A process that opens one hostile session after another, many at a time, with the product's own capture.

Each session writes a line of JSON when it begins and one when it ends; the last line is the process's own. Example:
python -m tests.lab.watching_box --port 8554 --sessions 100 --login viewer:secret --results FILE
"""

import argparse
import faulthandler
import json
import logging
import resource
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from camera_configs.camera import DecodePolicy
from camera_configs.source import RtspSource
from edge_agent.capture.backoff import BackOff
from edge_agent.capture.detection_stream import DetectionStream
from edge_agent.capture.supervisor import Stream, StreamSupervisor
from edge_agent.clock import SystemClock
from edge_agent.detect.glance import Glance
from edge_agent.detect.letterbox import inner_size
from edge_agent.types import ConnectionState, Frame
from scripts.processes import wait_until

AT_A_TIME = 24
# Opening twice for 3 s and silence for 5 s, three times over: the machine may be busy.
LONGEST_S = 40.0
ENDED = {ConnectionState.BACKOFF, ConnectionState.AUTH_FAILED}
CLOCK = SystemClock()
WHOLE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))


def look(frame: Frame) -> None:
    """Do what the pipeline does with a frame: glance at it, and convert it to the detector's size and to its own."""
    picture = frame.picture
    try:
        Glance([WHOLE]).look(picture)
        picture.bgr(*inner_size(640, picture.width, picture.height))
        picture.bgr(picture.width, picture.height)
    except ValueError:
        # A look that fails, which costs that look.
        return


def watch(source: RtspSource, seed: int) -> dict[str, object]:
    """Hold one session until it ends by itself; return how it stood then, and whether its thread ended."""
    policy = DecodePolicy(mode="full", fps=30) if seed % 2 else DecodePolicy()
    detection = DetectionStream("hostile", policy, None, CLOCK)
    stream = Stream("camera hostile", source, detection.connect, look)
    supervisor = StreamSupervisor(stream, CLOCK, BackOff(lambda _low, _high: 1000.0))
    supervisor.start()

    def ended() -> bool:
        supervisor.watch()
        return supervisor.status().state in ENDED

    try:
        wait_until(ended, "the end of the session", LONGEST_S)
    except TimeoutError:
        logging.getLogger(__name__).warning("session %d went on for %g s", seed, LONGEST_S)
    status = supervisor.status()
    stopped = supervisor.stop(LONGEST_S)
    counters = {name: getattr(status, name) for name in ("reason", "packets", "decoded", "corrupt", "stalls")}
    return {"state": status.state.value, "stopped": stopped, **counters}


def resident_mb() -> float:
    """Return this process's resident memory, MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def main() -> None:
    """Watch the sessions that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--sessions", type=int, required=True)
    parser.add_argument("--login", metavar="USER:PASSWORD", required=True)
    parser.add_argument("--results", type=Path, required=True)
    arguments = parser.parse_args()
    faulthandler.enable()
    logging.basicConfig(level=logging.DEBUG)
    user, _, password = arguments.login.partition(":")
    writing = threading.Lock()
    with arguments.results.open("w", buffering=1) as results, ThreadPoolExecutor(AT_A_TIME) as pool:

        def note(**line: object) -> None:
            with writing:
                results.write(json.dumps(line) + "\n")

        def session(seed: int) -> None:
            note(began=seed)
            began_s = CLOCK.monotonic()
            url = f"rtsp://127.0.0.1:{arguments.port}/{seed}"
            note(
                ended=seed,
                **watch(RtspSource(url=url, username=user, password=password), seed),
                mb=resident_mb(),
                seconds=CLOCK.monotonic() - began_s,
            )

        done: Iterator[None] = pool.map(session, range(arguments.sessions))
        for _ in done:
            pass
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
        captures = sum(thread.name.startswith("capture") for thread in threading.enumerate())
        note(peak_mb=peak_mb, threads_left=captures)


if __name__ == "__main__":
    main()
