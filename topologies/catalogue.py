"""The topologies that come with cellnet, each in the sizes its settings allow.

A design is a pure function from settings to a builder, and a row in `DESIGNS`; to add one, add both.
"""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from topologies import numbering
from topologies.builder import Builder
from topologies.errors import Problem, TopologyError
from topologies.model import HostRole, Topology
from topologies.specs import HostSpec


@dataclass(frozen=True, slots=True)
class Setting:
    """A number that a user may set, and the range in which it makes sense."""

    name: str
    meaning: str
    default: int
    low: int
    high: int

    @property
    def range(self) -> str:
        """The allowed values as text."""
        return f"{self.low} to {self.high}" if self.low != self.high else str(self.low)

    def read(self, value: int | str) -> int | None:
        """The value, or None if it is out of range. Raises ValueError for what is no number."""
        text = str(value)
        if not (text.isascii() and text.removeprefix("-").isdigit()):
            raise ValueError(f"{value!r} is no whole number; give {self.range}")
        return int(text) if self.low <= int(text) <= self.high else None


@dataclass(frozen=True, slots=True)
class Choice:
    """A word that a user may set; the first one is the default."""

    name: str
    meaning: str
    words: tuple[str, ...]

    @property
    def default(self) -> str:
        """The word for who sets none."""
        return self.words[0]

    @property
    def range(self) -> str:
        """The allowed words as text."""
        return " or ".join(self.words)

    def read(self, value: int | str) -> str | None:
        """The word, or None if it is none of them."""
        return str(value) if value in self.words else None


Chosen = Mapping[str, Any]
"""Every setting of a design with its value: a number for a Setting, a word for a Choice."""


@dataclass(frozen=True, slots=True)
class Design:
    """A topology of the catalogue. `settings` are all it takes; `draft` gets a value for each."""

    name: str
    summary: str
    settings: tuple[Setting | Choice, ...]
    draft: Callable[[Chosen, Builder], Builder]


_HOSTS = Setting("hosts", "hosts in each cell", 1, 0, numbering.MAX_HOSTS)
_BUS = Choice("bus", "one more host in each cell, the last: its message bus", ("no", "yes"))


def _settings(cells: Setting, paths: int) -> tuple[Setting | Choice, ...]:
    return (
        cells,
        Setting("paths", "parallel paths between two linked cells", paths, 1, numbering.MAX_PATHS_PER_LINK),
        _HOSTS,
        _BUS,
    )


def _cells(builder: Builder, names: list[str], settings: Chosen) -> Builder:
    bus = (HostSpec(role=HostRole.MESSAGE_BUS),) if settings["bus"] == "yes" else ()
    for name in names:
        builder = builder.cell(name, hosts=(*(HostSpec(),) * settings["hosts"], *bus))
    return builder


def _numbered(stem: str, first: int, cells: int) -> list[str]:
    return ["main", *(f"{stem}{number}" for number in range(first, first + cells - 1))]


def _two_cells(settings: Chosen, builder: Builder) -> Builder:
    return _cells(builder, ["main", "east"], settings).direct("main", "east", paths=settings["paths"])


def _main_and_subs(settings: Chosen, builder: Builder) -> Builder:
    names = _numbered("sub", 1, settings["cells"])
    builder = _cells(builder, names, settings)
    for name in names[1:]:
        builder = builder.direct("main", name, paths=settings["paths"])
    return builder


def _ring(settings: Chosen, builder: Builder) -> Builder:
    names = _numbered("cell", 2, settings["cells"])
    builder = _cells(builder, names, settings)
    for name, following in zip(names, [*names[1:], names[0]], strict=True):
        builder = builder.direct(name, following, paths=settings["paths"])
    return builder


def _full_mesh(settings: Chosen, builder: Builder) -> Builder:
    names = _numbered("cell", 2, settings["cells"])
    builder = _cells(builder, names, settings)
    for position, name in enumerate(names):
        for other in names[position + 1 :]:
            builder = builder.direct(name, other, paths=settings["paths"])
    return builder


def _provider(settings: Chosen, builder: Builder) -> Builder:
    names = _numbered("cell", 2, settings["cells"])
    routers = [f"p{number}" for number in range(1, settings["routers"] + 1)]
    daemons = {"mixed": itertools.cycle(("bird", "frr"))}.get(
        settings["daemon"], itertools.repeat(settings["daemon"])
    )
    for router, daemon in zip(routers, daemons, strict=False):
        builder = builder.router(router, daemon=daemon)
    builder = _cells(builder, names, settings)
    # The routers' own links come first, so that one more cell changes no address.
    for one, other in itertools.combinations(routers, 2):
        builder = builder.direct(one, other)
    for name in names:
        for router in routers:
            builder = builder.direct(name, router)
    return builder


_TOTAL = "cells in all, the main cell included"
DESIGNS: tuple[Design, ...] = (
    Design(
        "two-cells",
        "a main cell and one sub-cell",
        _settings(Setting("cells", _TOTAL, 2, 2, 2), paths=2),
        _two_cells,
    ),
    Design(
        "main-and-subs",
        "a star: every sub-cell linked to the main cell",
        _settings(Setting("cells", _TOTAL, 3, 2, numbering.MAX_CELLS), paths=2),
        _main_and_subs,
    ),
    Design(
        "ring",
        "every cell linked to the next, the last to the first",
        _settings(Setting("cells", _TOTAL, 4, 3, numbering.MAX_CELLS), paths=1),
        _ring,
    ),
    Design(
        "full-mesh",
        "every cell linked to every other",
        _settings(Setting("cells", _TOTAL, 4, 2, 100), paths=1),
        _full_mesh,
    ),
    Design(
        "provider",
        "every cell linked to each provider router, the routers to each other",
        (
            Setting("cells", _TOTAL, 2, 2, numbering.MAX_CELLS),
            Setting("routers", "routers, each a provider of its own", 2, 1, 8),
            Choice("daemon", "what runs on the routers", ("bird", "frr", "mixed")),
            _HOSTS,
            _BUS,
        ),
        _provider,
    ),
)


def names() -> tuple[str, ...]:
    """The names of the catalogue, in its order."""
    return tuple(design.name for design in DESIGNS)


def find(name: str) -> Design:
    """The design of that name. Raises TopologyError that lists the catalogue and the nearest name."""
    for design in DESIGNS:
        if design.name == name:
            return design
    near = difflib.get_close_matches(name, names(), 1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise TopologyError.of(f"there is no topology {name!r}; {hint}the catalogue has {', '.join(names())}")


def build(name: str, settings: Mapping[str, int | str] | None = None) -> Topology:
    """The topology of that name; settings that are not given have their defaults.

    Raises TopologyError for an unknown name, and with every unknown key and every value out of range.
    """
    design = find(name)
    values, problems = _read(design, settings or {})
    if problems:
        raise TopologyError(problems)
    return design.draft(values, Builder(name, parameters={"catalogue": name, **values})).build()


def _read(design: Design, given: Mapping[str, int | str]) -> tuple[dict[str, int | str], list[Problem]]:
    known = {setting.name: setting for setting in design.settings}
    values: dict[str, int | str] = {setting.name: setting.default for setting in design.settings}
    problems = []
    for key, value in given.items():
        place = f"--set {key}={value}"
        if key not in known:
            problems.append(
                Problem(f"{design.name} has no setting {key!r}; it takes {', '.join(known)}", place)
            )
            continue
        setting = known[key]
        try:
            read = setting.read(value)
        except ValueError as error:
            problems.append(Problem(str(error), place))
            continue
        if read is None:
            problems.append(
                Problem(f"{design.name} takes {setting.range} for {key} ({setting.meaning})", place)
            )
        else:
            values[key] = read
    return values, problems
