"""How long to wait between tries."""

from edge_agent.capture.backoff import BackOff


def test_the_ceiling_doubles_to_30_seconds_and_starts_anew_after_a_reset() -> None:
    back_off = BackOff(lambda low, high: high)
    assert [back_off.next_s() for _ in range(9)] == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    back_off.reset()
    assert back_off.next_s() == 0.5


def test_waits_are_spread_but_never_shorter_than_a_quarter_second() -> None:
    back_off = BackOff()
    waits = [back_off.next_s() for _ in range(50)]
    assert min(waits) >= 0.25
    assert max(waits) <= 30
    assert len(set(waits)) > 40


def test_refused_credentials_wait_a_minute_at_least() -> None:
    assert min(BackOff().next_after_refusal_s() for _ in range(50)) >= 60
