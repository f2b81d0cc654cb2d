"""Secrets leave no trace: the one list of names that hold secrets, and how they are masked. Pure.

Everything that writes what it was not asked to keep (journals, events, the audit, logs) goes through here.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any, Final

MASK: Final = "***"
SECRET_NAMES: Final = frozenset({"password", "secret", "token", "credential"})
"""A field is secret when its name is one of these, or ends in one of them behind "_" or "-"."""

_TEXT: Final = re.compile(
    # name=value, name: value, "name": "value", name "value" (ExaBGP writes the last)
    r"""(?i)((?:password|secret|token|credential)["']?(?:\s*[=:]\s*|\s+(?=["'])))"""
    r"""("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\s,;}\])]+)"""
)
_URL: Final = re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://[^/\s:@]*):[^/\s@]+@")


def is_secret(name: str) -> bool:
    """Whether a field of this name holds a secret."""
    small = name.lower()
    return small in SECRET_NAMES or small.replace("-", "_").rpartition("_")[2] in SECRET_NAMES


def masked(name: str, value: Any) -> Any:
    """The value of a field as it may be shown."""
    if value is not None and is_secret(name) and not isinstance(value, bool):
        return MASK
    return redact(value)


def redact(value: Any) -> Any:
    """The value with every secret in it masked, however deep; text is searched as well."""
    if isinstance(value, str):
        return text(value)
    if isinstance(value, Mapping):
        return {key: masked(str(key), entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [redact(entry) for entry in value]
    return value


def text(line: str) -> str:
    """A line of prose or configuration without the secrets that it names, and passwords in URLs."""
    if "://" in line and "@" in line:
        line = _URL.sub(rf"\1:{MASK}@", line)
    small = line.lower()
    return _TEXT.sub(rf"\1{MASK}", line) if any(name in small for name in SECRET_NAMES) else line


class RedactingFormatter(logging.Formatter):
    """For every handler of our processes: also tracebacks and other libraries' lines are masked."""

    def format(self, record: logging.LogRecord) -> str:
        return text(super().format(record))
