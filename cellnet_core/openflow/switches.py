"""The connected switches, and one request to one of them at a time.

The controller's back end behind its socket. It imports no OpenFlow library; the app hands in the library's
datapath and message objects. It installs nothing of its own, on connect or ever: a controller that restarts
moves no packet.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from cellnet_core.model.journal import Journal
from cellnet_core.openflow import copies, ofproto, protocol
from cellnet_core.openflow.protocol import RequestError
from cellnet_core.openflow.server import Events
from cellnet_core.openflow.values import FlowMod, Mod, flow_to_json, group_to_json

_PATIENCE: Final = 4.0
"""Seconds a switch may stay silent within a request; below the driver contract's timeouts."""
_JOURNAL_SINGLY: Final = 50
"""Changes of one request that get a line each; more are written as one line with their number."""


@dataclass(slots=True)
class Pending:
    """What a running request still waits for. None in `replies` means: the switch went away."""

    replies: queue.Queue[Any] = field(default_factory=queue.Queue)
    sent: dict[int, int] = field(default_factory=dict)  # xid to index of the mod
    failed: dict[int, str] = field(default_factory=dict)
    waiting: set[int] = field(default_factory=set)  # xids whose replies are ours


@dataclass(slots=True)
class Switch:
    """A switch that has finished its handshake."""

    datapath: Any
    since: float
    lock: threading.Lock = field(default_factory=threading.Lock)
    pending: Pending | None = None


class Switches:
    """Implements `server.Backend`; the app calls the `on_...` methods."""

    def __init__(self, library: str, journal: Journal, events: Events) -> None:
        self._library = library
        self._journal = journal
        self._events = events
        self._switches: dict[int, Switch] = {}

    # --- from the library ---------------------------------------------------------------------------

    def on_connected(self, datapath: Any) -> None:
        """A handshake ended well."""
        self._switches[datapath.id] = Switch(datapath, time.monotonic())
        self._tell("switch-connected", dpid=datapath.id, address=datapath.address[0])

    def on_disconnected(self, datapath: Any) -> None:
        """A connection ended; it may be an old one of a switch that is back already."""
        switch = self._switches.get(datapath.id) if datapath.id is not None else None
        if switch is None or switch.datapath is not datapath:
            return
        del self._switches[datapath.id]
        if switch.pending is not None:
            switch.pending.replies.put(None)
        self._tell("switch-disconnected", dpid=datapath.id)

    def on_reply(self, message: Any) -> None:
        """A barrier reply or one part of a multipart reply."""
        pending = self._pending(message)
        if pending is not None and message.xid in pending.waiting:
            pending.replies.put(message)

    def on_error(self, message: Any) -> None:
        """An OFPT_ERROR; it belongs to the change with the same xid."""
        text = ofproto.error_text(message, message.datapath.ofproto)
        pending = self._pending(message)
        index = pending.sent.get(message.xid) if pending is not None else None
        if pending is not None and index is not None:
            pending.failed[index] = text
        self._tell("switch-error", dpid=message.datapath.id, message=text)

    def on_port_status(self, message: Any) -> None:
        """A port came, went or changed."""
        name = message.desc.name.decode(errors="replace")
        down = bool(message.desc.state & message.datapath.ofproto.OFPPS_LINK_DOWN)
        self._tell("port", dpid=message.datapath.id, name=name, up=not down)

    def on_flow_removed(self, message: Any) -> None:
        """A flow of ours went; not journalled, since most of them go by our own changes."""
        self._events.publish("flow-removed", dpid=message.datapath.id, cookie=message.cookie)

    # --- from the socket ----------------------------------------------------------------------------

    def status(self) -> Mapping[str, Any]:
        """See `protocol`."""
        return {
            "library": self._library,
            "switches": [
                {"dpid": dpid, "address": switch.datapath.address[0], "since": switch.since}
                for dpid, switch in sorted(self._switches.items())
            ],
        }

    def observe(self, dpid: int) -> tuple[Iterable[Mapping[str, Any]], Mapping[str, Any]]:
        """See `protocol`."""
        switch = self._switch(dpid)
        datapath, parser = switch.datapath, switch.datapath.ofproto_parser
        with switch.lock:
            groups = self._collect(switch, parser.OFPGroupDescStatsRequest(datapath, 0))
            ports = self._collect(switch, parser.OFPPortDescStatsRequest(datapath, 0))
            flows = self._collect(switch, parser.OFPFlowStatsRequest(datapath))
        result = {
            "groups": [
                group_to_json(group)
                for group in copies.fold(ofproto.group_of(each, datapath.ofproto) for each in groups)
            ],
            "ports": [{"number": each.port_no, "name": each.name.decode(errors="replace")} for each in ports],
        }
        return _flow_parts(flows, datapath.ofproto), result

    def apply(self, dpid: int, mods: tuple[Mod, ...]) -> Mapping[str, Any]:
        """See `protocol`."""
        switch = self._switch(dpid)
        datapath = switch.datapath
        with switch.lock:
            pending = switch.pending = Pending()
            try:
                previous: type[Mod] | None = None
                for index, mod in enumerate(mods):
                    try:
                        messages = [ofproto.message(part, datapath) for part in copies.unfold(mod)]
                    except ofproto.EncodingError as error:
                        pending.failed[index] = str(error)
                        continue
                    if previous not in (None, type(mod)):
                        self._barrier(switch)  # groups are there before the flows that lead to them
                    previous = type(mod)
                    for message in messages:
                        pending.sent[datapath.set_xid(message)] = index
                        _send(datapath, message)
                self._barrier(switch)
            finally:
                switch.pending = None
        self._journal_mods(dpid, mods, pending.failed)
        return {"count": len(mods), "failed": {str(index): text for index, text in pending.failed.items()}}

    # --- one request to one switch ------------------------------------------------------------------

    def _switch(self, dpid: int) -> Switch:
        if dpid not in self._switches:
            raise RequestError(
                protocol.NO_SWITCH,
                f"no switch with datapath id {dpid:016x} is connected: "
                "check the switch's controller target and the network between the two",
            )
        return self._switches[dpid]

    def _pending(self, message: Any) -> Pending | None:
        switch = self._switches.get(message.datapath.id)
        return switch.pending if switch is not None and switch.datapath is message.datapath else None

    def _barrier(self, switch: Switch) -> None:
        pending = switch.pending
        assert pending is not None
        message = switch.datapath.ofproto_parser.OFPBarrierRequest(switch.datapath)
        pending.waiting.add(switch.datapath.set_xid(message))
        _send(switch.datapath, message)
        _next(pending)

    def _collect(self, switch: Switch, message: Any) -> list[Any]:
        """All entries of a multipart reply."""
        pending = switch.pending = Pending()
        try:
            pending.waiting.add(switch.datapath.set_xid(message))
            _send(switch.datapath, message)
            entries: list[Any] = []
            while True:
                reply = _next(pending)
                entries += reply.body
                if not reply.flags & switch.datapath.ofproto.OFPMPF_REPLY_MORE:
                    return entries
        finally:
            switch.pending = None

    # --- telling ------------------------------------------------------------------------------------

    def _tell(self, about: str, **detail: Any) -> None:
        self._journal.record(about, **detail)
        self._events.publish(about, **detail)

    def _journal_mods(self, dpid: int, mods: Sequence[Mod], failed: Mapping[int, str]) -> None:
        if len(mods) > _JOURNAL_SINGLY:
            self._journal.record(
                "flow-mods", dpid=dpid, count=len(mods), failed=len(failed), first=_title(mods[0])
            )
            return
        for index, mod in enumerate(mods):
            kind = "flow-mod" if isinstance(mod, FlowMod) else "group-mod"
            problem = {"error": failed[index]} if index in failed else {}
            self._journal.record(kind, dpid=dpid, command=mod.command, target=_title(mod), **problem)


def _title(mod: Mod) -> str:
    return mod.flow.title if isinstance(mod, FlowMod) else mod.group.title


def _send(datapath: Any, message: Any) -> None:
    if datapath.send_msg(message) is False:
        raise _lost()


def _next(pending: Pending) -> Any:
    try:
        reply = pending.replies.get(timeout=_PATIENCE)
    except queue.Empty as error:
        raise RequestError(
            protocol.SWITCH_SILENT, f"the switch has not answered for {_PATIENCE} s: observe again"
        ) from error
    if reply is None:
        raise _lost()
    return reply


def _lost() -> RequestError:
    return RequestError(protocol.SWITCH_LOST, "the connection to the switch ended: observe again")


def _flow_parts(flows: Sequence[Any], module: Any) -> Iterator[Mapping[str, Any]]:
    for start in range(0, len(flows), protocol.FLOWS_PER_PART):
        chunk = flows[start : start + protocol.FLOWS_PER_PART]
        yield {"flows": [flow_to_json(ofproto.flow_of(each, module)) for each in chunk]}
