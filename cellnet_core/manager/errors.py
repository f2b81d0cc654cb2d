"""What a caller of the manager may have done wrong. Each message names the place and the remedy.

`code` is stable (programs branch on it) and starts with the service type; `detail` is for people.
"""

from __future__ import annotations

SERVICE_TYPE = "cell-network"


class RequestError(Exception):
    """Refused, and nothing was changed. The subclass says what kind of no it is."""

    title = "Refused"

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = f"{SERVICE_TYPE}.{code}"
        self.detail = detail


class InvalidError(RequestError):
    """The request can never be right, whatever the state of things."""

    title = "Bad input"


class NotFoundError(RequestError):
    """The object that the address names does not exist."""

    title = "Not found"


class ConflictError(RequestError):
    """Right in itself, but not in the present state of things."""

    title = "Conflict"


class ForbiddenError(RequestError):
    """The caller is known, or says it is, and may not do this."""

    title = "Forbidden"


class GoneError(RequestError):
    """It was there, and is kept no longer."""

    title = "Gone"


class PreconditionError(RequestError):
    """The object is not in the revision that the caller had seen."""

    title = "Precondition failed"


class BusyError(RequestError):
    """As many do this already as may; try again later."""

    title = "Busy"


def check_revision(kind: str, name: str, current: int, expected: int | None) -> None:
    """Refuse when the caller expected another revision; None expects nothing. Raises PreconditionError."""
    if expected is not None and expected != current:
        raise PreconditionError(
            "revision.conflict",
            f"{kind} {name} is at revision {current}, If-Match says {expected}: read it again and repeat",
        )
