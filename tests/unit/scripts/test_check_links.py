"""Plants dead links and paths in documents and sees that the link check reports each, and nothing else."""

from pathlib import Path

import pytest

from scripts.check_links import check_tree, main


def plant(root: Path, text: str, document: str = "docs/guide.md") -> list[str]:
    """Write a small tree whose one document holds `text`, and return the dead targets."""
    for name in ("hub/app.py", "hub/cases/service.py", "scripts/setup", "docs/adr/0001-mqtt.md", "README.md"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("", encoding="utf-8")
    (root / document).write_text(text, encoding="utf-8")
    return [dead.target for dead in check_tree(root)]


@pytest.mark.parametrize(
    ("text", "dead"),
    [
        ("[gone](gone.md)", "gone.md"),
        ("[gone](../gone.md#part)", "../gone.md"),
        ("![picture](pictures/screen.png)", "pictures/screen.png"),
        ('<img src="screen.png" width="3">', "screen.png"),
        ("[ref]: adr/0002.md", "adr/0002.md"),
        ("see `hub/gone.py`", "hub/gone.py"),
        ("see `hub/gone.py:12`", "hub/gone.py"),
        ("see `hub/*/gone.py`", "hub/*/gone.py"),
        ("see `gone.py`", "gone.py"),
        ("run `scripts/gone --fast`", "scripts/gone"),
        ("```\nscripts/gone\n```", "scripts/gone"),
    ],
)
def test_a_dead_target_is_reported(tmp_path: Path, text: str, dead: str) -> None:
    assert plant(tmp_path, text) == [dead]


@pytest.mark.parametrize(
    "text",
    [
        "[adr](adr/0001-mqtt.md#why) and [home](../README.md) and [up](#top)",
        "[out](https://example.org/gone.md) and [mail](mailto:a@b.cn)",
        "`hub/app.py`, `hub/app.py:3`, `hub/cases/`, `hub/*/service.py`, `service.py`, `scripts/setup --tests`",
        "`application/json`, `tr/v1/{edge}/event`, `/api/v1/cases`, `../shared/assets`, `hub/static/index.html`",
        "```\n[not a link](gone.md) `hub/gone.py`\n```",
        "`[not a link](gone.md)`",
    ],
)
def test_a_living_or_foreign_target_is_not_reported(tmp_path: Path, text: str) -> None:
    assert plant(tmp_path, text) == []


def test_the_changelog_may_name_what_is_gone_but_not_link_it(tmp_path: Path) -> None:
    assert plant(tmp_path, "`hub/gone.py` was removed, see [why](why.md)", "CHANGELOG.md") == ["why.md"]


def test_main_says_where_and_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plant(tmp_path, "fine\n\n[gone](gone.md)")
    assert main(tmp_path) == 1
    assert "docs/guide.md:3: gone.md does not exist" in capsys.readouterr().out
