"""Argon2id, and the same work for somebody who does not exist."""

from contextlib import ExitStack

import pytest
from pydantic import SecretStr

from hub.auth.passwords import NOBODY, PLACES, Passwords
from hub.errors import UnavailableError


async def test_only_the_right_password_fits() -> None:
    passwords = Passwords()
    stored = await passwords.hash(SecretStr("right"))
    assert await passwords.fits(SecretStr("right"), stored)
    assert not await passwords.fits(SecretStr("wrong"), stored)
    assert not await passwords.fits(SecretStr("right"), None)


async def test_a_stranger_costs_as_much_work_as_a_known_name() -> None:
    fresh = await Passwords().hash(SecretStr("right"))
    assert NOBODY.split("$")[1:4] == fresh.split("$")[1:4]
    assert [len(part) for part in NOBODY.split("$")] == [len(part) for part in fresh.split("$")]


def test_the_queue_is_short_and_moves_on() -> None:
    passwords = Passwords()
    with ExitStack() as queue:
        for _ in range(PLACES):
            queue.enter_context(passwords.place())
        with pytest.raises(UnavailableError) as caught, passwords.place():
            pass
        assert int(caught.value.headers["Retry-After"]) > 0
    with passwords.place():
        pass
