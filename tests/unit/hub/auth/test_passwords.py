"""Argon2id, and the same work for somebody who does not exist."""

from pydantic import SecretStr

from hub.auth.passwords import NOBODY, Passwords


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
