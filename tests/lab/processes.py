"""The process control of the demo, and how a test learns that a program is not on this machine."""

import os
import shutil
from pathlib import Path

from scripts.processes import ManagedProcess, free_port, listens, wait_until

__all__ = ["ManagedProcess", "PeerMissingError", "find_program", "free_port", "listens", "wait_until"]


class PeerMissingError(Exception):
    """A program that a test needs is not on this machine; the text names the Debian package."""


def find_program(name: str, package: str, *folders: Path) -> str:
    """Return the path of a program; raise PeerMissingError naming the Debian package when it is not there."""
    search = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin", *map(str, folders)])
    found = shutil.which(name, path=search)
    if found is None:
        raise PeerMissingError(
            f"{name} is not installed; it comes with the Debian package {package} (scripts/setup --tests)"
        )
    return found
