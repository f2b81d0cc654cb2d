"""`python -m simulator.probes run --spec FILE --output FILE`: one node's probe process.

`python -m simulator.probes watch --spec FILE`: the process that sees which links carry the flows.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from simulator import codec
from simulator.probes.flows import NodeSpec
from simulator.probes.process import Process
from simulator.probes.watching import Watcher, WatchSpec


def main() -> int:
    """Exit status 0 when told to end, 2 for a spec that is none."""
    process = prepare()
    if process is None:
        return 2
    process.run()
    return 0


def prepare(argv: list[str] | None = None) -> Process | Watcher | None:
    """The process that the command line asks for, ready to run; None, and words on stderr, if it is wrong."""
    parser = argparse.ArgumentParser(prog="python -m simulator.probes")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="send and receive the flows of one node")
    run.add_argument("--spec", type=Path, required=True, help="JSON: simulator.probes.flows.NodeSpec")
    run.add_argument("--output", type=Path, required=True, help="records go here (simulator.probes.records)")
    watch = commands.add_parser("watch", help="see which WAN ports carry the flows")
    watch.add_argument("--spec", type=Path, required=True, help="JSON: simulator.probes.watching.WatchSpec")
    arguments = parser.parse_args(argv)
    try:
        document = json.loads(arguments.spec.read_text(encoding="utf-8"))
        if arguments.command == "watch":
            return Watcher(codec.from_document(WatchSpec, document, "spec"))
        return Process(codec.from_document(NodeSpec, document, "spec"), arguments.output)
    except (OSError, ValueError) as error:
        print(f"probe: {arguments.spec}: {error}", file=sys.stderr)
        return None


if __name__ == "__main__":
    sys.exit(main())
