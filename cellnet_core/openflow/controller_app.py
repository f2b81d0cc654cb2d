"""The OpenFlow controller process: the one place that imports Ryu or os-ken.

    python -m cellnet_core.openflow.controller_app --library ryu|os-ken --listen HOST:PORT
        --socket PATH [--journal FILE]

Thin on purpose: the library's handshake and messages on one side, `server.py` on the other, and no opinion
about flows. Sends READY=1 (systemd notification) once both sockets listen.
"""
# ruff: noqa: E402 - the order of imports is the point: eventlet patches the standard modules first

from __future__ import annotations

import os
import sys
import warnings

# os-ken's own thread hub cannot end a thread, so a connection that was lost is never reported as lost.
os.environ.setdefault("OSKEN_HUB_TYPE", "eventlet")

with warnings.catch_warnings():
    # eventlet says that it is deprecated; Ryu has nothing else to run on.
    warnings.simplefilter("ignore")
    import eventlet
    import eventlet.wsgi

eventlet.monkey_patch()
if not hasattr(eventlet.wsgi, "ALREADY_HANDLED"):
    # Removed in eventlet 0.30.3; Ryu 4.34 still imports it, for a websocket path that is not used here.
    eventlet.wsgi.ALREADY_HANDLED = object()

import argparse
import importlib
import threading
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any, Final, TypeVar

import sdnotify

from cellnet_core.model.clock import SystemClock
from cellnet_core.model.journal import FileJournal, Journal, NoJournal
from cellnet_core.openflow.server import Events, Server
from cellnet_core.openflow.switches import Switches

Handler = TypeVar("Handler", bound=Callable[..., None])

_PACKAGES: Final = {"ryu": "ryu", "os-ken": "os_ken"}
_ECHO_INTERVAL: Final = 2.0
"""Seconds between the controller's own echo requests; two without a reply end the connection."""


class Library:
    """The modules of one of the two libraries, by the same names."""

    def __init__(self, name: str) -> None:
        self._package = _PACKAGES[name]
        self.label = f"{name} {version(name)}"
        self.app_manager = self.module("base.app_manager")
        self.cfg = self.module("cfg")
        self.controller = self.module("controller.controller")
        self.event = self.module("controller.ofp_event")
        self.handler = self.module("controller.handler")
        self.handshake = self.module("controller.ofp_handler")
        self.hub = self.module("lib.hub")
        self.openflow = self.module("ofproto.ofproto_v1_3")

    def module(self, name: str) -> ModuleType:
        """A module of the library."""
        return importlib.import_module(f"{self._package}.{name}")


def _apps(library: Library, switches: Switches) -> tuple[type[Any], type[Any]]:
    """The library's handshake without its listener, and our relay of events."""
    event, handler = library.event, library.handler
    base: Any = library.app_manager.RyuApp if "ryu" in library.label else library.app_manager.OSKenApp
    on: Callable[..., Callable[[Handler], Handler]] = handler.set_ev_cls
    main = handler.MAIN_DISPATCHER

    class Handshake(library.handshake.OFPHandler):  # type: ignore[name-defined,misc]  # Ryu or os-ken, whichever is there
        def start(self) -> Any:
            # Not the library's start, which would open a listener whose readiness nobody can see.
            return base.start(self)

    class Relay(base):  # type: ignore[misc]  # Ryu or os-ken, whichever is there
        OFP_VERSIONS = (library.openflow.OFP_VERSION,)

        @on(event.EventOFPStateChange, [main, handler.DEAD_DISPATCHER])
        def state(self, ev: Any) -> None:
            if ev.state == main:
                switches.on_connected(ev.datapath)
            else:
                switches.on_disconnected(ev.datapath)

        @on(
            [
                event.EventOFPBarrierReply,
                event.EventOFPFlowStatsReply,
                event.EventOFPGroupDescStatsReply,
                event.EventOFPPortDescStatsReply,
            ],
            main,
        )
        def reply(self, ev: Any) -> None:
            switches.on_reply(ev.msg)

        @on(event.EventOFPErrorMsg, main)
        def error(self, ev: Any) -> None:
            switches.on_error(ev.msg)

        @on(event.EventOFPPortStatus, main)
        def port(self, ev: Any) -> None:
            switches.on_port_status(ev.msg)

        @on(event.EventOFPFlowRemoved, main)
        def removed(self, ev: Any) -> None:
            switches.on_flow_removed(ev.msg)

    return Handshake, Relay


def main(arguments: list[str] | None = None) -> int:
    """Run until killed. Exit status 2 for bad arguments or a socket that cannot be opened."""
    parser = argparse.ArgumentParser(prog="controller_app", description=__doc__.splitlines()[0])
    parser.add_argument("--library", choices=sorted(_PACKAGES), default="ryu")
    parser.add_argument("--listen", type=_host_and_port, required=True, metavar="HOST:PORT")
    parser.add_argument("--socket", type=Path, required=True, metavar="PATH")
    parser.add_argument("--journal", type=Path, metavar="FILE")
    options = parser.parse_args(arguments)

    library = Library(options.library)
    conf = library.cfg.CONF
    conf([], project="cellnet", default_config_files=[])
    conf.set_override("echo_request_interval", _ECHO_INTERVAL)
    conf.set_override("maximum_unreplied_echo_requests", 2)

    journal: Journal = NoJournal()
    if options.journal is not None:
        journal = FileJournal(options.journal, f"controller/{options.journal.stem}", SystemClock())
    events = Events()
    switches = Switches(library.label, journal, events)
    manager = library.app_manager.AppManager.get_instance()
    for app in _apps(library, switches):
        manager.instantiate(app).start()
    try:
        server = Server(options.socket, switches, events)
        openflow = library.hub.StreamServer(options.listen, library.controller.datapath_connection_factory)
    except OSError as error:
        print(f"cannot listen on {options.socket} and {options.listen}: {error}", file=sys.stderr)
        return 2
    threading.Thread(target=server.serve_forever, daemon=True).start()
    journal.record("ready", library=library.label, listen=f"{options.listen[0]}:{options.listen[1]}")
    sdnotify.SystemdNotifier().notify("READY=1")
    openflow.serve_forever()
    return 0


def _host_and_port(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not (host and colon and port.isdigit() and int(port) < 65536):
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT, such as 127.0.0.1:6653")
    return host.strip("[]"), int(port)


if __name__ == "__main__":
    sys.exit(main())
