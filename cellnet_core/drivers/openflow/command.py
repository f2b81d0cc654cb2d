"""Runs one short system command, bounded in time, with its error text in the exception."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cellnet_core.drivers.contract import DriverUnavailableError

_PATIENCE: Final = 8.0


@dataclass(frozen=True, slots=True)
class Result:
    """What a command said, and its exit status."""

    status: int
    output: str
    error: str


async def run(arguments: Sequence[str], *, stdin: str = "", ok: Sequence[int] = (0,)) -> Result:
    """Run a command to its end.

    Raises DriverUnavailableError if it is not installed, does not end in time, or ends with a status that is
    not among `ok`.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    except FileNotFoundError as error:
        raise DriverUnavailableError(
            f"{arguments[0]} is not installed: install the packages of bindep.txt"
        ) from error
    try:
        async with asyncio.timeout(_PATIENCE):
            output, complaint = await process.communicate(stdin.encode())
    except TimeoutError as error:
        raise DriverUnavailableError(
            f"{' '.join(arguments[:4])} ... has not ended for {_PATIENCE} s: is ovs-vswitchd running?"
        ) from error
    finally:
        if process.returncode is None:  # also when the caller was cancelled
            process.kill()
            await process.wait()
    status = process.returncode
    assert status is not None
    result = Result(status, output.decode(errors="replace"), complaint.decode(errors="replace").strip())
    if status not in ok:
        raise DriverUnavailableError(f"{' '.join(arguments)} failed ({status}): {result.error}")
    return result
