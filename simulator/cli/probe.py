"""`cellnet lab probe start|show|stop`. Thin shells around `simulator.probes.session`."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from typing import Any

from cliff.command import Command
from cliff.lister import Lister

from simulator.client import LabClient
from simulator.probes.flows import DEFAULT_RATE, ProbeError, Transport, between
from simulator.probes.reports import FlowReport, ProbeReport, distrust
from simulator.probes.session import ProbeSession

COLUMNS = (
    "flow",
    "sent",
    "received",
    "lost",
    "duplicated",
    "reordered",
    "outages",
    "longest_ms",
    "delay_ms_p50",
    "delay_ms_p99",
)
STREAM_COLUMNS = ("longest_stall_ms", "reconnects", "retransmits")
"""There if a flow goes over a connection."""
PATH_COLUMNS = ("link", "moved")
"""There if the session looks at paths."""


def _parser(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("--name", metavar="LAB", help="the lab (default: the only one running)")
    parser.add_argument("--session", default="probe", help="name of the probe session (default: probe)")
    return parser


class Start(Command):
    """Send packets or messages between two cells, both ways, IPv4 and IPv6, until `lab probe stop`."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = _parser(super().get_parser(prog_name))
        parser.add_argument("--from", dest="from_cell", metavar="CELL", help="default: the first cell")
        parser.add_argument("--to", dest="to_cell", metavar="CELL", help="default: the second cell")
        parser.add_argument(
            "--rate", type=int, default=DEFAULT_RATE, help=f"packets/s of each flow (default: {DEFAULT_RATE})"
        )
        parser.add_argument("--udp", dest="transports", action="append_const", const="udp", help="packets")
        parser.add_argument(
            "--tcp",
            dest="transports",
            action="append_const",
            const="tcp",
            help="messages over long-lived TCP connections (default: --udp; several may be given)",
        )
        parser.add_argument(
            "--messages",
            dest="transports",
            action="append_const",
            const="message",
            help="the same, each message answered, as on a message bus: delays are round trips",
        )
        parser.add_argument(
            "--paths",
            action="store_true",
            help="look at the gateways' WAN ports: which links carry the flows",
        )
        parser.add_argument(
            "--no-control",
            dest="control",
            action="store_false",
            help="without the flow beside the WAN that shows what the harness itself loses",
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        lab = LabClient.attach(parsed_args.name)
        topology = lab.show().topology
        names = [cell.name for cell in topology.cells]
        if len(names) < 2:
            raise ProbeError("a probe needs two cells: start a lab with at least two", 2)
        a = parsed_args.from_cell or next(name for name in names if name != parsed_args.to_cell)
        b = parsed_args.to_cell or next(name for name in names if name != a)
        transports: list[Transport] = parsed_args.transports or ["udp"]
        flows = between(topology, a, b, parsed_args.rate, transports)
        session = ProbeSession(
            lab, flows, parsed_args.session, control=parsed_args.control, paths=parsed_args.paths
        )
        session.start()
        for flow in session.flows:
            self.app.stderr.write(
                f"{flow.name}: {flow.sender} {flow.source} to {flow.receiver} {flow.destination} "
                f"port {flow.port}, {flow.rate} {'messages' if flow.streams else 'packets'}/s\n"
            )
        return 0


class _Figures(Lister):
    """A row a flow; `-f json` has the whole report, with every outage."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        return _parser(super().get_parser(prog_name))

    def report(self, session: ProbeSession) -> ProbeReport:
        raise NotImplementedError

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], Iterable[Sequence[Any]]]:
        session = ProbeSession.attach(LabClient.attach(parsed_args.name), parsed_args.session)
        report = self.report(session)
        for reason in distrust(report):
            self.app.stderr.write(f"do not trust these figures: {reason}\n")
        if parsed_args.formatter in ("json", "yaml"):
            documents = [flow.document(session.started_s) for flow in report.flows]
            keys = tuple(dict.fromkeys(key for document in documents for key in document))
            return keys, [tuple(document.get(key) for key in keys) for document in documents]
        more = (*(STREAM_COLUMNS if report.streams else ()), *(PATH_COLUMNS if _looked(report) else ()))
        return (*COLUMNS, *more), [row(flow, more) for flow in report.flows]


def _looked(report: ProbeReport) -> bool:
    return any(flow.path is not None for flow in report.flows)


def row(report: FlowReport, more: Sequence[str] = ()) -> tuple[Any, ...]:
    """The cells of a flow's row, in the order of COLUMNS, then those of `more`."""
    figures, stream = report.figures, report.stream
    arrived = [one for one in report.path or () if one.place == "arrived"]
    extra = {
        "longest_stall_ms": "" if stream is None else round(stream.longest_stall_ms, 1),
        "reconnects": "" if stream is None else stream.reconnects,
        "retransmits": "" if stream is None else stream.retransmits,
        "link": arrived[-1].link if arrived else "",
        "moved": "" if report.path is None else len(report.switches),
    }
    return (
        report.flow.name,
        figures.sent,
        figures.received,
        figures.lost,
        figures.duplicated,
        figures.reordered,
        len(figures.outages),
        round(figures.longest_outage_ms, 1),
        figures.delay_ms_p50,
        figures.delay_ms_p99,
        *(extra[column] for column in more),
    )


class Show(_Figures):
    """Show the figures of a running probe so far (all but the newest 0.3 s)."""

    def report(self, session: ProbeSession) -> ProbeReport:
        return session.snapshot()


class Stop(_Figures):
    """Stop a probe and show its final figures."""

    def report(self, session: ProbeSession) -> ProbeReport:
        return session.stop()
