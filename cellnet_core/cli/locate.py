"""Finds the manager a command is meant for: a URL, a lab by name, or the only lab there is.

Labs keep one directory each in the run directory, with the socket of their manager in it. That layout is all
that is known of labs here.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from pathlib import Path

from cellnet_core.cli.errors import NoManagerError, UsageError

SOCKET = "manager.sock"


def run_directory(environment: Mapping[str, str], uid: int) -> Path:
    """Where labs keep their directories, for this user."""
    if explicit := environment.get("CELLNET_RUN_DIR"):
        return Path(explicit)
    if runtime := environment.get("XDG_RUNTIME_DIR"):
        return Path(runtime) / "cellnet"
    return Path("/run/cellnet") if uid == 0 else Path(f"/tmp/cellnet-{uid}")  # noqa: S108 (the rule for labs)


def manager_url(url: str | None, lab: str | None, directory: Path) -> str:
    """The URL of the manager. Raises UsageError and NoManagerError."""
    if url:
        return url
    running = _running(directory)
    if lab:
        if lab not in running:
            known = ", ".join(running) or "none"
            raise UsageError(
                f"there is no lab {lab!r} with a running manager in {directory}; running: {known}. "
                f"`cellnet lab up two-cells --name {lab}` starts one"
            )
        return f"unix://{running[lab]}"
    if not running:
        raise NoManagerError(
            f"no lab is running in {directory}: `cellnet lab up two-cells` starts one, "
            "--url names another manager"
        )
    if len(running) > 1:
        raise UsageError(f"several labs are running ({', '.join(running)}): name one with --lab")
    return f"unix://{next(iter(running.values()))}"


def token(file: str | None) -> str | None:
    """What the user shows the manager: from the file, else from $CELLNET_TOKEN. Raises UsageError.

    Not from the command line, which everybody on the machine can read.
    """
    if file is None:
        return os.environ.get("CELLNET_TOKEN") or None
    try:
        return Path(file).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--token-file {file}: {error}") from error


def _running(directory: Path) -> dict[str, Path]:
    """Labs whose manager's socket has somebody behind it, by name."""
    sockets = sorted(directory.glob(f"*/{SOCKET}"))
    return {path.parent.name: path for path in sockets if _answers(path)}


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except OSError:
            return False
        return True


def from_environment(url: str | None, lab: str | None) -> str:
    """As `manager_url`, for the process that runs."""
    return manager_url(url, lab, run_directory(os.environ, os.getuid()))
