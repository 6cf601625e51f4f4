"""Checks that every relative link and every repository path written in a Markdown document leads somewhere."""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from scripts.check_rooms import ROOT, walk

LINK = re.compile(r"!?\[[^\]]*\]\(\s*<?([^)\s>]+)>?[^)]*\)")
REFERENCE = re.compile(r"^\s{0,3}\[[^\]]+\]:\s*<?(\S+?)>?\s*$")
HTML_LINK = re.compile(r"""<(?:a|img|source)\b[^>]*?\b(?:href|src|srcset)=["']([^"']+)["']""")
BACKTICKED = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
FENCE = re.compile(r"^\s*(```|~~~)")
PATH = re.compile(r"^[\w.*/-]+$")
FILE_NAME = re.compile(r"^[\w-][\w.*-]*\.(py|md|toml|yaml|yml|lock|ts|tsx|css|conf|acl|json)$")
SCRIPT = re.compile(r"(?<![\w./-])scripts/[\w./-]*\w")
EXTERNAL = re.compile(r"^([a-z][a-z0-9+.-]*:|//|#)", re.IGNORECASE)
MADE_LATER = ("hub/static", ".venv", ".cache", "var", "dist", "hub/web/node_modules", "hub/web/dist")
NOT_CHECKED_PATHS = {"CHANGELOG.md"}


@dataclass(frozen=True, slots=True)
class DeadLink:
    """A target named in a document that is not there; `line` counts from 1."""

    document: str
    line: int
    target: str

    def __str__(self) -> str:
        return f"{self.document}:{self.line}: {self.target} does not exist"


class Tree:
    """The files and folders below a root, for asking whether a written path leads somewhere."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files = list(walk(root))
        self.names = {PurePosixPath(file).name for file in self.files}
        self.tops = {path.name for path in root.iterdir() if path.is_dir()}

    def leads_somewhere(self, target: str, folder: Path) -> bool:
        """Tell whether the path or glob is there, seen from the document's folder or from the root."""
        if "*" in target:
            return any(next(iter(base.glob(target)), None) for base in (folder, self.root))
        return (folder / target).exists() or (self.root / target).exists()

    def is_path(self, text: str) -> bool:
        """Tell whether backticked text is meant as a path of this repository."""
        if not PATH.match(text) or text.startswith(("/", "../", "*")) or text.startswith(MADE_LATER):
            return False
        return "/" in text and text.split("/", maxsplit=1)[0] in self.tops


def links(line: str) -> Iterator[str]:
    """Yield the relative targets of the links and pictures on a line, without anchors."""
    for pattern in (LINK, REFERENCE, HTML_LINK):
        for target in pattern.findall(line):
            if not EXTERNAL.match(target):
                yield unquote(target.split("#")[0].split("?")[0])


def paths(line: str, tree: Tree) -> Iterator[str]:
    """Yield the repository paths that stand in backticks on a line; a bare file name only if no file is called so."""
    for text in BACKTICKED.findall(line):
        word = re.sub(r":\d+(-\d+)?$", "", text.split()[0] if text.split() else "")
        if tree.is_path(word) or (FILE_NAME.match(word) and "*" not in word and word not in tree.names):
            yield word


def check_document(document: str, tree: Tree) -> Iterator[DeadLink]:
    """Yield the dead links of one document, relative to the root; in code blocks only scripts/... counts."""
    folder = (tree.root / document).parent
    in_fence = False
    for number, line in enumerate((tree.root / document).read_text(encoding="utf-8").splitlines(), start=1):
        if FENCE.match(line):
            in_fence = not in_fence
            continue
        targets = list(SCRIPT.findall(line))
        if not in_fence:
            targets += links(re.sub(r"`[^`]*`", "", line))
            targets += paths(line, tree)
        if document in NOT_CHECKED_PATHS:
            targets = list(links(line))
        for target in dict.fromkeys(targets):
            if target and not tree.leads_somewhere(target, folder):
                yield DeadLink(document, number, target)


def check_tree(root: Path) -> list[DeadLink]:
    """Return the dead links of every Markdown document below `root`."""
    tree = Tree(root)
    return [dead for file in tree.files if file.endswith(".md") for dead in check_document(file, tree)]


def main(root: Path = ROOT) -> int:
    """Print every dead link and return 1 if there is one, else 0."""
    dead = check_tree(root)
    for each in dead:
        print(each)
    print(f"links: {len(dead)} dead")
    return 1 if dead else 0


if __name__ == "__main__":
    sys.exit(main())
