"""Reads what was added to a growing file since it was read last, whole lines only.

A line that is still being written is left for the next reading. Knows nothing of what lines mean.
"""

from __future__ import annotations

from pathlib import Path


class Tail:
    """Follows one file. Not for several threads at once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._offset = 0

    def read(self) -> list[str]:
        """The new lines, without their ends; [] for a file that is not there (yet).

        A file that became shorter was begun anew, and is read from its start.
        """
        try:
            with self.path.open("rb") as file:
                if file.seek(0, 2) < self._offset:
                    self._offset = 0
                file.seek(self._offset)
                added = file.read()
        except FileNotFoundError:
            return []
        whole = added[: added.rfind(b"\n") + 1]
        self._offset += len(whole)
        return whole.decode("utf-8", errors="replace").splitlines()
