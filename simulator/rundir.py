"""Run directories: one per lab, its name, its lock, and whether the lab behind it is alive.

A lab is alive exactly as long as the lock on `<directory>/lock` is held; the launcher takes it, and `unshare`
and the daemon inherit it, so it is released by the kernel when the last of them is gone, however they ended.
Names are claimed by renaming a complete directory into place, which only one of several callers can do.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import shutil
import signal
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulator.errors import LabUsageError, NameTakenError, NoSuchLabError

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,47}")


def root(environment: Mapping[str, str] = os.environ, uid: int | None = None) -> Path:
    """Where the run directories of this user's labs are. Not created here."""
    uid = os.geteuid() if uid is None else uid
    if environment.get("CELLNET_RUN_DIR"):
        return Path(environment["CELLNET_RUN_DIR"]).absolute()
    if environment.get("XDG_RUNTIME_DIR"):
        return Path(environment["XDG_RUNTIME_DIR"]).absolute() / "cellnet"
    if uid == 0:
        return Path("/run/cellnet")
    return Path(f"/tmp/cellnet-{uid}")  # noqa: S108  # private: mode 700, and checked to be ours


@dataclass(frozen=True, slots=True)
class RunDirectory:
    """A lab's directory on the host. The same directory is /run/lab inside the sandbox."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def socket(self) -> Path:
        return self.path / "daemon.sock"

    @property
    def manager_socket(self) -> Path:
        return self.path / "manager.sock"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def journal(self) -> Path:
        return self.path / "journal"

    def info(self) -> dict[str, Any]:
        """lab.json: name, topology's name, when it was started. Empty if it cannot be read."""
        try:
            document = json.loads((self.path / "lab.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return document if isinstance(document, dict) else {}

    def alive(self) -> bool:
        """Whether a process of the lab still holds the lock."""
        try:
            lock = os.open(self.path / "lock", os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(lock)
        return False

    def wait_dead(self, seconds: float) -> bool:
        """True as soon as no process of the lab is left; False after that many seconds."""
        deadline = time.monotonic() + seconds
        while self.alive():
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.01)
        return True

    def kill(self) -> None:
        """SIGKILL to the launcher, which takes the whole sandbox with it. Harmless when it is gone."""
        launcher = self.info().get("launcher")
        if not isinstance(launcher, dict) or process_start(launcher["pid"]) != launcher["started"]:
            return
        try:
            os.kill(launcher["pid"], signal.SIGKILL)
        except ProcessLookupError:
            return

    def remove(self, *, keep_logs: bool = False) -> None:
        """Take the directory away, or everything in it except logs, journals and lab.json."""
        if keep_logs:
            for entry in self.path.iterdir():
                if entry.name not in {"logs", "journal", "lab.json", "lock"}:
                    shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
            return
        doomed = self.path.with_name(f".{self.name}.{os.getpid()}.gone")
        try:
            self.path.rename(doomed)
        except FileNotFoundError:
            return
        shutil.rmtree(doomed)


def process_start(pid: int) -> int | None:
    """Start time of a process in ticks since boot (proc(5)); with the pid it names a process for good."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return None
    return int(stat.rpartition(")")[2].split()[19])


@dataclass(frozen=True, slots=True)
class Claim:
    """A run directory that is ours: `lock` is an open descriptor that must reach the lab's processes."""

    directory: RunDirectory
    lock: int

    def release(self) -> None:
        """Close our own descriptor: from now on only the lab's processes hold the lock."""
        os.close(self.lock)


def claim(base: Path, wanted: str | None, default: str, info: Mapping[str, Any]) -> Claim:
    """Take a name. Without a wanted one: the default, or the default with the first free number.

    Raises NameTakenError, and LabUsageError for a name that cannot be one.
    """
    candidate = wanted if wanted is not None else default
    if not _NAME.fullmatch(candidate):
        raise LabUsageError(
            f"{candidate!r} cannot be a lab's name: use up to 48 lower-case letters, digits, dots and hyphens"
        )
    _make_private(base)
    fresh = Path(tempfile.mkdtemp(prefix=".new-", dir=base))
    try:
        return _claim(fresh, base, wanted, default, info)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise


def _claim(fresh: Path, base: Path, wanted: str | None, default: str, info: Mapping[str, Any]) -> Claim:
    for directory in ("logs", "journal", "nodes"):
        (fresh / directory).mkdir()
    lock = os.open(fresh / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    number = 1
    while True:
        name = wanted or (default if number == 1 else f"{default}-{number}")
        document = {**info, "name": name}
        (fresh / "lab.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        try:
            fresh.rename(base / name)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                raise
        else:
            return Claim(RunDirectory(base / name), lock)
        if wanted is not None:
            os.close(lock)
            raise NameTakenError(_taken(RunDirectory(base / name)))
        number += 1


def _taken(directory: RunDirectory) -> str:
    if directory.alive():
        return (
            f"a lab named {directory.name!r} is running: choose another --name, "
            f"or end it with `cellnet lab down {directory.name}`"
        )
    return (
        f"a lab named {directory.name!r} died and left its logs in {directory.logs}: "
        f"remove them with `cellnet lab down {directory.name}`, or choose another --name"
    )


def _make_private(base: Path) -> None:
    base.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = base.stat()
    if status.st_uid != os.geteuid() or not base.is_dir():
        raise LabUsageError(f"{base} belongs to somebody else: set CELLNET_RUN_DIR to a directory of yours")
    if status.st_mode & 0o022:
        raise LabUsageError(f"others may write to {base}: chmod go-w it, or set CELLNET_RUN_DIR")


def listing(base: Path | None = None) -> tuple[RunDirectory, ...]:
    """All run directories of this user, dead labs' too, by name."""
    base = root() if base is None else base
    try:
        entries = sorted(base.iterdir())
    except FileNotFoundError:
        return ()
    return tuple(
        RunDirectory(entry) for entry in entries if entry.is_dir() and not entry.name.startswith(".")
    )


def find(name: str | None, base: Path | None = None) -> RunDirectory:
    """The lab of that name, or the only living one when none is named. Raises NoSuchLabError."""
    labs = listing(base)
    if name is not None:
        for lab in labs:
            if lab.name == name:
                return lab
        known = ", ".join(lab.name for lab in labs) or "none"
        raise NoSuchLabError(f"there is no lab named {name!r}; labs: {known}. `cellnet lab up` starts one")
    living = [lab for lab in labs if lab.alive()]
    if len(living) == 1:
        return living[0]
    if not living:
        raise NoSuchLabError("no lab is running: start one with `cellnet lab up two-cells`")
    raise NoSuchLabError(
        f"several labs are running: say which one with --name ({', '.join(lab.name for lab in living)})"
    )
