"""`cellnet lab probe start|show|stop`. Thin shells around `simulator.probes.session`."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from typing import Any

from cliff.command import Command
from cliff.lister import Lister

from simulator.client import LabClient
from simulator.probes.flows import DEFAULT_RATE, ProbeError, between
from simulator.probes.reports import ProbeReport, distrust
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


def _parser(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("--name", metavar="LAB", help="the lab (default: the only one running)")
    parser.add_argument("--session", default="probe", help="name of the probe session (default: probe)")
    return parser


class Start(Command):
    """Send packets between two cells, both ways, IPv4 and IPv6, until `lab probe stop`."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = _parser(super().get_parser(prog_name))
        parser.add_argument("--from", dest="from_cell", metavar="CELL", help="default: the first cell")
        parser.add_argument("--to", dest="to_cell", metavar="CELL", help="default: the second cell")
        parser.add_argument(
            "--rate", type=int, default=DEFAULT_RATE, help=f"packets/s of each flow (default: {DEFAULT_RATE})"
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
        flows = between(topology, a, b, parsed_args.rate)
        session = ProbeSession(lab, flows, parsed_args.session, control=parsed_args.control)
        session.start()
        for flow in session.flows:
            self.app.stderr.write(
                f"{flow.name}: {flow.sender} {flow.source} to {flow.receiver} {flow.destination} "
                f"port {flow.port}, {flow.rate} packets/s\n"
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
            return tuple(documents[0]), [tuple(document.values()) for document in documents]
        return COLUMNS, [row(flow_row) for flow_row in report.flows]


def row(report: Any) -> tuple[Any, ...]:
    """The cells of a flow's row, in the order of COLUMNS."""
    figures = report.figures
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
    )


class Show(_Figures):
    """Show the figures of a running probe so far (all but the newest 0.3 s)."""

    def report(self, session: ProbeSession) -> ProbeReport:
        return session.snapshot()


class Stop(_Figures):
    """Stop a probe and show its final figures."""

    def report(self, session: ProbeSession) -> ProbeReport:
        return session.stop()
