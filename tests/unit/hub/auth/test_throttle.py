"""Guessing gets slow for the guesser and for nobody else."""

import pytest

from hub.auth.throttle import (
    ADDRESS_ATTEMPTS,
    FIRST_WAIT_S,
    FREE_ATTEMPTS,
    LONGEST_WAIT_S,
    REMEMBERED,
    LoginThrottle,
)
from hub.errors import TooManyRequestsError
from tests.hub_fixtures import FakeClock


def exhaust(throttle: LoginThrottle, username: str = "admin", address: str = "10.0.0.1") -> None:
    for _ in range(FREE_ATTEMPTS):
        throttle.begin(username, address)


def test_the_sixth_attempt_has_to_wait_and_is_told_how_long() -> None:
    throttle = LoginThrottle(FakeClock())
    exhaust(throttle)
    with pytest.raises(TooManyRequestsError) as caught:
        throttle.begin("admin", "10.0.0.1")
    assert int(caught.value.headers["Retry-After"]) == FIRST_WAIT_S + 1


def test_the_wait_doubles_up_to_its_limit() -> None:
    clock = FakeClock()
    throttle = LoginThrottle(clock)
    exhaust(throttle)
    waits = []
    for _ in range(8):
        with pytest.raises(TooManyRequestsError) as caught:
            throttle.begin("admin", "10.0.0.1")
        waits.append(int(caught.value.headers["Retry-After"]))
        clock.advance(waits[-1])
        throttle.begin("admin", "10.0.0.1")
    assert waits[:3] == [31, 61, 121]
    assert waits[-1] == LONGEST_WAIT_S + 1


def test_others_are_not_locked_out() -> None:
    throttle = LoginThrottle(FakeClock())
    exhaust(throttle)
    throttle.begin("admin", "10.0.0.2")
    throttle.begin("viewer", "10.0.0.1")


def test_who_knows_the_password_starts_afresh() -> None:
    throttle = LoginThrottle(FakeClock())
    for _ in range(FREE_ATTEMPTS - 1):
        throttle.begin("admin", "10.0.0.1")
    throttle.succeeded("admin", "10.0.0.1")
    exhaust(throttle)


def test_memory_is_bounded() -> None:
    throttle = LoginThrottle(FakeClock())
    for number in range(REMEMBERED + 10):
        throttle.begin("admin", f"address {number}")
    assert (len(throttle._attempts), len(throttle._windows)) == (REMEMBERED, REMEMBERED)


def test_one_address_may_not_try_name_after_name() -> None:
    clock = FakeClock()
    throttle = LoginThrottle(clock)
    for number in range(ADDRESS_ATTEMPTS):
        throttle.begin(f"user{number}", "10.0.0.1")
    with pytest.raises(TooManyRequestsError) as caught:
        throttle.begin("admin", "10.0.0.1")
    throttle.begin("admin", "10.0.0.2")
    clock.advance(int(caught.value.headers["Retry-After"]))
    throttle.begin("admin", "10.0.0.1")


def test_many_people_may_sign_in_at_one_address() -> None:
    throttle = LoginThrottle(FakeClock())
    for number in range(2 * ADDRESS_ATTEMPTS):
        throttle.begin(f"user{number}", "10.0.0.1")
        throttle.succeeded(f"user{number}", "10.0.0.1")
