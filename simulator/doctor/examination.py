"""All checks, at the same time, in one fixed order of answers."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from simulator.doctor import kernel, machine, programs
from simulator.doctor.findings import LAB, Finding, NotCapableError, missing_for_lab, refusal

Check = Callable[[], tuple[Finding, ...] | Finding]


def checks() -> tuple[Finding, ...]:
    """Everything; takes about half a second."""
    return _run(_checks(for_lab_only=False))


def require_for_lab() -> None:
    """Raises NotCapableError, with what `cellnet doctor` would say, if no lab can run here."""
    missing = missing_for_lab(_run(_checks(for_lab_only=True)))
    if missing:
        raise NotCapableError(refusal(missing))


def _checks(*, for_lab_only: bool) -> list[Check]:
    always: list[Check] = [kernel.try_all, machine.tun_device, machine.run_directory, programs.find_mininet]
    rest: list[Check] = [machine.kernel_datapath, machine.realtime, machine.pressure]
    wanted = [program for program in programs.PROGRAMS if program.needed_for == LAB or not for_lab_only]
    libraries = [library for library in programs.LIBRARIES if library.needed_for == LAB or not for_lab_only]
    return [
        *always,
        *(partial(programs.find, program) for program in wanted),
        *(partial(programs.find_library, library) for library in libraries),
        *([] if for_lab_only else rest),
    ]


def _run(asked: list[Check]) -> tuple[Finding, ...]:
    with ThreadPoolExecutor(max_workers=8, thread_name_prefix="doctor") as pool:
        answers = [running.result() for running in [pool.submit(check) for check in asked]]
    found: list[Finding] = []
    for answer in answers:
        found += (answer,) if isinstance(answer, Finding) else answer
    return tuple(found)
