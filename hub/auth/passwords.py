"""Argon2id off the event loop, two at a time with a short queue, and as long for a stranger as for a known name."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from pwdlib import PasswordHash
from pydantic import SecretStr

from hub.errors import UnavailableError

PARALLEL = 2
"""Each hash takes 64 MiB and a core for 0.1 to 0.3 s; a flood of logins must not take more than two."""

PLACES = 24
"""More than one address may try in a minute; the last of the queue waits 24 / 2 hashes, some 3 s."""

NOBODY = (  # the hash of 32 random bytes that nobody kept, with the same parameters as every other
    "$argon2id$v=19$m=65536,t=3,p=4$ornyXrcLrXJg2r/SiPWIoA$sGCFE4Cbv1lsNj0LHOXtURPqPGd/sfPrhuLWOxVZIRE"
)


class Passwords:
    """Hashes and checks passwords."""

    def __init__(self) -> None:
        self._argon2 = PasswordHash.recommended()
        self._slots = asyncio.Semaphore(PARALLEL)
        self._taken = 0

    @contextmanager
    def place(self) -> Iterator[None]:
        """A place in the queue for `fits`, to be taken before anything is done for the caller.

        Raises:
            UnavailableError: the queue is full; Retry-After says when it has moved on.
        """
        if self._taken >= PLACES:
            raise UnavailableError(
                "sign_in_busy", "too many people sign in at this moment; try again in 3 seconds", {"Retry-After": "3"}
            )
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1

    async def hash(self, password: SecretStr) -> str:
        """The argon2id hash with its parameters and salt."""
        async with self._slots:
            return await asyncio.to_thread(self._argon2.hash, password.get_secret_value())

    async def fits(self, password: SecretStr, stored: str | None) -> bool:
        """Whether the password is the stored one; without a stored one the same work is done and the answer is no."""
        async with self._slots:
            right = await asyncio.to_thread(
                self._argon2.verify, password.get_secret_value(), stored if stored is not None else NOBODY
            )
        return right and stored is not None
