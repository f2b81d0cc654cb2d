"""Entry of the lab daemon, the first process of the sandbox: `python -m simulator.daemon RUN_DIRECTORY`.

Only what must come before everything else: the realtime thread is claimed before the imports of the rest,
which take 0.3 s and shall not run under SCHED_FIFO.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from simulator.realtime import RealtimeThread


def main() -> None:
    """Does not return."""
    parser = argparse.ArgumentParser(prog="simulator.daemon", description=__doc__)
    parser.add_argument("run_directory", type=Path)
    parser.add_argument(
        "--listener", type=int, help="descriptor of a listening socket that leads to the manager"
    )
    arguments = parser.parse_args()
    realtime = RealtimeThread()
    from simulator import boot  # late: see above

    boot.run(arguments.run_directory, arguments.listener, realtime)


if __name__ == "__main__":
    main()
