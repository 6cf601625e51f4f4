"""The broker's users: one file, whole and private."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from hub.broker_users import BrokerUsers
from hub.errors import StartError


def test_the_hub_keeps_its_password_and_boxes_are_added(tmp_path: Path) -> None:
    users = BrokerUsers(tmp_path / "broker")
    first = users.hub_password()
    users.put("box-1", SecretStr("one"))
    users.put("box-1", SecretStr("two"))
    again = BrokerUsers(tmp_path / "broker")
    assert again.hub_password() == first
    assert len(first.get_secret_value()) >= 43
    assert again.read() == {"hub": first, "box-1": SecretStr("two")}


def test_the_file_is_private(tmp_path: Path) -> None:
    users = BrokerUsers(tmp_path / "broker")
    users.hub_password()
    assert users.path.stat().st_mode & 0o777 == 0o600
    assert users.path.parent.stat().st_mode & 0o777 == 0o700
    assert sorted(path.name for path in users.path.parent.iterdir()) == ["users.json", "users.lock"]


@pytest.mark.parametrize("content", ["{", "[]", '{"hub": 1}'])
def test_a_damaged_file_says_what_to_do(tmp_path: Path, content: str) -> None:
    users = BrokerUsers(tmp_path)
    users.path.write_text(content, encoding="utf-8")
    with pytest.raises(StartError, match="users.json is damaged; remove it"):
        users.hub_password()
