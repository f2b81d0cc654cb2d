"""What the store may raise. Everything else that comes out of it is our bug."""

from __future__ import annotations


class StoreError(Exception):
    """Anything the store raises on purpose."""


class StoreUnavailableError(StoreError):
    """The database did not do what was asked: disk full, file locked or unreadable, server away."""


class SchemaVersionError(StoreError):
    """The database was written by another version of the manager."""


class BadQueryError(StoreError):
    """A list was asked for in a way that has no answer; `parameter` is the query key at fault."""

    def __init__(self, parameter: str, message: str) -> None:
        super().__init__(message)
        self.parameter = parameter
