"""The BGP speaker process: waits for its configuration, then is `exabgp server`.

    python -m bgp.speaker --directory DIR [--wait SECONDS]

In DIR: `exabgp.conf` (written by whoever drives the speaker, in one piece: rename it into place), `api.sock`
(the relay's socket) and `speaker.pid`. Logs go to stderr. READY=1 goes to $NOTIFY_SOCKET when ExaBGP answers
on its API (sent by the relay, a child: a supervisor that checks senders must accept children). SIGTERM ends
it with status 0; ExaBGP then closes its sessions without a NOTIFICATION, so peers keep routes for its return.
"""

from __future__ import annotations

import argparse
import os
import pwd
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

from bgp import relay

CONFIGURATION = "exabgp.conf"
SOCKET = "api.sock"
PID_FILE = "speaker.pid"
POLL = 0.02
SOCKET_PATH_LIMIT = 107  # unix(7), without the final zero


def relay_command(directory: Path) -> tuple[str, ...]:
    """The command line of the API process for a speaker in that directory.

    Isolated and without site-packages: the relay needs neither, and starts in 25 ms instead of 60.
    """
    return (
        sys.executable,
        "-I",
        "-S",
        str(Path(relay.__file__).resolve()),
        "--socket",
        str(directory / SOCKET),
    )


def environment(directory: Path, user: str) -> dict[str, str]:
    """ExaBGP's settings. Only dashes, not underscores, work in `show-routes-format`, hence the dots."""
    return {
        "EXABGP_ENVFILE": str(directory / "exabgp.env"),  # not the machine's: all is said here
        "exabgp.daemon.user": user,
        "exabgp.daemon.daemonize": "false",
        "exabgp.daemon.pid": "",  # its own check trusts a stale number; ours is always written anew
        "exabgp.log.destination": "stderr",
        "exabgp.log.short": "false",
        "exabgp.log.statistics": "false",
        "exabgp.tcp.bind": "",  # each passive neighbour brings its own listener
        "exabgp.api.cli": "false",
        "exabgp.api.ack": "true",
        "exabgp.api.chunk": "500",
        "exabgp.api.show-routes-format": "v2",
        # A relay that died is started again; if ExaBGP met the broken pipe first, all its peers would
        # stay stopped for ever, and a new process with graceful restart is the better end.
        "exabgp.api.respawn": "true",
        "exabgp.api.terminate": "true",
    }


def user_name() -> str:
    """The name of the user we run as; ExaBGP changes to a user by name, so it must find one that exists."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return "root"  # never changed to: an unnamed user is not root and cannot become anybody


def wait_for_file(path: Path, within: float) -> bool:
    """True as soon as the file is there, False when it is not within that many seconds."""
    deadline = time.monotonic() + within
    while not path.is_file():
        if time.monotonic() >= deadline:
            return False
        time.sleep(POLL)
    return True


def load() -> Callable[[Path], int]:
    """Import ExaBGP (0.2 s) and return what runs it in this process until it ends, giving its exit status.

    Imported only here, because ExaBGP reads its settings from the environment when it is imported.
    """
    from exabgp.application import server

    from bgp import patches

    patches.apply()

    def serve(configuration: Path) -> int:
        sys.argv = ["exabgp-server", str(configuration)]
        try:
            server.main()
        except SystemExit as end:
            return end.code if isinstance(end.code, int) else 1
        return 0

    return serve


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="bgp.speaker", description="A BGP speaker: ExaBGP behind a relay.")
    parser.add_argument("--directory", type=Path, required=True, help="private directory of the speaker")
    parser.add_argument("--wait", type=float, default=600.0, help="seconds to wait for the configuration")
    parsed = parser.parse_args(arguments)
    directory: Path = parsed.directory.absolute()
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if len(os.fsencode(directory / SOCKET)) > SOCKET_PATH_LIMIT:
        parser.error(
            f"{directory} is too long: a unix socket takes {SOCKET_PATH_LIMIT} bytes; use a shorter path"
        )
    signal.signal(signal.SIGTERM, _leave)
    pid_file = directory / PID_FILE
    pid_file.write_text(f"{os.getpid()}\n", encoding="ascii")
    try:
        os.environ.update(environment(directory, user_name()))
        serve = load()
        relay.notify(f"STATUS=waiting for {directory / CONFIGURATION}")
        if not wait_for_file(directory / CONFIGURATION, parsed.wait):
            sys.stderr.write(
                f"speaker: no {CONFIGURATION} in {directory} after {parsed.wait:g} s; write it first\n"
            )
            return 1
        return serve(directory / CONFIGURATION)
    finally:
        pid_file.unlink(missing_ok=True)
        (directory / SOCKET).unlink(missing_ok=True)


def _leave(_number: int, _frame: FrameType | None) -> None:
    """SIGTERM while waiting; ExaBGP installs its own handler."""
    raise SystemExit(0)


if __name__ == "__main__":
    sys.exit(main())
