"""The inside of the sandbox: what the lab's first process does before anything else runs in it.

Private directories for everything that the lab's daemons write, the run directory at /run/lab, the loopback
interface. Runs after `unshare`; nothing it mounts is seen outside, and all of it ends with the namespaces.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import simulator
from simulator import namespaces

LAB = Path("/run/lab")
NAMESPACES = Path("/run/netns")
NOTIFY = Path("/run/notify")

PRIVATE = (
    "/run",
    "/tmp",  # noqa: S108  # a fresh, empty one of our own
    "/var/tmp",  # noqa: S108  # hidden from the lab, not used
    "/dev/shm",  # noqa: S108  # hidden from the lab, not used
    "/etc/openvswitch",
    "/var/lib/openvswitch",
    "/var/log/openvswitch",
    "/var/log/frr",
)
"""Directories that get a fresh tmpfs each, where the machine has them."""
_FOR_EVERYBODY = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108  # hidden from the lab, not used
_EXPECTED = ("/run/openvswitch", "/run/frr", "/var/tmp/frr")  # noqa: S108  # by daemons with fixed paths


def settle(run_directory: Path) -> None:
    """Mount the private directories, keep what the programs of the lab are made of, bring `lo` up."""
    namespaces.die_with_parent()
    kept = {path: os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC) for path in _needed()}
    lab = os.open(run_directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    for private in PRIVATE:
        if Path(private).is_dir() and not Path(private).is_symlink():
            mode = "1777" if private in _FOR_EVERYBODY else "0755"
            namespaces.mount(
                "tmpfs", private, "tmpfs", namespaces.MS_NOSUID | namespaces.MS_NODEV, f"mode={mode}"
            )
    for path, descriptor in kept.items():
        if not path.exists():
            path.mkdir(parents=True)
            namespaces.mount(
                f"/proc/self/fd/{descriptor}", path, flags=namespaces.MS_BIND | namespaces.MS_REC
            )
        os.close(descriptor)
    for directory in (LAB, NAMESPACES, NOTIFY, *map(Path, _EXPECTED)):
        directory.mkdir(exist_ok=True)
    namespaces.mount(f"/proc/self/fd/{lab}", LAB, flags=namespaces.MS_BIND)
    os.close(lab)
    _fresh_sys()
    handle = namespaces.Handle(root := namespaces.current())
    handle.set_up("lo", up=True)
    handle.close()
    os.close(root)


def _needed() -> tuple[Path, ...]:
    """What must stay visible even when it lies in a directory that becomes private: code and interpreter."""
    sources = Path(simulator.__file__).resolve().parent.parent
    candidates = [sources, Path(sys.prefix).resolve(), Path(sys.base_prefix).resolve()]
    candidates += [Path(entry).resolve() for entry in sys.path if entry and Path(entry).is_dir()]
    private = tuple(Path(path) for path in PRIVATE)
    hidden = {path for path in candidates if any(path.is_relative_to(directory) for directory in private)}
    return tuple(sorted(hidden))


def _fresh_sys() -> None:
    """Show the sandbox's own interfaces in /sys. Not every container allows it, and little depends on it."""
    try:
        flags = namespaces.MS_NOSUID | namespaces.MS_NODEV | namespaces.MS_NOEXEC
        namespaces.mount("sysfs", "/sys", "sysfs", flags)
    except PermissionError as error:
        print(f"sandbox: /sys shows the host's interfaces: {error}", file=sys.stderr)
