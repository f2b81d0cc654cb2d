"""`cellnet lab capture`. A thin shell around `simulator.captures`."""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO

from cliff.command import Command

from simulator.captures import WHATS, CaptureError, session
from simulator.captures.session import Wanted
from simulator.client import LabClient

_EXAMPLES = """
examples:
  cellnet lab capture main-east-1 | wireshark -k -i -
  cellnet lab capture bgp main-gw1 | tshark -r -
  cellnet lab capture bgp,openflow --write channels.pcapng --seconds 10
  cellnet lab capture main-h1 --filter 'udp port 45000' --count 100 --write probe.pcapng

Ctrl-C ends it, and so does a reader that goes away. In the capture each end of a link is an interface.
"""


class Capture(Command):
    """Stream packets of a running lab as pcapng to standard output, or write them to a file."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.formatter_class = argparse.RawDescriptionHelpFormatter
        parser.epilog = _EXAMPLES
        parser.add_argument("--name", metavar="LAB", help="the lab (default: the only one running)")
        parser.add_argument(
            "what", metavar="WHAT", help=f"a link, {' or '.join(WHATS)}; several are joined by commas"
        )
        parser.add_argument("node", metavar="NODE", nargs="?", help="only what this node sees (default: all)")
        parser.add_argument("--write", metavar="FILE", type=Path, help="write to FILE instead")
        parser.add_argument("--seconds", metavar="N", type=_positive, default=0.0, help="end after N seconds")
        parser.add_argument("--count", metavar="N", type=_whole, default=0, help="end after N packets")
        parser.add_argument("--filter", metavar="EXPR", help="only packets that match, see pcap-filter(7)")
        parser.add_argument(
            "--snaplen", metavar="BYTES", type=_whole, default=262144, help="cut packets after so many bytes"
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        if parsed_args.write is None and sys.stdout.isatty():
            raise CaptureError(
                "packets are not for a terminal: pipe them (`| wireshark -k -i -`, `| tshark -r -`) "
                "or give --write FILE",
                2,
            )
        lab = LabClient.attach(parsed_args.name)
        what = tuple(parsed_args.what.split(","))
        wanted = Wanted(what, parsed_args.node, parsed_args.filter, parsed_args.snaplen)
        spec = replace(session.select(lab, wanted), seconds=parsed_args.seconds, count=parsed_args.count)
        with _output(parsed_args.write) as output:
            return _until_ended(session.stream(lab, spec, output))


def _until_ended(process: subprocess.Popen[bytes]) -> int:
    """Wait; Ctrl-C and SIGTERM end the capture in order."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        status = process.wait()
    except KeyboardInterrupt:
        return session.finish(process)
    return session.finish(process) if status == 0 else 1


@contextmanager
def _output(path: Path | None) -> Iterator[IO[bytes] | int]:
    if path is None:
        sys.stdout.flush()
        yield sys.stdout.fileno()
        return
    try:
        file = path.open("wb")
    except OSError as error:
        raise CaptureError(f"--write {path}: {error.strerror}", 2) from error
    with file:
        yield file


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return value


def _whole(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return value
