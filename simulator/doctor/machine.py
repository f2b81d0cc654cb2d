"""The machine beside kernel features: devices, scheduling, pressure figures, the run directory."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from simulator import rundir
from simulator.doctor.findings import LAB, TAPS, Finding

WITHOUT_TUN = "labs use veth pairs instead of taps"
LEAST_SPACE = 100 * 1024 * 1024
LEAST_NAME = 16
_SOCKET_PATH_LIMIT = 107
_LONGEST_SOCKET = "manager.sock"


def tun_device(path: Path = Path("/dev/net/tun")) -> Finding:
    """Can this user open it for reading and writing?"""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CLOEXEC))
    except FileNotFoundError:
        return Finding(
            str(path),
            ok=False,
            detail=f"is missing; {WITHOUT_TUN}",
            needed_for=TAPS,
            remedy="sudo modprobe tun; in a container, pass --device /dev/net/tun",
        )
    except OSError as error:
        return Finding(
            str(path),
            ok=False,
            detail=f"uid {os.geteuid()} cannot open it: {error.strerror}; {WITHOUT_TUN}",
            needed_for=TAPS,
            remedy=f"sudo chmod 666 {path} (common distributions have it so), or run as root",
        )
    return Finding(str(path), ok=True, detail="can be read and written", needed_for=TAPS)


def datapath(path: Path = Path("/dev/net/tun")) -> str:
    """Which datapath type the gateways' Open vSwitch gets: "netdev", or "dummy" where taps cannot be made.

    Both are the same userspace datapath; "dummy" asks for no taps, and gateways use veth pairs instead.
    """
    return "netdev" if tun_device(path).ok else "dummy"


def kernel_datapath(module: Path = Path("/sys/module/openvswitch")) -> Finding:
    """Open vSwitch's kernel module. Labs do not use it."""
    if module.exists():
        return Finding(
            "ovs kernel datapath", ok=True, detail="loaded (labs do not use it)", needed_for="optional"
        )
    return Finding(
        "ovs kernel datapath",
        ok=False,
        detail="module not loaded",
        needed_for="optional",
        remedy="nothing to do: labs use the userspace datapath",
    )


def realtime() -> Finding:
    """May a thread of this user run under SCHED_FIFO? Call it in a thread of its own."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except PermissionError:
        return Finding(
            "SCHED_FIFO",
            ok=False,
            detail="not allowed: probes send up to some ms late on a busy machine",
            needed_for="probe",
            remedy="as root: echo 'USER - rtprio 50' > /etc/security/limits.d/cellnet.conf, log in again; "
            "in a container: --cap-add SYS_NICE",
        )
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    return Finding("SCHED_FIFO", ok=True, detail="allowed", needed_for="probe")


def pressure(path: Path = Path("/proc/pressure/cpu")) -> Finding:
    """Pressure stall information, by which a verdict knows that the machine was too busy."""
    try:
        path.read_text(encoding="ascii")
    except OSError as error:
        return Finding(
            "PSI",
            ok=False,
            detail=f"{path}: {error.strerror}",
            needed_for="verdict",
            remedy="boot with psi=1 (CONFIG_PSI); without, verdicts go by lateness and the control flow",
        )
    return Finding("PSI", ok=True, detail="readable", needed_for="verdict")


def run_directory(root: Path | None = None) -> Finding:
    """Where labs keep their files: ours to write, with space, and with room for a socket's path."""
    root = rundir.root() if root is None else root
    existing = next(path for path in (root, *root.parents) if path.exists())
    change = "set CELLNET_RUN_DIR to a short directory of yours"
    problem = ""
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        problem = f"{existing} cannot be written by uid {os.geteuid()}"
    elif (free := shutil.disk_usage(existing).free) < LEAST_SPACE:
        problem = f"only {free // 2**20} MiB free in {existing}, a lab may need {LEAST_SPACE // 2**20}"
    room = _SOCKET_PATH_LIMIT - len(os.fsencode(root)) - len(_LONGEST_SOCKET) - 2
    if not problem and room < LEAST_NAME:
        problem = f"{root} is too long: a socket's path has at most {_SOCKET_PATH_LIMIT} bytes"
    if problem:
        return Finding("run directory", ok=False, detail=problem, needed_for=LAB, remedy=change)
    return Finding("run directory", ok=True, detail=str(root), needed_for=LAB)
