"""How hard the longest fault tests try: briefly at every run, at their full figures when `TIANRUI_FAULTS=full`."""

import os


def rounds(full: int, brief: int) -> int:
    """The number of rounds for this run."""
    return full if os.environ.get("TIANRUI_FAULTS") == "full" else brief
