"""Pausing before each step, for an audience: Enter goes on, q ends the scenario there."""

from __future__ import annotations

import sys
import termios
from collections.abc import Callable
from typing import TextIO

from .scenario import Step

PROMPT = "   Enter: go on, q: end here > "
Gate = Callable[[int, Step], bool]
"""Asked before each step, which has been told already; False ends the scenario: no further step is run."""


def always(_number: int, _step: Step) -> bool:
    """The gate of a run that nobody steps through."""
    return True


class Stepper:
    """A gate that asks a person."""

    def __init__(
        self,
        ask: Callable[[str], str] = input,
        screen: TextIO | None = None,
        keys: TextIO | None = None,
    ) -> None:
        self._ask = ask
        self._keys = keys
        self._screen = screen or sys.stdout

    def __call__(self, _number: int, _step: Step) -> bool:
        self._forget()
        while True:
            try:
                said = self._ask(PROMPT).strip().lower()
            except EOFError:
                return False  # nobody is there any more
            if said in ("", "q", "quit"):
                self._wipe()
                return said == ""

    def _forget(self) -> None:
        """What was typed while a step ran answers nothing."""
        if self._keys is not None and self._keys.isatty():
            termios.tcflush(self._keys, termios.TCIFLUSH)

    def _wipe(self) -> None:
        """Take the question off the screen: what stays is the story."""
        if self._screen.isatty():
            self._screen.write("\x1b[1A\x1b[2K")
            self._screen.flush()
