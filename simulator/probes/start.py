"""Starts a probe process so that its real-time priority costs the network under test nothing.

Run as a file: `python -I -S simulator/probes/start.py run --spec FILE --output FILE`. A program in a lab can
have SCHED_FIFO only from its first moment on (it is inherited, and cannot be taken later), but an interpreter
that starts and imports under SCHED_FIFO keeps a processor to itself for 200 ms, and two of them starve the
switches until BFD gives up. So a thread keeps the policy and sleeps, while the rest is made ready at ordinary
priority. Nothing may be imported here that needs more than the interpreter itself.
"""

from __future__ import annotations

import _thread
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from simulator.probes.process import Process
    from simulator.probes.watching import Watcher


def main() -> int:
    """As `python -m simulator.probes`."""
    gate, ended = _thread.allocate_lock(), _thread.allocate_lock()
    gate.acquire()
    ended.acquire()
    work: list[Process | Watcher] = []
    statuses: list[int] = []

    def keep() -> None:
        gate.acquire()
        try:
            for process in work:
                process.run()
                statuses.append(0)
        finally:
            ended.release()

    _thread.start_new_thread(keep, ())  # inherits SCHED_FIFO, if that is what we were given
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))

    import site

    site.main()
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))  # noqa: PTH100, PTH120  # before pathlib is loaded
    from simulator.probes.__main__ import prepare

    process = prepare()
    if process is None:
        return 2
    work.append(process)
    gate.release()
    ended.acquire()  # signals are handled here meanwhile
    return statuses[0] if statuses else 1


if __name__ == "__main__":
    sys.exit(main())
