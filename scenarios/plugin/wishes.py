"""What a test asks for with its markers, read and checked. Pure; starts nothing and asks no machine.

A `Wish` is a value, so two tests that ask for the same share a lab.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from simulator.doctor.kernel import TRIALS
from simulator.doctor.programs import LIBRARIES, PROGRAMS
from simulator.lab import CONTROLLERS
from topologies import sources
from topologies.errors import TopologyError
from topologies.model import Topology

DEFAULT_TOPOLOGY = "two-cells"
_OTHERS = ("mininet", "SCHED_FIFO", "PSI", "user namespaces", "ovs kernel datapath")


class WishError(ValueError):
    """A marker that cannot be. `problems` has a line for each thing that is wrong."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class Mark(Protocol):
    """What is read of a pytest.Mark."""

    @property
    def name(self) -> str: ...
    @property
    def args(self) -> tuple[Any, ...]: ...
    @property
    def kwargs(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Wish:
    """A lab that a test asks for. `needs` are capabilities in the doctor's words."""

    topology: Topology
    controller: str = "ryu"
    needs: tuple[str, ...] = ()
    capture: tuple[str, ...] = ()
    """What the test wants to have captured, beside what every lab captures."""

    @property
    def label(self) -> str:
        """Words for people."""
        given = self.topology.parameters
        settings = ", ".join(f"{key}={value}" for key, value in given.items() if key != "catalogue")
        return f"{self.topology.name}{f'({settings})' if settings else ''} with {self.controller}"


def known_needs() -> tuple[str, ...]:
    """Everything that `needs` may name: findings of the doctor, and kinds of faults ("fault:delay")."""
    words = [trial.name for trial in TRIALS]
    words += [known.name for known in (*PROGRAMS, *LIBRARIES)]
    kinds = [trial.needed_for for trial in TRIALS if trial.needed_for.startswith("fault:")]
    return tuple(sorted({*words, *_OTHERS, *(word for kind in kinds for word in fault_words(kind))}))


def fault_words(needed_for: str) -> tuple[str, ...]:
    """The words for a finding's `needed_for`: "fault:loss,blackhole" is two."""
    stem, colon, kinds = needed_for.partition(":")
    return tuple(f"{stem}:{kind}" for kind in kinds.split(",")) if colon else ()


def read(marks: Iterable[Mark], directory: Path) -> Wish:
    """The wish that these markers state, the closest to the test first. Raises WishError with all problems.

    The name of a file is looked up beside the test, in `directory`, then from where pytest was started.
    """
    found: dict[str, Mark] = {}
    needs: list[Mark] = []
    capture: list[str] = []
    problems: list[str] = []
    for mark in marks:
        if mark.name == "needs":
            needs.append(mark)
        elif mark.name == "capture":
            capture += _capture(mark, problems)
        else:
            found.setdefault(mark.name, mark)
    topology = _topology(found.get("topology"), directory, problems)
    controller = _controller(found.get("driver"), problems)
    wanted = tuple(sorted({name for mark in needs for name in _needs(mark, problems)}))
    if problems or topology is None:
        raise WishError(problems)
    return Wish(topology, controller, wanted, tuple(dict.fromkeys(capture)))


def _capture(mark: Mark, problems: list[str]) -> list[str]:
    if not mark.args or mark.kwargs or not all(isinstance(word, str) for word in mark.args):
        problems.append(f"{_says(mark)}: name what is captured, such as capture('wan', 'bgp')")
        return []
    return list(mark.args)


def _topology(mark: Mark | None, directory: Path, problems: list[str]) -> Topology | None:
    if mark is None:
        return sources.resolve(DEFAULT_TOPOLOGY)
    says = _says(mark)
    if len(mark.args) != 1 or not isinstance(mark.args[0], str | Topology):
        problems.append(f"{says}: give one name or file, such as topology('two-cells', paths=2)")
        return None
    given = mark.args[0]
    if isinstance(given, Topology):
        if mark.kwargs:
            problems.append(f"{says}: a topology value takes no settings; build it with them")
        return given
    beside = directory / given
    if given.endswith((".yaml", ".yml")) and beside.is_file():
        given = str(beside)
    try:
        return sources.resolve(given, dict(mark.kwargs))
    except TopologyError as error:
        problems += [f"{says}: {line}" for line in str(error).splitlines()]
    except OSError as error:
        problems.append(f"{says}: {error}")
    return None


def _controller(mark: Mark | None, problems: list[str]) -> str:
    if mark is None:
        return CONTROLLERS[0]
    if len(mark.args) != 1 or mark.kwargs or mark.args[0] not in CONTROLLERS:
        problems.append(f"{_says(mark)}: give one of {', '.join(CONTROLLERS)}")
        return CONTROLLERS[0]
    return str(mark.args[0])


def _needs(mark: Mark, problems: list[str]) -> list[str]:
    known = {word.lower(): word for word in known_needs()}
    wanted = []
    if not mark.args or mark.kwargs:
        problems.append(f"{_says(mark)}: name what is needed, such as needs('netem')")
    for name in mark.args:
        word = known.get(str(name).lower())
        if word is None:
            near = difflib.get_close_matches(str(name).lower(), known, n=1)
            hint = f"did you mean {known[near[0]]!r}? " if near else ""
            problems.append(
                f"{_says(mark)}: the doctor knows no {name!r}; {hint}known: {', '.join(known_needs())}"
            )
        else:
            wanted.append(word)
    return wanted


def _says(mark: Mark) -> str:
    words = [repr(arg) if isinstance(arg, str | int | float) else "..." for arg in mark.args]
    words += [f"{key}={value!r}" for key, value in mark.kwargs.items()]
    return f"{mark.name}({', '.join(words)})"
