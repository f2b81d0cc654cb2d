"""The manager's process: one server on a unix socket (users) and a TCP address (agents)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import stat
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

import sdnotify
import uvicorn

from cellnet_core.manager import service
from cellnet_core.manager.context import Context
from cellnet_core.manager.errors import RequestError
from cellnet_core.manager.reports import Reports
from cellnet_core.manager.service import Manager
from cellnet_core.manager.wakeups import Wakeups
from cellnet_core.model.clock import SystemClock
from cellnet_core.model.journal import FileJournal, Journal, NoJournal
from cellnet_core.northbound.app import create_app
from cellnet_core.northbound.configuration import Configuration, ConfigurationError, parse_listen
from cellnet_core.store.database import Database, open_database

BACKLOG = 512
GRACE = 2
"""Seconds that running requests get when the process is asked to end."""
LOG = logging.getLogger("cellnet.manager")


class StartError(Exception):
    """The process cannot start; the message says why and what to do."""


def build(configuration: Configuration, database: Database) -> Manager:
    """The manager over its real surroundings, with the configured cells. Raises ConfigurationError."""
    clock = SystemClock()
    journal: Journal = NoJournal()
    if configuration.journal is not None:
        try:
            journal = FileJournal(Path(configuration.journal), "manager", clock)
        except OSError as error:
            raise ConfigurationError(f"journal {configuration.journal}: {error}") from error
    manager = service.assemble(
        Context(
            database=database,
            clock=clock,
            wall=lambda: datetime.now(UTC),
            new_id=lambda: str(uuid.uuid4()),
            journal=journal,
            reports=Reports(clock.now()),
            wakeups=Wakeups(),
        )
    )
    try:
        added = manager.cells.seed(cell.request() for cell in configuration.cells)
    except RequestError as error:
        raise ConfigurationError(f"cells: {error.detail}") from error
    journal.record("manager.started", owner=database.owner, cells_added=list(added))
    return manager


def run(configuration: Configuration) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises StoreUnavailableError, SchemaVersionError, ConfigurationError and StartError before it serves.
    """
    with contextlib.ExitStack() as stack:
        sockets = []
        if configuration.unix_socket is not None:
            sockets.append(stack.enter_context(unix_socket(Path(configuration.unix_socket))))
        if configuration.listen is not None:
            sockets.append(stack.enter_context(tcp_socket(configuration.listen)))
        database = open_database(configuration.database)
        stack.callback(database.close)
        manager = build(configuration, database)
        server = _Server(
            uvicorn.Config(
                create_app(manager),
                log_config=None,
                access_log=False,
                lifespan="on",
                ws="none",
                timeout_keep_alive=75,
                timeout_graceful_shutdown=GRACE,
            ),
            on_ready=_notify_ready,
            on_exit=manager.context.wakeups.close,
        )
        server.run(sockets=sockets)


@contextlib.contextmanager
def unix_socket(path: Path) -> Iterator[socket.socket]:
    """A listening socket at the path, for this user; what a killed predecessor left there is replaced.

    Raises StartError when another process is listening there.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_stale(path)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(str(path))
        path.chmod(0o600)
        listener.listen(BACKLOG)
    except OSError as error:
        raise StartError(f"cannot listen on {path}: {error}") from error
    inode = path.stat().st_ino
    try:
        yield listener
    finally:
        listener.close()
        # Only our own: a successor may be listening there already.
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_ino == inode:
                path.unlink()


@contextlib.contextmanager
def tcp_socket(address: str) -> Iterator[socket.socket]:
    """A listening socket at "host:port". Raises StartError."""
    host, port = parse_listen(address)
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    with listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen(BACKLOG)
        except OSError as error:
            raise StartError(f"cannot listen on {address}: {error}; choose another address") from error
        LOG.info("listening on %s:%s", *listener.getsockname()[:2])
        yield listener


def _remove_stale(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise StartError(f"{path} exists and is no socket: move it away or name another unix_socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            path.unlink(missing_ok=True)
            return
    raise StartError(f"another process is listening on {path}: stop it or name another unix_socket")


class _Server(uvicorn.Server):
    """Says when it is ready, and wakes those who wait when it is asked to end."""

    def __init__(
        self, config: uvicorn.Config, on_ready: Callable[[], None], on_exit: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._on_ready = on_ready
        self._on_exit = on_exit
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._loop = asyncio.get_running_loop()
        self._on_ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 (given signature)
        # In a signal handler: the loop may hold the very lock that waking takes, so the loop does it.
        # The signal is not handed on to uvicorn, which would raise it again and skip our own clean-up.
        self.should_exit = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._on_exit)


def _notify_ready() -> None:
    if os.environ.get("NOTIFY_SOCKET"):
        sdnotify.SystemdNotifier().notify("READY=1")
    LOG.info("ready")
