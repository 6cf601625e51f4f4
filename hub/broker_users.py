"""The names and passwords that the embedded broker knows, in a file that only its owner may read."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import SecretStr

from hub.auth.tokens import new_token
from hub.errors import StartError

HUB_USER = "hub"


class BrokerUsers:
    """The file `users.json`; the broker wants the passwords in clear, so the file has mode 0600."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "users.json"

    def read(self) -> dict[str, SecretStr]:
        """Every name with its password.

        Raises:
            StartError: the file is no JSON object of strings.
        """
        try:
            content = json.loads(self.path.read_text("utf-8"))
        except FileNotFoundError:
            return {}
        except ValueError:
            content = None
        if not isinstance(content, dict) or not all(isinstance(value, str) for value in content.values()):
            msg = f"{self.path} is damaged; remove it and run provision-edge for each box again"
            raise StartError(msg)
        return {name: SecretStr(value) for name, value in content.items()}

    def put(self, name: str, password: SecretStr) -> None:
        """Add or replace one."""
        with self._locked():
            write_secret(self.path, self._with(name, password))

    def hub_password(self) -> SecretStr:
        """The password of the hub itself, made when there is none."""
        with self._locked():
            known = self.read().get(HUB_USER)
            if known is not None:
                return known
            password = SecretStr(new_token())
            write_secret(self.path, self._with(HUB_USER, password))
        return password

    def changed_at(self) -> int:
        """When the file was written last, in nanoseconds; 0 when there is none."""
        return self.path.stat().st_mtime_ns if self.path.exists() else 0

    def _with(self, name: str, password: SecretStr) -> str:
        users = {key: value.get_secret_value() for key, value in self.read().items()}
        return json.dumps(users | {name: password.get_secret_value()}, indent=1)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self.path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def write_secret(path: Path, text: str) -> None:
    """Write a file of mode 0600 whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
