"""Agent and hub on the looped camera: memory, CPU and threads over time, and what was found.

`slope` is a least-squares line through the resident memory after the first third, when caches are warm.
"""

import argparse
import os
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import linear_regression
from typing import Any

from scripts.demo_site import start_demo_site
from scripts.processes import ManagedProcess

EVERY_S = 5.0
MB = 1024 * 1024
PAGE = os.sysconf("SC_PAGE_SIZE")
TICKS = os.sysconf("SC_CLK_TCK")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this benchmark."""
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--source", help="a video file or an rtsp:// address (default: the demo's footage)")


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Run the demo's site for some minutes and sample its processes."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tianrui-soak-")))
        site = start_demo_site(stack, folder, arguments.source, None, lambda text: print(text, file=sys.stderr))
        watched = {"agent": site.agent, "hub": site.hub}
        samples: list[tuple[float, dict[str, float]]] = []
        began, cpu = time.monotonic(), {name: _cpu_s(process) for name, process in watched.items()}
        while (now := time.monotonic() - began) < arguments.minutes * 60:
            samples.append((now, {name: _rss_mb(process) for name, process in watched.items()}))
            time.sleep(EVERY_S)
        figures: dict[str, Any] = {"minutes": round(now / 60, 1), "samples": len(samples)}
        for name, process in watched.items():
            figures |= _figures(name, [(at, row[name]) for at, row in samples])
            figures[f"{name} cores"] = round((_cpu_s(process) - cpu[name]) / now, 3)
            figures[f"{name} threads"] = len(list(Path(f"/proc/{process.pid}/task").iterdir()))
            figures[f"{name} open files"] = len(list(Path(f"/proc/{process.pid}/fd").iterdir()))
        return figures | {f"events {milestone}": count for milestone, count in site.agent.outbox().items()}


def _figures(name: str, series: list[tuple[float, float]]) -> dict[str, float]:
    warm = series[len(series) // 3 :]
    slope = linear_regression([at for at, _ in warm], [mb for _, mb in warm]).slope if len(warm) > 1 else 0.0
    return {
        f"{name} memory first MB": round(series[0][1], 1),
        f"{name} memory warm MB": round(warm[0][1], 1),
        f"{name} memory last MB": round(series[-1][1], 1),
        f"{name} memory slope MB/h": round(slope * 3600, 2),
    }


def _rss_mb(process: ManagedProcess) -> float:
    return int(Path(f"/proc/{process.pid}/statm").read_text(encoding="ascii").split()[1]) * PAGE / MB


def _cpu_s(process: ManagedProcess) -> float:
    fields = Path(f"/proc/{process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS
