"""Runs the contract suite over a real device, inside namespaces of its own.

    python -m tests.contract.sandboxed exabgp|openflow

To be started by `unshare`; prints one JSON object: check to None, or to what went wrong.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import traceback
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Protocol

from tests.contract import checks
from tests.contract.rigs import Rig


class Device(Protocol):
    """A real device that outlives the rigs put on it, one after the other."""

    async def rig(self) -> Rig:
        """A rig with a new driver; the device runs."""
        ...

    def logs(self) -> str:
        """What the daemons said, for a failed check."""
        ...


def device(kind: str, directory: Path) -> AbstractAsyncContextManager[Device]:
    """The device of that kind."""
    if kind == "exabgp":
        from tests.contract.exabgp_rig import exabgp

        return exabgp(directory)
    from tests.contract.openflow_rig import openflow

    return openflow(directory)


async def suite(kind: str, directory: Path) -> dict[str, str | None]:
    """Every check; each begins on a device that nobody wants anything of."""
    results: dict[str, str | None] = {}
    async with device(kind, directory) as real:
        for name, check in checks.CHECKS.items():
            rig = await real.rig()
            try:
                async with asyncio.timeout(60):
                    await checks.restore(rig, rig.intents[-1])
                    await check(rig)
                results[name] = None
            except BaseException:  # noqa: BLE001 - a failed check is a result
                results[name] = traceback.format_exc() + real.logs()
            finally:
                await rig.driver.close()
    return results


def main() -> None:
    """Print the results."""
    # The mounts of the sandbox are its own: a private /run takes what the suite leaves behind. Not /tmp: the
    # project may be there.
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
    tempfile.tempdir = "/run"
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    results: Any = asyncio.run(suite(sys.argv[1], Path(tempfile.mkdtemp(prefix="contract-"))))
    print(json.dumps(results))
    sys.stdout.flush()
    os._exit(0)  # the namespaces end with this process, and so does everything in them


if __name__ == "__main__":
    main()
