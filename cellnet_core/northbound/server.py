"""The manager's process: one server on a unix socket (users of this machine) and a TCP address (agents).

Each listener has its own door (`access/guard.py` asks by which one a request came), and its own TLS.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import logging
import os
import socket
import ssl
import stat
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

import sdnotify
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from cellnet_core.manager import service
from cellnet_core.manager.context import Context
from cellnet_core.manager.errors import RequestError
from cellnet_core.manager.reports import Reports
from cellnet_core.manager.service import Manager
from cellnet_core.manager.wakeups import Wakeups
from cellnet_core.model.clock import SystemClock
from cellnet_core.model.journal import FileJournal, Journal, NoJournal
from cellnet_core.northbound.access import secretfile
from cellnet_core.northbound.access.enforcement import Enforcement, PolicyError
from cellnet_core.northbound.access.guard import LISTENER, Access
from cellnet_core.northbound.access.secretfile import SecretFileError
from cellnet_core.northbound.access.signatures import Signatures
from cellnet_core.northbound.access.tokens import TokenFile, TokensError
from cellnet_core.northbound.app import create_app
from cellnet_core.northbound.configuration import Configuration, ConfigurationError, Tls, parse_listen
from cellnet_core.store.database import Database, open_database

BACKLOG = 512
COLLECT_AFTER = 50_000
"""Values more than before, after which the garbage collector looks at the new ones; Python's own is 700."""
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
    master = None
    if configuration.agent_secret is not None:
        try:
            master = secretfile.load_or_create(Path(configuration.agent_secret))
        except SecretFileError as error:
            raise ConfigurationError(f"agent_secret: {error}") from error
    manager = service.assemble(
        Context(
            database=database,
            clock=clock,
            wall=lambda: datetime.now(UTC),
            new_id=lambda: str(uuid.uuid4()),
            journal=journal,
            reports=Reports(clock.now()),
            wakeups=Wakeups(),
        ),
        master,
        configuration.keep.limits(),
    )
    try:
        added = manager.cells.seed(cell.request() for cell in configuration.cells)
    except RequestError as error:
        raise ConfigurationError(f"cells: {error.detail}") from error
    journal.record("manager.started", owner=database.owner, cells_added=list(added))
    return manager


def build_access(configuration: Configuration, manager: Manager) -> Access:
    """How callers are known; writes the one-time tokens that are asked for. Raises ConfigurationError."""
    try:
        tokens = None if configuration.tokens is None else TokenFile(Path(configuration.tokens))
        policy = None if configuration.policy is None else Path(configuration.policy)
        enforcement = Enforcement(policy, load=tokens is not None)
        for wanted in configuration.enrol:
            if manager.enrolment.unenrolled(wanted.cell, wanted.gateway):
                issued = manager.enrolment.issue(wanted.cell, wanted.gateway)
                secretfile.write(Path(wanted.file), issued.token)
    except TokensError as error:
        raise ConfigurationError(f"tokens: {error}") from error
    except PolicyError as error:
        raise ConfigurationError(f"policy: {error}") from error
    except (RequestError, SecretFileError) as error:
        raise ConfigurationError(f"enrol: {error}") from error
    if configuration.listen is not None and tokens is None:
        LOG.warning(
            "%s takes everybody as an admin: no tokens are configured (docs/access.md). For labs only",
            configuration.listen,
        )
    if configuration.listen is not None and configuration.tls is None and tokens is not None:
        LOG.warning("%s has no TLS: tokens and intents can be read on their way", configuration.listen)
    return Access(
        tokens, Signatures(manager.enrolment) if configuration.agents_enrolled else None, enforcement
    )


def run(configuration: Configuration) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises StoreUnavailableError, SchemaVersionError, ConfigurationError and StartError before it serves.
    """
    with contextlib.ExitStack() as stack:
        local = tcp = None
        if configuration.unix_socket is not None:
            local = stack.enter_context(unix_socket(Path(configuration.unix_socket)))
        if configuration.listen is not None:
            tcp = stack.enter_context(tcp_socket(configuration.listen))
        database = open_database(configuration.database)
        stack.callback(database.close)
        if database.prepared.upgraded:
            LOG.warning(
                "the database was upgraded from %s; what it was is in %s",
                database.prepared.before,
                database.prepared.copy or "the server's own backups",
            )
        manager = build(configuration, database)
        app = create_app(manager, build_access(configuration, manager))
        doors = [
            (sock, _config(_Door(app, name), tls))
            for sock, name, tls in ((local, "unix", None), (tcp, "tcp", configuration.tls))
            if sock is not None
        ]
        _collect_seldom()
        server = _Server(doors, on_ready=_notify_ready, on_exit=manager.context.wakeups.close)
        server.run(sockets=[doors[0][0]])


def _collect_seldom() -> None:
    """Have the garbage collector look less often, and never at what stays for good.

    An answer with a hundred connections, or a report of fifty, makes thousands of values and no cycle: at
    Python's own thresholds a third of the time of a full resync went into looking for one.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER, 20, 20)


def _config(app: ASGIApp, tls: Tls | None) -> uvicorn.Config:
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="on",
        ws="none",
        timeout_keep_alive=75,
        timeout_graceful_shutdown=GRACE,
        ssl_certfile=None if tls is None else tls.certificate,
        ssl_keyfile=None if tls is None else tls.key,
    )
    try:
        config.load()
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(f"tls: the certificate or its key cannot be used: {error}") from error
    return config


class _Door:
    """Marks requests with the listener that they came by."""

    def __init__(self, app: ASGIApp, name: str) -> None:
        self._app = app
        self._name = name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[LISTENER] = self._name
        await self._app(scope, receive, send)


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
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol left out asyncio does not switch Nagle's algorithm off, and each answer waits 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
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
        self,
        doors: Sequence[tuple[socket.socket, uvicorn.Config]],
        on_ready: Callable[[], None],
        on_exit: Callable[[], None],
    ) -> None:
        """Each socket with its own configuration; the lifespan is the first one's."""
        super().__init__(doors[0][1])
        self._others = doors[1:]
        self._on_ready = on_ready
        self._on_exit = on_exit
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._loop = asyncio.get_running_loop()
        for sock, config in self._others:
            self.servers.append(
                await self._loop.create_server(
                    functools.partial(self._protocol, config), sock=sock, ssl=config.ssl, backlog=BACKLOG
                )
            )
        self._on_ready()

    def _protocol(self, config: uvicorn.Config) -> asyncio.Protocol:
        """As uvicorn's own startup makes them, over this listener's configuration."""
        made: asyncio.Protocol = config.http_protocol_class(  # type: ignore[call-arg]  # uvicorn types the class and not what it takes
            config=config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return made

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
