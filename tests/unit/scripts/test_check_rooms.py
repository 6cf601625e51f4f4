"""Plants one violation of each law and sees that the room check reports it, and nothing else."""

from pathlib import Path

import pytest

from scripts.check_rooms import Finding, check_tree, main

MODULE = '"""What it is."""\n'


def plant(root: Path, **files: str) -> list[Finding]:
    """Write a lawful little tree with the given files in it (`__` for `/`) and check it."""
    tree = {"edge_agent/__init__.py": MODULE, "edge_agent/README.md": "# The room\n", **files}
    for name, text in tree.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return check_tree(root)


def test_a_lawful_tree_has_no_finding(tmp_path: Path) -> None:
    assert plant(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "text", "line", "says"),
    [
        ("edge_agent/long.py", MODULE + "X = 1\n" * 400, 0, "401 lines, the limit is 400"),
        ("hub/web/src/page.tsx", "x;\n" * 401, 0, "401 lines"),
        ("scripts/demo", "#!/usr/bin/env bash\n" + "true\n" * 400, 0, "401 lines"),
        ("edge_agent/slow.py", MODULE + "def slow():\n" + "    x = 1\n" * 60, 2, "slow has 61 lines, the limit is 60"),
        ("edge_agent/utils.py", MODULE, 0, "'utils.py' says nothing"),
        ("edge_agent/Helpers/README.md", "", 0, "'Helpers' says nothing"),
        ("edge_agent/mute.py", "X = 1\n", 1, "does not start with a sentence"),
        ("edge_agent/broken.py", MODULE + "def (:\n", 2, "is no valid Python"),
        ("edge_agent/greedy.py", MODULE + "try:\n    pass\nexcept Exception:\n    pass\n", 4, "catches every error"),
        ("edge_agent/bare.py", MODULE + "try:\n    pass\nexcept:\n    pass\n", 4, "catches every error"),
        (
            "edge_agent/tuple.py",
            MODULE + "try:\n    pass\nexcept (OSError, BaseException):\n    pass\n",
            4,
            "catches every error",
        ),
        ("edge_agent/app/README.md", "line\n" * 41, 0, "41 lines, the limit for a room's README is 40"),
        ("hub/service.py", MODULE + "from sqlalchemy import and_, select\n", 2, "takes select from sqlalchemy"),
        ("hub/service.py", MODULE + "from sqlalchemy.dialects.sqlite import insert\n", 2, "takes insert"),
        ("hub/repository.py", MODULE + "async def f(s):\n    await s.commit()\n", 3, "commits; only unit_of_work.py"),
    ],
)
def test_a_planted_violation_is_reported(tmp_path: Path, name: str, text: str, line: int, says: str) -> None:
    findings = plant(tmp_path, **{"hub/README.md": "", "hub/web/README.md": "", "scripts/README.md": "", name: text})
    assert [(finding.path, finding.line) for finding in findings if not finding.warning] == [(name, line)]
    assert says in str(findings[0])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("edge_agent/capture/supervisor.py", MODULE + "try:\n    pass\nexcept Exception:\n    pass\n"),
        ("edge_agent/again.py", MODULE + "try:\n    pass\nexcept BaseException:\n    undo()\n    raise\n"),
        ("edge_agent/narrow.py", MODULE + "try:\n    pass\nexcept OSError:\n    pass\n"),
        ("hub/cases/repository.py", MODULE + "from sqlalchemy import select\n"),
        ("hub/ingest/order_repository.py", MODULE + "from sqlalchemy import select\n"),
        ("hub/db/unit_of_work.py", MODULE + "async def f(s):\n    await s.commit()\n"),
        ("edge_agent/store.py", MODULE + "def f(s):\n    s.commit()\n"),
        ("hub/db/migrations/versions/0001.py", MODULE),
        ("edge_agent/node_modules/x/utils.py", ""),
        ("tests/unit/__init__.py", ""),
    ],
)
def test_what_is_allowed_is_not_reported(tmp_path: Path, name: str, text: str) -> None:
    rooms = ("edge_agent/capture", "hub", "hub/db", "hub/cases", "hub/ingest", "tests")
    findings = plant(tmp_path, **{f"{room}/README.md": "" for room in rooms}, **{name: text})
    assert findings == []


def test_aims_that_are_missed_are_warnings_and_do_not_fail(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    long = MODULE + "X = 1\n" * 300 + "def f():\n" + "    x = 1\n" * 41
    findings = plant(tmp_path, **{"edge_agent/long.py": long})
    assert [finding.warning for finding in findings] == [True, True]
    assert main(tmp_path) == 0
    assert "warning: f has 42 lines, aim at under 40" in capsys.readouterr().out


def test_a_room_without_a_readme_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plant(tmp_path, **{"edge_agent/capture/__init__.py": MODULE})
    assert main(tmp_path) == 1
    assert "edge_agent/capture: has no README.md" in capsys.readouterr().out
