"""Checks the laws that no ready-made tool knows: sizes, names, READMEs, docstrings, broad excepts, queries."""

import ast
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("edge_agent", "hub", "mqtt", "camera_configs", "models")
ROOMS_BESIDE_PACKAGES = ("scripts", "tests", "tests/lab", "hub/web")
SKIPPED_FOLDERS = {"node_modules", "__pycache__", "dist", "build", "htmlcov", "var"}
GENERATED = {"hub/static"}
SOURCE_SUFFIXES = {".py", ".ts", ".tsx", ".mts", ".js", ".mjs", ".css", ".sh", ".sql"}
FILE_AIM, FILE_LIMIT = 300, 400
FUNCTION_AIM, FUNCTION_LIMIT = 40, 60
README_LIMIT = 40
BANNED_NAMES = {"util", "utils", "helper", "helpers", "common", "misc"}
BROAD_EXCEPT_PLACES = ("edge_agent/capture/supervisor.py", "hub/ingest/", "hub/problem.py")
QUERY_WORDS = {"select", "insert", "update", "delete", "text", "func"}
QUERY_FILES = {"repository.py", "models.py"}
COMMIT_FILE = "unit_of_work.py"
MIGRATIONS = "hub/db/migrations/"


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken law, or an aim that was missed when `warning` is true; `line` counts from 1, 0 is the whole file."""

    path: str
    line: int
    text: str
    warning: bool = False

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}" if self.line else self.path
        return f"{place}: {'warning: ' if self.warning else ''}{self.text}"


def walk(root: Path) -> Iterator[str]:
    """Yield every file as a posix path relative to `root`, without hidden, generated and foreign folders."""
    for folder, folders, files in os.walk(root):
        here = Path(folder).relative_to(root)
        folders[:] = sorted(
            name
            for name in folders
            if name not in SKIPPED_FOLDERS and not name.startswith(".") and (here / name).as_posix() not in GENERATED
        )
        for name in sorted(files):
            yield (here / name).as_posix()


def check_size(path: str, source: str) -> Iterator[Finding]:
    """Yield a finding for a file over the limit of lines and a warning for one over the aim."""
    lines = source.count("\n") + (not source.endswith("\n") and bool(source))
    if lines > FILE_LIMIT:
        yield Finding(path, 0, f"{lines} lines, the limit is {FILE_LIMIT}: split it")
    elif lines > FILE_AIM:
        yield Finding(path, 0, f"{lines} lines, aim at under {FILE_AIM}", warning=True)


def check_name(path: str) -> Iterator[Finding]:
    """Yield a finding for a file or folder whose name says nothing."""
    for part in PurePosixPath(path).parts:
        if part.split(".")[0].lower() in BANNED_NAMES:
            yield Finding(path, 0, f"the name {part!r} says nothing: name it after what it does")


def check_docstring(path: str, tree: ast.Module) -> Iterator[Finding]:
    """Yield a finding for a module without a first sentence; an empty `__init__.py` below tests needs none."""
    if ast.get_docstring(tree) is None and (tree.body or not path.startswith("tests/")):
        yield Finding(path, 1, "the module does not start with a sentence that says what it is")


def check_functions(path: str, tree: ast.Module) -> Iterator[Finding]:
    """Yield a finding for each function over the limit of lines and a warning for each over the aim."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
            lines = node.end_lineno - node.lineno + 1
            if lines > FUNCTION_LIMIT:
                yield Finding(
                    path, node.lineno, f"{node.name} has {lines} lines, the limit is {FUNCTION_LIMIT}: split it"
                )
            elif lines > FUNCTION_AIM:
                yield Finding(
                    path, node.lineno, f"{node.name} has {lines} lines, aim at under {FUNCTION_AIM}", warning=True
                )


def check_excepts(path: str, tree: ast.Module) -> Iterator[Finding]:
    """Yield a finding for each handler of every error outside the three places of law 6, unless it raises again."""
    if path.startswith(BROAD_EXCEPT_PLACES):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler) and _is_broad(node.type) and not _raises_again(node):
            yield Finding(path, node.lineno, "catches every error; only " + ", ".join(BROAD_EXCEPT_PLACES) + " may")


def _is_broad(caught: ast.expr | None) -> bool:
    if isinstance(caught, ast.Tuple):
        return any(_is_broad(each) for each in caught.elts)
    return caught is None or (isinstance(caught, ast.Name) and caught.id in {"Exception", "BaseException"})


def _raises_again(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def check_queries(path: str, tree: ast.Module) -> Iterator[Finding]:
    """Yield a finding for each query word or commit in the hub outside repositories and unit of work (law 4)."""
    parts = PurePosixPath(path).parts
    if parts[0] != "hub":
        return
    may_query = parts[1] == "db" or parts[-1] in QUERY_FILES or parts[-1].endswith("_repository.py")
    for node in ast.walk(tree):
        words = _query_words(node)
        if words and not may_query:
            yield Finding(path, getattr(node, "lineno", 0), f"takes {words} from sqlalchemy; only a repository may")
        if _is_commit(node) and parts[-1] != COMMIT_FILE and not path.startswith(MIGRATIONS):
            yield Finding(path, getattr(node, "lineno", 0), f"commits; only {COMMIT_FILE} does")


def _query_words(node: ast.AST) -> str:
    if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "sqlalchemy":
        return ", ".join(sorted(QUERY_WORDS & {alias.name for alias in node.names}))
    return ""


def _is_commit(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "commit"


PYTHON_CHECKS: tuple[Callable[[str, ast.Module], Iterator[Finding]], ...] = (
    check_docstring,
    check_functions,
    check_excepts,
    check_queries,
)


def check_file(path: str, source: str) -> Iterator[Finding]:
    """Yield the findings of one source file, given its path relative to the root and its text."""
    yield from check_size(path, source)
    if not _is_python(path, source):
        return
    try:
        tree = ast.parse(source, filename=path)
    except SyntaxError as error:
        yield Finding(path, error.lineno or 0, f"is no valid Python: {error.msg}")
        return
    for check in PYTHON_CHECKS:
        yield from check(path, tree)


def _is_python(path: str, source: str) -> bool:
    return path.endswith(".py") or (source.startswith("#!") and "python" in source.splitlines()[0])


def check_readmes(root: Path, files: list[str]) -> Iterator[Finding]:
    """Yield a finding for each room without a README and for each README of a room that is too long."""
    known = set(files)
    rooms = {room for room in ROOMS_BESIDE_PACKAGES if any(name.startswith(f"{room}/") for name in files)}
    for name in files:
        path = PurePosixPath(name)
        if path.suffix == ".py" and path.parts[0] in PACKAGES and not {"migrations", "web"} & set(path.parts[:-1]):
            rooms.add(path.parent.as_posix())
    for room in sorted(rooms):
        if f"{room}/README.md" not in known:
            yield Finding(room, 0, "has no README.md that says what the room is for and what may not enter")
    for name in files:
        if name.endswith("/README.md"):
            lines = len((root / name).read_text(encoding="utf-8").splitlines())
            if lines > README_LIMIT:
                yield Finding(name, 0, f"{lines} lines, the limit for a room's README is {README_LIMIT}")


def check_tree(root: Path) -> list[Finding]:
    """Return every finding of the tree below `root`."""
    files = list(walk(root))
    findings = list(check_readmes(root, files))
    for name in files:
        findings += check_name(name)
        path = root / name
        is_script = PurePosixPath(name).suffix == "" and name.startswith("scripts/")
        if PurePosixPath(name).suffix in SOURCE_SUFFIXES or is_script:
            findings += check_file(name, path.read_text(encoding="utf-8"))
    return findings


def main(root: Path = ROOT) -> int:
    """Print every finding and return 1 if one of them is more than a warning, else 0."""
    findings = check_tree(root)
    for finding in findings:
        print(finding)
    broken = sum(not finding.warning for finding in findings)
    print(f"rooms: {broken} broken, {len(findings) - broken} warnings")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
