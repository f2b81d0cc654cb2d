"""A real PostgreSQL server for tests: private directory, unix socket only, gone afterwards.

The server refuses to run as root, so root runs it as another user of this machine.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

READY_WITHIN = 60.0
PORT = 5432
"""Names the socket only: nothing listens on a network."""
OPTIONS = ("listen_addresses=", "fsync=on", "max_connections=100", "shared_buffers=32MB", "autovacuum=off")
USERS = ("postgres", "nobody")


@dataclass
class Server:
    """A server that runs. `create` makes a database and returns its URL."""

    programs: Path
    directory: Path
    user: str | None
    process: subprocess.Popen[bytes] = field(init=False)

    def start(self) -> None:
        """Until it answers. Raises AssertionError with its log when it does not."""
        options = [word for option in OPTIONS for word in ("-c", option)]
        command = [str(self.programs / "postgres"), "-D", str(self.directory / "data"), *options]
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "-k", str(self.directory), "-p", str(PORT)],
                stdout=log,
                stderr=log,
                user=self.user,
                group=None if self.user is None else pwd.getpwnam(self.user).pw_gid,
                extra_groups=None if self.user is None else [],
                cwd="/",
            )
        deadline = time.monotonic() + READY_WITHIN
        while True:
            try:
                psycopg.connect(self.address("postgres"), connect_timeout=2).close()
            except psycopg.OperationalError:
                alive = self.process.poll() is None and time.monotonic() < deadline
                assert alive, (self.directory / "log").read_text()
                threading.Event().wait(0.05)
            else:
                return

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT: a fast shutdown; SIGKILL: as when the machine fails."""
        self.process.send_signal(how)
        self.process.wait(60)

    def address(self, database: str) -> str:
        """For psycopg."""
        return f"host={self.directory} port={PORT} user=cellnet dbname={database}"

    def url(self, database: str) -> str:
        """For cellnet."""
        return f"postgresql://cellnet@/{database}?host={self.directory}&port={PORT}"

    def create(self, database: str, locale: str | None = None) -> str:
        """A new empty database; its URL. `locale`: sorted by ICU as people there do, "en-US".

        Skips the test where the server cannot do that (before PostgreSQL 15).
        """
        how = sql.SQL("")
        if locale is not None:
            how = sql.SQL(" TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE {}").format(sql.Literal(locale))
        with psycopg.connect(self.address("postgres"), autocommit=True) as connection:
            if locale is not None and connection.info.server_version < 150_000:
                pytest.skip("no locale for a database of its own before PostgreSQL 15")
            connection.execute(sql.SQL("CREATE DATABASE {}{}").format(sql.Identifier(database), how))
        return self.url(database)


@contextmanager
def running() -> Iterator[Server]:
    """A server until the block ends. Skips the test where there is none."""
    programs = _programs()
    user = _user() if os.geteuid() == 0 else None
    # Not pytest's directory: the other user must be able to enter it, and its path must be short.
    with tempfile.TemporaryDirectory(prefix="cellnet-pg-") as name:
        directory = Path(name)
        if user is not None:
            shutil.chown(directory, user, pwd.getpwnam(user).pw_gid)
        server = Server(programs, directory, user)
        subprocess.run(
            [
                *(str(programs / "initdb"), "-D", str(directory / "data")),
                *("-U", "cellnet", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N"),
            ],
            check=True,
            capture_output=True,
            timeout=60,
            user=user,
            group=None if user is None else pwd.getpwnam(user).pw_gid,
            extra_groups=None if user is None else [],
            cwd="/",
        )
        server.start()
        try:
            yield server
        finally:
            if server.process.poll() is None:
                server.stop()


def _programs() -> Path:
    """Where initdb and postgres are; Debian keeps them out of PATH."""
    places = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    if (found := shutil.which("initdb")) is not None:
        places.append(Path(found).resolve().parent)
    for place in places:
        if (place / "initdb").exists() and (place / "postgres").exists():
            return place
    pytest.skip("no PostgreSQL server on this machine: install the package postgresql")


def _user() -> str:
    """Somebody else than root."""
    for name in USERS:
        try:
            pwd.getpwnam(name)
        except KeyError:
            continue
        return name
    pytest.skip(f"PostgreSQL does not run as root, and none of {', '.join(USERS)} is a user of this machine")
