"""What may go wrong between a client and the manager. `exit_code` is what a command line should end with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class ClientError(Exception):
    """Anything the client raises."""

    exit_code = 1


class BadUrlError(ClientError):
    """What was named is no address of a manager."""

    exit_code = 2


class UnreachableError(ClientError):
    """Nobody answers there, or not in time."""


class WaitTimeoutError(ClientError):
    """What was waited for did not come; the message says how things stand instead."""


class OperationFailedError(ClientError):
    """Work that was waited for failed; the message says where and why."""


class ApiError(ClientError):
    """The manager said no. The message is its own, all problems of the request in it."""

    def __init__(self, status: int, errors: tuple[Mapping[str, Any], ...], fallback: str) -> None:
        details = [str(error.get("detail", "")) for error in errors] or [fallback]
        super().__init__("\n".join(details))
        self.status = status
        self.code = str(errors[0].get("code", "")) if errors else ""
        """Stable, such as "cell-network.connection.no_path"; that of the first problem."""
        self.codes = tuple(str(error.get("code", "")) for error in errors)
        self.request_id = str(errors[0].get("request_id", "")) if errors else ""
        self.exit_code = 2 if 400 <= status < 500 else 1


class NotFoundError(ApiError):
    """404."""


class ConflictError(ApiError):
    """409."""


def from_answer(status: int, document: Any) -> ApiError:
    """The error that an answer of 400 and above stands for, whatever its body is."""
    entries = document.get("errors") if isinstance(document, dict) else None
    errors = tuple(e for e in entries if isinstance(e, dict)) if isinstance(entries, list) else ()
    kind = {404: NotFoundError, 409: ConflictError}.get(status, ApiError)
    return kind(status, errors, f"the manager answered {status} without saying why")
