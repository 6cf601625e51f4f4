"""Reads YAML that people write, and says what is wrong with it without ever quoting it: a secret may stand in it."""

import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from camera_configs.errors import ConfigError

REMEDIES = {
    "extra_forbidden": "no field has this name here; correct its spelling or remove it",
    "missing": "is missing; add it",
    "string_type": "must be text; put it in quotes",
    "model_type": "must be a block of 'field: value' lines",
    "tuple_type": "must be a list",
    "union_tag_not_found": "has no 'kind'; add it",
}
TEXT_KEYS = frozenset({"tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"})


class _BadKeyError(yaml.MarkedYAMLError):
    """A key that is written twice in one block, or is no text."""


class _Loader(yaml.SafeLoader):
    """Safe YAML that refuses a key written twice, of which the first would be lost without a word, and 1: or yes:."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.tag not in TEXT_KEYS:
                problem = "a name here is a number, a date, yes, no or nothing; write 'name: value'"
                raise _BadKeyError(problem=problem, problem_mark=key.start_mark)
            if key.value in seen:
                problem = f"{_name(key.value)} is there twice; remove one"
                raise _BadKeyError(problem=problem, problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def read_document(path: Path) -> object:
    """Return what a YAML file holds.

    Raises:
        ConfigError: the file is missing, unreadable or not YAML; of its words none is shown but the name of a field.
    """
    try:
        return yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506
    except OSError as error:
        msg = f"{path}: cannot be read: {error.strerror}"
    except UnicodeDecodeError:
        msg = f"{path}: is not UTF-8 text"
    except (yaml.YAMLError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        msg = f"{path}: is not YAML{_place(error)}"
    # Raised outside the handlers: the errors of YAML quote the line, and would ride along.
    raise ConfigError(msg)


def explain(error: ValidationError, origin: Path | str) -> str:
    """One line a problem: file, field, what is wrong; values are never shown."""
    lines = []
    for problem in error.errors(include_url=False, include_input=False):
        where = ".".join(_name(part) for part in problem["loc"]) or "document"
        said = problem["msg"].removeprefix("Value error, ")
        lines.append(f"{origin}: {where}: {REMEDIES.get(problem['type'], said)}")
    return "\n".join(lines)


def _name(part: object) -> str:
    # `{token:abc}` without the space is one long name to YAML.
    return str(part).partition(":")[0]


def _place(error: Exception) -> str:
    """Line and problem without the words that YAML quotes: an unquoted password can be among them."""
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return ": a value in it cannot be read; put passwords, dates and long numbers in quotes"
    if isinstance(error, _BadKeyError):
        return f", line {error.problem_mark.line + 1}: {error.problem}"
    problem = re.split(r"'[^']{2}", error.problem or "", maxsplit=1)[0].strip()
    return f", line {error.problem_mark.line + 1}: {problem}"
