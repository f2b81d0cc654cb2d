"""What may go wrong with a capture."""

from __future__ import annotations

from simulator.errors import LabError


class CaptureError(LabError):
    """A capture cannot be made or read. `exit_code` is 2 where the request was wrong, else 1."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code
