"""All checks, at the same time, in one fixed order of answers."""

from __future__ import annotations

from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from simulator.doctor import kernel, machine, programs
from simulator.doctor.findings import (
    LAB,
    Finding,
    NotCapableError,
    for_daemon,
    missing_for_lab,
    refusal,
)

Check = Callable[[], tuple[Finding, ...] | Finding]


def checks() -> tuple[Finding, ...]:
    """Everything; takes about half a second."""
    return _run(_checks(None))


def require_for_lab(daemons: Collection[str] = ()) -> None:
    """Raises NotCapableError, with what `cellnet doctor` would say, if no lab can run here.

    `daemons` are those that this lab runs beside what every lab does, such as "frr".
    """
    missing = missing_for_lab(_run(_checks({LAB, *map(for_daemon, daemons)})), daemons)
    if missing:
        raise NotCapableError(refusal(missing))


def _checks(needed: Collection[str] | None) -> list[Check]:
    """Every check, or those of what is needed for these and no other."""
    always: list[Check] = [kernel.try_all, machine.tun_device, machine.run_directory, programs.find_mininet]
    rest: list[Check] = [
        programs.find_libnftables,
        machine.kernel_datapath,
        machine.realtime,
        machine.pressure,
    ]
    wanted = [program for program in programs.PROGRAMS if needed is None or program.needed_for in needed]
    libraries = [library for library in programs.LIBRARIES if needed is None or library.needed_for in needed]
    return [
        *always,
        *(partial(programs.find, program) for program in wanted),
        *(partial(programs.find_library, library) for library in libraries),
        *(rest if needed is None else []),
    ]


def _run(asked: list[Check]) -> tuple[Finding, ...]:
    with ThreadPoolExecutor(max_workers=8, thread_name_prefix="doctor") as pool:
        answers = [running.result() for running in [pool.submit(check) for check in asked]]
    found: list[Finding] = []
    for answer in answers:
        found += (answer,) if isinstance(answer, Finding) else answer
    return tuple(found)
