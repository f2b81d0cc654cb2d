"""YAML text to plain values that remember their lines.

Knows YAML and nothing of topologies. Every way in which text fails to be YAML becomes a TopologyError with
line, column and what to do.
"""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, StringMark, YAMLError
from ruamel.yaml.scalarbool import ScalarBoolean

from topologies.errors import Problem, TopologyError
from topologies.specs import Path

MAX_BYTES = 1_000_000
MAX_VALUES = 100_000
"""Bounds for what a file may hold once its aliases are resolved: a few lines can name billions of values."""
MAX_DEPTH = 20

_REMEDIES = (
    (r"character '\\t'", "indent with spaces, not with tabs"),
    (r"mapping values are not allowed", "check the indentation, and quote a text that contains ': '"),
    (r"expected ',' or '[\]}]'", "close the bracket or put a comma between the entries"),
    (r"undefined alias", "define it with & before it is used, or quote a text that begins with *"),
    (r"another document", "keep one topology in a file; remove the '---' between them"),
    (r"quoted scalar", "close the quote"),
)
_GENERAL_REMEDY = "check the indentation, brackets and quotes around this place"


@dataclass(frozen=True, slots=True)
class Source:
    """What a file says: plain values, and on which line (1-based) each of them is."""

    file: str
    value: Any
    lines: Mapping[Path, int]

    def locate(self, path: Path) -> int | None:
        """The line of the value at the path, or of the nearest thing around it."""
        for end in range(len(path), -1, -1):
            if path[:end] in self.lines:
                return self.lines[path[:end]]
        return None


def parse(text: str, file: str) -> Source:
    """The values of a YAML text. Raises TopologyError, with line and column, if it is no YAML."""
    if len(text) > MAX_BYTES:
        raise _refused(file, f"the file is larger than {MAX_BYTES} bytes", "split the topology")
    try:
        document = YAML(typ="rt").load(text)
    except DuplicateKeyError as error:
        key = re.search(r'found duplicate key "?(.*?)"? with value', str(error.problem or ""))
        name = key.group(1) if key else "a key"
        raise _refused(
            file, f"{name!r} is given twice", "remove one of the two", error.problem_mark
        ) from error
    except MarkedYAMLError as error:
        fact = " ".join(part for part in (error.context, error.problem) if part)
        mark = error.problem_mark or error.context_mark
        raise _refused(file, f"this is no YAML: {fact}", _remedy(fact), mark) from error
    except YAMLError as error:
        fact = str(error).split("\n", 1)[0]
        raise _refused(file, f"this is no YAML: {fact}", _GENERAL_REMEDY) from error
    except RecursionError as error:
        raise _refused(file, "the values are nested too deeply", "write fewer brackets") from error
    except (ValueError, TypeError, AttributeError, AssertionError, NotImplementedError) as error:
        # What the library's own constructors let through, such as a date with month 13.
        raise _refused(file, f"a value cannot be read: {error}", "quote it if it is a text") from error
    reader = _Reader(file)
    return Source(file, reader.plain(document, (), 1), reader.lines)


def _remedy(fact: str) -> str:
    return next((remedy for pattern, remedy in _REMEDIES if re.search(pattern, fact)), _GENERAL_REMEDY)


def _refused(file: str, fact: str, remedy: str, mark: StringMark | None = None) -> TopologyError:
    line, column = (mark.line + 1, mark.column + 1) if mark is not None else (None, None)
    return TopologyError([Problem(f"{fact}; {remedy}", file=file, line=line, column=column)])


class _Reader:
    """Turns the library's values into plain ones and notes their lines; used for one document."""

    def __init__(self, file: str) -> None:
        self.lines: dict[Path, int] = {}
        self._file = file
        self._values = 0

    def plain(self, node: Any, path: Path, line: int) -> Any:
        self.lines[path] = line
        self._values += 1
        if self._values > MAX_VALUES or len(path) > MAX_DEPTH:
            raise self._refused(line, "there are too many values here", "write fewer values and aliases")
        if isinstance(node, Mapping):
            return {
                str(key): self.plain(value, (*path, str(key)), self._line(node, key, line))
                for key, value in node.items()
            }
        if isinstance(node, Sequence) and not isinstance(node, str | bytes):
            return [
                self.plain(value, (*path, index), self._line(node, index, line))
                for index, value in enumerate(node)
            ]
        if isinstance(node, bool | ScalarBoolean):
            return bool(node)
        if node is None or isinstance(node, str):
            return None if node is None else str(node)
        if isinstance(node, int) or (isinstance(node, float) and math.isfinite(node)):
            return int(node) if isinstance(node, int) else float(node)
        if isinstance(node, datetime.date):
            return str(node)  # the author wrote a text that only looks like a date
        raise self._refused(
            line, "this kind of value has no place here", "write a text, a number, a list or a mapping"
        )

    def _refused(self, line: int, fact: str, remedy: str) -> TopologyError:
        return TopologyError([Problem(f"{fact}; {remedy}", file=self._file, line=line)])

    @staticmethod
    def _line(node: Any, key: Any, line: int) -> int:
        positions = node.lc.data or {}
        return positions[key][0] + 1 if key in positions else line
