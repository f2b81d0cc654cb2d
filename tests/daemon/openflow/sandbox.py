"""Runs a story in namespaces of its own: user, net, mount and pid; all of it ends with its first process."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

UNSHARE = ["unshare", "-r", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
ROOT = Path(__file__).parents[3]


def play(story: str, *arguments: str, seconds: float = 150.0, module: str = "stories") -> str:
    """Run `MODULE.STORY(*arguments)` in a sandbox; its output, or an AssertionError that shows it."""
    command = [*UNSHARE, sys.executable, "-m", "tests.daemon.openflow.sandbox", module, story, *arguments]
    done = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=seconds
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def main() -> None:
    """Play one story; the exit status says how it went."""
    status = 1
    try:
        # The mounts of the sandbox are its own: a private /run takes what the story leaves behind. Not /tmp:
        # the project may be there.
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
        tempfile.tempdir = "/run"
        stories = importlib.import_module(f"tests.daemon.openflow.{sys.argv[1]}")
        getattr(stories, sys.argv[2])(*sys.argv[3:])
        status = 0
    finally:
        if status:
            traceback.print_exc()
            for log in Path("/run").glob("of-*/*/*.log"):
                print(f"--- {log}\n{log.read_text(errors='replace')[-3000:]}")
        sys.stdout.flush()
        sys.stderr.flush()
        # Threads that serve event loops never end; the namespaces end with this process.
        os._exit(status)


if __name__ == "__main__":
    main()
