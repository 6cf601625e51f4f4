"""CPU and memory of one agent at 1, 2, 4, 8, 16 and 32 quiet cameras, and whether they grow in a line.

Cameras and hub are processes of their own and not counted; `street_site.py` says how it is measured.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path
from statistics import correlation, linear_regression
from typing import Any

from scripts.benchmarks.street_site import Street, StreetCameras

COUNTS = (1, 2, 4, 8, 16, 32)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this benchmark."""
    parser.add_argument("--seconds", type=float, default=60.0, help="length of each measurement")


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Start an agent anew for each number of cameras and watch it once its findings are open."""
    figures: dict[str, Any] = {}
    cores, memory = [], []
    with tempfile.TemporaryDirectory(prefix="tianrui-growth-") as name:
        folder = Path(name)
        with Street(folder, len(COUNTS)).running() as street:
            for count in COUNTS:
                with StreetCameras("quiet", count, folder) as cameras, street.agent(cameras) as agent:
                    same = agent.wait_for_findings("quiet")
                    window, looks = agent.watch(arguments.seconds)
                cores.append(window.cores)
                memory.append(window.rss_mb)
                row = f"{count} cameras"
                figures[f"{row}: cores"] = round(window.cores, 4)
                figures[f"{row}: memory MB"] = round(window.rss_mb, 1)
                figures[f"{row}: inferences/s a camera"] = round(looks.inferences / count, 3)
                figures[f"{row}: longest mean pause s"] = round(looks.worst_pause_s, 2)
                figures[f"{row}: findings"] = "as expected" if same else f"NOT as expected: {sorted(agent.found())}"
                figures[f"{row}: load average"] = round(os.getloadavg()[0], 2)
                print(f"{row}: {window.cores:.3f} cores, {window.rss_mb:.0f} MB", file=sys.stderr, flush=True)
    return _lines(cores, memory) | figures


def _lines(cores: list[float], memory: list[float]) -> dict[str, Any]:
    by_cores, by_memory = linear_regression(COUNTS, cores), linear_regression(COUNTS, memory)
    return {
        "cores a camera": round(by_cores.slope, 4),
        "cores at none": round(by_cores.intercept, 4),
        "cores: correlation with a line": round(correlation(COUNTS, cores), 4),
        "memory a camera MB": round(by_memory.slope, 2),
        "memory at none MB": round(by_memory.intercept, 1),
        "memory: correlation with a line": round(correlation(COUNTS, memory), 4),
    }
