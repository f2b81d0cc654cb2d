"""Starts a lab's sandbox, detached: forks, raises limits, and becomes `unshare` with the daemon in it.

Run by its path with `python -I -S`, so it uses the standard library only and starts in milliseconds:

    launcher.py RUN_DIRECTORY INHERITED_FDS DAEMON_COMMAND...

INHERITED_FDS are numbers joined by commas. The caller sees this program end at once; its child lives on in a
session of its own. It writes its pid and start time into lab.json before it becomes `unshare`, so that a
lab whose daemon hangs can be killed without guessing.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path

REALTIME_PRIORITY = 50
PROBE_PRIORITY = 10
OPEN_FILES = 65536
SESSION_NICE = 3
"""Half of the weight of a session that says nothing."""
ATTEMPTS = 5
AUTOGROUP_PAUSE = 0.1
"""Seconds; the kernel takes one such wish in a tenth of a second from ordinary users."""

UNSHARE = (
    "unshare",
    "--map-root-user",
    "--net",
    "--mount",
    "--pid",
    "--ipc",
    "--fork",
    "--kill-child",
    "--mount-proc",
    "--",
)


def raise_limits() -> None:
    """Let programs in the lab use SCHED_FIFO and many files, as far as this user may."""
    # A user namespace gives no CAP_SYS_NICE: a limit taken along from outside is the only way to SCHED_FIFO.
    try:
        resource.setrlimit(resource.RLIMIT_RTPRIO, (REALTIME_PRIORITY, REALTIME_PRIORITY))
    except (ValueError, OSError):
        _, most = resource.getrlimit(resource.RLIMIT_RTPRIO)
        resource.setrlimit(resource.RLIMIT_RTPRIO, (most, most))
    try:
        # Where even root may not raise limits: a policy once taken is inherited (simulator.realtime).
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PROBE_PRIORITY))
    except PermissionError:
        pass  # an ordinary user: probes then run like everything else
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if most == resource.RLIM_INFINITY else min(OPEN_FILES, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def sign(directory: Path) -> None:
    """Write this process into lab.json, complete or not at all."""
    started = int(Path("/proc/self/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19])
    path = directory / "lab.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    document["launcher"] = {"pid": os.getpid(), "started": started}
    fresh = directory / ".lab.json"
    fresh.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    fresh.rename(path)


def give_way() -> None:
    """Put this session behind others where processor time is shared by session (sched_autogroup, sched(7)).

    The lab's Python processes stay in this session, its switches get one each (`ServiceSpec.data_plane`).
    With equal weights a switch waited 50 ms for a processor while agents worked: BFD of all paths down.
    """
    for _ in range(ATTEMPTS):
        try:
            Path("/proc/self/autogroup").write_text(str(SESSION_NICE), encoding="ascii")
        except BlockingIOError:
            time.sleep(AUTOGROUP_PAUSE)
        except OSError:
            return  # a kernel without: `processes.Reaper` gives way process by process
        else:
            return


def main(argv: list[str]) -> None:
    """Does not return: this process exits, its child becomes `unshare`."""
    directory = Path(argv[0])
    descriptors = [int(word) for word in argv[1].split(",")]
    if os.fork() != 0:
        os._exit(0)
    os.setsid()
    give_way()
    log = os.open(directory / "logs" / "daemon.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    raise_limits()
    sign(directory)
    for descriptor in descriptors:
        os.set_inheritable(descriptor, True)
    os.chdir("/")
    os.execvp(UNSHARE[0], [*UNSHARE, *argv[2:]])  # noqa: S606  # no shell is wanted


if __name__ == "__main__":
    main(sys.argv[1:])
