"""YAML or JSON text to plain values that remember their lines. Knows nothing of cells.

Only what both formats have: mappings, lists, texts, whole and decimal numbers, true and false, null. Every
problem is found, not only the first, unless the text is no YAML at all.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

MAX_BYTES = 8_000_000
MAX_VALUES = 500_000
"""What a file may hold once its aliases are resolved: a few lines can name billions of values."""
MAX_DEPTH = 12
_TAG = "tag:yaml.org,2002:"
Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong, with its remedy, and the line (1-based) of it; 0: of no line."""

    line: int
    text: str


class DocumentError(Exception):
    """The file cannot be meant like this; the message has every problem, a line each."""

    exit_code = 2

    def __init__(self, file: str, problems: tuple[Problem, ...]) -> None:
        ordered = sorted(set(problems))
        super().__init__(
            "\n".join(f"{file}:{p.line}: {p.text}" if p.line else f"{file}: {p.text}" for p in ordered)
        )
        self.problems = tuple(ordered)


@dataclass(frozen=True, slots=True)
class Source:
    """What a file says, and on which line each value is."""

    value: Any
    lines: Mapping[Path, int]
    problems: tuple[Problem, ...]

    def line(self, *path: str | int) -> int:
        """The line of the value at the path, or of the nearest thing around it."""
        for end in range(len(path), -1, -1):
            if path[:end] in self.lines:
                return self.lines[path[:end]]
        return 1


def parse(text: str, file: str) -> Source:
    """The values of a text. Raises DocumentError when it is no YAML."""
    if len(text) > MAX_BYTES:
        raise DocumentError(file, (Problem(0, f"larger than {MAX_BYTES} bytes; split it"),))
    try:
        node = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        fact = " ".join(part for part in (error.context, error.problem) if part)
        problem = Problem(
            mark.line + 1 if mark else 0, f"no YAML: {fact}; check indentation, brackets and quotes here"
        )
        raise DocumentError(file, (problem,)) from error
    except YAMLError as error:
        fact = str(error).partition("\n")[0]
        raise DocumentError(file, (Problem(0, f"no YAML: {fact}; write plain text in UTF-8"),)) from error
    except RecursionError as error:
        raise DocumentError(file, (Problem(0, "nested too deeply; write fewer brackets"),)) from error
    reader = _Reader()
    try:
        value = None if node is None else reader.plain(node, (), node.start_mark.line + 1)
    except _TooMuchError:
        raise DocumentError(
            file, (Problem(0, "too many values; write fewer aliases and brackets"),)
        ) from None
    return Source(value, reader.lines, tuple(reader.problems))


class _TooMuchError(Exception):
    pass


class _Reader:
    """Turns nodes into values; used for one document."""

    def __init__(self) -> None:
        self.lines: dict[Path, int] = {}
        self.problems: list[Problem] = []
        self._values = 0

    def plain(self, node: Node, path: Path, line: int) -> Any:
        self.lines[path] = line
        self._values += 1
        if self._values > MAX_VALUES or len(path) > MAX_DEPTH:
            raise _TooMuchError
        if isinstance(node, MappingNode):
            return self._mapping(node, path)
        if isinstance(node, SequenceNode):
            return [
                self.plain(item, (*path, number), item.start_mark.line + 1)
                for number, item in enumerate(node.value)
            ]
        assert isinstance(node, ScalarNode)
        return self._scalar(node, line)

    def _mapping(self, node: MappingNode, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, ScalarNode):
                self.problems.append(Problem(line, "a name must be a plain text"))
            elif key.value in found:
                self.problems.append(Problem(line, f"{key.value!r} is said twice; remove one of the two"))
            else:
                found[key.value] = self.plain(value, (*path, key.value), line)
        return found

    def _scalar(self, node: ScalarNode, line: int) -> Any:
        kind, text = str(node.tag).removeprefix(_TAG), str(node.value)
        if kind in ("str", "timestamp"):
            return text
        if kind == "null":
            return None
        if kind == "bool":
            return text.lower() == "true"
        try:
            if kind == "int":
                return int(text)
            if kind == "float" and math.isfinite(number := float(text)):
                return number
        except ValueError:
            pass
        self.problems.append(
            Problem(line, f"{text!r} has no place here; write a text (quoted), number, list or mapping")
        )
        return text
