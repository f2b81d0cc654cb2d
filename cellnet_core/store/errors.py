"""What the store may raise. Everything else that comes out of it is our bug."""

from __future__ import annotations


class StoreError(Exception):
    """Anything the store raises on purpose."""


class StoreUnavailableError(StoreError):
    """The database did not do what was asked: disk full, file locked or unreadable, server away."""


class StoreBusyError(StoreUnavailableError):
    """Another writer was at the same rows, or held the database for too long. Nothing was written.

    Nobody in here tries again: what was validated may no longer hold, so the caller starts over or gives up.
    """


class SchemaVersionError(StoreError):
    """The database was written by another version of the manager, or is not ours."""


class BadQueryError(StoreError):
    """A list was asked for in a way that has no answer; `parameter` is the query key at fault."""

    def __init__(self, parameter: str, message: str) -> None:
        super().__init__(message)
        self.parameter = parameter
