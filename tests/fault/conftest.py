"""The order of the fault tests when several run at a time."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first, by what each allows itself, so that the last one does not run alone for minutes."""
    items.sort(key=_allowed_s, reverse=True)


def _allowed_s(item: pytest.Item) -> float:
    timeout = item.get_closest_marker("timeout") if HERE in item.path.parents else None
    return float(timeout.args[0]) if timeout else 0.0
