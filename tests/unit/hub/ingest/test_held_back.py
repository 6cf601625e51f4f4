"""Which boxes are held back: seen while it lasts, said twice."""

import pytest
from prometheus_client import REGISTRY

from hub.ingest.held_back import QUIET_S, HeldBack
from tests.hub_fixtures import FakeClock

METRIC = "tianrui_hub_ingest_held_back"


def test_a_flood_is_seen_while_it_lasts_and_said_at_its_begin_and_end(caplog: pytest.LogCaptureFixture) -> None:
    status, clock = {}, FakeClock()
    held_back = HeldBack(status, clock)
    for _ in range(3):
        held_back.note("box-a")
        clock.advance(QUIET_S - 1)
        held_back.look()
    assert status == {"box-a": 3}
    assert REGISTRY.get_sample_value(METRIC, {"edge_id": "box-a"}) == 3
    assert len(caplog.messages) == 1
    clock.advance(1)
    held_back.look()
    assert status == {}
    assert REGISTRY.get_sample_value(METRIC, {"edge_id": "box-a"}) is None
    assert "3 of its messages were let go in 118 s" in caplog.messages[-1]
    assert len(caplog.messages) == 2
